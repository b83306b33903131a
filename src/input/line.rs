//! The grammar of lines: what is typed is a text, a command or nothing. The only parser of lines; the
//! line editor's hints, colours and completion read its result as those do who carry a line out. Knows
//! neither which commands there are nor where a text goes.

use std::ops::Range;

use super::invisible::{from_first_visible, is_invisible, without_mark};

/// What a line means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line<'l> {
    /// Nothing to do.
    Blank,
    /// Something to say.
    Text {
        /// As it is to be said.
        said: &'l str,
        /// The bytes of the character that marks the line as a text (`\\…`, and `//…` at a terminal).
        escape: Option<Range<usize>>,
    },
    /// A command.
    Command(Call<'l>),
    /// `/WORD …` at a terminal, where WORD is what somebody used to another chat may mean as a command.
    Slash(Call<'l>, Habit),
    /// Several lines that begin with a command: neither can be meant safely, so neither is done.
    CommandAndMore,
    /// What would be a command, but for something invisible: before it, or in its word.
    Hidden {
        /// The bytes up to the end of the command's word.
        head: Range<usize>,
    },
}

/// A command as it is written. Ranges are in bytes of the whole line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call<'l> {
    /// The word after the backslash; empty where nothing follows that.
    pub word: &'l str,
    /// What follows the word, without the blanks around it.
    pub args: &'l str,
    /// Where the backslash and the word stand.
    pub head: Range<usize>,
    /// Where the argument stands, from its first character that is no blank to the end of the line;
    /// none where the line ends with the word, which may go on then.
    pub argument: Option<Range<usize>>,
}

/// What `/WORD` is to somebody who is used to another chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Habit {
    /// The same as the command of this word.
    Same(String),
    /// What is done here in another way: which, in words.
    Other(String),
}

/// The words that may be meant as commands, as the grammar asks for them.
pub trait Vocabulary {
    /// What `/word` is to somebody who is used to another chat; none where it is only a text.
    fn habit(&self, word: &str) -> Option<Habit>;
}

/// Where a line comes from.
#[derive(Clone, Copy)]
pub enum Source<'v> {
    /// A pipe, where `/` means nothing.
    Pipe,
    /// A person at a terminal, who may type `/WORD` by habit.
    Terminal(&'v dyn Vocabulary),
}

/// Reads a line, or the several lines of a paste. A byte-order mark at its start counts as absent.
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

/// Whether a line is a text that is said just as it is written, without a mark that is left out.
#[must_use]
pub fn is_said_as_written(line: &str, source: Source<'_>) -> bool {
    matches!(parse(line, source), Line::Text { said, .. } if said == line)
}

/// Whether the message goes on in the next line: it is a text and ends in one `\`. Two at the end are
/// one that is said, and the end.
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

/// Reads a command from behind its backslash, which may be absent: the form in which programs write it.
/// None where it is not one line that begins with a word.
#[must_use]
pub fn bare_command(line: &str) -> Option<Call<'_>> {
    let body = without_mark(line).trim_end();
    let body = body.strip_prefix('\\').unwrap_or(body);
    let call = call(body, 0, 0);
    let whole = !body.contains('\n') && !call.word.is_empty() && !call.word.contains(is_invisible);
    whole.then_some(call)
}

/// Whether the first visible character is a backslash: what was meant as a command, whatever else is
/// wrong with it.
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

/// The command in `body`, which begins at byte `at` of the line with a sign of `sign` bytes.
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

/// `/WORD` where somebody may mean a command by it, and `//` for a text that begins with `/`.
fn slash<'l>(body: &'l str, at: usize, source: Source<'_>) -> Option<Line<'l>> {
    let Source::Terminal(words) = source else { return None };
    let rest = body.strip_prefix('/')?;
    if rest.starts_with('/') {
        return Some(Line::Text { said: without_end_mark(rest), escape: Some(at..at + 1) });
    }
    let call = call(body, at, 1);
    let habit = words.habit(call.word)?;
    match body.trim_end().contains('\n') {
        true => Some(Line::CommandAndMore),
        false => Some(Line::Slash(call, habit)),
    }
}

/// Where something invisible and then a command stand; a word with `/` is one where it would be one at
/// the line's start.
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

/// `text` without the second of two backslashes at its end.
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
    fn a_word_is_a_command_only_whole() {
        command("\\switchfoo", "switchfoo", "");
        command("\\forkx y", "forkx", "y");
    }

    #[test]
    fn blank_lines_say_nothing() {
        for blank in ["", "  ", "\t", "\n\n", "\u{feff}", "\u{feff} "] {
            assert_eq!(parse(blank, TERMINAL), Line::Blank);
        }
    }

    #[test]
    fn a_paste_that_begins_with_a_command_is_neither() {
        assert_eq!(parse("\\quit\nsecret", Source::Pipe), Line::CommandAndMore);
        assert_eq!(parse("/nick x\nsecret", TERMINAL), Line::CommandAndMore);
        text("one\n\\quit", "one\n\\quit");
    }

    #[test]
    fn a_byte_order_mark_at_the_start_counts_as_absent() {
        command("\u{feff}\\fork bobby", "fork", "bobby");
        text("\u{feff}hello", "hello");
        text("\u{feff}\\\\hello", "\\hello");
        text("hel\u{feff}lo", "hel\u{feff}lo");
    }

    #[test]
    fn what_is_invisible_before_a_command_or_in_its_word_makes_it_neither_command_nor_text() {
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
    fn spans_tell_where_the_parts_stand() {
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
    fn a_slash_means_something_at_a_terminal_alone() {
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
    fn a_trailing_backslash_goes_on_but_not_after_a_command() {
        for line in ["and then\\", "\\\\text\\", "//\\", "a\nb\\", "\u{feff}a\\"] {
            assert!(continues(line), "{line:?}");
        }
        for line in ["\\fork bobby\\", "\\", "\\\\", "plain", "", "end\\\\", "\\\\\\", " \\", "\u{feff}\\x\\"]
        {
            assert!(!continues(line), "{line:?}");
        }
    }

    #[test]
    fn what_is_said_otherwise_than_it_is_written_is_known() {
        for written in ["hi", "/etc/hosts", "a\nb", "ends \\"] {
            assert!(is_said_as_written(written, TERMINAL), "{written}");
        }
        for other in ["\\\\text", "//text", "ends \\\\", "\u{feff}hi", "\\ss", "/me waves", " "] {
            assert!(!is_said_as_written(other, TERMINAL), "{other}");
        }
    }

    #[test]
    fn two_backslashes_at_the_end_are_one_and_the_end() {
        text("C:\\dir\\\\", "C:\\dir\\");
        text("three\\\\\\", "three\\\\");
        text("\\\\", "\\");
        text("\\\\\\", "\\");
        text("\\\\\\\\", "\\\\");
        command("\\alias win C:\\\\", "alias", "win C:\\\\");
    }

    #[test]
    fn programs_may_leave_the_backslash_out() {
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
        fn no_line_is_beyond_the_grammar(line in "[\\\\/ a\u{feff}\u{200b}\n]{0,8}|\\PC*") {
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
