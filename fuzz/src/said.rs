//! Fuzzes `said`, in which a server sends several messages of a log in a row.

use hobnob_protocol::chain::{ChainHash, Position, Seq};
use hobnob_protocol::message::ServerMessage;
use hobnob_protocol::said::{Said, SaidWriter};

use crate::codec::again;

/// Checks three things. The numbers of the messages are in a row. A client follows the hash chain to the end or stays
/// where it was. If the messages are written as one line again, they are read as the same messages.
///
/// # Panics
/// Panics if one of these does not hold.
pub fn run(data: &[u8]) {
    let Some(ServerMessage::Said(said)) = again::<ServerMessage>(data) else { return };
    let before = Position { seq: Seq(said.first().0 - 1), hash: ChainHash::new([7; 32]) };
    let numbers: Vec<u64> = said.iter().map(|(seq, ..)| seq.0).collect();
    assert!(numbers.iter().copied().eq(said.first().0..=said.last().0));
    advance(before, &said);
    advance(Position { seq: Seq(said.first().0), ..before }, &said);
    advance(Position { seq: Seq(0), ..before }, &said);
    advance(Position { seq: said.last(), ..before }, &said);
    write_again(before, &said);
}

/// Advances over `said`, and checks that the position is then at its end or unchanged.
fn advance(from: Position, said: &Said) {
    let mut at = from;
    match at.advance_over(said) {
        Ok(new) if new.is_empty() => assert_eq!(at, from),
        Ok(_) => assert_eq!(at, said.end()),
        Err(_) => assert_eq!(at, from),
    }
}

/// Computes the hashes of the messages from `before` on, writes as many of them as fit into one line, and checks that
/// they are read as the same messages.
fn write_again(before: Position, said: &Said) {
    let messages = said.after(before);
    let mut writer = SaidWriter::of(said.room().cloned());
    let taken = messages.iter().take_while(|message| writer.push(message)).count();
    let (line, end) = writer.finish().expect("the first message always fits");
    let ServerMessage::Said(written) =
        serde_json::from_slice(&line).expect("hobnob reads what it has written")
    else {
        panic!("a `said` was read as another message");
    };
    assert_eq!(written.room(), said.room());
    let mut at = before;
    let read = at.advance_over(&written).expect("the hashes were computed from this position");
    assert_eq!(read, messages[..taken]);
    assert_eq!(at, end);
}
