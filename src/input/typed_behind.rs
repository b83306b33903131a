//! What is typed into a line that began with a text, such as a draft or what comes from the user's text editor. Whoever
//! types on without looking means a line of its own. This file owns the rule that a command typed in this way is never
//! said as a part of that text, at least not before its author was asked; it does not know why the line began with a text.

use super::line::{self, Line, Source};

/// Whether a line consists of the text with which it began, in two halves, and a command that was typed between them.
/// Without a text before the command, the command stands at the beginning of the line, and is run.
#[must_use]
pub(crate) fn is_command_behind(line: &str, (left, right): (&str, &str), source: Source<'_>) -> bool {
    let typed = line.strip_prefix(left).and_then(|rest| rest.strip_suffix(right));
    let is_command = |typed| {
        matches!(
            line::parse(typed, source),
            Line::Command(_) | Line::CommandAndMore | Line::Slash(..) | Line::OtherSign { .. }
        )
    };
    !left.is_empty() && typed.is_some_and(is_command)
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
    use crate::input::line::{Habit, Vocabulary};

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
