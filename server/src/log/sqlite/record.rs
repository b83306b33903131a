//! A message as it is stored: the bytes that are hashed, as docs/PROTOCOL.md prints them, and then the hash. Turns
//! messages into records, and turns records, which a disk may have damaged, back into messages. A text is told from an
//! act by its length: in an act, a value that no length can have is in that place.

use hobnob_protocol::chain::{self, ChainHash, LobbyMessage, Seq};
use hobnob_protocol::content::{Act, ActKind, ActTarget, Content, ShortText};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use hobnob_protocol::text::Text;

use crate::decide::Party;
use crate::log::LogError;

/// Appends `message` to `records`.
pub(super) fn write(message: &LobbyMessage, records: &mut Vec<u8>) {
    chain::hashed(message, |bytes| records.extend_from_slice(bytes));
    records.extend_from_slice(message.hash.as_bytes());
}

/// The fields of one message, not checked yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) seq: Seq,
    pub(super) at: u64,
    key: [u8; 32],
    run: [u8; 8],
    pub(super) id: u64,
    name: &'a [u8],
    content: RecordedContent<'a>,
    hash: [u8; 32],
}

/// What was said or done, not checked yet.
#[derive(Debug, Clone, Copy)]
enum RecordedContent<'a> {
    Text(&'a [u8]),
    Act {
        kind: &'a [u8],
        name: Option<&'a [u8]>,
        target: Option<&'a [u8]>,
        until: Option<u64>,
        text: Option<&'a [u8]>,
    },
}

impl RecordedContent<'_> {
    fn parsed(self) -> Result<Content, String> {
        Ok(match self {
            Self::Text(text) => Text::new(utf8(text)?).map_err(said)?.into(),
            Self::Act { kind, name, target, until, text } => Content::from(Act {
                kind: ActKind::new(utf8(kind)?).map_err(said)?,
                name: name.map(|name| UserName::kept(utf8(name)?).map_err(said)).transpose()?,
                target: target.map(|target| ActTarget::new(utf8(target)?).map_err(said)).transpose()?,
                until,
                text: text.map(|text| ShortText::new(utf8(text)?).map_err(said)).transpose()?,
            }),
        })
    }
}

impl Record<'_> {
    pub(super) fn party(&self) -> Party {
        (PublicKey::new(self.key), RunId::new(self.run))
    }

    pub(super) fn hash(&self) -> ChainHash {
        ChainHash::new(self.hash)
    }

    /// Returns the message, if its fields are valid.
    pub(super) fn message(&self) -> Result<LobbyMessage, LogError> {
        self.parsed().map_err(|reason| LogError::Damaged { seq: self.seq, reason })
    }

    fn parsed(&self) -> Result<LobbyMessage, String> {
        let (key, run) = self.party();
        Ok(LobbyMessage {
            seq: self.seq,
            at: self.at,
            name: UserName::kept(utf8(self.name)?).map_err(said)?,
            key,
            run,
            id: self.id,
            content: self.content.parsed()?,
            hash: self.hash(),
        })
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(said)
}

fn said(err: impl std::fmt::Display) -> String {
    err.to_string()
}

/// Records that follow each other.
#[derive(Debug)]
pub(super) struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns the bytes that have not been read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Returns the next record, or `None` after the last. If the record is cut short, the error names the message
    /// `expected`.
    pub(super) fn next(&mut self, expected: Seq) -> Result<Option<Record<'a>>, LogError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let cut = || LogError::Damaged { seq: expected, reason: "it is cut short".into() };
        self.take_record().map(Some).ok_or_else(cut)
    }

    fn take_record(&mut self) -> Option<Record<'a>> {
        Some(Record {
            seq: Seq(self.number()?),
            at: self.number()?,
            key: self.array()?,
            run: self.array()?,
            id: self.number()?,
            name: self.field()??,
            content: self.content()?,
            hash: self.array()?,
        })
    }

    fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn content(&mut self) -> Option<RecordedContent<'a>> {
        if let Some(text) = self.field()? {
            return Some(RecordedContent::Text(text));
        }
        Some(RecordedContent::Act {
            kind: self.field()??,
            name: self.field()?,
            target: self.field()?,
            until: self.optional_number()?,
            text: self.field()?,
        })
    }

    fn optional_number(&mut self) -> Option<Option<u64>> {
        match self.array()? {
            [0] => Some(None),
            [1] => self.number().map(Some),
            _ => None,
        }
    }

    /// Returns a field, which has its length before it; the inner `None` is a field that is absent.
    fn field(&mut self) -> Option<Option<&'a [u8]>> {
        let len = u32::from_be_bytes(self.array()?);
        if len == u32::MAX {
            return Some(None);
        }
        let (field, rest) = self.rest.split_at_checked(usize::try_from(len).ok()?)?;
        self.rest = rest;
        Some(Some(field))
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*array)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::suite::author::{ANNA, Author, RUN};

    fn records() -> (Vec<LobbyMessage>, Vec<u8>) {
        let start = hobnob_protocol::chain::Position::start(&hobnob_protocol::chain::LogId::new([7; 16]));
        let mut author = Author { head: start };
        let mut messages = vec![author.say("one"), author.say_as(ANNA, RUN, u64::MAX, "\0\u{202e}\n")];
        for whole in [false, true] {
            let act = Act {
                kind: ActKind::new("ban").unwrap(),
                name: whole.then(|| "carol".parse().unwrap()),
                target: whole.then(|| ActTarget::new("192.0.2.7").unwrap()),
                until: whole.then_some(7),
                text: whole.then(|| ShortText::new("no more").unwrap()),
            };
            let mut message = author.say("an act in its place");
            (message.content, message.hash) = (act.into(), ChainHash::new([whole.into(); 32]));
            messages.push(message);
        }
        let mut bytes = Vec::new();
        messages.iter().for_each(|message| write(message, &mut bytes));
        (messages, bytes)
    }

    #[test]
    fn messages_come_back_as_they_were() {
        let (messages, bytes) = records();
        let mut records = Records::new(&bytes);
        for message in &messages {
            let record = records.next(message.seq).unwrap().unwrap();
            assert_eq!(record.message().unwrap(), *message);
        }
        assert!(records.next(Seq(5)).unwrap().is_none());
    }

    #[test]
    fn a_record_that_is_cut_or_changed_is_damaged_and_never_causes_a_panic() {
        let (messages, bytes) = records();
        let all = |bytes: &[u8]| -> Result<Vec<LobbyMessage>, LogError> {
            let mut records = Records::new(bytes);
            let mut all = Vec::new();
            while let Some(record) = records.next(Seq(all.len() as u64 + 1))? {
                all.push(record.message()?);
            }
            Ok(all)
        };
        for len in 1..bytes.len() {
            let cut = all(&bytes[..len]);
            assert!(cut.is_err() || cut.unwrap().len() < messages.len(), "{len}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0xff;
            assert!(all(&changed).map_or(true, |read| read != messages), "{at}");
        }
    }
}
