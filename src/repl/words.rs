//! What can be completed and hinted, as the app publishes it.
//!
//! Plain data and look-ups by folded name; knows nothing of editors or terminals.

use std::collections::BTreeMap;

use crate::input::line::{Habit, Vocabulary};
use crate::session::id::SessionId;

/// A snapshot of every word the editor may offer. The app publishes a new one when it changes.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// Every command, in the order `\help` lists them.
    pub commands: Vec<CommandWord>,
    /// The user's own words for texts and commands.
    pub aliases: Vec<CommandWord>,
    /// Which of them are programs of the user's own, with the words that may follow each.
    pub own: BTreeMap<String, Vec<String>>,
    /// The names in the lobby, made harmless for display.
    pub users: Vec<String>,
    /// The open sessions and the name each goes by.
    pub sessions: Vec<(SessionId, String)>,
    /// The rooms that the server has told of.
    pub rooms: Vec<String>,
    /// The programs that are or could be commands.
    pub programs: Vec<String>,
    /// The names of those who are ignored.
    pub ignored: Vec<String>,
    /// The settings and the values each takes.
    pub settings: Vec<(String, Vec<String>)>,
    /// The words of other chats.
    pub habits: Vec<HabitWord>,
}

/// A word that other chats use for a command.
#[derive(Clone, Copy, Debug)]
pub struct HabitWord {
    /// The word, in small letters.
    pub word: &'static str,
    /// What does here what it does there, as the end of a sentence.
    pub instead: &'static str,
    /// Whether `/WORD` means this even though a command here has the same word.
    pub beats_command: bool,
}

/// One command as the editor sees it.
#[derive(Clone, Debug)]
pub struct CommandWord {
    /// The name without its backslash: `fork`.
    pub name: String,
    /// Other names for it, without backslash: `sw`.
    pub aliases: Vec<String>,
    /// The whole usage, as `\help` shows it: `\fork NAME`.
    pub usage: String,
    /// What it does, in half a line.
    pub about: String,
    /// What its first argument is.
    pub argument: Argument,
}

/// What may be completed after a command's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// The command takes no argument.
    None,
    /// The name of a user.
    User,
    /// The number or the name of a session.
    Session,
    /// The name of a room.
    Room,
    /// The name of a command.
    Command,
    /// A setting, and then its value.
    Setting,
    /// A word of the user's own for a text or a command.
    Alias,
    /// A program that is or could be a command.
    Program,
    /// The name of somebody who is ignored.
    Ignored,
    /// Something to say, which may name users.
    Said,
    /// The name of a user, and then something to say.
    UserAndSaid,
    /// Something nothing can be offered for: a number, a text.
    Text,
}

impl CommandWord {
    /// The usage without the command's own name: `NAME`.
    pub(super) fn arguments(&self) -> &str {
        self.usage.split_once(char::is_whitespace).map_or("", |(_, arguments)| arguments.trim())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.aliases).map(String::as_str)
    }
}

impl Words {
    fn all(&self) -> impl Iterator<Item = &CommandWord> {
        self.commands.iter().chain(&self.aliases)
    }

    /// The command called `name` (a name or an alias, any case).
    pub(super) fn command(&self, name: &str) -> Option<&CommandWord> {
        let name = fold(name);
        self.all().find(|command| command.names().any(|own| fold(own) == name))
    }

    /// The commands of which a name or an alias begins with `start`, in any case.
    pub(super) fn commands_from(&self, start: &str) -> impl Iterator<Item = &CommandWord> {
        let start = fold(start);
        self.all().filter(move |command| command.names().any(|own| fold(own).starts_with(&start)))
    }
}

impl Vocabulary for Words {
    fn habit(&self, word: &str) -> Option<Habit> {
        let folded = fold(word);
        let habit = self.habits.iter().find(|habit| habit.word == folded);
        match (habit, self.command(word)) {
            (Some(habit), command) if command.is_none() || habit.beats_command => {
                Some(Habit::Other(habit.instead.to_owned()))
            }
            (_, Some(command)) => Some(Habit::Same(command.name.clone())),
            _ => None,
        }
    }
}

/// Folds a word for comparison, so that `ANNA` completes to `anna`.
pub(super) fn fold(word: &str) -> String {
    word.to_lowercase()
}
