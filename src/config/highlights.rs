//! Words that a user wants to be noticed as the own name is: read and written as they are typed, with blanks between
//! them. Owns how many there may be; what they do to a message is decided where it is shown.

use std::fmt;
use std::sync::Arc;

/// Words there may be: each message is searched for all of them.
const MOST_WORDS: usize = 50;

/// Characters of one word.
const LONGEST_WORD: usize = 64;

/// How it is typed that there are none.
pub(super) const NONE: &str = "off";

/// The values it takes, in words.
pub(super) const CHOICES: &str = "off, or at most 50 words with blanks between them";

/// Words that count as mentions; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Highlights(Arc<[String]>);

impl Highlights {
    /// The words, as they were typed.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.0
    }

    /// The words that were typed; `None` where they are too many or too long, or one has neither letter nor number.
    #[must_use]
    pub fn typed(text: &str) -> Option<Self> {
        if text.trim() == NONE {
            return Some(Self::default());
        }
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let is_word = |word: &String| {
            word.chars().count() <= LONGEST_WORD
                && word.chars().any(char::is_alphanumeric)
                && !word.chars().any(char::is_control)
        };
        let fits = !words.is_empty() && words.len() <= MOST_WORDS && words.iter().all(is_word);
        fits.then(|| Self(words.into()))
    }
}

impl fmt::Display for Highlights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.words() {
            [] => f.write_str(NONE),
            words => f.write_str(&words.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back_as_they_are_written_and_are_bounded() {
        for typed in ["off", "deploy", "deploy c++ 東京"] {
            assert_eq!(Highlights::typed(typed).unwrap().to_string(), typed);
        }
        assert_eq!(Highlights::typed("  deploy \t release ").unwrap().words(), ["deploy", "release"]);
        let (many, long) = ("x ".repeat(MOST_WORDS + 1), "x".repeat(LONGEST_WORD + 1));
        for wrong in ["", "  ", "deploy ++", "a\u{1b}b", &many, &long] {
            assert_eq!(Highlights::typed(wrong), None, "{wrong:?}");
        }
    }
}
