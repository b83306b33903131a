//! The hash chain of a log. The hash of each entry covers the hash of the entry before it, so that the hashes no longer
//! match if somebody cuts, reorders or edits the log. This file owns the exact bytes that are hashed (they are printed
//! in docs/PROTOCOL.md, and a test compares the two); it knows nothing of where a log is stored.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use serde::de::Error as _;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::content::{Act, Content};
use crate::ids::{RunId, random_bytes};
use crate::key::PublicKey;
use crate::name::UserName;
use crate::text::Text;

use crate::base64url::base64_bytes;

base64_bytes!(
    /// A SHA-256 hash over a message of a log and all messages before it. It has 32 bytes, written as 43 characters of
    /// base64url.
    ChainHash, 32, "a SHA-256 hash: 32 bytes in canonical base64url without padding (the bits past the last byte are 0)"
);
base64_bytes!(
    /// The id of a log, which is drawn at random when the log is made. It has 16 bytes, written as 22 characters of
    /// base64url.
    LogId, 16, "a log id: 16 bytes in canonical base64url without padding (the bits past the last byte are 0)"
);

impl LogId {
    /// Draws a new id at random.
    #[must_use]
    pub fn random() -> Self {
        Self::new(random_bytes())
    }
}

/// The number of a message in its log. The first message has 1; 0 means the position before the first. A number that
/// is read from a line is at most [`Seq::MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl<'de> Deserialize<'de> for Seq {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seq = Self(u64::deserialize(deserializer)?);
        if seq > Self::MAX { Err(D::Error::custom("a number no message can have")) } else { Ok(seq) }
    }
}

impl Seq {
    /// The highest number that a message can have, 2^53 - 1. Every JSON library keeps it exact, and whoever reads it can
    /// compute the numbers around it.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// Returns the number after this one. The highest number is followed by itself: no message has it, but anybody can
    /// claim it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One entry of the lobby's log or of a room's log, as it is stored, sent and hashed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct LobbyMessage {
    /// The entry's number in its log.
    pub seq: Seq,
    /// When the server accepted the entry, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
    /// The name that the author had at that time.
    pub name: UserName,
    /// The key that the author had at that time.
    pub key: PublicKey,
    /// The run of the author's client that sent the message.
    pub run: RunId,
    /// The number that this run gave the message in its outbox.
    pub id: u64,
    /// What the author said or did.
    pub content: Content,
    /// The result of [`link`] for the hash of the entry before and the fields above.
    pub hash: ChainHash,
}

/// The members that a [`LobbyMessage`] has on the wire, before it is checked that exactly one of `text` and `act` is
/// there.
#[derive(Deserialize)]
struct Unchecked {
    seq: Seq,
    at: u64,
    #[serde(deserialize_with = "crate::name::deserialize_kept")]
    name: UserName,
    key: PublicKey,
    run: RunId,
    id: u64,
    text: Option<Text>,
    act: Option<Act>,
    hash: ChainHash,
}

impl TryFrom<Unchecked> for LobbyMessage {
    type Error = &'static str;

    fn try_from(read: Unchecked) -> Result<Self, Self::Error> {
        let Unchecked { seq, at, name, key, run, id, text, act, hash } = read;
        let content = Content::from_members(text, act)?;
        Ok(Self { seq, at, name, key, run, id, content, hash })
    }
}

impl Serialize for LobbyMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut message = serializer.serialize_struct("LobbyMessage", 8)?;
        message.serialize_field("seq", &self.seq)?;
        message.serialize_field("at", &self.at)?;
        message.serialize_field("name", &self.name)?;
        message.serialize_field("key", &self.key)?;
        message.serialize_field("run", &self.run)?;
        message.serialize_field("id", &self.id)?;
        match &self.content {
            Content::Text(text) => message.serialize_field("text", text)?,
            Content::Act(act) => message.serialize_field("act", &**act)?,
        }
        message.serialize_field("hash", &self.hash)?;
        message.end()
    }
}

/// A position in a log: the reader has read everything up to and including the message with this number and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The number of the last message that was read; 0 if none was read.
    pub seq: Seq,
    /// The hash of that message; the log's [`genesis`] if none was read.
    pub hash: ChainHash,
}

/// The error for a message whose number or hash does not follow from the messages before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("message {seq} does not follow from those before it: the log was changed")]
pub struct BrokenChain {
    /// The number of the message at which the chain breaks. If several messages were sent together under one hash, this
    /// is the number of the last of them.
    pub seq: Seq,
}

/// Returns the hash that takes the place of a previous hash for the first message of `log`.
#[must_use]
pub fn genesis(log: &LogId) -> ChainHash {
    let mut context = Context::new(&SHA256);
    context.update(b"hobnob lobby log 1\n");
    context.update(log.as_bytes());
    finish(context)
}

/// Returns the hash of `message`, given the hash of the message before it. The `hash` field of `message` itself is not
/// read.
///
/// The hash is SHA-256 over these bytes in a row: the previous hash (32 bytes), seq (u64), at (u64), key (32 bytes),
/// run (8 bytes), id (u64), the length of the name in bytes (u32), the name in UTF-8, and then the content. The bytes
/// of a text are its length (u32) and its UTF-8; for those of an act see [`Content::hashed`]. Integers are big-endian.
#[must_use]
pub fn link(previous: &ChainHash, message: &LobbyMessage) -> ChainHash {
    let mut context = Context::new(&SHA256);
    context.update(previous.as_bytes());
    hashed(message, |bytes| context.update(bytes));
    finish(context)
}

/// Hands to `take`, piece by piece, the bytes of `message` that are hashed after the previous hash.
pub fn hashed(message: &LobbyMessage, mut take: impl FnMut(&[u8])) {
    take(&message.seq.0.to_be_bytes());
    take(&message.at.to_be_bytes());
    take(message.key.as_bytes());
    take(message.run.as_bytes());
    take(&message.id.to_be_bytes());
    let name = message.name.as_str().as_bytes();
    // A name has at most 32 characters, so its length always fits.
    take(&(name.len() as u32).to_be_bytes());
    take(name);
    message.content.hashed(take);
}

impl Position {
    /// Returns the position before the first message of `log`.
    #[must_use]
    pub fn start(log: &LogId) -> Self {
        Self { seq: Seq(0), hash: genesis(log) }
    }

    /// Moves to `message`, if it has the next number and its hash follows from this position.
    ///
    /// # Errors
    /// Fails if the number or the hash does not follow. The position then stays where it was.
    pub fn advance(&mut self, message: &LobbyMessage) -> Result<(), BrokenChain> {
        if message.seq != self.seq.next() || link(&self.hash, message) != message.hash {
            return Err(BrokenChain { seq: message.seq });
        }
        *self = Self { seq: message.seq, hash: message.hash };
        Ok(())
    }
}

/// Returns the hash of `bytes` after `previous`. Servers of one lobby use it for hashes that they compare with each
/// other.
#[must_use]
pub fn fold(previous: &ChainHash, bytes: &[u8]) -> ChainHash {
    let mut context = Context::new(&SHA256);
    context.update(previous.as_bytes());
    context.update(bytes);
    finish(context)
}

fn finish(context: Context) -> ChainHash {
    ChainHash::from_slice(context.finish().as_ref()).expect("SHA-256 gives 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(seq: u64, previous: &ChainHash, text: &str) -> LobbyMessage {
        let mut message = LobbyMessage {
            seq: Seq(seq),
            at: 1_700_000_000_000,
            name: "anna".parse().unwrap(),
            key: PublicKey::new([1; 32]),
            run: RunId::new([2; 8]),
            id: seq,
            content: Text::new(text).unwrap().into(),
            hash: ChainHash::new([0; 32]),
        };
        message.hash = link(previous, &message);
        message
    }

    #[test]
    fn a_position_advances_over_a_chain_and_refuses_any_changed_message() {
        let log = LogId::new([9; 16]);
        let first = message(1, &genesis(&log), "hello");
        let second = message(2, &first.hash, "again");

        let mut position = Position::start(&log);
        position.advance(&first).unwrap();
        position.advance(&second).unwrap();
        assert_eq!(position, Position { seq: Seq(2), hash: second.hash });

        let mut edited = first.clone();
        edited.content = Text::new("hullo").unwrap().into();
        assert_eq!(Position::start(&log).advance(&edited), Err(BrokenChain { seq: Seq(1) }));
        assert_eq!(Position::start(&log).advance(&second), Err(BrokenChain { seq: Seq(2) }));
        assert!(Position::start(&LogId::new([8; 16])).advance(&first).is_err());
    }

    #[test]
    fn a_position_with_the_highest_number_cannot_advance() {
        let hash = ChainHash::new([1; 32]);
        let mut position = Position { seq: Seq(u64::MAX), hash };
        assert!(position.advance(&message(0, &hash, "x")).is_err());
        assert!(position.advance(&message(1, &hash, "x")).is_err());
    }

    #[test]
    fn a_number_that_no_message_can_have_is_not_read() {
        let read = |number: &str| serde_json::from_str::<Seq>(number).ok();
        assert_eq!(read("0"), Some(Seq(0)));
        assert_eq!(read("9007199254740991"), Some(Seq::MAX));
        assert_eq!(read("9007199254740992"), None);
        assert_eq!(read("18446744073709551615"), None);
        assert_eq!(serde_json::to_string(&Seq::MAX).unwrap(), "9007199254740991");
    }

    #[test]
    fn two_messages_with_the_same_bytes_in_different_fields_have_different_hashes() {
        let log = LogId::new([9; 16]);
        let mut one = message(1, &genesis(&log), "bc");
        one.name = "a".parse().unwrap();
        let mut other = message(1, &genesis(&log), "c");
        other.name = "ab".parse().unwrap();
        assert_ne!(link(&genesis(&log), &one), link(&genesis(&log), &other));
    }
}
