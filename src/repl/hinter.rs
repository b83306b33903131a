//! The grey text behind the cursor, which says how the command that is being typed goes on and what it does.
//!
//! Earlier lines give no hints unless they are searched for. Otherwise a private line could appear again in the lobby.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::Context;
use rustyline::hint::{Hint, Hinter};
use tokio::sync::mpsc;

use super::page::Page;
use super::words::{Argument, CommandWord, EditorWords};
use super::{Typed, Watched, found};
use crate::input::line::{self, Call, Habit, Line, Source};

/// Makes the hints for commands. It sees each line while it is typed, and so tells when a line begins to name a room.
pub(super) struct Hints {
    color: bool,
    words: Watched,
    page: Arc<Mutex<Page>>,
    typed: mpsc::Sender<Typed>,
    /// Whether the line named a room when it was last looked at.
    names_room: AtomicBool,
}

/// One hint: the text that is shown, and the part of it that the right arrow key inserts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CommandHint {
    display: String,
    completion: Option<String>,
}

impl Hint for CommandHint {
    fn display(&self) -> &str {
        &self.display
    }

    fn completion(&self) -> Option<&str> {
        self.completion.as_deref()
    }
}

impl Hinter for Hints {
    type Hint = CommandHint;

    fn hint(&self, line: &str, pos: usize, context: &Context<'_>) -> Option<CommandHint> {
        let mut page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        page.search.look(line, context.history());
        self.watch_for_rooms(line);
        let hint = self.behind(line, pos, &page);
        page.keep_hint(line, pos, hint.as_ref().map(|hint| hint.display.as_str()));
        hint
    }
}

impl Hints {
    pub(super) fn new(
        color: bool,
        words: Watched,
        page: Arc<Mutex<Page>>,
        typed: mpsc::Sender<Typed>,
    ) -> Self {
        Self { color, words, page, typed, names_room: AtomicBool::new(false) }
    }

    fn watch_for_rooms(&self, line: &str) {
        let names_room = names_room(line, &self.words.borrow());
        if names_room && !self.names_room.swap(names_room, Ordering::Relaxed) {
            // If the queue is full, only the rooms that are known already are completed.
            let _full = self.typed.try_send(Typed::NamesRoom);
        }
        self.names_room.store(names_room, Ordering::Relaxed);
    }

    fn behind(&self, line: &str, pos: usize, page: &Page) -> Option<CommandHint> {
        if page.search.is_open() {
            let display = found::hint(page, line, self.color)?;
            return Some(CommandHint { display, completion: None });
        }
        if pos != line.len() {
            return None;
        }
        if let Some(note) = page.note_on(line) {
            let display = format!("  [{note}]");
            return Some(CommandHint { display, completion: None });
        }
        let mut hint = hint(line, &self.words.borrow())?;
        if !self.color {
            // Without colours, a hint must not look like something that was typed.
            hint.display = format!("  [{}]", hint.display.trim());
        }
        hint.display = page.cut(&hint.display, page.room_after(line));
        (!hint.display.is_empty()).then_some(hint)
    }
}

/// Whether what is typed last is an argument that is a room.
fn names_room(line: &str, words: &EditorWords) -> bool {
    let command = match line::parse(line, Source::Terminal(words)) {
        Line::Command(Call { word, argument: Some(_), .. }) => words.command(word),
        Line::Slash(Call { argument: Some(_), .. }, Habit::Same(word)) => words.command(&word),
        _ => None,
    };
    command.is_some_and(|command| command.argument == Argument::Room)
}

fn hint(line: &str, words: &EditorWords) -> Option<CommandHint> {
    match line::parse(line, Source::Terminal(words)) {
        Line::Command(Call { word, argument: None, .. }) if !word.is_empty() => match words.command(word) {
            Some(command) => Some(CommandHint { display: about(command), completion: None }),
            None => only_one(word, words),
        },
        Line::Command(Call { word, argument: Some(argument), .. }) if argument.is_empty() => {
            let display = about(words.command(word)?).trim_start().to_owned();
            Some(CommandHint { display, completion: None })
        }
        Line::Slash(call, habit) => by_habit(&call, &habit),
        Line::Hidden { .. } => note("a command has nothing before its \\"),
        Line::OtherSign { .. } => note("a command begins with \\ or /"),
        _ => None,
    }
}

/// Returns what a line with a slash means here. Users of other chat programs may type one, because commands begin with
/// a slash there.
fn by_habit(call: &Call<'_>, habit: &Habit) -> Option<CommandHint> {
    match habit {
        Habit::Same(_) if call.argument.as_ref().is_some_and(|argument| !argument.is_empty()) => None,
        Habit::Same(word) => note(&format!("the same as \\{word}")),
        Habit::Other(instead) => note(instead),
    }
}

fn note(text: &str) -> Option<CommandHint> {
    Some(CommandHint { display: format!("  {text}"), completion: None })
}

/// Returns a hint for the only command whose name begins with what was typed.
fn only_one(typed: &str, words: &EditorWords) -> Option<CommandHint> {
    let mut begun =
        words.commands.iter().filter_map(|command| Some((command, command.name.strip_prefix(typed)?)));
    let (command, missing) = begun.next()?;
    begun.next().is_none().then(|| CommandHint {
        display: format!("{missing}{}", about(command)),
        completion: Some(missing.to_owned()),
    })
}

fn about(command: &CommandWord) -> String {
    let arguments = command.arguments();
    let space = if arguments.is_empty() { "" } else { " " };
    format!("{space}{arguments}  {}", command.about)
}

#[cfg(test)]
mod tests {
    use super::super::words::HabitWord;
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<(&str, Option<&str>)>) {
        let fork = CommandWord {
            name: "fork".into(),
            aliases: vec!["f".into()],
            usage: "\\fork NAME".into(),
            about: "private session".into(),
            argument: Argument::User,
        };
        let nick = HabitWord { word: "nick", instead: "start with --name", beats_command: false };
        let words = EditorWords { commands: vec![fork], habits: vec![nick], ..EditorWords::default() };
        let found = hint(line, &words);
        let found = found.as_ref().map(|hint| (hint.display(), hint.completion()));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_line_that_names_a_room_is_known_before_the_name_is_there() {
        let command = |name: &str, argument| CommandWord {
            name: name.into(),
            aliases: Vec::new(),
            usage: String::new(),
            about: String::new(),
            argument,
        };
        let commands = vec![command("join", Argument::Room), command("fork", Argument::User)];
        let words = EditorWords { commands, ..EditorWords::default() };
        let named = ["\\join ", "\\join te", "/join te"].map(|line| names_room(line, &words));
        let others = ["\\join", "\\fork te", "join te", ""].map(|line| names_room(line, &words));
        assert_eq!((named, others), ([true; 3], [false; 4]));
    }

    #[test]
    fn a_command_is_explained_while_it_is_typed() {
        check("\\fo", Some(("rk NAME  private session", Some("rk"))));
        check("\\fork", Some((" NAME  private session", None)));
        check("\\f", Some((" NAME  private session", None)));
        check("\\fork ", Some(("NAME  private session", None)));
        check("\\fork a", None);
        check("\\x", None);
        check("\\", None);
        check("hello", None);
        check("\\\\fo", None);
        check("/fork", Some(("  the same as \\fork", None)));
        check("/fork bobby", None);
        check("/nick bobby", Some(("  start with --name", None)));
        check("//nick bobby", None);
        check(" \\fork bobby", Some(("  a command has nothing before its \\", None)));
        check("/etc/fork", None);
    }
}
