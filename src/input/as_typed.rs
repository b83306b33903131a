//! How a text has to be typed so that exactly this text is said: the way back from a text to a line of
//! [`super::line`]. This file does not know why somebody says a text again.

use super::invisible::BYTE_ORDER_MARK;

/// Returns the line that says `text` at a terminal. No line says a text that has something invisible, the sign
/// of another keyboard, or a slip of the finger before the word of a command; the line for it is refused as such lines
/// are.
#[must_use]
pub fn as_typed(text: &str) -> String {
    let escape = text.chars().next().filter(|first| matches!(*first, '\\' | '/' | BYTE_ORDER_MARK));
    let end = text.ends_with('\\').then_some('\\');
    escape.into_iter().chain(text.chars()).chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::line::{Habit, Line, Source, Vocabulary, continues, parse};

    struct EveryWord;

    impl Vocabulary for EveryWord {
        fn habit(&self, word: &str) -> Option<Habit> {
            (!word.is_empty()).then(|| Habit::Same(word.to_owned()))
        }
    }

    #[test]
    fn a_text_is_typed_with_its_escapes() {
        for (text, line) in [
            ("hello", "hello"),
            ("\\msg bobby", "\\\\msg bobby"),
            ("/etc/hosts", "//etc/hosts"),
            ("C:\\", "C:\\\\"),
            ("\\", "\\\\\\"),
            ("one\n\\quit", "one\n\\quit"),
            (" a", " a"),
        ] {
            assert_eq!(as_typed(text), line);
        }
    }

    proptest::proptest! {
        #[test]
        fn the_line_of_a_text_says_that_text_or_nothing(text in "[\\\\/ a\u{feff}\u{200b}\n]{1,8}|\\PC+") {
            let line = as_typed(&text);
            match parse(&line, Source::Terminal(&EveryWord)) {
                Line::Text { said, .. } => assert!(said == text && !continues(&line), "{line:?}"),
                Line::Blank | Line::Hidden { .. } | Line::OtherSign { .. } => {}
                other => panic!("{line:?} is {other:?}"),
            }
        }
    }
}
