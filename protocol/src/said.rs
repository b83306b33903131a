//! Entries of a log on their way to clients. Several entries are sent in a row, and what they have in common is sent
//! only once. This file owns how they stand on the wire; it knows nothing of who reads them or of where the log is
//! kept.
//!
//! Most bytes of a single message are its key, run and hash. Only few users speak at the same time, so each author is
//! sent once. The hash of the last message covers all messages before it, so only that hash is sent. Each of several
//! messages in a row therefore costs little more than its text.

mod writer;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::chain::{BrokenChain, ChainHash, LobbyMessage, Position, Seq, link};
use crate::content::{Act, Content};
use crate::ids::RunId;
use crate::key::PublicKey;
use crate::name::UserName;
use crate::room::RoomName;
use crate::text::Text;

pub use self::writer::SaidWriter;

/// One author of the messages of a [`Said`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The name that the author had.
    #[serde(deserialize_with = "crate::name::deserialize_kept")]
    pub name: UserName,
    /// The key that the author had.
    pub key: PublicKey,
    /// The run of the author's client that sent the messages.
    pub run: RunId,
}

/// One message of a [`Said`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "UncheckedWords")]
pub struct Words {
    /// When the server accepted the message, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
    /// The index of its author in the list of authors, counted from 0.
    pub by: u32,
    /// The number that the author's run gave the message in its outbox.
    pub id: u64,
    /// What the author said or did.
    pub content: Content,
}

/// The members that [`Words`] have on the wire, before it is checked that exactly one of `text` and `act` is there.
#[derive(Deserialize)]
struct UncheckedWords {
    at: u64,
    by: u32,
    id: u64,
    text: Option<Text>,
    act: Option<Act>,
}

impl TryFrom<UncheckedWords> for Words {
    type Error = &'static str;

    fn try_from(words: UncheckedWords) -> Result<Self, Self::Error> {
        let UncheckedWords { at, by, id, text, act } = words;
        Ok(Self { at, by, id, content: Content::from_members(text, act)? })
    }
}

impl Serialize for Words {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut words = serializer.serialize_struct("Words", 4)?;
        words.serialize_field("at", &self.at)?;
        words.serialize_field("by", &self.by)?;
        words.serialize_field("id", &self.id)?;
        match &self.content {
            Content::Text(text) => words.serialize_field("text", text)?,
            Content::Act(act) => words.serialize_field("act", &**act)?,
        }
        words.end()
    }
}

/// Entries of one log with the numbers `seq`, `seq` + 1 and so on. There is at least one, and each is by one of the
/// authors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Said {
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<RoomName>,
    seq: Seq,
    messages: Vec<Words>,
    authors: Vec<Author>,
    hash: ChainHash,
}

#[derive(Deserialize)]
struct Unchecked {
    room: Option<RoomName>,
    seq: Seq,
    messages: Vec<Words>,
    authors: Vec<Author>,
    hash: ChainHash,
}

impl TryFrom<Unchecked> for Said {
    type Error = &'static str;

    fn try_from(said: Unchecked) -> Result<Self, Self::Error> {
        let Unchecked { room, seq, messages, authors, hash } = said;
        if messages.is_empty() {
            return Err("nothing was said");
        }
        if messages.iter().any(|words| words.by as usize >= authors.len()) {
            return Err("something was said by nobody");
        }
        // The number of the last message is at most the highest.
        if seq.0 == 0 || messages.len() as u64 > Seq::MAX.0 + 1 - seq.0 {
            return Err("a number no message can have");
        }
        Ok(Self { room, seq, messages, authors, hash })
    }
}

impl Said {
    /// Returns the room whose log this is, or `None` for the lobby.
    #[must_use]
    pub fn room(&self) -> Option<&RoomName> {
        self.room.as_ref()
    }

    /// Returns the number of the first message.
    #[must_use]
    pub fn first(&self) -> Seq {
        self.seq
    }

    /// Returns the number of the last message.
    #[must_use]
    pub fn last(&self) -> Seq {
        Seq(self.seq.0 + self.messages.len() as u64 - 1)
    }

    /// Returns the position after the last message.
    #[must_use]
    pub fn end(&self) -> Position {
        Position { seq: self.last(), hash: self.hash }
    }

    /// Returns the number, the author and the content of each message.
    pub fn iter(&self) -> impl Iterator<Item = (Seq, &Author, &Words)> {
        self.messages
            .iter()
            .zip(self.seq.0..)
            .map(|(words, seq)| (Seq(seq), &self.authors[words.by as usize], words))
    }

    /// Returns the messages after `position`, with the hashes that follow from that position.
    #[must_use]
    pub fn after(&self, position: Position) -> Vec<LobbyMessage> {
        let mut hash = position.hash;
        self.iter()
            .filter(|(seq, ..)| *seq > position.seq)
            .map(|(seq, author, words)| {
                let Author { name, key, run } = author.clone();
                let Words { at, id, content, .. } = words.clone();
                let mut message = LobbyMessage { seq, at, name, key, run, id, content, hash };
                message.hash = link(&hash, &message);
                hash = message.hash;
                message
            })
            .collect()
    }
}

impl Position {
    /// Moves to the end of `said` and returns its messages that are new. `said` must begin at or before the next
    /// number, and the hashes computed from this position must lead to its hash.
    ///
    /// # Errors
    /// Fails if there is a gap or the hashes do not match. The position then stays where it was.
    pub fn advance_over(&mut self, said: &Said) -> Result<Vec<LobbyMessage>, BrokenChain> {
        if said.last() <= self.seq {
            return Ok(Vec::new());
        }
        let messages = said.after(*self);
        let goes_on = said.first() <= self.seq.next();
        if !goes_on || messages.last().is_none_or(|last| last.hash != said.hash) {
            return Err(BrokenChain { seq: said.last() });
        }
        *self = said.end();
        Ok(messages)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::MAX_LINE_BYTES;
    use crate::chain::{LogId, genesis};
    use crate::content::ShortText;
    use crate::message::ServerMessage;

    const LOG: LogId = LogId::new([9; 16]);

    /// Makes `count` messages by `authors` users in turn, each with the text that `text` makes for its number.
    fn log(count: u64, authors: u8, text: impl Fn(u64) -> String) -> Vec<LobbyMessage> {
        let mut hash = genesis(&LOG);
        (1..=count)
            .map(|seq| {
                let author = seq as u8 % authors;
                let mut message = LobbyMessage {
                    seq: Seq(seq),
                    at: 1000 + seq,
                    name: format!("user{author}").parse().unwrap(),
                    key: PublicKey::new([author; 32]),
                    run: RunId::new([author; 8]),
                    id: seq,
                    content: Text::new(text(seq)).unwrap().into(),
                    hash,
                };
                message.hash = link(&hash, &message);
                hash = message.hash;
                message
            })
            .collect()
    }

    fn lines(messages: &[LobbyMessage]) -> Vec<Bytes> {
        let (mut writer, mut lines) = (SaidWriter::default(), Vec::new());
        for message in messages {
            if !writer.push(message) {
                lines.extend(writer.finish().map(|(line, _)| line));
                assert!(writer.push(message));
            }
        }
        lines.extend(writer.finish().map(|(line, _)| line));
        assert!(writer.is_empty() && writer.finish().is_none());
        lines
    }

    fn read(line: &[u8]) -> Said {
        match serde_json::from_slice(line).unwrap() {
            ServerMessage::Said(said) => said,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn messages_are_read_as_they_were_written_whatever_their_texts() {
        let texts = ["plain", "a\nb", "\"quoted\\\"", "\u{1b}[2J", "ünï🦀"];
        let messages = log(50, 3, |seq| texts[seq as usize % texts.len()].to_owned());
        let lines = lines(&messages);
        assert_eq!(lines.len(), 1);
        let said = read(&lines[0]);
        assert_eq!((said.first(), said.last()), (Seq(1), Seq(50)));
        assert_eq!(said.authors.len(), 3);
        assert_eq!(said.after(Position::start(&LOG)), messages);
        assert_eq!(crate::codec::encode(&ServerMessage::Said(said)), lines[0]);
    }

    #[test]
    fn messages_of_a_room_carry_its_name_and_may_be_acts() {
        let room: RoomName = "Räume".parse().unwrap();
        let mut messages = log(3, 2, |seq| seq.to_string());
        messages[1].content = Act::topic(Some(ShortText::new("a \"topic\"").unwrap())).into();
        let mut hash = genesis(&LOG);
        for message in &mut messages {
            message.hash = link(&hash, message);
            hash = message.hash;
        }
        let mut writer = SaidWriter::of(Some(room.clone()));
        for _ in 0..2 {
            assert!(messages.iter().all(|message| writer.push(message)));
            let (line, end) = writer.finish().unwrap();
            let said = read(&line);
            assert_eq!((said.room(), said.end()), (Some(&room), end));
            assert_eq!(said.after(Position::start(&LOG)), messages);
            assert_eq!(crate::codec::encode(&ServerMessage::Said(said)), line);
        }
    }

    #[test]
    fn no_line_of_messages_exceeds_the_limit() {
        let messages = log(40, 40, |seq| "\u{7}".repeat(16 * 1024 - seq as usize));
        let lines = lines(&messages);
        assert_eq!(lines.len(), 40, "each of the longest texts takes a line");
        let mut position = Position::start(&LOG);
        for line in lines.iter().chain(&self::lines(&log(3000, 200, |_| "x".repeat(90)))) {
            assert!(line.len() <= MAX_LINE_BYTES, "{}", line.len());
        }
        for line in &lines {
            position.advance_over(&read(line)).unwrap();
        }
        assert_eq!(position.seq, Seq(40));
    }

    #[test]
    fn a_run_with_a_new_name_is_written_as_another_author() {
        let mut messages = log(3, 1, |_| "x".to_owned());
        messages[1].name = "user0_2".parse().unwrap();
        let said = read(&lines(&messages)[0]);
        let names: Vec<&str> = said.iter().map(|(_, author, _)| author.name.as_str()).collect();
        assert_eq!(names, ["user0", "user0_2", "user0"]);
    }

    #[test]
    fn a_position_advances_over_new_messages_and_refuses_gaps() {
        let messages = log(10, 2, |seq| seq.to_string());
        let said = read(&lines(&messages[3..])[0]);
        let at = |seq: usize| Position { seq: Seq(seq as u64), hash: messages[seq - 1].hash };
        for (from, new) in [(3, 7), (6, 4), (9, 1), (10, 0)] {
            let mut position = at(from);
            assert_eq!(position.advance_over(&said).unwrap().len(), new);
            assert_eq!(position, at(10));
        }
        // The first position leaves a gap, and the second is in another log.
        assert!(at(2).advance_over(&said).is_err());
        let elsewhere = Position { seq: Seq(5), hash: ChainHash::new([1; 32]) };
        assert_eq!(elsewhere.clone().advance_over(&said), Err(BrokenChain { seq: Seq(10) }));
    }

    #[test]
    fn said_messages_whose_members_contradict_each_other_are_refused() {
        let line = String::from_utf8(lines(&log(1, 1, |_| "x".to_owned()))[0].to_vec()).unwrap();
        for (good, bad) in [
            (r#""by":0"#, r#""by":1"#),
            (r#""seq":1"#, r#""seq":0"#),
            (r#","text":"x""#, ""),
            (r#","text":"x""#, r#","text":"x","act":{"kind":"topic"}"#),
        ] {
            let changed = line.replace(good, bad);
            assert_ne!(changed, line);
            assert!(serde_json::from_str::<ServerMessage>(&changed).is_err(), "{changed}");
        }
        let empty = line.replace(r#"{"at":1001,"by":0,"id":1,"text":"x"}"#, "");
        assert!(serde_json::from_str::<ServerMessage>(&empty).is_err(), "{empty}");
    }

    #[test]
    fn messages_with_the_highest_numbers_are_read() {
        let line = String::from_utf8(lines(&log(2, 1, |_| "x".to_owned()))[0].to_vec()).unwrap();
        let said = read(line.replace(r#""seq":1"#, r#""seq":9007199254740990"#).as_bytes());
        let numbers: Vec<u64> = said.iter().map(|(seq, ..)| seq.0).collect();
        assert_eq!(numbers, [Seq::MAX.0 - 1, Seq::MAX.0]);
        assert_eq!(said.last(), Seq::MAX);
        assert!(Position::start(&LOG).advance_over(&said).is_err());
        for past in ["9007199254740991", "9007199254740992", "18446744073709551615"] {
            let past = line.replace(r#""seq":1"#, &format!(r#""seq":{past}"#));
            assert!(serde_json::from_str::<ServerMessage>(&past).is_err(), "{past}");
        }
    }
}
