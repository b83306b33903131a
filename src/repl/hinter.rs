//! The grey text behind the cursor: how the command being typed goes on, and what it does.
//!
//! No hints from the input history: a private line would show again in the lobby.

use std::sync::{Arc, Mutex, PoisonError};

use rustyline::Context;
use rustyline::hint::{Hint, Hinter};

use super::Watched;
use super::page::Page;
use super::words::{CommandWord, Words};

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

    fn hint(&self, line: &str, pos: usize, _: &Context<'_>) -> Option<CommandHint> {
        if pos != line.len() {
            return None;
        }
        let page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(note) = page.note_on(line) {
            let display = format!("  [{note}]");
            return Some(CommandHint { display, completion: None });
        }
        let mut hint = hint(line, &self.words.borrow())?;
        if !self.color {
            // Without colour a hint must not look like something typed.
            hint.display = format!("  [{}]", hint.display.trim());
        }
        hint.display = cut(&hint.display, page.room_after(line), &page);
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

/// At most `room` columns of `text`: a hint that wraps would push the prompt about.
fn cut(text: &str, room: usize, page: &Page) -> String {
    if page.width(text) <= room {
        return text.to_owned();
    }
    let mut shown = String::new();
    for c in text.chars() {
        shown.push(c);
        if page.width(&shown) >= room {
            shown.pop();
            return shown.trim_end().to_owned() + if room > 1 { "…" } else { "" };
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use rustyline::GraphemeClusterMode;

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

    #[test]
    fn a_hint_stays_on_its_row() {
        let page = Page::new(GraphemeClusterMode::WcWidth);
        assert_eq!(cut("private session", 20, &page), "private session");
        assert_eq!(cut("private session", 9, &page), "private…");
        assert_eq!(cut("private session", 0, &page), "");
    }
}
