//! The name of a user, as a type that cannot hold anything invalid. Invalid input is refused while it is parsed, so that
//! other code never has to check again. This file knows nothing of sockets or files.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::invisible::{in_name, is_blank, is_invisible, is_stacker};

/// The largest number of characters in a name, counted as Unicode scalar values after NFC.
pub const MAX_NAME_CHARS: usize = 32;

/// How the code point of an invisible character begins where it is written out.
const WRITTEN_OUT: &str = "(U+";

/// Why a text was refused as a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a name cannot be empty")]
    Empty,
    /// The text has more than [`MAX_NAME_CHARS`] characters; the number is how many it has.
    #[error("a name has at most {MAX_NAME_CHARS} characters, this one has {0}")]
    TooLong(usize),
    /// The text contains a character that is not a letter, a digit, `_`, `-` or `.`.
    #[error("a name has only letters, digits and _ - . in it, not {0:?}")]
    Character(char),
    /// The text contains a character that nobody can see, so that the name would look like another name.
    #[error("a name has nothing invisible in it, and U+{:04X} is", *.0 as u32)]
    Invisible(char),
}

/// The name of a user: 1 to 32 characters in NFC, namely letters and digits of any script, `_`, `-` and `.`.
///
/// Two names are the same if their [`folded`](Self::folded) forms are the same, and `==` compares those forms. Clones
/// share the name, because every message carries the name of its author.
#[derive(Clone)]
pub struct UserName {
    shown: Arc<str>,
    folded: Arc<str>,
}

impl UserName {
    /// Returns the name as its user wrote it, in NFC.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// Returns the form in which names are compared: in NFC, with upper and lower case made the same.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// Returns this name with a number after it, such as `NAME_2`. The name is cut if it would become too long.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        let suffix = format!("_{number}");
        let room = MAX_NAME_CHARS - suffix.len();
        // Cutting can split a composed sequence, or leave at the end a stacker whose second letter was cut off. It
        // never makes a character that is not allowed in a name.
        let base: String = self.shown.chars().take(room).collect();
        let base = base.trim_end_matches(is_stacker);
        Self::from_checked(format!("{base}{suffix}").nfc().collect())
    }

    /// Reads a name that already stands in a log. Earlier builds allowed invisible characters in names, and the hash of
    /// a message covers the name of its author, so such a name must be read as it was written.
    ///
    /// # Errors
    /// Fails if the text was not a valid name in earlier builds either.
    pub fn kept(text: &str) -> Result<Self, NameError> {
        let shown: String = text.nfc().collect();
        let count = shown.chars().count();
        if count == 0 {
            return Err(NameError::Empty);
        }
        if count > MAX_NAME_CHARS {
            return Err(NameError::TooLong(count));
        }
        if let Some(bad) = shown.chars().find(|&c| !is_name_char(c)) {
            return Err(NameError::Character(bad));
        }
        // A combining mark at the beginning would attach to whatever stands before the name on a screen. Some marks
        // count as letters, so the check above lets them pass.
        match shown.chars().next() {
            Some(first) if is_combining_mark(first) => Err(NameError::Character(first)),
            _ => Ok(Self::from_checked(shown)),
        }
    }

    /// Returns the name with every invisible character written out, for example as `(U+FE00)`, so that a
    /// [`kept`](Self::kept) name cannot look like another name: no name may have a bracket in it. A name without
    /// invisible characters is returned unchanged.
    #[must_use]
    pub fn visible(&self) -> Self {
        if self.hidden().is_none() {
            return self.clone();
        }
        let mut shown = String::new();
        for (c, is_hidden) in in_name(&self.shown) {
            match is_hidden {
                true => shown.push_str(&format!("{WRITTEN_OUT}{:04X})", c as u32)),
                false => shown.push(c),
            }
        }
        Self::from_checked(shown)
    }

    /// Reads a name as it was shown: a name, or what [`visible`](Self::visible) made of a kept one.
    ///
    /// # Errors
    /// Fails if the text is neither.
    pub fn shown(text: &str) -> Result<Self, NameError> {
        let mut parts = text.split(WRITTEN_OUT);
        let mut name = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let written = part.split_once(')').and_then(|(code, rest)| {
                let hidden = u32::from_str_radix(code, 16).ok().and_then(char::from_u32)?;
                Some((hidden, rest))
            });
            let (hidden, rest) = written.ok_or(NameError::Character('('))?;
            name.push(hidden);
            name.push_str(rest);
        }
        Self::kept(&name).map(|name| name.visible())
    }

    /// Returns the first character of the name that nobody can see.
    fn hidden(&self) -> Option<char> {
        if self.shown.is_ascii() {
            return None;
        }
        in_name(&self.shown).find(|(_, is_hidden)| *is_hidden).map(|(c, _)| c)
    }

    fn from_checked(shown: String) -> Self {
        let folded: String = unicase::UniCase::new(shown.as_str()).to_folded_case().nfc().collect();
        let shown: Arc<str> = shown.into();
        // Most names are written as they are compared, so one string serves for both.
        let folded = if *shown == *folded { Arc::clone(&shown) } else { folded.into() };
        Self { shown, folded }
    }
}

impl FromStr for UserName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        // A character that is invisible everywhere is reported as invisible, even where it could not begin a name.
        if let Some(hidden) = text.chars().find(|&c| is_invisible(c) || is_blank(c)) {
            return Err(NameError::Invisible(hidden));
        }
        let name = Self::kept(text)?;
        // NFC may have put marks in another order, so the composed name is checked again.
        match name.hidden() {
            Some(hidden) => Err(NameError::Invisible(hidden)),
            None => Ok(name),
        }
    }
}

/// Deserializes a name that comes out of a log; see [`UserName::kept`].
///
/// # Errors
/// Fails if the text is not such a name.
pub fn deserialize_kept<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UserName, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    UserName::kept(&text).map_err(de::Error::custom)
}

/// Deserializes a name as it was shown; see [`UserName::shown`].
///
/// # Errors
/// Fails if the text is not such a name.
pub fn deserialize_shown<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UserName, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    UserName::shown(&text).map_err(de::Error::custom)
}

/// Deserializes a name as it was shown, if there is one.
///
/// # Errors
/// Fails if the text is not such a name.
pub fn deserialize_shown_option<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<UserName>, D::Error> {
    let text = Option::<std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
    text.map(|text| UserName::shown(&text).map_err(de::Error::custom)).transpose()
}

/// Whether a character may stand in a name: letters and digits of any script, the marks that letters of many scripts
/// need, and `_`, `-` and `.`.
fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.') || is_mark(c)
}

/// Whether a character is a mark that combines with the letter before it, such as a Devanagari vowel sign, a Thai tone
/// or an accent without a composed form. Such marks are part of how words are written, so they may be part of a name,
/// but never its first character.
fn is_mark(c: char) -> bool {
    is_combining_mark(c) && !c.is_alphanumeric()
}

impl PartialEq for UserName {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for UserName {}

impl std::hash::Hash for UserName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

impl PartialOrd for UserName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for UserName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded.cmp(&other.folded)
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.shown)
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.shown)
    }
}

impl Serialize for UserName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown)
    }
}

impl<'de> Deserialize<'de> for UserName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> UserName {
        text.parse().unwrap()
    }

    #[test]
    fn names_of_every_script_are_accepted_and_other_texts_are_refused() {
        for good in ["anna", "Ännä", "李雷", "анна", "हिन्दी", "a.b-c_d", "7", &"x".repeat(32)]
        {
            assert!(good.parse::<UserName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            " ",
            "an na",
            "an\u{1b}[2J",
            "a\u{202e}b",
            "a,b",
            "a/b",
            "\u{301}a",
            "\u{345}a",
            "\u{5b0}a",
            "\u{64b}a",
            "\u{93e}a",
            &"x".repeat(33),
        ] {
            assert!(bad.parse::<UserName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_are_compared_after_nfc_and_case_folding() {
        assert_eq!(name("ANNA"), name("anna"));
        assert_eq!(name("Straße"), name("STRASSE"));
        assert_eq!(name("e\u{301}va"), name("\u{c9}VA"));
        assert_ne!(name("anna"), name("anna_2"));
        assert_eq!(name("Anna").as_str(), "Anna");
    }

    #[test]
    fn invisible_characters_are_allowed_only_in_names_from_an_old_log() {
        for hidden in [
            '\u{34f}',
            '\u{115f}',
            '\u{3164}',
            '\u{ffa0}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{e0100}',
            '\u{17b4}',
            '\u{16fe4}',
            '\u{1107f}',
            '\u{2d7f}',
            '\u{13440}',
            '\u{13441}',
            '\u{13442}',
        ] {
            let beside_anna = format!("anna{hidden}");
            for bad in [&beside_anna, &hidden.to_string(), &format!("a{hidden}b")] {
                assert_eq!(bad.parse::<UserName>(), Err(NameError::Invisible(hidden)), "{bad:?}");
                assert!(serde_json::from_str::<UserName>(&format!("\"{bad}\"")).is_err());
            }
            let kept = UserName::kept(&beside_anna).unwrap();
            assert_eq!(kept.as_str(), beside_anna, "its bytes are hashed");
            assert_eq!(kept.visible().as_str(), format!("anna(U+{:04X})", hidden as u32));
        }
        assert_eq!(name("anna").visible(), name("anna"));
    }

    #[test]
    fn a_name_with_invisible_characters_is_shown_as_no_name_can_be() {
        for kept in ["anna\u{3164}", "\u{3164}", "a\u{fe00}b\u{e0100}", &"a\u{fe00}".repeat(16)] {
            let kept = UserName::kept(kept).unwrap();
            let shown = kept.visible();
            assert!(shown.as_str().parse::<UserName>().is_err(), "{shown}");
            assert_eq!(UserName::shown(shown.as_str()), Ok(shown.clone()), "it is read again from a record");
            assert_eq!(shown.visible(), shown);
        }
        assert_eq!(UserName::shown("anna"), Ok(name("anna")));
        for bad in ["an(na", "anna(U+)", "anna(U+3164", "anna(U+110000)", "anna(U+001B)", "anna(U+0020)", ""]
        {
            assert!(UserName::shown(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_stacker_is_allowed_in_a_name_only_between_letters_of_its_script() {
        // The names are Mandalay in Burmese and a king's name in Khmer.
        for stacked in ["မန္တလေး", "សីហនុ", "ព្រះ"] {
            assert_eq!(name(stacked).visible().as_str(), stacked);
        }
        for hidden in ('\0'..=char::MAX).filter(|&c| is_stacker(c)) {
            for bad in [format!("anna{hidden}"), format!("a{hidden}b"), format!("日{hidden}本")] {
                assert_eq!(bad.parse::<UserName>(), Err(NameError::Invisible(hidden)), "{bad:?}");
            }
            let kept = UserName::kept(&format!("anna{hidden}")).unwrap();
            assert_eq!(kept.visible().as_str(), format!("anna(U+{:04X})", hidden as u32));
        }
        for bad in ["မန္", "မ္္န", "ព្"] {
            assert!(matches!(bad.parse::<UserName>(), Err(NameError::Invisible(_))), "{bad:?}");
        }
        let long = name(&"န္တ".repeat(10));
        for number in [2, 20, 200] {
            let numbered = long.numbered(number);
            assert!(numbered.as_str().parse::<UserName>().is_ok(), "{numbered}");
        }
    }

    #[test]
    fn a_numbered_name_is_still_a_name() {
        assert_eq!(name("anna").numbered(2).as_str(), "anna_2");
        let long = name(&"ü".repeat(32)).numbered(1000);
        assert_eq!(long.as_str().chars().count(), 32);
        assert!(long.as_str().parse::<UserName>().is_ok());
    }
}
