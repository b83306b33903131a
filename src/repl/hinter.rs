//! The grey text behind the cursor: how the command being typed goes on, and what it does.
//!
//! No hints from the input history, unless it is searched: a private line would show again in the
//! lobby.

use std::sync::{Arc, Mutex, PoisonError};

use rustyline::Context;
use rustyline::hint::{Hint, Hinter};

use super::page::Page;
use super::words::{CommandWord, Words};
use super::{Watched, found};

/// Hints at commands.
pub(super) struct Hints {
    pub(super) color: bool,
    pub(super) words: Watched,
    pub(super) page: Arc<Mutex<Page>>,
}

/// One hint: what is shown, and what of it the right-arrow key takes over.
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
        if page.search.is_open() {
            let display = found::hint(&page, line, self.color)?;
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
            // Without colour a hint must not look like something typed.
            hint.display = format!("  [{}]", hint.display.trim());
        }
        hint.display = page.cut(&hint.display, page.room_after(line));
        (!hint.display.is_empty()).then_some(hint)
    }
}

fn hint(line: &str, words: &Words) -> Option<CommandHint> {
    if let Some(rest) = line.strip_prefix('/') {
        return other_slash(rest, words);
    }
    let rest = line.strip_prefix('\\')?;
    match rest.split_once(char::is_whitespace) {
        Some((name, "")) => {
            let command = words.command(name)?;
            let display = about(command).trim_start().to_owned();
            Some(CommandHint { display, completion: None })
        }
        Some(_) => None,
        None if rest.is_empty() => None,
        None => match words.command(rest) {
            Some(command) => Some(CommandHint { display: about(command), completion: None }),
            None => only_one(rest, words),
        },
    }
}

/// Elsewhere commands begin with a slash; here such a line is said, which its author hardly means.
fn other_slash(rest: &str, words: &Words) -> Option<CommandHint> {
    let name = rest.split(char::is_whitespace).next().unwrap_or_default();
    words.command(name)?;
    let display = format!("  this is said; the command is \\{name}");
    Some(CommandHint { display, completion: None })
}

/// The one command whose own name begins with what is typed.
fn only_one(typed: &str, words: &Words) -> Option<CommandHint> {
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
    use super::super::words::Argument;
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
        let words = Words { commands: vec![fork], ..Words::default() };
        let found = hint(line, &words);
        let found = found.as_ref().map(|hint| (hint.display(), hint.completion()));
        assert_eq!(found, expected);
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
        check("/fork bobby", Some(("  this is said; the command is \\fork", None)));
        check("/etc/fork", None);
    }
}
