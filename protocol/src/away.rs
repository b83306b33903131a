//! Why somebody is away: a short text the server keeps for as long as its author is in the lobby, and
//! tells whoever asks. Short, since a server keeps one for every client.

use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;

use crate::MAX_AWAY_BYTES;

/// At most [`MAX_AWAY_BYTES`] of UTF-8; may be empty. Not yet harmless on a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AwayText(Box<str>);

/// A text that is too long to say why somebody is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("why you are away takes at most {MAX_AWAY_BYTES} bytes, this has {0}")]
pub struct AwayTooLong(usize);

impl AwayText {
    /// Why somebody is away; empty for no reason.
    ///
    /// # Errors
    /// When it is too long.
    pub fn new(text: impl Into<Box<str>>) -> Result<Self, AwayTooLong> {
        let text = text.into();
        if text.len() > MAX_AWAY_BYTES { Err(AwayTooLong(text.len())) } else { Ok(Self(text)) }
    }

    /// The text itself.
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
    fn it_is_short_or_refused() {
        assert_eq!(AwayText::new("lunch").unwrap().as_str(), "lunch");
        assert!(AwayText::new("x".repeat(MAX_AWAY_BYTES)).is_ok());
        assert!(serde_json::from_str::<AwayText>(&format!("{:?}", "x".repeat(MAX_AWAY_BYTES + 1))).is_err());
    }
}
