//! The file of the log: making it, opening it, and refusing a file that is not a whole log of this build or an older
//! one. This file owns the schema, its version and every PRAGMA; it never starts a new log where an old one should be.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

use hobnob_protocol::chain::{LogId, Position, Seq};
use hobnob_protocol::identity::create_private_dir;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::head_record::Noted;
use super::log_number::LogNumber;
use super::message_rows;
use super::room_rows::{self, RoomRow};
use super::rules_row;
use super::standing_rows;
use super::stored_form::{self, stored, unreadable};
use super::sync::sync_dir;
use super::upgrade;
use crate::exposed::make_private;
use crate::log::in_place::InPlace;
use crate::log::{Contents, LogError};

/// The file of the log in the folder of the store.
pub(super) const FILE: &str = "lobby.sqlite";

/// "hobb": tells a hobnob log from other SQLite files.
const APPLICATION_ID: i32 = 0x686f_6262;

/// Counts up when the tables change.
const SCHEMA_VERSION: i32 = 4;

/// How many messages have their hash chain checked at every start. They include all that a crash could have damaged,
/// and are few enough to cost only milliseconds. `hobnob-server verify` checks all messages.
const TAIL: u64 = 1000;

/// The same number for each room, of which there may be a thousand. It includes what the last transaction may have
/// stored.
const ROOM_TAIL: u64 = 20;

/// How long another program that reads the file (a backup, `sqlite3`) may hold up this one.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// A long read beside the writer lets the WAL grow. Afterwards it is cut back to this many bytes.
pub(super) const WAL_LIMIT: u64 = 16 * 1024 * 1024;

/// A row of `log` holds messages of one log up to `last` (see [`log_number`](super::log_number)): those that one
/// transaction stored (see [`record`](super::record)), or a part of them. `gone` holds the posts of messages that are
/// no longer kept. `meta` has the last message of the lobby that is gone, from which the first kept message follows. It
/// also has the newest message, so that a missing end is noticed. `rooms` has the same for each room. `in_rooms` counts
/// all messages that were ever stored in rooms.
const SCHEMA: &str = "
CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    log BLOB NOT NULL, base_seq INTEGER NOT NULL, base_hash BLOB NOT NULL, head_seq INTEGER NOT NULL,
    in_rooms INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE names (
    folded TEXT PRIMARY KEY, name TEXT NOT NULL, key BLOB NOT NULL, seen INTEGER NOT NULL,
    spoke INTEGER NOT NULL, since INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
";

/// Opens the log in `dir` for its only writer. If the folder has no log, a new one is made.
pub(super) fn open_or_make(dir: &Path) -> Result<Connection, LogError> {
    let path = dir.join(FILE);
    let failed = |err| LogError::Write(format!("{}: {err}", path.display()));
    create_private_dir(dir).map_err(|err| LogError::Write(format!("{}: {err}", dir.display())))?;
    if !path.try_exists().map_err(failed)? {
        let log = LogId::random();
        make(dir, log, Position::start(&log))?;
    }
    let (mut conn, version) = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    require_writable(&conn)?;
    configure_writer(&conn).map_err(|err| unreadable(&conn, &err))?;
    if version < SCHEMA_VERSION {
        tracing::info!(
            "the log is of an older build and is being brought up to date; a long one takes its time"
        );
        upgrade::upgrade(&mut conn, version, SCHEMA_VERSION).map_err(|err| super::name_file(&conn, err))?;
        tracing::info!("the log is up to date");
    }
    Ok(conn)
}

/// Whether `dir` has a log.
pub(super) fn is_there(dir: &Path) -> Result<bool, LogError> {
    let path = dir.join(FILE);
    path.try_exists().map_err(|err| LogError::Read(format!("{}: {err}", path.display())))
}

/// Makes a log with the id `log` that begins after `start`, in a folder that has no log.
pub(super) fn make_after(dir: &Path, log: LogId, start: Position) -> Result<(), LogError> {
    create_private_dir(dir).map_err(|err| LogError::Write(format!("{}: {err}", dir.display())))?;
    make(dir, log, start)
}

/// Opens the log in `dir` for reading only, whether a server writes it or not.
pub(crate) fn open_for_reading(dir: &Path) -> Result<Connection, LogError> {
    let (conn, version) = connect(&dir.join(FILE), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    match version {
        SCHEMA_VERSION => Ok(conn),
        older => Err(LogError::Read(format!(
            "{} was written by an older hobnob (its format is {older}); start the server on it once, which \
             brings it up to date",
            conn.path().unwrap_or(FILE)
        ))),
    }
}

/// Returns what the log holds. The newest messages are checked.
pub(super) fn contents(conn: &Connection) -> Result<Contents, LogError> {
    let (meta, head) = ends(conn)?;
    let from = Seq(head.seq.0.saturating_sub(TAIL).max(meta.base.seq.0));
    let after = Position { seq: from, hash: stored_form::hash_after(conn, &meta, from)? };
    check_from(conn, meta.number, after, head)?;
    Ok(Contents { log: meta.log, head, names: stored_form::names(conn)?, rules: rules_row::read(conn)? })
}

/// Returns the beginning and the head of the lobby's log, if what is stored is consistent.
pub(crate) fn ends(conn: &Connection) -> Result<(stored_form::Meta, Position), LogError> {
    let meta = stored_form::meta(conn)?;
    Ok((meta, head_of(conn, &meta)?))
}

/// Returns the newest message of a log, if what is stored is consistent.
pub(crate) fn head_of(conn: &Connection, meta: &stored_form::Meta) -> Result<Position, LogError> {
    let start = Position::start(&meta.log);
    if meta.base.seq == start.seq && meta.base != start {
        return Err(LogError::Damaged { seq: start.seq, reason: "the log's id was changed".into() });
    }
    stored_form::head(conn, meta)
}

/// Returns all rooms, each with its newest message; removed rooms are among them, with their base instead. The newest
/// messages of each room are checked: all that a crash could have damaged.
pub(super) fn rooms(conn: &Connection) -> Result<Vec<(RoomRow, Position)>, LogError> {
    let with_head = |row: RoomRow| {
        if row.kept.is_none() {
            let base = row.meta.base;
            return Ok((row, base));
        }
        let of_room = |err| in_room(&row, err);
        let head = head_of(conn, &row.meta).map_err(of_room)?;
        let from = Seq(head.seq.0.saturating_sub(ROOM_TAIL).max(row.meta.base.seq.0));
        let after =
            Position { seq: from, hash: stored_form::hash_after(conn, &row.meta, from).map_err(of_room)? };
        check_from(conn, row.meta.number, after, head).map_err(of_room)?;
        Ok((row, head))
    };
    room_rows::rooms(conn)?.into_iter().map(with_head).collect()
}

/// Adds to an error in which room the damaged message is.
pub(crate) fn in_room(row: &RoomRow, err: LogError) -> LogError {
    match (err, &row.kept) {
        (LogError::Damaged { seq, reason }, Some(kept)) => {
            LogError::Damaged { seq, reason: format!("{reason}, in the room {}", kept.id.name) }
        }
        (err, _) => err,
    }
}

/// Checks every message between two positions and gives how many there are.
pub(crate) fn check_from(
    conn: &Connection,
    number: LogNumber,
    after: Position,
    head: Position,
) -> Result<u64, LogError> {
    let (mut messages, mut end) = (0, after);
    stored_form::walk(conn, number, after, usize::MAX, |message| {
        messages += 1;
        end = Position { seq: message.seq, hash: message.hash };
        true
    })?;
    if end == head { Ok(messages) } else { Err(stored_form::missing(end.seq.next())) }
}

/// Opens a file that is a log, and gives also its format.
fn connect(path: &Path, access: OpenFlags) -> Result<(Connection, i32), LogError> {
    // The file is opened without CREATE, because a file that has gone away meanwhile is an error and no new log is to
    // be made; and without URI, because the path is a plain path.
    let conn =
        Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(|err| {
            // SQLite's error text ends with the path as well.
            let (path, said) = (path.display().to_string(), err.to_string());
            let said = said.strip_suffix(&format!(": {path}")).unwrap_or(&said);
            LogError::Read(format!("{path}: {said}; see that it is there and this user may read it"))
        })?;
    conn.busy_timeout(BUSY_TIMEOUT).map_err(|err| unreadable(&conn, &err))?;
    let version = require_kind(&conn)?;
    configure(&conn).map_err(|err| unreadable(&conn, &err))?;
    Ok((conn, version))
}

fn require_kind(conn: &Connection) -> Result<i32, LogError> {
    let pragma = |name| {
        conn.pragma_query_value(None, name, |row| row.get::<_, i32>(0)).map_err(|err| unreadable(conn, &err))
    };
    let file = conn.path().unwrap_or(FILE);
    if pragma("application_id")? != APPLICATION_ID {
        return Err(LogError::Read(format!(
            "{file} is not a hobnob log, or is cut short; {}",
            super::RESTORE
        )));
    }
    match pragma("user_version")? {
        known @ upgrade::OLDEST..=SCHEMA_VERSION => Ok(known),
        newer if newer > SCHEMA_VERSION => Err(LogError::Read(format!(
            "{file} was written by a newer hobnob (its format is {newer}, this build knows {SCHEMA_VERSION}); \
             run that build, or another --data-dir"
        ))),
        older => Err(LogError::Read(format!("{file} has the unknown format {older}; {}", super::RESTORE))),
    }
}

/// SQLite opens a file that it may not write for reading only. A lobby that can store nothing had better not be opened.
pub(super) fn require_writable(conn: &Connection) -> Result<(), LogError> {
    match conn.is_readonly("main").map_err(|err| unreadable(conn, &err))? {
        false => Ok(()),
        true => Err(LogError::Write(format!(
            "{} is read-only for this user; make it writable, or run as the user it belongs to",
            conn.path().unwrap_or(FILE)
        ))),
    }
}

fn configure(conn: &Connection) -> rusqlite::Result<()> {
    // Damage is to be noticed when it is read, and nothing that is stored in the file is to be executed.
    conn.pragma_update(None, "cell_size_check", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "temp_store", "MEMORY")
}

fn configure_writer(conn: &Connection) -> rusqlite::Result<()> {
    let mode: String = conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    tracing::debug!(mode, "opened the log");
    // FULL: the WAL is synced at each COMMIT, before the COMMIT is answered. NORMAL would sync only at checkpoints.
    // Then a power cut would take back messages whose authors were told that they are stored, and clients would hold a
    // cursor into a log that does not exist. One sync serves everything that is queued.
    conn.pragma_update(None, "synchronous", "FULL")?;
    // A checkpoint copies the contents of the WAL into the file and syncs the file too, and meanwhile nobody is
    // answered. A busy lobby fills 1,000 pages, the usual limit, in a tenth of a second.
    conn.pragma_update(None, "wal_autocheckpoint", 4000)?;
    conn.pragma_update(None, "journal_size_limit", stored(WAL_LIMIT))
}

/// Sets whether closing the last connection copies the WAL into the file and removes it by its name.
pub(super) fn tidy_at_end(conn: &Connection, tidy: bool) -> Result<(), LogError> {
    let set = conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !tidy);
    set.map(drop).map_err(|err| unreadable(conn, &err))
}

/// Returns the files of the open log in `dir`, which must stay where they are.
pub(super) fn in_place(dir: &Path) -> Result<InPlace, LogError> {
    // The WAL exists from the first read on.
    InPlace::of(["", "-wal"].map(|suffix| dir.join(format!("{FILE}{suffix}"))))
        .map_err(|err| LogError::Read(format!("the files in {}: {err}", dir.display())))
}

/// Makes a new log under another name and then renames it. So a file with the log's name is always a whole log, and an
/// empty file of that name is known to be damaged.
fn make(dir: &Path, log: LogId, start: Position) -> Result<(), LogError> {
    let path = dir.join(FILE);
    refuse_orphan(&dir.join(format!("{FILE}-wal")), &path)?;
    Noted::require_none(dir, &path)?;
    let making = dir.join(format!("{FILE}.new"));
    let failed = |err: &dyn std::fmt::Display| LogError::Write(format!("{}: {err}", making.display()));
    for left in [making.clone(), dir.join(format!("{FILE}.new-journal"))] {
        match std::fs::remove_file(left) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(failed(&err)),
            _ => {}
        }
    }
    create_private(&making).map_err(|err| failed(&err))?;
    fill(&making, log, start).map_err(|err| failed(&err))?;
    std::fs::rename(&making, &path).and_then(|()| sync_dir(dir)).map_err(|err| failed(&err))
}

/// Refuses a WAL that was left without its log, because it may hold the newest messages. An empty WAL holds nothing.
fn refuse_orphan(wal: &Path, path: &Path) -> Result<(), LogError> {
    match std::fs::metadata(wal) {
        Ok(left) if left.len() > 0 => Err(LogError::Read(format!(
            "{} is gone but {} is not; bring it back from a backup, or move that away too to start a new, empty log",
            path.display(),
            wal.display()
        ))),
        _ => Ok(()),
    }
}

pub(super) fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    make_private(&options.open(path)?)
}

fn fill(path: &Path, log: LogId, start: Position) -> rusqlite::Result<()> {
    let mut conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let tx = conn.transaction()?;
    tx.execute_batch(SCHEMA)?;
    tx.execute_batch(message_rows::TABLES)?;
    tx.execute_batch(room_rows::TABLE)?;
    tx.execute_batch(rules_row::TABLE)?;
    tx.execute_batch(standing_rows::TABLE)?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    tx.execute(
        "INSERT INTO meta (one, log, base_seq, base_hash, head_seq) VALUES (1, ?1, ?2, ?3, ?2)",
        (log.as_bytes(), stored(start.seq.0), start.hash.as_bytes()),
    )?;
    tx.commit()?;
    conn.close().map_err(|(_, err)| err)
}
