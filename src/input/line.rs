//! The grammar of lines: whether a typed line is a text, a command or nothing. This is the only parser of lines. The
//! code that carries out lines uses its result, and so do the hints, colours and completion of the line editor. This
//! file knows neither which commands there are nor where a text is sent.

use std::ops::Range;

use super::invisible::{from_first_visible, is_invisible, without_mark};
use super::mistaken::{other_sign, slip, two_commands, visible_habit};
pub use super::vocabulary::{Habit, Vocabulary};

/// The meaning of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line<'l> {
    /// The line is empty or has only blanks, so there is nothing to do.
    Blank,
    /// The line is a text to be said.
    Text {
        /// The text as it is to be said.
        said: &'l str,
        /// The bytes of the first character, if it only marks the line as a text (`\\…`, or `//…` at a terminal) and is
        /// not said.
        escape: Option<Range<usize>>,
    },
    /// The line is a command.
    Command(Call<'l>),
    /// The line is `/WORD …`, typed at a terminal, where a user of another chat program may mean WORD as a command.
    Slash(Call<'l>, Habit),
    /// The input has several lines and begins with a command. It is not clear what was meant, so nothing is done.
    CommandAndMore,
    /// The line would be a command, but there is something invisible before it or in its word.
    Hidden {
        /// The bytes from the beginning of the line to the end of the command's word.
        head: Range<usize>,
    },
    /// The line was typed at a terminal and would be a command, but a sign of another keyboard stands in the place of the
    /// `\`.
    OtherSign {
        /// The sign that was typed in the place of a backslash or a slash.
        sign: &'l str,
        /// The word after the sign.
        word: &'l str,
        /// The bytes from the beginning of the line to the end of the word.
        head: Range<usize>,
        /// Whether the sign is no other form of a backslash. Such a line may be a text, after all.
        is_slip: bool,
    },
}

/// A command as it is written. Ranges count the bytes of the whole line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call<'l> {
    /// The word after the backslash. It is empty if a blank or nothing follows the backslash.
    pub word: &'l str,
    /// What follows the word, without blanks at both ends.
    pub args: &'l str,
    /// Where the backslash and the word are.
    pub head: Range<usize>,
    /// Where the argument is, from its first character that is not a blank to the end of the line. It is `None` if the
    /// line ends with the word, because the user may still be typing the word.
    pub argument: Option<Range<usize>>,
}

/// Where a line comes from.
#[derive(Clone, Copy)]
pub enum Source<'v> {
    /// The line comes from a pipe, where a `/` has no special meaning.
    Pipe,
    /// A person typed the line at a terminal, and may write `/WORD` out of habit.
    Terminal(&'v dyn Vocabulary),
}

/// Parses a line, or the several lines of a paste. A byte-order mark at the beginning is ignored.
#[must_use]
pub fn parse<'l>(line: &'l str, source: Source<'_>) -> Line<'l> {
    let body = without_mark(line);
    let at = line.len() - body.len();
    if body.trim().is_empty() {
        return Line::Blank;
    }
    if let Some(rest) = body.strip_prefix('\\') {
        return match rest.starts_with('\\') {
            true => Line::Text { said: without_end_mark(rest), escape: Some(at..at + 1) },
            false => command(body, at),
        };
    }
    if let Some(habit) = slash(body, at, source) {
        return habit;
    }
    if let Some(head) = hidden(body, at, source) {
        return Line::Hidden { head };
    }
    led_by_other_sign(body, at, source).unwrap_or(Line::Text { said: without_end_mark(body), escape: None })
}

/// Whether the message goes on in the next line, because the line is a text that ends with one `\`. Two backslashes at
/// the end stand for one backslash that is said, and the message ends there.
#[must_use]
pub fn continues(line: &str) -> bool {
    let body = without_mark(line);
    let Some(before) = body.strip_suffix('\\') else { return false };
    let text = match body.strip_prefix('\\') {
        Some(rest) => rest.len() > 1 && rest.starts_with('\\'),
        None => hidden(body, 0, Source::Pipe).is_none(),
    };
    text && !before.ends_with('\\')
}

/// Reads a command as programs write it, with or without its backslash. Returns `None` if the text has several lines or
/// does not begin with a word.
#[must_use]
pub fn bare_command(line: &str) -> Option<Call<'_>> {
    let body = without_mark(line).trim_end();
    let body = body.strip_prefix('\\').unwrap_or(body);
    let call = call(body, 0, 0);
    let whole = !body.contains('\n') && !call.word.is_empty() && !call.word.contains(is_invisible);
    whole.then_some(call)
}

/// Whether the first visible character is a backslash. Such a line was meant as a command, even if it cannot be read.
#[must_use]
pub fn is_led_by_backslash(line: &str) -> bool {
    from_first_visible(line).starts_with('\\')
}

fn command(body: &str, at: usize) -> Line<'_> {
    if body.trim_end().contains('\n') {
        return Line::CommandAndMore;
    }
    let call = call(body, at, 1);
    match call.word.contains(is_invisible) {
        true => Line::Hidden { head: call.head },
        false => Line::Command(call),
    }
}

/// Reads the command in `body`. It begins at byte `at` of the line, with a sign of `sign` bytes.
fn call(body: &str, at: usize, sign: usize) -> Call<'_> {
    let rest = &body[sign..];
    let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (word, after) = rest.split_at(length);
    let argument = after.trim_start();
    let start = at + body.len() - argument.len();
    Call {
        word,
        args: argument.trim_end(),
        head: at..at + sign + length,
        argument: (!after.is_empty()).then_some(start..at + body.len()),
    }
}

/// Reads `/WORD` if WORD may be meant as a command, and `//` for a text that begins with `/`.
fn slash<'l>(body: &'l str, at: usize, source: Source<'_>) -> Option<Line<'l>> {
    let Source::Terminal(words) = source else { return None };
    let rest = body.strip_prefix('/')?;
    if rest.starts_with('/') {
        return Some(Line::Text { said: without_end_mark(rest), escape: Some(at..at + 1) });
    }
    let call = call(body, at, 1);
    if call.word.contains(is_invisible) && visible_habit(call.word, words).is_some() {
        return Some(Line::Hidden { head: call.head });
    }
    let habit = words.habit(call.word).or_else(|| two_commands(call.word, rest, words))?;
    match body.trim_end().contains('\n') {
        true => Some(Line::CommandAndMore),
        false => Some(Line::Slash(call, habit)),
    }
}

/// Returns the range of a command that stands after something invisible, or `None` if there is none. A word after `/`
/// is such a command if it would be one at the beginning of a line.
fn hidden(body: &str, at: usize, source: Source<'_>) -> Option<Range<usize>> {
    let visible = from_first_visible(body);
    let start = at + body.len() - visible.len();
    if start == at || visible.is_empty() {
        return None;
    }
    let is_command = match source {
        _ if visible.starts_with('\\') => true,
        Source::Pipe => false,
        Source::Terminal(words) => {
            other_sign(visible, words).is_some()
                || visible.starts_with('/') && visible_habit(call(visible, start, 1).word, words).is_some()
        }
    };
    let sign = visible.chars().next().map_or(0, char::len_utf8);
    is_command.then(|| at..call(visible, start, sign).head.end)
}

/// Reads a command that a person began with a sign of another keyboard.
fn led_by_other_sign<'l>(body: &'l str, at: usize, source: Source<'_>) -> Option<Line<'l>> {
    let Source::Terminal(words) = source else { return None };
    let is_slip = |found: (usize, usize)| (found, true);
    let ((sign, word), is_slip) =
        other_sign(body, words).map(|found| (found, false)).or_else(|| slip(body, words).map(is_slip))?;
    let (end, sign) = (sign + word, &body[..sign]);
    Some(Line::OtherSign { sign: sign.trim_end(), word: &body[end - word..end], head: at..at + end, is_slip })
}

/// Returns `text` without the last backslash, if it ends with two.
fn without_end_mark(text: &str) -> &str {
    if text.ends_with("\\\\") { &text[..text.len() - 1] } else { text }
}

#[cfg(test)]
mod tests;
