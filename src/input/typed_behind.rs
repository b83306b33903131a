//! What is typed into a line that began with a text, such as a draft or what comes from the user's text editor. Whoever
//! types on without looking means a line of its own. This file owns the rule that a command typed in this way is never
//! said as a part of that text; it does not know why the line began with a text.

use super::line::{self, Line, Source};

/// Whether a line consists of the text with which it began, in two halves, and a command that was typed between them.
/// Without a text before the command, the command stands at the beginning of the line, and is run.
#[must_use]
pub(crate) fn is_command_behind(line: &str, (left, right): (&str, &str), source: Source<'_>) -> bool {
    let typed = line.strip_prefix(left).and_then(|rest| rest.strip_suffix(right));
    let is_command = |typed| {
        matches!(line::parse(typed, source), Line::Command(_) | Line::CommandAndMore | Line::Slash(..))
    };
    !left.is_empty() && typed.is_some_and(is_command)
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
