//! What is typed into a line that began with a text, such as a draft or what comes from the user's text editor. Whoever
//! types on without looking means a line of its own. This file owns the rule that a command typed in this way is never
//! said as a part of that text, at least not before its author was asked; it does not know why the line began with a text.

use super::line::{self, Line, Source};
use super::mistaken::has_command;
use super::vocabulary::Vocabulary;

/// Whether a line consists of the text with which it began, in two halves, and a command that was typed between them.
/// Without a text before the command, the command stands at the beginning of the line, and is run.
#[must_use]
pub(crate) fn is_command_behind(line: &str, (left, right): (&str, &str), source: Source<'_>) -> bool {
    let typed = between(line, left, right);
    let is_command = |typed| {
        matches!(
            line::parse(typed, source),
            Line::Command(_) | Line::CommandAndMore | Line::Slash(..) | Line::OtherSign { .. }
        )
    };
    !left.is_empty() && typed.is_some_and(is_command)
}

/// Whether a line consists of a text that was recalled into it, in two halves, and something between them that has a
/// command among its words. Whoever recalls a line and types a command has seldom seen what is in the line already.
#[must_use]
pub(crate) fn is_command_behind_recalled(
    line: &str,
    (left, right): (&str, &str),
    words: &dyn Vocabulary,
) -> bool {
    is_command_behind(line, (left, right), Source::Terminal(words))
        || !left.is_empty() && between(line, left, right).is_some_and(|typed| has_command(typed, words))
}

/// Returns what stands between the two halves of a text.
fn between<'l>(line: &'l str, left: &str, right: &str) -> Option<&'l str> {
    line.strip_prefix(left)?.strip_suffix(right)
}

/// Whether a text has several lines and one of the later lines would be a command if it stood alone. Its author may have
/// continued the text by a `\` at the end of a line without knowing it. A line that begins with `\\` is a text alone,
/// too.
#[must_use]
pub(crate) fn has_command_below(text: &str, source: Source<'_>) -> bool {
    text.lines().skip(1).any(|line| !matches!(line::parse(line, source), Line::Text { .. } | Line::Blank))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::line::Habit;

    struct Words;

    impl Vocabulary for Words {
        fn habit(&self, word: &str) -> Option<Habit> {
            (word == "msg").then(|| Habit::Same(word.to_owned()))
        }
    }

    #[test]
    fn a_command_that_was_typed_into_a_text_is_found() {
        for (line, left, right) in [
            ("hello\\msg bob secret", "hello", ""),
            ("hello/msg bob secret", "hello", ""),
            ("hel\\msg bob secretlo", "hel", "lo"),
            ("hello\\mgs bob secret", "hello", ""),
            ("one\ntwo\\fork bob", "one\ntwo", ""),
            ("hello\\fork bob\nsecret", "hello", ""),
        ] {
            assert!(is_command_behind(line, (left, right), Source::Terminal(&Words)), "{line:?}");
        }
    }

    #[test]
    fn a_command_behind_a_recalled_text_is_found_wherever_it_stands() {
        for line in ["hello\\msg bob x", "hello \\msg bob x", "hello all\\msg bob x", "hello/msg bob x"] {
            assert!(is_command_behind_recalled(line, ("hello", ""), &Words), "{line:?}");
        }
        for line in ["hello", "hello, all", "hello C:\\msg", "help \\msg bob", "hello \\nothing"] {
            assert!(!is_command_behind_recalled(line, ("hello", ""), &Words), "{line:?}");
        }
        assert!(!is_command_behind_recalled("see \\msg NAME", ("", ""), &Words), "nothing was recalled");
        assert!(!is_command_behind_recalled("see \\msg NAME", ("see \\msg NAME", ""), &Words));
    }

    #[test]
    fn a_command_below_the_first_line_is_found() {
        for text in ["hello \n\\msg bob secret", "a\nb\n  \\mgs bob", "a\n/msg bob secret\nb", "a\n¥msg bob"]
        {
            assert!(has_command_below(text, Source::Terminal(&Words)), "{text:?}");
        }
        for text in ["\\msg bob", "a\nb", "a\n\n/etc/hosts", "a\n\\\\section", "a \\msg bob\nb"] {
            assert!(!has_command_below(text, Source::Terminal(&Words)), "{text:?}");
        }
    }

    #[test]
    fn a_text_and_what_belongs_to_it_are_no_command() {
        for (line, left, right) in [
            ("hello", "hello", ""),
            ("hello, all", "hello", ""),
            ("use \\msg NAME", "use", ""),
            ("hello/etc", "hello", ""),
            ("C:\\\\", "C:", ""),
            ("one\n\\quit", "one", ""),
            // This was not typed behind another text.
            ("hello\\msg bob secret", "", ""),
            ("\\msg bob secret", "", "hello"),
            // The text with which the line began was changed, so the user has seen it.
            ("help\\msg bob secret", "hello", ""),
        ] {
            assert!(!is_command_behind(line, (left, right), Source::Terminal(&Words)), "{line:?}");
        }
    }
}
