//! Marks of rooms: how far a user has come in each room, and whether the user is still in it. If the log of a room
//! began anew, the mark begins anew in the new log. This file owns the rule that a mark only moves forward within one
//! log.

use std::collections::HashMap;

use hobnob_protocol::chain::{ChainHash, LogId};
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::room::RoomName;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::entry::{Mark, Reader};
use super::marks::column;

/// The table is separate from that of the lobby's marks, so that builds that know no rooms can share the file.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS room_marks (
    server BLOB NOT NULL, folded TEXT NOT NULL, name TEXT NOT NULL, reader INTEGER NOT NULL,
    room TEXT NOT NULL, log BLOB NOT NULL,
    read INTEGER NOT NULL, fetched INTEGER NOT NULL, hash BLOB NOT NULL, at INTEGER NOT NULL,
    inside INTEGER NOT NULL,
    UNIQUE (server, folded, name, reader)
) STRICT;
";

/// Whose mark it is, and in which room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoomReader {
    /// The key of the server that has the room.
    pub server: PublicKey,
    /// The name of the room.
    pub room: RoomName,
    /// Whether a person or a script reads.
    pub reader: Reader,
}

/// What is noted about a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoomNote {
    /// The user is in the room and has read up to this mark.
    Read(Mark),
    /// The user has left the room.
    Left,
}

/// Notes how far the user with this name has read in a room, or that the user has left it.
pub(super) fn note(
    conn: &Connection,
    name: &str,
    RoomReader { server, room, reader }: &RoomReader,
    note: &RoomNote,
) -> rusqlite::Result<()> {
    let (server, folded, reader) = (server.as_bytes(), room.folded(), column(*reader));
    let RoomNote::Read(mark) = note else {
        return conn
            .prepare_cached(
                "UPDATE room_marks SET inside = 0 WHERE server = ? AND folded = ? AND name = ? AND reader = ?",
            )?
            .execute(params![server, folded, name, reader])
            .map(drop);
    };
    let column_of = |number: u64| i64::try_from(number).ok();
    let (Some(read), Some(fetched), Some(at)) =
        (column_of(mark.read), column_of(mark.fetched), column_of(mark.at))
    else {
        return Ok(());
    };
    conn.prepare_cached(
        "INSERT INTO room_marks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET
             hash = iif(excluded.log <> log OR excluded.fetched >= fetched, excluded.hash, hash),
             fetched = iif(excluded.log <> log, excluded.fetched, max(fetched, excluded.fetched)),
             at = iif(excluded.log <> log OR excluded.read >= max(read, 1), excluded.at, at),
             read = iif(excluded.log <> log, excluded.read, max(read, excluded.read)),
             log = excluded.log, room = excluded.room, inside = 1",
    )?
    .execute(params![
        server,
        folded,
        name,
        reader,
        room.as_str(),
        mark.log.as_bytes(),
        read,
        fetched,
        mark.hash.as_bytes(),
        at
    ])
    .map(drop)
}

/// Returns how far the user with this name has come in a room; `None` if there is no mark.
pub(super) fn of(
    conn: &Connection,
    name: &str,
    RoomReader { server, room, reader }: &RoomReader,
) -> rusqlite::Result<Option<Mark>> {
    conn.prepare_cached(
        "SELECT room, log, read, fetched, hash, at FROM room_marks
         WHERE server = ? AND folded = ? AND name = ? AND reader = ?",
    )?
    .query_row(params![server.as_bytes(), room.folded(), name, column(*reader)], mark)
    .optional()
}

/// Returns the rooms that the user with this name is in, by the key of their server. The rooms of a server are in the
/// order in which the user first joined them.
pub(super) fn inside(
    conn: &Connection,
    name: &str,
    reader: Reader,
) -> rusqlite::Result<HashMap<PublicKey, Vec<(RoomName, Mark)>>> {
    let mut statement = conn.prepare_cached(
        "SELECT room, log, read, fetched, hash, at, server FROM room_marks
         WHERE name = ? AND reader = ? AND inside = 1 ORDER BY rowid",
    )?;
    let mut rows = statement.query(params![name, column(reader)])?;
    let mut found: HashMap<PublicKey, Vec<(RoomName, Mark)>> = HashMap::new();
    while let Some(row) = rows.next()? {
        // A text that is not a room's name was written by another program, and is skipped.
        if let Ok(room) = row.get::<_, String>(0)?.parse() {
            found.entry(PublicKey::new(row.get(6)?)).or_default().push((room, mark(row)?));
        }
    }
    Ok(found)
}

fn mark(row: &Row<'_>) -> rusqlite::Result<Mark> {
    Ok(Mark {
        log: LogId::new(row.get(1)?),
        read: row.get::<_, i64>(2)?.cast_unsigned(),
        fetched: row.get::<_, i64>(3)?.cast_unsigned(),
        hash: ChainHash::new(row.get(4)?),
        at: row.get::<_, i64>(5)?.cast_unsigned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(room: &str) -> RoomReader {
        RoomReader { server: PublicKey::new([1; 32]), room: room.parse().unwrap(), reader: Reader::Person }
    }

    fn read(log: u8, read: u64, fetched: u64) -> RoomNote {
        RoomNote::Read(Mark {
            log: LogId::new([log; 16]),
            read,
            fetched,
            hash: ChainHash::new([u8::try_from(fetched).unwrap(); 32]),
            at: read * 10,
        })
    }

    fn open() -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(TABLE).unwrap();
        conn.execute_batch(TABLE).unwrap();
        conn
    }

    #[test]
    fn a_room_mark_moves_forward_in_one_log_and_begins_anew_in_another() {
        let conn = open();
        let tea = reader("tea");
        assert_eq!(of(&conn, "anna", &tea).unwrap(), None);
        note(&conn, "anna", &tea, &read(1, 5, 9)).unwrap();
        note(&conn, "anna", &tea, &read(1, 7, 8)).unwrap();
        let mark = of(&conn, "anna", &reader("TEA")).unwrap().unwrap();
        assert_eq!((mark.read, mark.fetched, mark.at), (7, 9, 70));
        assert_eq!(
            mark.hash,
            ChainHash::new([9; 32]),
            "the hash belongs to the message that was fetched last"
        );
        note(&conn, "anna", &tea, &read(2, 1, 2)).unwrap();
        let mark = of(&conn, "anna", &tea).unwrap().unwrap();
        assert_eq!((mark.log, mark.read, mark.fetched), (LogId::new([2; 16]), 1, 2));
        assert_eq!(of(&conn, "bobby", &tea).unwrap(), None);
    }

    #[test]
    fn rooms_are_listed_in_the_order_of_joining_without_those_that_were_left() {
        let conn = open();
        for room in ["tea", "Dev", "art"] {
            note(&conn, "anna", &reader(room), &read(1, 1, 1)).unwrap();
        }
        note(&conn, "anna", &reader("tea"), &RoomNote::Left).unwrap();
        note(&conn, "anna", &reader("nowhere"), &RoomNote::Left).unwrap();
        note(&conn, "anna", &reader("art"), &read(1, 2, 2)).unwrap();
        let inside_of = |reader| inside(&conn, "anna", reader).unwrap().remove(&PublicKey::new([1; 32]));
        let rooms = || inside_of(Reader::Person).unwrap();
        let names: Vec<String> = rooms().iter().map(|(room, _)| room.to_string()).collect();
        assert_eq!(names, ["Dev", "art"]);
        assert!(
            of(&conn, "anna", &reader("tea")).unwrap().is_some(),
            "the mark of the room that the user left is kept"
        );
        note(&conn, "anna", &reader("tea"), &read(1, 1, 1)).unwrap();
        assert_eq!(rooms().len(), 3);
        assert_eq!(inside_of(Reader::Script), None);
    }
}
