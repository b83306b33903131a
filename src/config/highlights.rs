//! Words that a user wants to be notified of, as of the user's own name. They are read and written as they are typed,
//! with blanks between them. This file owns how many words there may be; the code that shows a message decides what a
//! word in it does.

use std::fmt;
use std::sync::Arc;

/// How many words there may be. The number is limited because every message is searched for all of them.
const MOST_WORDS: usize = 50;

/// How many characters one word may have.
const LONGEST_WORD: usize = 64;

/// What is typed to have no words.
pub(super) const NONE: &str = "off";

/// A description of the values that the setting accepts.
pub(super) const CHOICES: &str = "off, or at most 50 words with blanks between them";

/// Words that count as mentions of the user. There are none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Highlights(Arc<[String]>);

impl Highlights {
    /// Returns the words as they were typed.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.0
    }

    /// Reads the words that were typed. Returns `None` if there are no words or too many, and if a word is too long,
    /// has a control character or has neither a letter nor a digit.
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
    fn highlight_words_are_read_back_as_typed_and_are_limited() {
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
