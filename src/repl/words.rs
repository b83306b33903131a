//! The words for completion and hints, as the app publishes them.
//!
//! This is plain data with look-ups that ignore case. It knows nothing of editors or terminals.

use std::collections::BTreeMap;

use crate::input::line::{Habit, Vocabulary};
use crate::session::id::SessionId;

/// A snapshot of all words that the editor may offer. The app publishes a new one when something changes.
#[derive(Clone, Debug, Default)]
pub struct EditorWords {
    /// All commands, in the order in which `\help` lists them, and then the user's own programs that are allowed.
    pub commands: Vec<CommandWord>,
    /// The user's aliases, which are completed like commands.
    pub aliases: Vec<CommandWord>,
    /// Those of `commands` that are the user's own programs, with the words that may follow each of them.
    pub own: BTreeMap<String, Vec<String>>,
    /// The names of the users in the lobby, made harmless for display.
    pub users: Vec<String>,
    /// The open sessions, and the name of each.
    pub sessions: Vec<(SessionId, String)>,
    /// The rooms that the server has told about.
    pub rooms: Vec<String>,
    /// The programs that are commands, or could be.
    pub programs: Vec<String>,
    /// The names of the users who are ignored.
    pub ignored: Vec<String>,
    /// The settings, and the values that each of them accepts.
    pub settings: Vec<(String, Vec<String>)>,
    /// The words of the commands that say something to one user alone or open a private session.
    pub private: Vec<&'static str>,
    /// The words that other chat programs use for commands.
    pub habits: Vec<HabitWord>,
}

/// A word that other chat programs use for a command.
#[derive(Clone, Copy, Debug)]
pub struct HabitWord {
    /// The word, in small letters.
    pub word: &'static str,
    /// What the user has to do here instead, as the end of a sentence.
    pub instead: &'static str,
    /// Whether `/WORD` has this meaning even if hobnob has a command with the same name.
    pub beats_command: bool,
}

/// One command, as the editor sees it.
#[derive(Clone, Debug)]
pub struct CommandWord {
    /// The name of the command without its backslash, for example `fork`.
    pub name: String,
    /// Other names of the command without a backslash, for example `sw`.
    pub aliases: Vec<String>,
    /// The whole usage as `\help` shows it, for example `\fork NAME`.
    pub usage: String,
    /// What the command does, in a few words.
    pub about: String,
    /// What the first argument of the command is.
    pub argument: Argument,
}

/// What completion offers after the name of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Nothing, because the command has no argument.
    None,
    /// The names of users.
    User,
    /// The numbers and names of sessions.
    Session,
    /// The names of rooms.
    Room,
    /// The names of commands.
    Command,
    /// The names of settings, and then the values of the setting.
    Setting,
    /// The names of the user's aliases.
    Alias,
    /// The programs that are commands, or could be.
    Program,
    /// The names of users who are ignored.
    Ignored,
    /// The names of users in a text that will be said.
    Said,
    /// The names of users, and then the names of users in a text that will be said.
    UserAndSaid,
    /// Nothing, because the argument is a number or a text for which nothing can be offered.
    Text,
}

impl CommandWord {
    /// Returns the usage without the name of the command, for example `NAME`.
    pub(super) fn arguments(&self) -> &str {
        self.usage.split_once(char::is_whitespace).map_or("", |(_, arguments)| arguments.trim())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.aliases).map(String::as_str)
    }
}

impl EditorWords {
    fn all(&self) -> impl Iterator<Item = &CommandWord> {
        self.commands.iter().chain(&self.aliases)
    }

    /// Finds a command by its name or one of its other names. Case is ignored.
    pub(super) fn command(&self, name: &str) -> Option<&CommandWord> {
        let name = fold(name);
        self.all().find(|command| command.names().any(|own| fold(own) == name))
    }

    /// Returns the commands that have a name beginning with `start`. Case is ignored.
    pub(super) fn commands_from(&self, start: &str) -> impl Iterator<Item = &CommandWord> {
        let start = fold(start);
        self.all().filter(move |command| command.names().any(|own| fold(own).starts_with(&start)))
    }
}

impl Vocabulary for EditorWords {
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

    fn is_private(&self, word: &str) -> bool {
        self.private.contains(&fold(word).as_str())
    }
}

/// Folds a word for comparison, so that `ANNA` is completed to `anna`.
pub(super) fn fold(word: &str) -> String {
    word.to_lowercase()
}
