//! The name of a room. Owns its rules, which are those of a user's name; knows nothing of what is said there.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::{NameError, UserName};

/// A room's name, as it stands on the wire: without the `#` by which people tell it from a user's.
///
/// It has the form of a user's name, and two of them are the same when their folded forms are. Shared by its clones:
/// every text that is said in a room carries it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomName(Arc<UserName>);

impl RoomName {
    /// The name of a room as somebody typed it: one `#` before it is allowed and is no part of it.
    ///
    /// # Errors
    /// When what is left is no name.
    pub fn typed(text: &str) -> Result<Self, NameError> {
        text.strip_prefix('#').unwrap_or(text).parse()
    }

    /// The name as it was written by whoever made the room, in NFC and without a `#`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The form that is compared: NFC, case folded.
    #[must_use]
    pub fn folded(&self) -> &str {
        self.0.folded()
    }
}

impl FromStr for RoomName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        text.parse().map(|name| Self(Arc::new(name)))
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for RoomName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RoomName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        UserName::deserialize(deserializer).map(|name| Self(Arc::new(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sign_before_a_typed_name_is_no_part_of_it() {
        assert_eq!(RoomName::typed("#dev").unwrap().as_str(), "dev");
        assert_eq!(RoomName::typed("dev"), RoomName::typed("#DEV"));
        for bad in ["", "#", "##dev", "d#ev", "two words", "a\u{202e}b"] {
            assert!(RoomName::typed(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn on_the_wire_it_has_no_sign() {
        let room: RoomName = serde_json::from_str(r#""Dev""#).unwrap();
        assert_eq!((room.as_str(), room.folded()), ("Dev", "dev"));
        assert_eq!(serde_json::to_string(&room).unwrap(), r#""Dev""#);
        assert!(serde_json::from_str::<RoomName>(r##""#dev""##).is_err());
    }
}
