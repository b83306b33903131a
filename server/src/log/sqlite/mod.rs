//! The durable log: one SQLite file in the folder of the store. This module owns the threads that write and read it; it
//! knows nothing of clients or connections.
//!
//! 1. [`mod@file`] makes and opens `lobby.sqlite`, and refuses a file that is not a whole log.
//! 2. [`writer`] stores: what is queued goes into one transaction and is answered after COMMIT. It works in a thread of
//!    the log's own, or in the thread of the asker when nothing is queued ([`mod@shared_writer`]).
//! 3. [`reader`] reads stretches over a second connection in a second thread, so that clients that catch up do not hold
//!    up those who write.
//! 4. [`stored_form`] turns rows into messages, and [`record`] turns messages into bytes: a row holds what one
//!    transaction stored, up to a limit. The logs of rooms are in the same tables as the lobby's: [`log_number`] tells
//!    them apart, [`room_rows`] has what is kept of a room besides its messages, [`standing_rows`] how much it is used,
//!    and [`sizes`] says from which log messages are removed.
//! 5. [`head_record`] notes beside the file how far messages were acknowledged, so that an end that is lost with the
//!    WAL is noticed.
//! 6. [`mod@prune`] removes messages that are no longer shown; [`gone`] keeps their posts; [`upgrade`] brings the file
//!    of an older build up to date; [`mod@copy`] makes a backup of the file beside the writer; [`worker`] is a thread
//!    with a queue; [`wal_room`] lengthens the WAL before that is needed; [`wal_tail`] takes back what a failed COMMIT has
//!    left there, and [`full_disk`] begins it anew when it fills the disk; [`mod@transaction`] begins and ends what the writer stores.

pub(crate) mod file;
mod full_disk;
pub(crate) mod gone;
pub(crate) mod head_record;
mod insert;
pub(crate) mod log_copy;
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
mod rules_row;
mod shared_writer;
pub(crate) mod sizes;
pub(crate) mod standing_rows;
pub(crate) mod stored_form;
pub(crate) mod sync;
#[cfg(test)]
mod tests;
mod transaction;
mod upgrade;
mod wal_room;
mod wal_tail;
mod worker;
mod writer;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hobnob_protocol::chain::{LogId, Position, Seq};
use rusqlite::Connection;
use tokio::sync::watch;

use super::in_place::InPlace;
use super::posts::Posts;
use super::{AppendedHere, Batch, Contents, Later, LobbyLog, LogError, OpenedRoom, Standing, Stretch};
use head_record::{HeadRecord, Noted};
use log_number::LogNumber;
use reader::Question;
use room_rows::RoomRow;
use shared_writer::{SharedWriter, Waiting};
use sizes::Kept;
use standing_rows::NotedStanding;
use worker::Worker;
use writer::{Append, GROUP, Writer};

/// What can be done about a damaged file.
pub(super) const RESTORE: &str = "restore it from a backup, or move it, its -wal file and lobby.head away to \
                                  start a new, empty log";

/// How many questions may wait for the reader. When the limit is reached, those who ask have to wait.
const QUESTIONS: usize = 256;

/// How much of a log is kept.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// How many of the newest messages of each log are kept; at least one.
    pub history: u64,
    /// How many bytes of messages all logs may take together. At least the newest message of each log is kept.
    pub max_bytes: u64,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { history: 100_000, max_bytes: 2 << 30 }
    }
}

/// A log in a file.
///
/// Dropping it waits until everything that is queued is stored and the file is closed: milliseconds.
#[derive(Debug)]
pub struct SqliteLog {
    contents: Contents,
    /// The rooms that were found; the first call of [`rooms`](LobbyLog::rooms) takes them out, because their posts take
    /// much memory.
    rooms: Mutex<Vec<OpenedRoom>>,
    head: watch::Receiver<Position>,
    first: Arc<AtomicU64>,
    posts: Arc<Mutex<Posts>>,
    in_place: InPlace,
    // The reader stands before the writer, because fields are dropped in this order. The connection that is closed last
    // removes the WAL, and has to be able to write.
    reader: Worker<Question>,
    writer: Worker<Waiting>,
    /// The same writer, for a caller that stores in its own thread.
    here: SharedWriter,
}

impl SqliteLog {
    /// Opens the log in `dir`, the folder `server/` of the data directory; in a folder without a log, a new, empty log
    /// is made. Blocks while the newest 100,000 messages are read, or all messages of a file of an older build:
    /// milliseconds to seconds, depending on their length. The caller holds the [`StoreLock`](super::StoreLock) of the
    /// folder: this function does not check for a second writer.
    ///
    /// # Errors
    /// Fails with [`LogError::Write`] when the folder or the file cannot be made; with [`LogError::Read`], which says
    /// what to do, when the file cannot be read, is no log or was written by a newer build; and with
    /// [`LogError::Damaged`] when the newest messages are not sound, when their posts cannot be read, or when
    /// acknowledged messages are missing. A log that is refused is left as it is.
    pub fn open(dir: &Path, options: SqliteOptions) -> Result<Self, LogError> {
        let options = SqliteOptions { history: options.history.max(1), ..options };
        let history = options.history;
        let mut opened = Opened::open(dir)?;
        let rooms = Mutex::new(std::mem::take(&mut opened.rooms));
        let reading = file::open_for_reading(dir)?;
        let (contents, in_place) = (opened.contents.clone(), opened.in_place.clone());

        let writer = Writer::new(opened, options);
        let told = writer.told();
        let here = SharedWriter::new(writer);
        let there = here.clone();
        Ok(Self {
            contents,
            rooms,
            head: told.head.subscribe(),
            first: told.first,
            posts: told.posts,
            in_place,
            reader: Worker::spawn("log-reader", QUESTIONS, move |rx| reader::run(reading, history, rx))?,
            writer: Worker::spawn("log-writer", GROUP, move |rx| there.run(rx))?,
            here,
        })
    }

    /// Whether there is a log in `dir`.
    ///
    /// # Errors
    /// Fails when the folder cannot be examined.
    pub(crate) fn is_there(dir: &Path) -> Result<bool, LogError> {
        file::is_there(dir)
    }

    /// Makes an empty log in `dir` that goes on after `start` of a log that other servers have, too. Messages up to
    /// `start` are not in it.
    ///
    /// # Errors
    /// Fails when the log cannot be made.
    pub(crate) fn make_after(dir: &Path, log: LogId, start: Position) -> Result<(), LogError> {
        file::make_after(dir, log, start)
    }

    /// Returns the files that must stay where they are while the log is open.
    #[must_use]
    pub(crate) fn in_place(&self) -> InPlace {
        self.in_place.clone()
    }
}

/// A log that was opened and found whole, for its only writer.
struct Opened {
    conn: Connection,
    contents: Contents,
    /// The lobby's log, and those of the rooms.
    lobby: Kept,
    logs_of_rooms: Vec<Kept>,
    /// How much each room is used, by its log.
    standings: HashMap<LogId, Standing>,
    /// How many messages were ever stored in rooms.
    in_rooms: u64,
    /// The logs of removed rooms whose messages still have to be deleted.
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
        // Until the log is known to be whole, the file and its WAL are left as they are.
        file::tidy_at_end(&conn, false)?;
        let contents = file::contents(&conn).map_err(|err| name_file(&conn, err))?;
        let meta = stored_form::meta(&conn)?;
        noted.map_or(Ok(()), |noted| noted.require(dir, &conn, &meta, contents.head))?;
        let named = |err| name_file(&conn, err);
        let of_lobby = NotedStanding { up_to: contents.head.seq, ..NotedStanding::default() };
        let (posts, _) = gone::remembered(&conn, meta.number, contents.head.seq, of_lobby).map_err(named)?;
        let bytes = sizes::bytes_of_logs(&conn).map_err(named)?;
        let kept = |meta: &stored_form::Meta, head| {
            let bytes = bytes.get(&meta.number).copied().unwrap_or_default();
            Kept { number: meta.number, log: meta.log, base: meta.base, head, bytes }
        };
        let (mut rooms, mut logs_of_rooms, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        let (mut noted, mut standings) = (standing_rows::read(&conn)?, HashMap::new());
        let mut unnoted = Vec::new();
        for (RoomRow { meta, kept: room }, head) in file::rooms(&conn).map_err(named)? {
            let Some(room) = room else {
                gone.push(meta.number);
                continue;
            };
            let noted = noted.remove(&meta.log).unwrap_or_default();
            if standing_rows::is_due(noted.up_to, head.seq) {
                unnoted.push((meta.log, head.seq));
            }
            let (posts, standing) = gone::remembered(&conn, meta.number, head.seq, noted).map_err(named)?;
            standings.insert(meta.log, standing.clone());
            logs_of_rooms.push(kept(&meta, head));
            rooms.push(OpenedRoom { kept: room, head, posts, standing });
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
        let in_rooms = stored_form::in_rooms(&conn)?;
        let note = || HeadRecord::begin(dir, contents.log, contents.head, in_rooms);
        // The log is whole, so its WAL may be copied into the file. A killed server may have filled the disk with it.
        let record = full_disk::with_room_of_wal(&conn, note)?;
        full_disk::with_room_of_wal(&conn, || standing_rows::add_table(&conn))?;
        let in_place = file::in_place(dir)?;
        for (log, head) in unnoted {
            // Without this note the next start reads the room's messages again, which only takes longer.
            if let Err(err) = standing_rows::write(&conn, log, head, &standings[&log]) {
                tracing::warn!(%err, "which keys spoke in a room could not be noted");
            }
        }
        file::tidy_at_end(&conn, true)?;
        let opened = Self {
            conn,
            contents,
            lobby,
            logs_of_rooms,
            standings,
            in_rooms,
            gone,
            rooms,
            posts,
            record,
            in_place,
        };
        Ok(opened)
    }
}

impl LobbyLog for SqliteLog {
    fn contents(&self) -> &Contents {
        &self.contents
    }

    fn append(&self, batch: Batch) -> Later<'static, ()> {
        let queued = self.here.queue();
        self.writer.ask(move |answer| (Append { batch, answer }, queued))
    }

    fn append_here(&self, batch: Batch) -> AppendedHere {
        self.here.append(batch)
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

/// Adds the name of the file, and what to do, to an error about a damaged message.
pub(crate) fn name_file(conn: &Connection, err: LogError) -> LogError {
    let file = conn.path().unwrap_or("the log's file");
    match err {
        LogError::Damaged { seq, reason } => {
            LogError::Damaged { seq, reason: format!("{reason} (in {file}; {RESTORE})") }
        }
        other => other,
    }
}
