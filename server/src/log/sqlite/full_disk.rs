//! What is done when the disk is full. A WAL grows as long as somebody reads from it, and only after a COMMIT that succeeds
//! does SQLite begin it anew. So a WAL that had filled the disk would stay as it is, although nobody reads from it any
//! more. This file leaves room for the WAL to be copied into the log's file, tells an error for lack of room from others,
//! and begins the WAL anew. It does not know what is stored.

use std::fs;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, ffi};

use super::file::{BUSY_TIMEOUT, WAL_LIMIT};

/// How much room is left besides, which is more than one transaction takes.
const RESERVE: u64 = 16 * 1024 * 1024;

/// How a WAL is left that is begun anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wal {
    /// As long as it is, so that what is written next needs no room; empty if it is longer than usual.
    Long,
    /// Empty, so that other files get its room.
    Empty,
}

/// Whether something was not written for lack of room.
pub(super) fn is_full(err: &rusqlite::Error) -> bool {
    // A full quota and a limit on the size of files are reported as a write that failed.
    const WRITE_FAILED: i32 = ffi::SQLITE_IOERR_WRITE;
    let code = err.sqlite_error().map(|err| (err.code, err.extended_code));
    matches!(code, Some((ErrorCode::DiskFull, _) | (_, WRITE_FAILED)))
}

/// Within a transaction, sees to it that a WAL of more than the usual length does not take the room into which it is to be
/// copied.
///
/// # Errors
/// With an error that [is one of a full disk](is_full) if there would be too little room, or when SQLite fails.
pub(super) fn leave_room(tx: &Connection) -> rusqlite::Result<()> {
    if wal_len(tx) <= WAL_LIMIT {
        return Ok(());
    }
    let path = tx.path().unwrap_or_default();
    // If the system does not tell how much is free, the disk itself says when it is full.
    let Ok(disk) = rustix::fs::statvfs(path) else { return Ok(()) };
    let pragma = |sql| tx.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0));
    let pages = pragma("PRAGMA page_count")?.saturating_mul(pragma("PRAGMA page_size")?);
    let growth = u64::try_from(pages).unwrap_or_default().saturating_sub(len(path));
    if disk.f_bavail.saturating_mul(disk.f_frsize) >= growth.saturating_add(RESERVE) {
        return Ok(());
    }
    let said = "the disk has too little room left: somebody has read from the log for long, and its -wal file has grown";
    Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), Some(said.to_owned())))
}

/// Writes something that may find the disk full. If it fails, the WAL is emptied, which is to be done only with a log
/// that is known to be whole, and `write` has the room of the WAL.
///
/// # Errors
/// With the error of `write`.
pub(super) fn with_room_of_wal<T, E>(conn: &Connection, write: impl Fn() -> Result<T, E>) -> Result<T, E> {
    write().or_else(|err| match begin_wal_anew(conn, Wal::Empty) {
        true => write(),
        false => Err(err),
    })
}

/// Copies what is committed from the WAL into the file and begins the WAL anew. Returns whether that was done. It is not
/// while somebody reads from the WAL, nor if the file has to grow for it and cannot.
pub(super) fn begin_wal_anew(conn: &Connection, wal: Wal) -> bool {
    let how = match wal {
        Wal::Long if wal_len(conn) <= WAL_LIMIT => "PRAGMA wal_checkpoint(RESTART)",
        Wal::Long | Wal::Empty => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    // Nobody waits here for a reader: whoever says something next tries again.
    let at_once = conn.busy_timeout(Duration::ZERO);
    let is_busy = at_once.and_then(|()| conn.query_row(how, [], |row| row.get::<_, bool>(0)));
    if let Err(err) = conn.busy_timeout(BUSY_TIMEOUT) {
        tracing::warn!(%err, "the log no longer waits for other programs that use it");
    }
    match is_busy {
        Ok(is_busy) => !is_busy,
        Err(err) => {
            tracing::debug!(%err, "the disk is full, and the WAL cannot be copied into the log's file");
            false
        }
    }
}

fn wal_len(conn: &Connection) -> u64 {
    conn.path().map_or(0, |path| len(&format!("{path}-wal")))
}

fn len(path: &str) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::sqlite::file;

    fn error(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn errors_for_lack_of_room_are_told_from_others() {
        for (code, lacks_room) in [
            (ffi::SQLITE_FULL, true),
            (ffi::SQLITE_IOERR_WRITE, true),
            (ffi::SQLITE_IOERR_FSYNC, false),
            (ffi::SQLITE_BUSY, false),
        ] {
            assert_eq!(is_full(&error(code)), lacks_room, "{code}");
        }
        assert!(!is_full(&rusqlite::Error::QueryReturnedNoRows));
    }

    #[test]
    fn what_finds_no_room_is_written_again_with_the_room_of_the_wal() {
        let folder = tempfile::tempdir().unwrap();
        let conn = file::open_or_make(folder.path()).unwrap();
        conn.execute_batch("UPDATE meta SET in_rooms = in_rooms + 1").unwrap();
        let has_room = || if wal_len(&conn) == 0 { Ok(()) } else { Err("the disk is full") };
        let reading = file::open_for_reading(folder.path()).unwrap();
        reading.execute_batch("BEGIN; SELECT in_rooms FROM meta").unwrap();
        assert_eq!(with_room_of_wal(&conn, has_room), Err("the disk is full"));
        reading.execute_batch("COMMIT").unwrap();
        assert_eq!(with_room_of_wal(&conn, has_room), Ok(()));
        let never = || Err::<(), _>("it is read-only");
        assert_eq!(with_room_of_wal(&conn, never), Err("it is read-only"));
    }

    #[test]
    fn the_wal_begins_anew_once_nobody_reads_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let conn = file::open_or_make(folder.path()).unwrap();
        let write = || conn.execute_batch("UPDATE meta SET in_rooms = in_rooms + 1").unwrap();
        write();
        let reading = file::open_for_reading(folder.path()).unwrap();
        reading.execute_batch("BEGIN; SELECT in_rooms FROM meta").unwrap();
        write();
        assert!(!begin_wal_anew(&conn, Wal::Empty));
        assert!(!begin_wal_anew(&conn, Wal::Long));
        reading.execute_batch("COMMIT").unwrap();
        let before = wal_len(&conn);
        assert!(begin_wal_anew(&conn, Wal::Long));
        assert_eq!(wal_len(&conn), before);
        write();
        assert_eq!(wal_len(&conn), before, "it is written over");
        assert!(begin_wal_anew(&conn, Wal::Empty));
        assert_eq!(wal_len(&conn), 0);
        leave_room(&conn).unwrap();
        let written: i64 = reading.query_row("SELECT in_rooms FROM meta", [], |row| row.get(0)).unwrap();
        assert_eq!(written, 3);
    }
}
