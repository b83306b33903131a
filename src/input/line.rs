//! The grammar of lines: whether a typed line is a text, a command or nothing. This is the only parser of lines. The
//! code that carries out lines uses its result, and so do the hints, colours and completion of the line editor. This
//! file knows neither which commands there are nor where a text is sent.

use std::ops::Range;

use super::invisible::{from_first_visible, is_invisible, without_mark};

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

/// The meaning of `/WORD` for users of other chat programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Habit {
    /// It means the same as hobnob's command with this name.
    Same(String),
    /// hobnob does this in another way, which the text describes.
    Other(String),
}

/// The words that users of other chat programs may mean as commands, for the use of the grammar.
pub trait Vocabulary {
    /// Returns what `/word` means in other chat programs, or `None` if it is only a text.
    fn habit(&self, word: &str) -> Option<Habit>;
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
    match hidden(body, at, source) {
        Some(head) => Line::Hidden { head },
        None => Line::Text { said: without_end_mark(body), escape: None },
    }
}

/// Whether a line is a text that is said exactly as it is written, without a mark that is left out.
#[must_use]
pub fn is_said_as_written(line: &str, source: Source<'_>) -> bool {
    matches!(parse(line, source), Line::Text { said, .. } if said == line)
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
    let habit = words.habit(call.word).or_else(|| two_commands(call.word, words))?;
    match body.trim_end().contains('\n') {
        true => Some(Line::CommandAndMore),
        false => Some(Line::Slash(call, habit)),
    }
}

/// Returns the meaning of two commands without a blank between them, such as `list\msg` or `names/part`; `None` if the
/// word is anything else. A `/WORD` that is refused stays in the editor, and a command may then be typed behind it
/// unnoticed. Its words would be said to everybody if the whole were a text.
fn two_commands(word: &str, words: &dyn Vocabulary) -> Option<Habit> {
    let (first, second) = word.split_once(['\\', '/'])?;
    let second_is_command = word.as_bytes().get(first.len()) == Some(&b'\\')
        || words.habit(second.split(['\\', '/']).next().unwrap_or_default()).is_some();
    let both = words.habit(first).is_some() && second_is_command;
    both.then(|| Habit::Other("a line holds one command; Ctrl-C clears the line".to_owned()))
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
            visible.starts_with('/') && words.habit(call(visible, start, 1).word).is_some()
        }
    };
    is_command.then(|| at..call(visible, start, 1).head.end)
}

/// Returns `text` without the last backslash, if it ends with two.
fn without_end_mark(text: &str) -> &str {
    if text.ends_with("\\\\") { &text[..text.len() - 1] } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Words;

    impl Vocabulary for Words {
        fn habit(&self, word: &str) -> Option<Habit> {
            match word {
                "me" => Some(Habit::Same("me".to_owned())),
                "nick" => Some(Habit::Other("start with --name".to_owned())),
                _ => None,
            }
        }
    }

    const TERMINAL: Source<'static> = Source::Terminal(&Words);

    #[track_caller]
    fn command(line: &str, word: &str, args: &str) {
        match parse(line, Source::Pipe) {
            Line::Command(call) => assert_eq!((call.word, call.args), (word, args), "{line:?}"),
            other => panic!("{line:?} is {other:?}"),
        }
    }

    #[track_caller]
    fn text(line: &str, expected: &str) {
        for source in [Source::Pipe, TERMINAL] {
            match parse(line, source) {
                Line::Text { said, .. } => assert_eq!(said, expected, "{line:?}"),
                other => panic!("{line:?} is {other:?}"),
            }
        }
    }

    #[test]
    fn a_backslash_begins_a_command_and_two_a_text() {
        command("\\fork bobby", "fork", "bobby");
        command("\\sw   2  ", "sw", "2");
        command("\\?", "?", "");
        command("\\", "", "");
        text("\\\\fork bobby", "\\fork bobby");
        text("plain", "plain");
        text("  plain ", "  plain ");
    }

    #[test]
    fn a_command_name_followed_by_other_letters_is_another_word() {
        command("\\switchfoo", "switchfoo", "");
        command("\\forkx y", "forkx", "y");
    }

    #[test]
    fn a_line_without_visible_text_is_blank() {
        for blank in ["", "  ", "\t", "\n\n", "\u{feff}", "\u{feff} "] {
            assert_eq!(parse(blank, TERMINAL), Line::Blank);
        }
    }

    #[test]
    fn a_paste_that_begins_with_a_command_is_neither_a_command_nor_a_text() {
        assert_eq!(parse("\\quit\nsecret", Source::Pipe), Line::CommandAndMore);
        assert_eq!(parse("/nick x\nsecret", TERMINAL), Line::CommandAndMore);
        text("one\n\\quit", "one\n\\quit");
    }

    #[test]
    fn a_byte_order_mark_at_the_beginning_is_ignored() {
        command("\u{feff}\\fork bobby", "fork", "bobby");
        text("\u{feff}hello", "hello");
        text("\u{feff}\\\\hello", "\\hello");
        text("hel\u{feff}lo", "hel\u{feff}lo");
    }

    #[test]
    fn a_command_with_something_invisible_in_or_before_its_word_is_not_run_or_said() {
        for before in
            [" ", "\t", "\u{a0}", "\u{200b}", "\u{feff}\u{feff}", "\u{2060} ", "\0", "\u{3164}", "\n"]
        {
            for line in [format!("{before}\\fork bobby"), format!("{before}\\\\fork"), format!("{before}\\")]
            {
                for source in [Source::Pipe, TERMINAL] {
                    assert!(matches!(parse(&line, source), Line::Hidden { .. }), "{line:?}");
                }
                assert!(!continues(&line), "{line:?}");
            }
        }
        assert!(matches!(parse("\\\u{200b}fork bobby", Source::Pipe), Line::Hidden { .. }));
        assert!(matches!(parse("\\fork\u{ad} bobby", Source::Pipe), Line::Hidden { .. }));
        assert!(matches!(parse(" /me waves", TERMINAL), Line::Hidden { .. }));
        text(" /etc/hosts", " /etc/hosts");
    }

    #[test]
    fn the_ranges_of_a_command_are_right() {
        let spans = |line: &'static str| match parse(line, TERMINAL) {
            Line::Command(call) | Line::Slash(call, _) => (call.head, call.argument),
            other => panic!("{other:?}"),
        };
        assert_eq!(spans("\\fo"), (0..3, None));
        assert_eq!(spans("\\fork "), (0..5, Some(6..6)));
        assert_eq!(spans("\\fork  bo b "), (0..5, Some(7..12)));
        assert_eq!(spans("/me x"), (0..3, Some(4..5)));
        assert_eq!(spans("\u{feff}\\fork x"), (3..8, Some(9..10)));
        let Line::Hidden { head } = parse(" \\fork x", TERMINAL) else { panic!("hidden") };
        assert_eq!(head, 0..6);
    }

    #[test]
    fn a_slash_has_a_meaning_only_at_a_terminal() {
        let habit = |line| match parse(line, TERMINAL) {
            Line::Slash(_, habit) => habit,
            other => panic!("{other:?}"),
        };
        assert_eq!(habit("/me waves"), Habit::Same("me".to_owned()));
        assert_eq!(habit("/nick anna"), Habit::Other("start with --name".to_owned()));
        text("/etc/hosts", "/etc/hosts");
        text("/", "/");
        let said = |line, source| match parse(line, source) {
            Line::Text { said, escape } => (said, escape),
            other => panic!("{other:?}"),
        };
        assert_eq!(said("//nick anna", TERMINAL), ("/nick anna", Some(0..1)));
        assert_eq!(said("//nick anna", Source::Pipe), ("//nick anna", None));
        assert_eq!(said("/nick anna", Source::Pipe), ("/nick anna", None));
    }

    #[test]
    fn a_command_that_was_typed_behind_a_refused_one_is_not_said() {
        for line in ["/nick\\msg anna secret", "/nick/me waves", "/me\\x", "/nick/nick\\msg anna secret"] {
            assert!(matches!(parse(line, TERMINAL), Line::Slash(_, Habit::Other(_))), "{line}");
        }
        for path in ["/nick/etc", "/etc/nick", "/nickname\\me", "/etc\\me"] {
            text(path, path);
        }
    }

    #[test]
    fn a_backslash_at_the_end_continues_a_text_but_not_a_command() {
        for line in ["and then\\", "\\\\text\\", "//\\", "a\nb\\", "\u{feff}a\\"] {
            assert!(continues(line), "{line:?}");
        }
        for line in ["\\fork bobby\\", "\\", "\\\\", "plain", "", "end\\\\", "\\\\\\", " \\", "\u{feff}\\x\\"]
        {
            assert!(!continues(line), "{line:?}");
        }
    }

    #[test]
    fn texts_that_are_said_as_they_are_written_are_recognized() {
        for written in ["hi", "/etc/hosts", "a\nb", "ends \\"] {
            assert!(is_said_as_written(written, TERMINAL), "{written}");
        }
        for other in ["\\\\text", "//text", "ends \\\\", "\u{feff}hi", "\\ss", "/me waves", " "] {
            assert!(!is_said_as_written(other, TERMINAL), "{other}");
        }
    }

    #[test]
    fn two_backslashes_at_the_end_stand_for_one() {
        text("C:\\dir\\\\", "C:\\dir\\");
        text("three\\\\\\", "three\\\\");
        text("\\\\", "\\");
        text("\\\\\\", "\\");
        text("\\\\\\\\", "\\\\");
        command("\\alias win C:\\\\", "alias", "win C:\\\\");
    }

    #[test]
    fn programs_may_write_a_command_without_its_backslash() {
        for line in ["fork bobby ", "\\fork  bobby", "\u{feff}\\fork bobby\n"] {
            let call = bare_command(line).unwrap();
            assert_eq!((call.word, call.args), ("fork", "bobby"), "{line:?}");
        }
        for line in ["", " fork", "\\", "\\ fork", "quit\nsecret", "\u{200b}fork bobby"] {
            assert_eq!(bare_command(line), None, "{line:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_line_can_be_parsed(line in "[\\\\/ a\u{feff}\u{200b}\n]{0,8}|\\PC*") {
            for source in [Source::Pipe, TERMINAL] {
                match parse(&line, source) {
                    Line::Command(call) | Line::Slash(call, _) => {
                        assert!(line[call.head.clone()].ends_with(call.word));
                        assert!(call.argument.is_none_or(|span| line[span].trim_end() == call.args));
                    }
                    Line::Hidden { head } => assert!(line.get(head).is_some()),
                    Line::Text { said, .. } => assert!(line.contains(said) && !said.is_empty()),
                    Line::Blank | Line::CommandAndMore => {}
                }
            }
            let _any = continues(&line);
        }
    }
}
