//! What an entry of a log is: a text that somebody says, or an act, such as a new topic. Owns how both are hashed;
//! knows neither who may act nor what follows from it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::MAX_TOPIC_BYTES;
use crate::name::{Text, UserName};

/// Stands in the hash for the length of something that is not there. No length is as large.
const NOTHING: u32 = u32::MAX;

/// The content of one entry of a log. Shared by its clones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Content {
    /// Somebody says this.
    Text(Text),
    /// Somebody does this.
    Act(Arc<Act>),
}

impl Content {
    /// From the two members that stand for it on the wire, of which an entry has one.
    ///
    /// # Errors
    /// When there are both or none.
    pub fn from_members(text: Option<Text>, act: Option<Act>) -> Result<Self, &'static str> {
        match (text, act) {
            (Some(text), None) => Ok(Self::Text(text)),
            (None, Some(act)) => Ok(Self::Act(Arc::new(act))),
            (None, None) => Err("an entry without `text` and without `act`"),
            (Some(_), Some(_)) => Err("an entry with `text` and with `act`"),
        }
    }

    /// The text, where somebody says one.
    #[must_use]
    pub fn text(&self) -> Option<&Text> {
        match self {
            Self::Text(text) => Some(text),
            Self::Act(_) => None,
        }
    }

    /// The act, where somebody does something.
    #[must_use]
    pub fn act(&self) -> Option<&Act> {
        match self {
            Self::Text(_) => None,
            Self::Act(act) => Some(act),
        }
    }

    /// How many bytes of text are in it: by this, what is kept or read at once is bounded.
    #[must_use]
    pub fn bytes_of_text(&self) -> usize {
        match self {
            Self::Text(text) => text.as_str().len(),
            Self::Act(act) => act.bytes_of_text(),
        }
    }

    /// Gives `take` the bytes that are hashed, piece by piece.
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

/// Gives `take` a field with its length before it.
fn field(text: Option<&str>, take: &mut impl FnMut(&[u8])) {
    // Every field is bounded far below 4 GiB by its type.
    take(&text.map_or(NOTHING, |text| text.len() as u32).to_be_bytes());
    take(text.unwrap_or_default().as_bytes());
}

/// What somebody does: an act has a number and a place in the chain, as a text has.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Act {
    /// What is done.
    pub kind: ActKind,
    /// To whom, where it is done to somebody by name.
    #[serde(default, deserialize_with = "kept_or_nobody", skip_serializing_if = "Option::is_none")]
    pub name: Option<UserName>,
    /// To what else: a fingerprint, an address, a range of addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<ActTarget>,
    /// Until when it holds, in milliseconds since 1970-01-01 UTC; for good where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// The topic, or why it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<ShortText>,
}

impl Act {
    /// A new topic, or none.
    ///
    /// # Panics
    /// Never: its kind is one.
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

    /// The bytes that are hashed: what no text's length can be, and then each member in turn.
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

/// Reads a name that stands in a log already, see [`UserName::kept`].
fn kept_or_nobody<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UserName>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| UserName::kept(&text).map_err(de::Error::custom)).transpose()
}

/// Why something is no part of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ActError {
    /// The kind is not written as one.
    #[error("the kind of an act is 1 to {} of a to z and _", ActKind::MAX_BYTES)]
    Kind,
    /// The target is not written as one.
    #[error(
        "the target of an act is 1 to {} printable ASCII characters without a blank",
        ActTarget::MAX_BYTES
    )]
    Target,
    /// The text is too long, or empty.
    #[error("a topic or a reason takes 1 to {MAX_TOPIC_BYTES} bytes, this has {0}")]
    Text(usize),
}

/// Strings that obey a rule of their own, and are read from the wire by it. Shared by their clones: a topic is told to all
/// who ask which rooms there are.
macro_rules! ruled_string {
    ($(#[$doc:meta])* $name:ident, $is:expr, $error:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes what obeys the rule.
            ///
            /// # Errors
            /// When it does not.
            pub fn new(text: impl Into<Arc<str>>) -> Result<Self, ActError> {
                let text = text.into();
                let is: fn(&str) -> bool = $is;
                let error: fn(&str) -> ActError = $error;
                if is(&text) { Ok(Self(text)) } else { Err(error(&text)) }
            }

            /// The string itself.
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
    /// What is done: 1 to 24 of `a` to `z` and `_`. A kind that is not known is an act all the same.
    ActKind,
    |text| (1..=ActKind::MAX_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
    |_| ActError::Kind
);
ruled_string!(
    /// To what an act is done, where that has no name: a fingerprint, an address or a range. 1 to 128 printable ASCII
    /// characters without a blank.
    ActTarget,
    |text| (1..=ActTarget::MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()),
    |_| ActError::Target
);
ruled_string!(
    /// A topic, or why an operator does something: at most [`MAX_TOPIC_BYTES`] of UTF-8, not empty. Not yet harmless on a
    /// terminal.
    ShortText,
    |text| (1..=MAX_TOPIC_BYTES).contains(&text.len()),
    |text| ActError::Text(text.len())
);

impl ActKind {
    /// The longest kind, in bytes.
    pub const MAX_BYTES: usize = 24;

    /// The kind of an act that sets the topic.
    pub const TOPIC: &str = "topic";

    /// Whether it is the kind of an act that sets the topic.
    #[must_use]
    pub fn is_topic(&self) -> bool {
        self.as_str() == Self::TOPIC
    }
}

impl ActTarget {
    /// The longest target, in bytes. A fingerprint has 50, a range of IPv6 addresses 43.
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
    fn an_entry_is_one_of_the_two() {
        let (text, act) = (Text::new("x").unwrap(), Act::topic(None));
        assert!(Content::from_members(None, None).is_err());
        assert!(Content::from_members(Some(text.clone()), Some(act.clone())).is_err());
        assert_eq!(Content::from_members(Some(text.clone()), None).unwrap().text(), Some(&text));
        assert_eq!(Content::from_members(None, Some(act.clone())).unwrap().act(), Some(&act));
    }
}
