//! The reason that somebody gives for being away. The server keeps this short text for as long as its author is in the
//! lobby, and tells it to everybody who asks about the author. It is short because a server keeps one for every client.

use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;

use crate::MAX_AWAY_BYTES;

/// A reason for being away, of at most [`MAX_AWAY_BYTES`] bytes of UTF-8. It may be empty. It comes from a stranger and
/// has to be made harmless before it is shown on a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AwayText(Box<str>);

/// The error for a text that is too long to be a reason for being away; the number is its length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("why you are away takes at most {MAX_AWAY_BYTES} bytes, this has {0}")]
pub struct AwayTooLong(usize);

impl AwayText {
    /// Makes a reason for being away. An empty text means that no reason is given.
    ///
    /// # Errors
    /// Fails if the text is longer than [`MAX_AWAY_BYTES`].
    pub fn new(text: impl Into<Box<str>>) -> Result<Self, AwayTooLong> {
        let text = text.into();
        if text.len() > MAX_AWAY_BYTES { Err(AwayTooLong(text.len())) } else { Ok(Self(text)) }
    }

    /// Returns the text, which may be empty.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for AwayText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_for_being_away_is_refused_if_it_is_too_long() {
        assert_eq!(AwayText::new("lunch").unwrap().as_str(), "lunch");
        assert!(AwayText::new("x".repeat(MAX_AWAY_BYTES)).is_ok());
        assert!(serde_json::from_str::<AwayText>(&format!("{:?}", "x".repeat(MAX_AWAY_BYTES + 1))).is_err());
    }
}
