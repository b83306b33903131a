//! Encodes facts as lines of the protocol. What everybody is told is encoded once and kept with the fact. This file
//! knows nothing of sockets.

use std::borrow::Cow;

use bytes::{BufMut, Bytes, BytesMut};
use hobnob_protocol::CHANGES_PER_MESSAGE;
use hobnob_protocol::chain::{LobbyMessage, Seq};
use hobnob_protocol::codec;
use hobnob_protocol::message::{Change, ServerMessage};
use hobnob_protocol::room::RoomName;
use hobnob_protocol::said::SaidWriter;

use crate::lobby::{Chunk, News, NewsLines};
use crate::log::Stretch;

/// The parts of a `presence` line before and after its changes.
const BEFORE: &[u8] = br#""changes":["#;
const AFTER: &[u8] = b"]}\n";

/// Returns the line of a chunk, encoded once for everybody. It consists of several lines only if one line would exceed
/// the limit of the protocol.
pub(super) fn chunk_line(chunk: &Chunk) -> &Bytes {
    chunk.line(|| said(chunk.room().map(|room| &room.name), chunk.messages()))
}

/// Encodes at least one message of a room or of the lobby as `said`: in one line, or in as few lines as they fit in.
/// The messages follow each other.
pub(super) fn said(room: Option<&RoomName>, messages: &[LobbyMessage]) -> Bytes {
    let mut writer = SaidWriter::of(room.cloned());
    let mut lines = Vec::new();
    for message in messages {
        if !writer.push(message) {
            lines.extend(writer.finish());
            writer.push(message);
        }
    }
    lines.extend(writer.finish());
    match &mut lines[..] {
        [(line, _)] => std::mem::take(line),
        lines => lines.iter().flat_map(|(line, _)| line.iter().copied()).collect::<Vec<u8>>().into(),
    }
}

/// Returns what a client that has read up to `after` is sent from the log: the messages of `stretch`. If messages
/// between the two are no longer kept, a `skipped` comes first.
pub(super) fn what_follows(room: Option<&RoomName>, after: Seq, stretch: &Stretch) -> Bytes {
    let said = said(room, &stretch.messages);
    let missed = stretch.after.seq.0.saturating_sub(after.0);
    if missed == 0 {
        return said;
    }
    let skipped =
        codec::encode(&ServerMessage::Skipped { room: room.cloned(), missed, after: stretch.after });
    [skipped, said].concat().into()
}

/// Returns the lines of changes for a client that came at `mark`; 0 means that it was there before the changes.
pub(super) fn presence(news: &News, mark: usize) -> Cow<'_, [Bytes]> {
    let made = news.lines(|| all_changes(news.room(), news.changes()));
    match news.passed_over(mark) {
        0 => (&made.whole).into(),
        first => changes_from(news.room(), first, &made.body, &made.ends).into(),
    }
}

fn all_changes(room: Option<&RoomName>, changes: &[Change]) -> NewsLines {
    let mut body = BytesMut::new();
    let mut ends = Vec::with_capacity(changes.len());
    for change in changes {
        if !body.is_empty() {
            body.put_u8(b',');
        }
        serde_json::to_writer((&mut body).writer(), change).expect("a name is JSON");
        ends.push(body.len());
    }
    let body = body.freeze();
    let whole = changes_from(room, 0, &body, &ends);
    NewsLines { body, ends, whole }
}

/// Returns the lines of the changes from the one with the index `first` on.
fn changes_from(room: Option<&RoomName>, first: usize, body: &[u8], ends: &[usize]) -> Vec<Bytes> {
    // Room names need no escapes in JSON.
    let room = room.map(|room| format!(r#""room":"{room}","#)).unwrap_or_default();
    let before = [br#"{"type":"presence","#, room.as_bytes(), BEFORE].concat();
    // The next line begins after the end of the previous change and its comma.
    let mut start = first.checked_sub(1).map_or(0, |before| ends[before] + 1);
    ends[first..]
        .chunks(CHANGES_PER_MESSAGE)
        .map(|ends| {
            let end = ends[ends.len() - 1];
            let line = Bytes::from([&before[..], &body[start..end], AFTER].concat());
            start = end + 1;
            line
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hobnob_protocol::MAX_LINE_BYTES;
    use hobnob_protocol::chain::{ChainHash, Seq};
    use hobnob_protocol::ids::RunId;
    use hobnob_protocol::key::PublicKey;
    use hobnob_protocol::message::ServerMessage;
    use hobnob_protocol::text::Text;

    use super::*;

    fn message(seq: u64, text: &str) -> LobbyMessage {
        LobbyMessage {
            seq: Seq(seq),
            at: 0,
            name: "anna".parse().unwrap(),
            key: PublicKey::new([1; 32]),
            run: RunId::new([1; 8]),
            id: seq,
            content: Text::new(text).unwrap().into(),
            hash: ChainHash::new([0; 32]),
        }
    }

    fn read(lines: &[Bytes]) -> Vec<Change> {
        lines
            .iter()
            .flat_map(|line| match serde_json::from_slice(line).unwrap() {
                ServerMessage::Presence { changes, .. } => changes,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn many_changes_of_presence_are_split_over_several_messages() {
        let changes: Vec<Change> =
            (0..1201).map(|n| Change::Joined(format!("u{n}").parse().unwrap())).collect();
        let news = News::of(changes.clone());
        assert_eq!(presence(&news, 0).len(), 3);
        assert_eq!(read(&presence(&news, 0)), changes);
        assert_eq!(read(&presence(&news, 700)), changes[700..]);
        assert!(presence(&news, 1201).is_empty());
        assert!(presence(&News::of([]), 0).is_empty());
    }

    #[test]
    fn a_chunk_is_encoded_once_and_every_connection_gets_the_same_bytes() {
        let chunk = &Chunk::cut(&Arc::new(vec![message(1, "one"), message(2, "two")]))[0];
        assert_eq!(chunk_line(chunk).as_ptr(), chunk_line(chunk).as_ptr());
        match serde_json::from_slice(chunk_line(chunk)).unwrap() {
            ServerMessage::Said(said) => assert_eq!((said.first(), said.last()), (Seq(1), Seq(2))),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn no_encoded_line_exceeds_the_limit_of_the_protocol() {
        let messages: Vec<LobbyMessage> = (1..=20).map(|seq| message(seq, &"\u{1}".repeat(12_000))).collect();
        let lines = said(None, &messages);
        let mut next = Seq(1);
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            assert!(line.len() <= MAX_LINE_BYTES, "{}", line.len());
            let ServerMessage::Said(said) = serde_json::from_slice(line).unwrap() else { panic!() };
            assert_eq!(said.first(), next);
            next = said.last().next();
        }
        assert_eq!(next, Seq(21));
    }
}
