//! The file `history.sqlite`: how it is made and opened, and how other files are refused. This file owns the tables,
//! their version and every PRAGMA. `mod` says how large the file may become, and `removal` which messages are
//! removed first when it is full.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hobnob_protocol::identity::create_private_dir;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use thiserror::Error;

use super::{private_marks, room_marks, sizes};
use crate::data::private_file;

/// The name of the file in the data directory.
const FILE: &str = "history.sqlite";

/// The bytes "hobh", which tell a history of hobnob from other SQLite files.
const APPLICATION_ID: i32 = 0x686f_6268;

/// The version of the tables, which grows when the tables change.
const VERSION: i32 = 1;

/// How long a statement waits for another client that uses the file. A transaction takes only milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many KiB of pages a connection keeps in memory: about as many as a transaction of the writer changes.
const CACHE_KIB: i32 = 256;

/// How many pages are given back to the system in one transaction. Each of them may have to be written elsewhere.
const MOST_CUT: i64 = 1024;

/// How many pages of the index of words are written anew at once to free space.
const MERGED: i64 = 256;

/// The SQLite tokenizer that cuts texts into words.
pub(super) const TOKENIZER: &str = "tokenize='unicode61 remove_diacritics 2'";

/// The ids of private messages begin here, and those of messages in lobbies and rooms begin at 1. The oldest messages
/// of a class are therefore a range of ids, and so are the messages of one class that contain a word.
pub(super) const PRIVATE_IDS: i64 = 1 << 40;

/// The tables. A row of `talks` is a log (`own` is the key of its server and `other` its id) or a private session
/// (`own` and `other` are both users' keys). `sizes` counts how many bytes each class takes. In addition there is the
/// table `words`, the index of the texts, which holds no copy of them.
const TABLES: &str = "
CREATE TABLE talks (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL, own BLOB NOT NULL, other BLOB NOT NULL, token BLOB NOT NULL,
    own_name TEXT NOT NULL, name TEXT NOT NULL, folded TEXT NOT NULL,
    UNIQUE (kind, own, other, token)
) STRICT;
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    talk INTEGER NOT NULL, side INTEGER NOT NULL, number INTEGER NOT NULL,
    at INTEGER NOT NULL, author TEXT NOT NULL, key BLOB, text TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX messages_once ON messages (talk, side, number);
CREATE INDEX messages_by_time ON messages (at);
CREATE TABLE marks (
    server BLOB NOT NULL, log BLOB NOT NULL, name TEXT NOT NULL, reader INTEGER NOT NULL,
    read INTEGER NOT NULL, fetched INTEGER NOT NULL, hash BLOB NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (server, log, name, reader)
) STRICT;
CREATE TABLE sizes (private INTEGER PRIMARY KEY, bytes INTEGER NOT NULL) STRICT;
INSERT INTO sizes VALUES (0, 0), (1, 0);
";

/// Why the history is not usable.
#[derive(Debug, Error)]
#[error("{}: {reason}", path.display())]
pub(crate) struct HistoryError {
    /// The path of the file.
    pub path: PathBuf,
    /// What is wrong with the file, and what can be done about it.
    pub reason: String,
}

impl HistoryError {
    fn new(path: &Path, reason: impl ToString) -> Self {
        Self { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(super) fn sqlite(conn: &Connection, err: &rusqlite::Error) -> Self {
        let path = conn.path().map_or_else(|| PathBuf::from(FILE), PathBuf::from);
        Self { reason: told(err), path }
    }
}

/// Returns SQLite's message for an error, with advice if the user can do something about it.
pub(super) fn told(err: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull, NotADatabase};
    match err.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => {
            format!("{err}; move it and its -wal file away to begin a new one")
        }
        Some(DiskFull) => "the disk is full".to_owned(),
        Some(DatabaseBusy | DatabaseLocked) => "another program holds it for too long".to_owned(),
        _ => err.to_string(),
    }
}

/// Returns the path of the history in this data directory.
pub(super) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// Opens the history in `data_dir` for writing. If there is none, a new one is made.
///
/// # Errors
/// Fails if the file cannot be made or read, or is something else. An existing file is never overwritten.
pub(super) fn open(data_dir: &Path) -> Result<Connection, HistoryError> {
    let path = path(data_dir);
    create_private_dir(data_dir).map_err(|err| HistoryError::new(&path, err))?;
    make_private(&path).map_err(|err| HistoryError::new(&path, err))?;
    let mut conn = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    prepare(&mut conn).map_err(|err| HistoryError::sqlite(&conn, &err))?;
    require_ours(&conn)?;
    configure(&conn).map_err(|err| HistoryError::sqlite(&conn, &err))?;
    Ok(conn)
}

/// Opens the history in `data_dir` for reading only. Returns `None` if there is no history.
///
/// # Errors
/// Fails as [`open`] does.
pub(super) fn open_for_reading(data_dir: &Path) -> Result<Option<Connection>, HistoryError> {
    let path = path(data_dir);
    if !path.try_exists().map_err(|err| HistoryError::new(&path, err))? {
        return Ok(None);
    }
    let conn = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    require_ours(&conn)?;
    Ok(Some(conn))
}

/// Makes the file accessible to its owner only, before SQLite opens it. SQLite gives the files beside it the same mode.
fn make_private(path: &Path) -> io::Result<()> {
    private_file::open(OpenOptions::new().write(true).create(true).truncate(false), path).map(drop)
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, HistoryError> {
    // The path is not interpreted as a URI.
    let conn = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|err| HistoryError::new(path, err))?;
    conn.busy_timeout(BUSY_TIMEOUT).map_err(|err| HistoryError::sqlite(&conn, &err))?;
    Ok(conn)
}

/// Makes the tables if the file has none. If several clients start at the same time, all of them try and only one does
/// it.
fn prepare(conn: &mut Connection) -> rusqlite::Result<()> {
    if version(conn)? != 0 || is_anything_there(conn)? {
        return add_later_tables(conn);
    }
    // Both must be set before the first table is made, and outside a transaction.
    conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if version(&transaction)? == 0 {
        transaction.execute_batch(TABLES)?;
        transaction.execute_batch(&format!(
            "CREATE VIRTUAL TABLE words USING fts5 (text, content='', contentless_delete=1, {TOKENIZER})"
        ))?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    add_later_tables(conn)
}

/// Makes the tables that builds of this version did not have at first, if the file is a history of this version.
fn add_later_tables(conn: &Connection) -> rusqlite::Result<()> {
    let id: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if id == APPLICATION_ID && version(conn)? == VERSION {
        conn.execute_batch(room_marks::TABLE)?;
        conn.execute_batch(sizes::TABLE)?;
        conn.execute_batch(private_marks::TABLE)?;
    }
    Ok(())
}

fn is_anything_there(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_master)", [], |row| row.get(0))
}

fn version(conn: &Connection) -> rusqlite::Result<i32> {
    conn.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn require_ours(conn: &Connection) -> Result<(), HistoryError> {
    let failed = |err| HistoryError::sqlite(conn, &err);
    let id: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    let path = conn.path().map_or_else(PathBuf::new, PathBuf::from);
    if id != APPLICATION_ID {
        return Err(HistoryError::new(&path, "it is no history of hobnob's; move it away to begin one"));
    }
    match version(conn).map_err(failed)? {
        VERSION => Ok(()),
        newer => Err(HistoryError::new(
            &path,
            format!(
                "it was written by another version of hobnob (its format is {newer}, this one knows {VERSION})"
            ),
        )),
    }
}

/// How much space the file takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    /// How many bytes the file has, after all that was written is in it.
    pub bytes: i64,
    /// How many of these bytes hold nothing.
    pub unused: i64,
}

/// Returns how much space the file takes, with what the open transaction has written.
pub(super) fn space(conn: &Connection) -> rusqlite::Result<Space> {
    let of = |pragma: &str| -> rusqlite::Result<i64> {
        conn.prepare_cached(pragma)?.query_row([], |row| row.get(0))
    };
    let page = of("PRAGMA page_size")?;
    Ok(Space { bytes: of("PRAGMA page_count")? * page, unused: of("PRAGMA freelist_count")? * page })
}

/// Gives unused space at the end of the file back to the system: as many bytes as are asked for, but at most
/// [`MOST_CUT`] pages at once.
pub(super) fn cut(conn: &Connection, bytes: i64) -> rusqlite::Result<()> {
    let page: i64 = conn.prepare_cached("PRAGMA page_size")?.query_row([], |row| row.get(0))?;
    let pages = (bytes / page + 1).clamp(1, MOST_CUT);
    // Each step gives back one page.
    let mut statement = conn.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// Writes the index of what the open transaction has added, which SQLite else does when the transaction ends. SQLite
/// also writes it when a savepoint begins.
pub(super) fn write_index(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch("SAVEPOINT index_is_written; RELEASE index_is_written")
}

/// Frees a part of the space that removed messages still take in the index of words.
pub(super) fn merge_index(conn: &Connection) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT INTO words (words, rank) VALUES ('merge', ?)")?.execute([MERGED]).map(drop)
}

fn configure(conn: &Connection) -> rusqlite::Result<()> {
    // If the process is killed, nothing that was committed is lost. A power cut may lose the last second; the lobby's
    // server still has the messages of that second.
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    conn.pragma_update(None, "journal_size_limit", 4 * 1024 * 1024)?;
    // Reading a page again from the system's memory costs little, compared with keeping the page in every client as
    // well. Without this setting, each of the two connections would keep 2 MiB.
    conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
    conn.set_prepared_statement_cache_capacity(32);
    Ok(())
}
