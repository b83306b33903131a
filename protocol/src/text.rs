//! What a user says, as a type that is neither empty nor too long. It may hold any character; the programs make it
//! harmless before they show it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// The text of one message: 1 to [`MAX_TEXT_BYTES`](crate::MAX_TEXT_BYTES) bytes of UTF-8. Clones share the text,
/// because a text is kept in several places until it is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text(Arc<str>);

/// Why a text cannot be sent as a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TextError {
    /// The text is empty.
    #[error("a message cannot be empty")]
    Empty,
    /// The text has more bytes than a message may have; the number is how many it has.
    #[error("a message has at most {max} bytes, this one has {0}", max = crate::MAX_TEXT_BYTES)]
    TooLong(usize),
}

impl Text {
    /// Makes the text of a message.
    ///
    /// # Errors
    /// Fails if `text` is empty or longer than a message may be.
    pub fn new(text: impl AsRef<str> + Into<Arc<str>>) -> Result<Self, TextError> {
        match text.as_ref().len() {
            0 => Err(TextError::Empty),
            len if len > crate::MAX_TEXT_BYTES => Err(TextError::TooLong(len)),
            _ => Ok(Self(text.into())),
        }
    }

    /// Returns the text. It has to be made harmless before it is shown on a terminal.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Reads a text directly from the line, without a copy in between.
        struct Borrowed;
        impl de::Visitor<'_> for Borrowed {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Text::new(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Borrowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_refused_if_it_is_empty_or_has_too_many_bytes() {
        assert!(Text::new("x".repeat(crate::MAX_TEXT_BYTES)).is_ok());
        assert_eq!(Text::new("x".repeat(16385)), Err(TextError::TooLong(16385)));
        assert_eq!(Text::new(""), Err(TextError::Empty));
    }
}
