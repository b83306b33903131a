//! What the app hands the editor's thread: a prompt, a draft, the permission to read one line, and a text to be edited
//! in an editor of the user's choice.

use unicode_width::UnicodeWidthChar;

use super::words::Words;
use crate::input::line::{self, Source};
use crate::session::id::SessionId;

/// Permission to read one line now. Exactly one [`Typed`](super::Typed) answers it.
#[derive(Clone, Debug, Default)]
pub struct Grant {
    /// What stands before the input.
    pub prompt: Prompt,
    /// The session the prompt shows; comes back with the line.
    pub session: Option<SessionId>,
    /// What is put into the editor beforehand.
    pub draft: Draft,
    /// Why the draft came back, shown behind it until it is edited. A message above a draft that
    /// fills the screen would not be seen.
    pub note: Option<String>,
    /// What is typed answers a question: it is not kept among the lines typed before.
    pub question: bool,
    /// What a text that was said keeps before it, in the place of the prompt.
    pub said: Option<Said>,
}

/// What stands before a text once it was said: the time of that, and who said it.
#[derive(Clone, Debug)]
pub struct Said {
    /// How the time is written, as `strftime` takes it; none where no time is wanted.
    pub time: Option<&'static str>,
    /// What follows the time.
    pub name: Prompt,
    /// Whether addresses of the web that are broken into rows are links.
    pub links: bool,
    /// A text of more lines keeps its prompt, too; 0 is any number.
    pub most_lines: usize,
}

impl Said {
    /// What stands before this line, if it is a text, when it is said now. One that is said otherwise than it is
    /// written, as `//text` is, keeps its prompt: that it was typed is all that can be shown of it as it
    /// stands. A line with a U+FFFD may be one that is not said, since that stands for a byte its author did not mean.
    pub(super) fn before(&self, line: &str, words: &Words) -> Option<Prompt> {
        let many = self.most_lines > 0 && line.lines().count() > self.most_lines;
        if many || line.contains('\u{fffd}') || !line::is_said_as_written(line, Source::Terminal(words)) {
            return None;
        }
        let Some(form) = self.time else { return Some(self.name.clone()) };
        let time = jiff::Zoned::now().strftime(form).to_string();
        let Prompt { raw, styled } = &self.name;
        let dimmed = nu_ansi_term::Style::new().dimmed().paint(format!("{time} "));
        Some(Prompt { raw: format!("{time} {raw}"), styled: format!("{dimmed}{styled}") })
    }
}

/// A line not yet sent, and where the cursor stands in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The text before the cursor.
    pub left: String,
    /// The text from the cursor on.
    pub right: String,
}

impl Draft {
    /// A draft with the cursor at its end.
    pub fn at_end(text: impl Into<String>) -> Self {
        Self { left: text.into(), right: String::new() }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.left.is_empty() && self.right.is_empty()
    }
}

/// What is to be edited, and by what.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The text to begin with.
    pub text: String,
    /// The session it is meant for; comes back with the result.
    pub session: Option<SessionId>,
    /// The editor's command line, for the shell.
    pub editor: String,
}

/// One row of text before the input, with and without colour.
///
/// The editor counts columns in the plain form, so the two must differ in colour alone; the
/// constructor sees to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    raw: String,
    styled: String,
}

impl Prompt {
    /// A prompt without colour. Control characters are left out.
    pub fn plain(text: &str) -> Self {
        let raw: String = text.chars().filter(|c| c.width().is_some()).collect();
        Self { styled: raw.clone(), raw }
    }

    /// A prompt with colour. `styled` is `raw` plus colour sequences (`ESC [ … m`) and nothing
    /// else; where it is not, `raw` is shown without colour.
    pub fn styled(raw: &str, styled: &str) -> Self {
        let plain = Self::plain(raw);
        if without_colour(styled) == plain.raw { Self { styled: styled.to_owned(), ..plain } } else { plain }
    }

    /// The plain text.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The text in its pieces of one colour: the sequence that begins it, and what stands in it.
    pub(super) fn pieces(&self, color: bool) -> Vec<(String, &str)> {
        if !color {
            return vec![(String::new(), &self.raw)];
        }
        let (mut pieces, mut colour, mut rest) = (Vec::new(), String::new(), self.styled.as_str());
        while let Some((before, after)) = rest.split_once("\x1b[") {
            pieces.push((colour.clone(), before));
            // The constructor has seen to it that every sequence ends so.
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
            // Not a colour: keep the escape, so that the comparison fails.
            _ => return format!("{plain}\x1b[{after}"),
        }
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_that_changes_the_width_is_refused() {
        assert_eq!(Prompt::styled("> ", "\x1b[1;32m>\x1b[0m ").styled, "\x1b[1;32m>\x1b[0m ");
        assert_eq!(Prompt::styled("> ", "\x1b[32m>>\x1b[0m ").styled, "> ");
        assert_eq!(Prompt::styled("> ", "\x1b[2J> ").styled, "> ");
        assert_eq!(Prompt::plain("a\x07\nb").raw(), "ab");
    }

    #[test]
    fn pieces_have_one_colour_each() {
        let prompt = Prompt::styled("a> ", "\x1b[1;32ma\x1b[0m> ");
        assert_eq!(prompt.pieces(true), [("\x1b[1;32m".to_owned(), "a"), (String::new(), "> ")]);
        assert_eq!(prompt.pieces(false), [(String::new(), "a> ")]);
    }
}
