//! What the app hands to the editor's thread: a prompt, a draft, the permission to read one line, what stays of the line
//! on the screen, and a text that the user wants to edit in a text editor; and how a line that comes back was typed. What the prompt says is decided in
//! `app/terminal.rs`, and what stays of a line in `app/terminal_events.rs`.

use tokio::time::Instant;
use unicode_width::UnicodeWidthChar;

use crate::session::id::SessionId;

/// The permission to read one line now. It is answered by exactly one [`Typed`](super::Typed).
#[derive(Clone, Debug, Default)]
pub struct Grant {
    /// The prompt before the input.
    pub prompt: Prompt,
    /// The session that the prompt shows. The answer repeats it.
    pub session: Option<SessionId>,
    /// The text with which the line begins.
    pub draft: Draft,
    /// Why the draft came back. This note is shown behind the draft until the draft is edited. A message above it might
    /// not be seen, because the draft may fill the screen.
    pub note: Option<String>,
    /// Whether the line answers a question. Such a line is not kept among the lines that were typed before.
    pub question: bool,
    /// Whether the app tells, once it has judged the line, what stays of it on the screen. A line that is not judged
    /// stays as it was typed.
    pub is_judged: bool,
}

/// What stays on the screen of a line that was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stays {
    /// The line stays as it was typed, behind its prompt.
    AsTyped,
    /// The line said a text. The text stands there in the place of the line.
    AsSaid(AsSaid),
}

/// A text of this user as it is shown once it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsSaid {
    /// What stands before the text: the time, the receiver and the name.
    pub before: Prompt,
    /// What was said, without an escape or a command before it.
    pub text: String,
    /// Whether web addresses that are broken over several rows are links.
    pub links: bool,
}

/// A line that was not sent yet, and where the cursor is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The text before the cursor.
    pub left: String,
    /// The text from the cursor on.
    pub right: String,
}

impl Draft {
    /// Makes a draft with the cursor at its end.
    pub fn at_end(text: impl Into<String>) -> Self {
        Self { left: text.into(), right: String::new() }
    }

    /// Returns the whole text.
    pub fn text(&self) -> String {
        format!("{}{}", self.left, self.right)
    }

    /// Returns the text before the cursor, and the text from the cursor on.
    pub fn halves(&self) -> (&str, &str) {
        (&self.left, &self.right)
    }

    /// Whether this is the text of the draft, wherever the cursor is.
    pub fn is(&self, text: &str) -> bool {
        text.strip_prefix(self.left.as_str()) == Some(self.right.as_str())
    }

    /// Whether the draft has no text.
    pub fn is_empty(&self) -> bool {
        self.left.is_empty() && self.right.is_empty()
    }
}

/// How a line came about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typing {
    /// When the first key of the line was pressed; `None` if no key was.
    pub begun: Option<Instant>,
    /// The text that a key put into the line as a whole: a line that was typed before, or what was cut or cleared. It is
    /// the last such text, with all that was in the line then.
    pub recalled: Draft,
}

/// A text to be edited in a text editor.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The text with which the user begins.
    pub text: String,
    /// The session for which the text is meant. The answer repeats it.
    pub session: Option<SessionId>,
    /// The command line of the text editor, for the shell.
    pub editor: String,
}

/// One row of text before the input, with and without colours.
///
/// The editor counts columns in the form without colours, so the two forms may differ only in their colours. The
/// constructor checks this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    raw: String,
    styled: String,
}

impl Prompt {
    /// Makes a prompt without colours. Control characters are left out.
    pub fn plain(text: &str) -> Self {
        let raw: String = text.chars().filter(|c| c.width().is_some()).collect();
        Self { styled: raw.clone(), raw }
    }

    /// Makes a prompt with colours. `styled` must be `raw` with colour sequences (`ESC [ … m`) added, and nothing else.
    /// If it is not, `raw` is shown without colours.
    pub fn styled(raw: &str, styled: &str) -> Self {
        let plain = Self::plain(raw);
        if without_colour(styled) == plain.raw { Self { styled: styled.to_owned(), ..plain } } else { plain }
    }

    /// Returns the text without colours.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Returns the text in pieces of one colour: the sequence that begins the colour, and the text.
    pub(super) fn pieces(&self, color: bool) -> Vec<(String, &str)> {
        if !color {
            return vec![(String::new(), &self.raw)];
        }
        let (mut pieces, mut colour, mut rest) = (Vec::new(), String::new(), self.styled.as_str());
        while let Some((before, after)) = rest.split_once("\x1b[") {
            pieces.push((colour.clone(), before));
            // The constructor has checked that every sequence ends with this letter.
            let (parameters, tail) = after.split_once('m').unwrap_or((after, ""));
            match parameters {
                "" | "0" => colour.clear(),
                parameters => colour.push_str(&format!("\x1b[{parameters}m")),
            }
            rest = tail;
        }
        pieces.push((colour, rest));
        pieces.retain(|(_, text)| !text.is_empty());
        pieces
    }
}

fn without_colour(styled: &str) -> String {
    let mut plain = String::with_capacity(styled.len());
    let mut rest = styled;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';');
        match end.map(|end| after.split_at(end)) {
            Some((_, tail)) if tail.starts_with('m') => rest = &tail[1..],
            // This sequence is not a colour. The escape character is kept, so that the comparison fails.
            _ => return format!("{plain}\x1b[{after}"),
        }
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_styled_prompt_with_another_text_loses_its_colours() {
        assert_eq!(Prompt::styled("> ", "\x1b[1;32m>\x1b[0m ").styled, "\x1b[1;32m>\x1b[0m ");
        assert_eq!(Prompt::styled("> ", "\x1b[32m>>\x1b[0m ").styled, "> ");
        assert_eq!(Prompt::styled("> ", "\x1b[2J> ").styled, "> ");
        assert_eq!(Prompt::plain("a\x07\nb").raw(), "ab");
    }

    #[test]
    fn each_piece_of_a_prompt_has_one_colour() {
        let prompt = Prompt::styled("a> ", "\x1b[1;32ma\x1b[0m> ");
        assert_eq!(prompt.pieces(true), [("\x1b[1;32m".to_owned(), "a"), (String::new(), "> ")]);
        assert_eq!(prompt.pieces(false), [(String::new(), "a> ")]);
    }
}
