//! The check of a whole log, message by message, for administrators who doubt it. It only reads the files. It works
//! beside a running server, and sees the log as it is at one moment.

use std::fmt;
use std::path::Path;

use hobnob_protocol::chain::{LogId, Position, Seq};
use rusqlite::Connection;

use crate::log::LogError;
use crate::log::sqlite::head_record::Noted;
use crate::log::sqlite::log_number::LogNumber;
use crate::log::sqlite::standing_rows::NotedStanding;
use crate::log::sqlite::{file, gone, name_file, room_rows, sizes, stored_form};

/// What was found in a log that is sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The id of the lobby's log.
    pub log: LogId,
    /// The number of the oldest message in the file; one more than the head's if there is none.
    pub first: Seq,
    /// The position of the newest message.
    pub head: Position,
    /// How many messages of the lobby were checked.
    pub messages: u64,
    /// How many rooms were checked.
    pub rooms: u64,
    /// How many messages of rooms were checked.
    pub room_messages: u64,
}

/// Checks the log in `dir`, the folder `server/` of the data directory. The messages must follow one another without a
/// gap, no acknowledged message may be missing, names and keys must be well-formed, the posts of messages that are no
/// longer kept must be readable, and the file itself must be sound.
///
/// If no server runs, SQLite has to make `lobby.sqlite-shm` beside the log; if that is not allowed, the error says so.
/// The call blocks: a second for some hundred thousand messages.
///
/// # Errors
/// Fails with [`LogError::Damaged`] and the number of the first message that is not sound, or with [`LogError::Read`]
/// and what is wrong with the file.
pub fn verify(dir: &Path) -> Result<Report, LogError> {
    // The note is read before the log, so that what it notes is in the log by the time the log is read.
    let noted = Noted::read(dir)?;
    let conn = file::open_for_reading(dir)?;
    // One transaction sees the log as it is at one moment, whatever a server writes meanwhile.
    let tx = conn.unchecked_transaction().map_err(|err| stored_form::unreadable(&conn, &err))?;
    let report = check(&tx).map_err(|err| name_file(&tx, err))?;
    gone::remembered(&tx, LogNumber::LOBBY, report.head.seq, all_noted(report.head))
        .map_err(|err| name_file(&tx, err))?;
    noted.map_or(Ok(()), |noted| noted.require(dir, &tx, &stored_form::meta(&tx)?, report.head))?;
    check_file(&tx)?;
    Ok(report)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log, first, head, messages, rooms, room_messages } = self;
        match messages {
            0 => write!(f, "log {log}: sound; it has no messages yet"),
            1 => write!(f, "log {log}: sound; its 1 message is {first}, with hash {}", head.hash),
            _ => write!(
                f,
                "log {log}: sound; its {messages} messages, {first} to {}, follow one from another, \
                 the newest with hash {}",
                head.seq, head.hash
            ),
        }?;
        match rooms {
            0 => Ok(()),
            1 => write!(f, "; so do those of its 1 room, {room_messages} in all"),
            _ => write!(f, "; so do those of each of its {rooms} rooms, {room_messages} in all"),
        }
    }
}

fn check(conn: &Connection) -> Result<Report, LogError> {
    let (meta, head) = file::ends(conn)?;
    let messages = file::check_from(conn, meta.number, meta.base, head)?;
    stored_form::names(conn)?;
    let (rooms, room_messages) = check_rooms(conn)?;
    Ok(Report { log: meta.log, first: meta.base.seq.next(), head, messages, rooms, room_messages })
}

/// Checks the messages of each room, and gives the number of rooms and of their messages. Messages of removed rooms
/// that are still in the file are not checked.
fn check_rooms(conn: &Connection) -> Result<(u64, u64), LogError> {
    let (mut rooms, mut messages) = (0, 0);
    let known = room_rows::rooms(conn)?;
    let is_known = |number: &LogNumber| {
        *number == LogNumber::LOBBY || known.iter().any(|room| room.meta.number == *number)
    };
    if !sizes::bytes_of_logs(conn)?.keys().all(is_known) {
        return Err(sizes::belongs_to_no_log());
    }
    for room in known.iter().filter(|room| room.kept.is_some()) {
        let meta = &room.meta;
        let checked = file::head_of(conn, meta).and_then(|head| {
            gone::remembered(conn, meta.number, head.seq, all_noted(head))?;
            file::check_from(conn, meta.number, meta.base, head)
        });
        rooms += 1;
        messages += checked.map_err(|err| file::in_room(room, err))?;
    }
    Ok((rooms, messages))
}

/// Of a log whose posts are read and nothing else: nothing has to be found out about who spoke there.
fn all_noted(head: Position) -> NotedStanding {
    NotedStanding { up_to: head.seq, ..NotedStanding::default() }
}

fn check_file(conn: &Connection) -> Result<(), LogError> {
    let found: String = conn
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|err| stored_form::unreadable(conn, &err))?;
    if found == "ok" {
        return Ok(());
    }
    let file = conn.path().unwrap_or("the log's file");
    Err(LogError::Read(format!("{file} is damaged: {found}; restore it from a backup")))
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::chain::{ChainHash, LobbyMessage, link};
    use hobnob_protocol::ids::RunId;
    use hobnob_protocol::key::PublicKey;
    use hobnob_protocol::text::Text;
    use tempfile::TempDir;

    use super::*;
    use crate::log::{Batch, LobbyLog, SqliteLog, SqliteOptions};

    fn next(head: Position, text: &str) -> LobbyMessage {
        let mut message = LobbyMessage {
            seq: head.seq.next(),
            at: 1,
            name: "anna".parse().unwrap(),
            key: PublicKey::new([1; 32]),
            run: RunId::new([2; 8]),
            id: head.seq.0,
            content: Text::new(text).unwrap().into(),
            hash: ChainHash::new([0; 32]),
        };
        message.hash = link(&head.hash, &message);
        message
    }

    async fn log_of(count: usize) -> (TempDir, SqliteLog) {
        let folder = tempfile::tempdir().unwrap();
        let log =
            SqliteLog::open(folder.path(), SqliteOptions { history: 100_000, ..SqliteOptions::default() })
                .unwrap();
        let mut head = log.contents().head;
        let mut messages = Vec::new();
        for number in 1..=count {
            let message = next(head, &format!("this is text number {number}."));
            head = Position { seq: message.seq, hash: message.hash };
            messages.push(message);
        }
        log.append(Batch { messages: messages.into(), ..Batch::default() }).await.unwrap();
        (folder, log)
    }

    #[tokio::test]
    async fn a_sound_log_is_reported_while_it_is_held_and_after() {
        let (folder, log) = log_of(2500).await;
        let report = verify(folder.path()).unwrap();
        let head = *log.subscribe().borrow();
        assert_eq!(
            report,
            Report {
                log: log.contents().log,
                first: Seq(1),
                head,
                messages: 2500,
                rooms: 0,
                room_messages: 0,
            }
        );
        let text = report.to_string();
        assert!(text.contains("2500 messages, 1 to 2500") && text.contains(&head.hash.to_string()), "{text}");
        drop(log);
        assert_eq!(verify(folder.path()).unwrap(), report);
    }

    #[tokio::test]
    async fn an_empty_log_is_sound() {
        let (folder, _log) = log_of(0).await;
        assert!(verify(folder.path()).unwrap().to_string().contains("no messages"));
    }

    #[tokio::test]
    async fn one_flipped_byte_of_a_text_is_found_and_the_error_has_the_number_of_its_message() {
        let (folder, log) = log_of(2500).await;
        drop(log);
        let path = folder.path().join("lobby.sqlite");
        let whole = std::fs::read(&path).unwrap();
        for from in [1, 777, 2480] {
            // A text that lies across two pages is not found by this search, nor is one of which a page keeps an old
            // copy.
            let place = |number: u64| {
                let text = format!("this is text number {number}.");
                let is_here = |at: &usize| whole[*at..].starts_with(text.as_bytes());
                let mut found = (0..whole.len()).filter(is_here);
                found.next().filter(|_| found.next().is_none())
            };
            let (number, at) = (from..).find_map(|number| Some((number, place(number)?))).unwrap();
            let mut flipped = whole.clone();
            flipped[at + 5] ^= 1;
            std::fs::write(&path, flipped).unwrap();
            let err = verify(folder.path()).unwrap_err();
            assert!(matches!(err, LogError::Damaged { seq: Seq(n), .. } if n == number), "{err}");
            let said = err.to_string();
            assert!(
                said.contains(&format!("at message {number}:")) && said.contains("lobby.sqlite"),
                "{said}"
            );
        }
    }

    #[tokio::test]
    async fn data_that_the_hash_chain_does_not_cover_is_checked_too() {
        for (sql, seq) in [
            ("INSERT INTO gone VALUES (7, x'00')", Some(7)),
            ("INSERT INTO names VALUES ('bob', 'anna', x'00', 1, 0, 0)", None),
            ("DELETE FROM log", Some(1)),
        ] {
            let (folder, log) = log_of(20).await;
            drop(log);
            Connection::open(folder.path().join("lobby.sqlite")).unwrap().execute_batch(sql).unwrap();
            match (verify(folder.path()), seq) {
                (Err(LogError::Damaged { seq: Seq(at), .. }), Some(seq)) => assert_eq!(at, seq, "{sql}"),
                (Err(LogError::Read(_)), None) => {}
                (other, _) => panic!("{sql}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_missing_log_is_an_error_and_none_is_made() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(verify(folder.path()), Err(LogError::Read(_))));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
