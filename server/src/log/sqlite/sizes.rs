//! How much is kept of each log in the file, and from which log messages are removed when all logs together are too
//! large. Plain numbers; removes nothing itself.
//!
//! The lobby may always have half of the space, however many rooms there are and however full they are. While all logs
//! together take too much, messages are removed from the lobby's log if it takes more than all rooms together, and
//! otherwise from the largest room's log.

use std::collections::BTreeMap;

use hobnob_protocol::chain::{LogId, Position, Seq};
use rusqlite::Connection;

use super::log_number::LogNumber;
use super::stored_form::{Meta, unreadable};
use crate::log::LogError;

/// One log, as the writer knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) number: LogNumber,
    pub(super) log: LogId,
    /// The newest message that is no longer kept.
    pub(super) base: Position,
    /// The position of the newest message.
    pub(super) head: Position,
    /// How many bytes its records take.
    pub(super) bytes: u64,
}

impl Kept {
    /// Returns the same in the form in which the rows of the file have it.
    pub(super) fn meta(&self) -> Meta {
        Meta { number: self.number, log: self.log, base: self.base, head: self.head.seq }
    }

    /// Returns how many messages of it are no longer shown when `history` messages are.
    pub(super) fn excess(&self, history: u64) -> u64 {
        self.head.seq.0.saturating_sub(history).saturating_sub(self.base.seq.0)
    }

    /// Whether a message can be removed; the newest message always stays.
    fn can_give_way(&self) -> bool {
        self.base.seq.next() < self.head.seq
    }
}

/// Returns the log from which messages are removed, and how many bytes all logs together have beyond `bound`, or `None`
/// if they fit.
pub(super) fn gives_way<'a>(
    lobby: &'a Kept,
    rooms: impl Iterator<Item = &'a Kept> + Clone,
    bound: u64,
) -> Option<(&'a Kept, u64)> {
    let of_rooms: u64 = rooms.clone().map(|room| room.bytes).sum();
    let over = (lobby.bytes + of_rooms).checked_sub(bound).filter(|over| *over > 0)?;
    let largest = rooms.filter(|room| room.can_give_way()).max_by_key(|room| (room.bytes, room.number));
    let lobby = Some(lobby).filter(|lobby| lobby.can_give_way());
    let first =
        if lobby.is_some_and(|lobby| lobby.bytes > of_rooms) { lobby.or(largest) } else { largest.or(lobby) };
    first.map(|log| (log, over))
}

/// Returns the error about a row that belongs to neither the lobby nor a room.
pub(crate) fn belongs_to_no_log() -> LogError {
    LogError::Damaged { seq: Seq(0), reason: "a row of messages belongs to no log".into() }
}

/// Returns how many bytes the records of each log in the file take.
pub(crate) fn bytes_of_logs(conn: &Connection) -> Result<BTreeMap<LogNumber, u64>, LogError> {
    let failed = |err| unreadable(conn, &err);
    let mut statement = conn.prepare("SELECT last, length(records) FROM log").map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut bytes = BTreeMap::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let number = LogNumber::of_key(row.get(0).map_err(failed)?).ok_or_else(belongs_to_no_log)?;
        *bytes.entry(number).or_default() += row.get::<_, i64>(1).map_err(failed)?.cast_unsigned();
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::chain::ChainHash;

    use super::*;

    fn kept(number: i64, bytes: u64) -> Kept {
        let at = |seq| Position { seq: Seq(seq), hash: ChainHash::new([0; 32]) };
        let number = LogNumber::of_room(number).unwrap_or(LogNumber::LOBBY);
        Kept { number, log: LogId::new([0; 16]), base: at(0), head: at(bytes / 10), bytes }
    }

    fn first(lobby: &Kept, rooms: &[Kept], bound: u64) -> Option<(i64, u64)> {
        gives_way(lobby, rooms.iter(), bound).map(|(log, over)| (log.number.stored(), over))
    }

    #[test]
    fn the_largest_room_loses_messages_and_the_lobby_only_if_it_is_larger_than_all_rooms_together() {
        let rooms: Vec<Kept> = (1..=10).map(|number| kept(number, number.cast_unsigned() * 100)).collect();
        assert_eq!(first(&kept(0, 500), &rooms, 6000), None);
        assert_eq!(first(&kept(0, 500), &rooms, 5900), Some((10, 100)));
        assert_eq!(first(&kept(0, 5000), &rooms, 6000), Some((10, 4500)), "half of it is the lobby's");
        assert_eq!(first(&kept(0, 6000), &rooms, 6000), Some((0, 5500)));
        assert_eq!(first(&kept(0, 10), &[], 5), None, "its one message stays");
        assert_eq!(first(&kept(0, 100), &[kept(1, 10), kept(2, 10)], 5), Some((0, 115)));
        assert_eq!(first(&kept(0, 10), &[kept(1, 10)], 5), None);
    }
}
