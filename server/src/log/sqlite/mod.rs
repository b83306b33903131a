//! The durable log: one SQLite file in the store's folder. Owns the threads that write and read it;
//! knows nothing of clients or connections.
//!
//! 1. [`mod@file`] makes and opens `lobby.sqlite`, and refuses what is not a whole log.
//! 2. [`writer`] stores, in one thread: what is queued goes into one transaction and is answered
//!    after COMMIT.
//! 3. [`reader`] reads stretches over a second connection in a second thread, so that nobody who
//!    catches up holds up who writes.
//! 4. [`rows`] turns rows into messages and [`record`] messages into bytes: a row holds what one
//!    transaction stored, up to a bound. The rooms' logs stand beside the lobby's in the same tables: [`log_number`]
//!    tells them apart, [`room_rows`] has what is kept of a room besides its messages, and [`sizes`] says which log gives way.
//! 5. [`head_record`] notes beside the file how far messages were acknowledged, so that an end that is lost
//!    with the WAL is noticed.
//! 6. [`mod@prune`] drops what is no longer shown; [`gone`] keeps whose posts that were; [`upgrade`] brings
//!    the file of an older build up to date; [`mod@copy`] makes a backup of it beside the writer; [`worker`] is a
//!    thread and its queue.

pub(crate) mod copy;
pub(crate) mod file;
pub(crate) mod gone;
pub(crate) mod head_record;
pub(crate) mod log_number;
#[cfg(test)]
mod lost_tests;
mod message_rows;
#[cfg(test)]
mod model;
mod prune;
mod reader;
mod record;
pub(crate) mod room_rows;
pub(crate) mod rows;
mod rules_row;
pub(crate) mod sizes;
pub(crate) mod sync;
#[cfg(test)]
mod tests;
mod upgrade;
mod worker;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hobnob_protocol::chain::Position;
use hobnob_protocol::name::{LogId, Seq};
use rusqlite::Connection;
use tokio::sync::watch;

use super::in_place::InPlace;
use super::posts::Posts;
use super::{Batch, Contents, Later, LobbyLog, LogError, OpenedRoom, Stretch};
use head_record::{HeadRecord, Noted};
use log_number::LogNumber;
use reader::Question;
use room_rows::RoomRow;
use sizes::Kept;
use worker::Worker;
use writer::{Append, GROUP, Writer};

/// What can be done about a file that is damaged.
pub(super) const RESTORE: &str = "restore it from a backup, or move it, its -wal file and lobby.head away to \
                                  start a new, empty log";

/// Questions that wait for the reader before those who ask have to.
const QUESTIONS: usize = 256;

/// How a log is kept.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// How many of the newest messages of each log are kept; at least one is.
    pub history: u64,
    /// How many bytes of messages all logs may take together; at least the newest message of each is kept.
    pub max_bytes: u64,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { history: 100_000, max_bytes: 2 << 30 }
    }
}

/// A log in a file.
///
/// Dropping it waits for what is queued to be stored and the file to be closed: milliseconds.
#[derive(Debug)]
pub struct SqliteLog {
    contents: Contents,
    /// Taken out by whoever asks first: they are as large as what is remembered of them.
    rooms: Mutex<Vec<OpenedRoom>>,
    head: watch::Receiver<Position>,
    first: Arc<AtomicU64>,
    posts: Arc<Mutex<Posts>>,
    in_place: InPlace,
    // Before the writer: the last connection to be closed tidies the WAL away, and must be able to.
    reader: Worker<Question>,
    writer: Worker<Append>,
}

impl SqliteLog {
    /// Opens the log in `dir`, the data directory's `server/` folder; a folder without one gets a
    /// new, empty log. Blocks while the newest 100,000 messages are read, or all where the file is of an
    /// older build: milliseconds to seconds, as long as their texts are. Whoever calls holds the folder's
    /// [`StoreLock`](super::StoreLock): this does not look for a second writer.
    ///
    /// # Errors
    /// [`LogError::Write`] when folder or file cannot be made; [`LogError::Read`] with what to do when
    /// the file cannot be read, is no log or was written by a newer build; [`LogError::Damaged`] when
    /// its newest messages do not add up, whose posts they are cannot be told, or messages that were
    /// acknowledged are missing. A log that is refused is left as it is.
    pub fn open(dir: &Path, options: SqliteOptions) -> Result<Self, LogError> {
        let options = SqliteOptions { history: options.history.max(1), ..options };
        let history = options.history;
        let mut opened = Opened::open(dir)?;
        let rooms = Mutex::new(std::mem::take(&mut opened.rooms));
        let reading = file::open_for_reading(dir)?;
        let (contents, in_place) = (opened.contents.clone(), opened.in_place.clone());

        let writer = Writer::new(opened, options);
        let told = writer.told();
        Ok(Self {
            contents,
            rooms,
            head: told.head.subscribe(),
            first: told.first,
            posts: told.posts,
            in_place,
            reader: Worker::spawn("log-reader", QUESTIONS, move |rx| reader::run(reading, history, rx))?,
            writer: Worker::spawn("log-writer", GROUP, move |rx| writer.run(rx))?,
        })
    }

    /// Whether there is a log in `dir`.
    ///
    /// # Errors
    /// When that cannot be seen.
    pub(crate) fn is_there(dir: &Path) -> Result<bool, LogError> {
        file::is_there(dir)
    }

    /// Makes an empty log in `dir` that goes on after `start` of a log that others have, too. Messages up to there are
    /// not in it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn make_after(dir: &Path, log: LogId, start: Position) -> Result<(), LogError> {
        file::make_after(dir, log, start)
    }

    /// The files that must stay where they are while the log is open.
    #[must_use]
    pub(crate) fn in_place(&self) -> InPlace {
        self.in_place.clone()
    }
}

/// A log that was found whole, for its one writer.
struct Opened {
    conn: Connection,
    contents: Contents,
    /// The lobby's log, and those of the rooms.
    lobby: Kept,
    logs_of_rooms: Vec<Kept>,
    /// How many messages were ever stored in rooms.
    in_rooms: u64,
    /// The logs of rooms that are gone, whose messages are still to be removed.
    gone: Vec<LogNumber>,
    rooms: Vec<OpenedRoom>,
    posts: Posts,
    record: HeadRecord,
    in_place: InPlace,
}

impl Opened {
    fn open(dir: &Path) -> Result<Self, LogError> {
        let noted = Noted::read(dir)?;
        let conn = file::open_or_make(dir)?;
        // Until it is known to be whole, the file and its WAL are left as they are.
        file::tidy_at_end(&conn, false)?;
        let contents = file::contents(&conn).map_err(|err| name_file(&conn, err))?;
        let meta = rows::meta(&conn)?;
        noted.map_or(Ok(()), |noted| noted.require(dir, &conn, &meta, contents.head))?;
        let named = |err| name_file(&conn, err);
        let posts = gone::remembered(&conn, meta.number, contents.head.seq).map_err(named)?;
        let bytes = sizes::bytes_of_logs(&conn).map_err(named)?;
        let kept = |meta: &rows::Meta, head| {
            let bytes = bytes.get(&meta.number).copied().unwrap_or_default();
            Kept { number: meta.number, log: meta.log, base: meta.base, head, bytes }
        };
        let (mut rooms, mut logs_of_rooms, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for (RoomRow { meta, kept: room }, head) in file::rooms(&conn).map_err(named)? {
            let Some(room) = room else {
                gone.push(meta.number);
                continue;
            };
            let posts = gone::remembered(&conn, meta.number, head.seq).map_err(named)?;
            logs_of_rooms.push(kept(&meta, head));
            rooms.push(OpenedRoom { kept: room, head, posts });
        }
        let rows_of = |number: &LogNumber| {
            *number == LogNumber::LOBBY
                || gone.contains(number)
                || logs_of_rooms.iter().any(|log: &Kept| log.number == *number)
        };
        if !bytes.keys().all(rows_of) {
            return Err(named(sizes::belongs_to_no_log()));
        }
        let lobby = kept(&meta, contents.head);
        let in_rooms = rows::in_rooms(&conn)?;
        let record = HeadRecord::begin(dir, contents.log, contents.head, in_rooms)?;
        let in_place = file::in_place(dir)?;
        file::tidy_at_end(&conn, true)?;
        Ok(Self { conn, contents, lobby, logs_of_rooms, in_rooms, gone, rooms, posts, record, in_place })
    }
}

impl LobbyLog for SqliteLog {
    fn contents(&self) -> &Contents {
        &self.contents
    }

    fn append(&self, batch: Batch) -> Later<'static, ()> {
        self.writer.ask(move |answer| Append { batch, answer })
    }

    fn rooms(&self) -> Vec<OpenedRoom> {
        std::mem::take(&mut *self.rooms.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn read(&self, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch> {
        self.reader.ask(move |answer| Question { room: None, after, limit, max_bytes, answer })
    }

    fn read_room(&self, room: LogId, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch> {
        self.reader.ask(move |answer| Question { room: Some(room), after, limit, max_bytes, answer })
    }

    fn posts(&self) -> Posts {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn subscribe(&self) -> watch::Receiver<Position> {
        self.head.clone()
    }

    fn first(&self) -> Seq {
        Seq(self.first.load(Ordering::Acquire))
    }
}

/// Adds the file and what to do about it to what is wrong with a message.
pub(crate) fn name_file(conn: &Connection, err: LogError) -> LogError {
    let file = conn.path().unwrap_or("the log's file");
    match err {
        LogError::Damaged { seq, reason } => {
            LogError::Damaged { seq, reason: format!("{reason} (in {file}; {RESTORE})") }
        }
        other => other,
    }
}
