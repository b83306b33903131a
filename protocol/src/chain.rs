//! The chain of a log: each entry's hash covers the hash of the entry before it, so that a log that
//! was cut, reordered or edited no longer adds up. Owns the exact bytes that are hashed (printed in
//! docs/PROTOCOL.md and held by a test there); knows nothing of where a log is kept.

use aws_lc_rs::digest::{Context, SHA256};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use crate::content::{Act, Content};
use crate::name::{ChainHash, LogId, PublicKey, RunId, Seq, Text, UserName};

/// One entry of a log, of the lobby's or of a room's, as it is stored, sent and hashed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct LobbyMessage {
    /// Its number in the log.
    pub seq: Seq,
    /// When the server took it, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
    /// The name its author had.
    pub name: UserName,
    /// The key its author had.
    pub key: PublicKey,
    /// The run of the author's client that sent it.
    pub run: RunId,
    /// The number that run gave it in its outbox.
    pub id: u64,
    /// What was said or done.
    pub content: Content,
    /// [`link`] of the entry before and the fields above.
    pub hash: ChainHash,
}

/// A [`LobbyMessage`] by the members it has on the wire.
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

/// A position in a log: after the message with this number, whose hash is this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The number of the last message read; 0 for none.
    pub seq: Seq,
    /// Its hash; the log's [`genesis`] for none.
    pub hash: ChainHash,
}

/// A message that does not follow from those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("message {seq} does not follow from those before it: the log was changed")]
pub struct BrokenChain {
    /// The number at which the chain breaks, or of the last of those sent together among which it does.
    pub seq: Seq,
}

/// The hash that stands before the first message of a log.
#[must_use]
pub fn genesis(log: &LogId) -> ChainHash {
    let mut context = Context::new(&SHA256);
    context.update(b"hobnob lobby log 1\n");
    context.update(log.as_bytes());
    finish(context)
}

/// The hash of `message` (whose own `hash` field is not read) after `previous`.
///
/// SHA-256 over: the previous hash (32 bytes), seq (u64), at (u64), key (32), run (8), id (u64),
/// the name's length in bytes (u32) and its UTF-8, and then the content: of a text its length (u32) and its UTF-8,
/// of an act see [`Content::hashed`]; integers big-endian.
#[must_use]
pub fn link(previous: &ChainHash, message: &LobbyMessage) -> ChainHash {
    let mut context = Context::new(&SHA256);
    context.update(previous.as_bytes());
    hashed(message, |bytes| context.update(bytes));
    finish(context)
}

/// Gives `take` the bytes of `message` that are hashed after the previous hash, piece by piece.
pub fn hashed(message: &LobbyMessage, mut take: impl FnMut(&[u8])) {
    take(&message.seq.0.to_be_bytes());
    take(&message.at.to_be_bytes());
    take(message.key.as_bytes());
    take(message.run.as_bytes());
    take(&message.id.to_be_bytes());
    let name = message.name.as_str().as_bytes();
    // A name has at most 32 characters.
    take(&(name.len() as u32).to_be_bytes());
    take(name);
    message.content.hashed(take);
}

impl Position {
    /// Before the first message of `log`.
    #[must_use]
    pub fn start(log: &LogId) -> Self {
        Self { seq: Seq(0), hash: genesis(log) }
    }

    /// Moves past `message` when it is the next one and its hash follows.
    ///
    /// # Errors
    /// When it is not, or does not; the position stays where it was.
    pub fn advance(&mut self, message: &LobbyMessage) -> Result<(), BrokenChain> {
        if message.seq != self.seq.next() || link(&self.hash, message) != message.hash {
            return Err(BrokenChain { seq: message.seq });
        }
        *self = Self { seq: message.seq, hash: message.hash };
        Ok(())
    }
}

/// The hash of `bytes` after `previous`, for hashes that servers compare among themselves.
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
    fn a_chain_is_followed_and_any_change_breaks_it() {
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
    fn nothing_follows_the_highest_number() {
        let hash = ChainHash::new([1; 32]);
        let mut position = Position { seq: Seq(u64::MAX), hash };
        assert!(position.advance(&message(0, &hash, "x")).is_err());
        assert!(position.advance(&message(1, &hash, "x")).is_err());
    }

    #[test]
    fn a_field_cannot_flow_into_the_next() {
        let log = LogId::new([9; 16]);
        let mut one = message(1, &genesis(&log), "bc");
        one.name = "a".parse().unwrap();
        let mut other = message(1, &genesis(&log), "c");
        other.name = "ab".parse().unwrap();
        assert_ne!(link(&genesis(&log), &one), link(&genesis(&log), &other));
    }
}
