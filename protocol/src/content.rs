//! The content of a log entry: a text that somebody says, or an act that somebody does, such as setting a topic. This
//! file owns how both are hashed. It knows neither who may do something nor what follows from it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::MAX_TOPIC_BYTES;
use crate::name::UserName;
use crate::text::Text;

/// Stands in the hashed bytes where a length would stand, if a field is absent. No field is as long as this.
const NOTHING: u32 = u32::MAX;

/// The content of one entry of a log. Clones share the text or act.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Content {
    /// Somebody says this text.
    Text(Text),
    /// Somebody does this act.
    Act(Arc<Act>),
}

impl Content {
    /// Makes the content from the two members that an entry has on the wire. Exactly one of them must be there.
    ///
    /// # Errors
    /// Fails if both are there, or neither.
    pub fn from_members(text: Option<Text>, act: Option<Act>) -> Result<Self, &'static str> {
        match (text, act) {
            (Some(text), None) => Ok(Self::Text(text)),
            (None, Some(act)) => Ok(Self::Act(Arc::new(act))),
            (None, None) => Err("an entry without `text` and without `act`"),
            (Some(_), Some(_)) => Err("an entry with `text` and with `act`"),
        }
    }

    /// Returns the text if the entry is one.
    #[must_use]
    pub fn text(&self) -> Option<&Text> {
        match self {
            Self::Text(text) => Some(text),
            Self::Act(_) => None,
        }
    }

    /// Returns the act if the entry is one.
    #[must_use]
    pub fn act(&self) -> Option<&Act> {
        match self {
            Self::Text(_) => None,
            Self::Act(act) => Some(act),
        }
    }

    /// Returns how many bytes of text the content holds. Limits on what is kept or read at once are counted with it.
    #[must_use]
    pub fn bytes_of_text(&self) -> usize {
        match self {
            Self::Text(text) => text.as_str().len(),
            Self::Act(act) => act.bytes_of_text(),
        }
    }

    /// Hands the bytes that are hashed to `take`, piece by piece. For a text these are its length (u32, big-endian) and
    /// its UTF-8. For an act they are a mark that cannot be the length of a text, and then each member in turn, as
    /// docs/PROTOCOL.md describes.
    pub fn hashed(&self, mut take: impl FnMut(&[u8])) {
        match self {
            Self::Text(text) => field(Some(text.as_str()), &mut take),
            Self::Act(act) => act.hashed(&mut take),
        }
    }
}

impl From<Text> for Content {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<Act> for Content {
    fn from(act: Act) -> Self {
        Self::Act(Arc::new(act))
    }
}

/// Hands to `take` the length of a field and then its bytes. An absent field has [`NOTHING`] as its length and no
/// bytes.
fn field(text: Option<&str>, take: &mut impl FnMut(&[u8])) {
    // The type of every field limits it to far less than 4 GiB, so the length always fits.
    take(&text.map_or(NOTHING, |text| text.len() as u32).to_be_bytes());
    take(text.unwrap_or_default().as_bytes());
}

/// Something that somebody does. Like a text, an act has a number in the log and a hash in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Act {
    /// What is done, such as `topic` or `ban`.
    pub kind: ActKind,
    /// The user to whom it is done, if that user is given by name.
    #[serde(default, deserialize_with = "kept_or_nobody", skip_serializing_if = "Option::is_none")]
    pub name: Option<UserName>,
    /// What else it is done to: a fingerprint, an address or a range of addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<ActTarget>,
    /// Until when it lasts, in milliseconds since 1970-01-01 UTC. If this is absent, it lasts until it is undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// The new topic, or the reason why something is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<ShortText>,
}

impl Act {
    /// Makes the act that sets the topic, or that removes it if `text` is `None`.
    ///
    /// # Panics
    /// Never, because `topic` is a valid kind.
    #[must_use]
    pub fn topic(text: Option<ShortText>) -> Self {
        let kind = ActKind::new(ActKind::TOPIC).expect("a to z alone");
        Self { kind, name: None, target: None, until: None, text }
    }

    fn bytes_of_text(&self) -> usize {
        let text = |text: Option<&str>| text.map_or(0, str::len);
        self.kind.as_str().len()
            + text(self.name.as_ref().map(UserName::as_str))
            + text(self.target.as_ref().map(ActTarget::as_str))
            + text(self.text.as_ref().map(ShortText::as_str))
    }

    /// Hands the bytes that are hashed to `take`. They begin with [`NOTHING`], which cannot be the length of a text, so
    /// that no act is hashed like a text. Each member follows in turn.
    fn hashed(&self, take: &mut impl FnMut(&[u8])) {
        take(&NOTHING.to_be_bytes());
        field(Some(self.kind.as_str()), take);
        field(self.name.as_ref().map(UserName::as_str), take);
        field(self.target.as_ref().map(ActTarget::as_str), take);
        match self.until {
            Some(until) => {
                take(&[1]);
                take(&until.to_be_bytes());
            }
            None => take(&[0]),
        }
        field(self.text.as_ref().map(ShortText::as_str), take);
    }
}

/// Reads a name that already stands in a log; see [`UserName::kept`] for what such a name may contain.
fn kept_or_nobody<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UserName>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| UserName::kept(&text).map_err(de::Error::custom)).transpose()
}

/// Why a string was refused as a part of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ActError {
    /// The kind does not obey the rule for kinds.
    #[error("the kind of an act is 1 to {} of a to z and _", ActKind::MAX_BYTES)]
    Kind,
    /// The target does not obey the rule for targets.
    #[error(
        "the target of an act is 1 to {} printable ASCII characters without a blank",
        ActTarget::MAX_BYTES
    )]
    Target,
    /// The text is empty or too long; the number is its length in bytes.
    #[error("a topic or a reason takes 1 to {MAX_TOPIC_BYTES} bytes, this has {0}")]
    Text(usize),
}

/// Defines a string type with a rule that every value obeys, also one that is read from the wire. Clones share the
/// string, because the topic of a room is told to everybody who asks which rooms there are.
macro_rules! ruled_string {
    ($(#[$doc:meta])* $name:ident, $is:expr, $error:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a string that obeys the rule of this type.
            ///
            /// # Errors
            /// Fails if the string does not obey the rule.
            pub fn new(text: impl Into<Arc<str>>) -> Result<Self, ActError> {
                let text = text.into();
                let is: fn(&str) -> bool = $is;
                let error: fn(&str) -> ActError = $error;
                if is(&text) { Ok(Self(text)) } else { Err(error(&text)) }
            }

            /// Returns the string, which obeys the rule of this type.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    };
}

ruled_string!(
    /// What is done by an act: 1 to 24 characters from `a` to `z` and `_`. An act of a kind that this build does not
    /// know is still an act.
    ActKind,
    |text| (1..=ActKind::MAX_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
    |_| ActError::Kind
);
ruled_string!(
    /// What an act is done to, if that is not a user's name: a fingerprint, an address or a range of addresses. It has
    /// 1 to 128 printable ASCII characters and no blank.
    ActTarget,
    |text| (1..=ActTarget::MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()),
    |_| ActError::Target
);
ruled_string!(
    /// A topic, or an operator's reason for an act: 1 to [`MAX_TOPIC_BYTES`] bytes of UTF-8. It comes from a stranger
    /// and has to be made harmless before it is shown on a terminal.
    ShortText,
    |text| (1..=MAX_TOPIC_BYTES).contains(&text.len()),
    |text| ActError::Text(text.len())
);

impl ActKind {
    /// The length of the longest kind, in bytes.
    pub const MAX_BYTES: usize = 24;

    /// The kind of the act that sets a topic.
    pub const TOPIC: &str = "topic";

    /// Whether this is the kind of the act that sets a topic.
    #[must_use]
    pub fn is_topic(&self) -> bool {
        self.as_str() == Self::TOPIC
    }
}

impl ActTarget {
    /// The length of the longest target, in bytes. A fingerprint has 50 bytes, and a range of IPv6 addresses has up to
    /// 43.
    pub const MAX_BYTES: usize = 128;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(json: &str) -> Result<Act, serde_json::Error> {
        serde_json::from_str(json)
    }

    fn bytes(content: &Content) -> Vec<u8> {
        let mut bytes = Vec::new();
        content.hashed(|piece| bytes.extend_from_slice(piece));
        bytes
    }

    #[test]
    fn an_act_is_hashed_member_by_member_and_never_like_a_text() {
        let whole = act(r#"{"kind":"ban","name":"carol","target":"::1","until":5,"text":"no"}"#).unwrap();
        let written = [
            &b"\xff\xff\xff\xff\0\0\0\x03ban\0\0\0\x05carol\0\0\0\x03::1"[..],
            &b"\x01\0\0\0\0\0\0\0\x05\0\0\0\x02no"[..],
        ];
        assert_eq!(bytes(&whole.into()), written.concat());
        let bare = Content::from(Act::topic(None));
        assert_eq!(
            bytes(&bare),
            b"\xff\xff\xff\xff\0\0\0\x05topic\xff\xff\xff\xff\xff\xff\xff\xff\0\xff\xff\xff\xff"
        );
        assert_eq!(bytes(&Text::new("hi").unwrap().into()), b"\0\0\0\x02hi");
    }

    #[test]
    fn members_of_an_act_obey_their_rules() {
        let longest = ["k".repeat(24), "t".repeat(128), "x".repeat(MAX_TOPIC_BYTES)];
        let [kind, target, text] = &longest;
        let line = format!(r#"{{"kind":"{kind}","target":"{target}","text":"{text}"}}"#);
        assert_eq!(serde_json::to_string(&act(&line).unwrap()).unwrap(), line);
        for bad in [
            r#"{}"#,
            r#"{"kind":""}"#,
            r#"{"kind":"Ban"}"#,
            r#"{"kind":"a-b"}"#,
            r#"{"kind":"a","name":"an na"}"#,
            r#"{"kind":"a","target":""}"#,
            r#"{"kind":"a","target":"a b"}"#,
            r#"{"kind":"a","target":"\u001b"}"#,
            r#"{"kind":"a","until":-1}"#,
            r#"{"kind":"a","text":""}"#,
            &line.replace("kk", "kkk"),
            &line.replace("tt", "ttt"),
            &line.replace("xx", "xxx"),
        ] {
            assert!(act(bad).is_err(), "{bad}");
        }
        let absent = act(r#"{"kind":"a","name":null,"target":null,"until":null,"text":null}"#).unwrap();
        assert_eq!(absent, act(r#"{"kind":"a"}"#).unwrap());
    }

    #[test]
    fn an_entry_has_either_a_text_or_an_act() {
        let (text, act) = (Text::new("x").unwrap(), Act::topic(None));
        assert!(Content::from_members(None, None).is_err());
        assert!(Content::from_members(Some(text.clone()), Some(act.clone())).is_err());
        assert_eq!(Content::from_members(Some(text.clone()), None).unwrap().text(), Some(&text));
        assert_eq!(Content::from_members(None, Some(act.clone())).unwrap().act(), Some(&act));
    }
}
