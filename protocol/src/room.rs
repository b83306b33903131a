//! The name of a room. This file owns the rules for such names, which are those for the names of users. It knows
//! nothing of what is said in a room.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::{NameError, UserName};

/// The name of a room as it stands on the wire, without the `#` that people write before it.
///
/// It has the same form as a user's name. Two names are the same if their folded forms are the same. Clones share the
/// name, because every text that is said in a room carries it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomName(Arc<UserName>);

impl RoomName {
    /// Reads a room's name as somebody typed it. One `#` before the name is allowed and does not belong to it.
    ///
    /// # Errors
    /// Fails if the rest is not a valid name.
    pub fn typed(text: &str) -> Result<Self, NameError> {
        text.strip_prefix('#').unwrap_or(text).parse()
    }

    /// Returns the name as the user who made the room wrote it, in NFC and without a `#`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the form in which names are compared: in NFC, with upper and lower case made the same.
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
    fn one_hash_sign_before_a_typed_room_name_is_removed() {
        assert_eq!(RoomName::typed("#dev").unwrap().as_str(), "dev");
        assert_eq!(RoomName::typed("dev"), RoomName::typed("#DEV"));
        for bad in ["", "#", "##dev", "d#ev", "two words", "a\u{202e}b"] {
            assert!(RoomName::typed(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_room_name_has_no_hash_sign_on_the_wire() {
        let room: RoomName = serde_json::from_str(r#""Dev""#).unwrap();
        assert_eq!((room.as_str(), room.folded()), ("Dev", "dev"));
        assert_eq!(serde_json::to_string(&room).unwrap(), r#""Dev""#);
        assert!(serde_json::from_str::<RoomName>(r##""#dev""##).is_err());
    }
}
