//! The history: everything that was said where this user was, kept in the file `history.sqlite` in the data directory.
//! It holds lobbies, rooms and private sessions of all runs, can be searched, and has a limited size. Several clients
//! share it, and each message is stored only once. It knows nothing of links, sessions or screens.
//!
//! 1. [`entry`] defines what a stored message is, and what a mark is.
//! 2. [`file`](mod@file) makes and opens the file, and owns its tables.
//! 3. [`writer`] runs a thread that writes what waits in its [`queue`]. It uses [`rows`], [`marks`], [`room_marks`] and
//!    [`private_marks`].
//!    [`sizes`] counts what is stored, and [`removal`] removes what gives way.
//! 4. [`question`] reads over a second connection, and [`numbers`] what a log has in a range of its numbers. [`words`]
//!    says how words are searched for, and [`beginnings`] how words are searched for if only their beginning is given.
//! 5. [`bring_over`] takes over what earlier builds have kept.

mod beginnings;
mod bring_over;
pub(crate) mod entry;
mod file;
mod marks;
mod numbers;
mod private_marks;
pub(crate) mod question;
mod queue;
mod removal;
mod room_marks;
mod rows;
mod sizes;
#[cfg(test)]
mod tests;
mod words;
mod writer;

use std::collections::HashMap;
use std::path::Path;

use hobnob_protocol::chain::LogId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use rusqlite::Connection;

use self::entry::{Entry, Kept, Mark, Reader};
pub(crate) use self::file::HistoryError;
pub(crate) use self::private_marks::{ReadUntil, UnreadTalk};
use self::question::{Before, Question};
pub(crate) use self::room_marks::{RoomNote, RoomReader};
use self::writer::Writer;

/// How many bytes the file may take if the settings do not say otherwise.
pub(crate) const DEFAULT_SIZE: u64 = 1024 * 1024 * 1024;

/// The smallest limit that may be set, in bytes. It is enough for some thousand messages.
pub(crate) const SMALLEST_SIZE: u64 = 4 * 1024 * 1024;

/// How many messages are searched for those that mention this user.
const MOST_LOOKED_AT: usize = 10_000;

/// The history of a data directory. It is off if nothing is to be kept or if the file cannot be used.
#[derive(Debug, Default)]
pub(crate) struct History {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    own_name: UserName,
    // The reader must be dropped before the writer, because the connection that closes last tidies up.
    reader: Connection,
    writer: Writer,
}

impl History {
    /// Opens the history in `data_dir` for the user with this name, and brings over what earlier builds have kept. The
    /// file may take `size` bytes; half of them are reserved for private messages.
    ///
    /// # Errors
    /// Fails if the history cannot be used. If the history is usable but something could not be brought over, the
    /// second value says why.
    pub(crate) fn open(
        data_dir: &Path,
        own_name: &UserName,
        size: u64,
    ) -> Result<(Self, Option<String>), HistoryError> {
        let share = i64::try_from(size.max(SMALLEST_SIZE) / 2).unwrap_or(i64::MAX);
        let mut reader = file::open(data_dir)?;
        let trouble = bring_over::bring_over(&mut reader, data_dir, share).err().map(|err| err.to_string());
        let writer = Writer::start(data_dir, share)?;
        let open = Open { own_name: own_name.clone(), reader, writer };
        Ok((Self { open: Some(open) }, trouble))
    }

    /// Returns a history that keeps nothing and finds nothing.
    #[must_use]
    pub(crate) fn off() -> Self {
        Self::default()
    }

    /// Whether messages are kept.
    #[must_use]
    pub(crate) fn is_on(&self) -> bool {
        self.open.is_some()
    }

    /// Stores a message, unless it is already stored. This does not wait for the disk.
    pub(crate) fn keep(&self, entry: Entry) {
        if let Some(open) = &self.open {
            open.writer.keep(entry);
        }
    }

    /// Returns why something was not stored. Each problem is returned only once.
    #[must_use]
    pub(crate) fn take_trouble(&self) -> Option<String> {
        self.open.as_ref()?.writer.take_trouble()
    }

    /// Returns how far this user has come in the logs of lobbies, by the key of the server that keeps the log.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub(crate) fn marks(&self, reader: Reader) -> Result<HashMap<PublicKey, Mark>, HistoryError> {
        self.ask(HashMap::new(), |open| marks::by_server(&open.reader, open.own_name.folded(), reader))
    }

    /// Notes how far this user has come in a log. A mark never moves back.
    pub(crate) fn set_mark(&self, server: PublicKey, reader: Reader, mark: Mark) {
        if let Some(open) = &self.open {
            open.writer.mark(server, &open.own_name, reader, mark, false);
        }
    }

    /// Sets the mark to where this user begins to read, even if the stored mark was further on.
    pub(crate) fn begin_mark(&self, server: PublicKey, reader: Reader, mark: Mark) {
        if let Some(open) = &self.open {
            open.writer.mark(server, &open.own_name, reader, mark, true);
        }
    }

    /// Returns how far this user has come in a room; `None` if there is no mark.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub(crate) fn room_mark(&self, reader: &RoomReader) -> Result<Option<Mark>, HistoryError> {
        self.ask(None, |open| room_marks::of(&open.reader, open.own_name.folded(), reader))
    }

    /// Returns the rooms that this user is in, with how far each was read, by the key of their server.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub(crate) fn rooms(
        &self,
        reader: Reader,
    ) -> Result<HashMap<PublicKey, Vec<(RoomName, Mark)>>, HistoryError> {
        self.ask(HashMap::new(), |open| room_marks::inside(&open.reader, open.own_name.folded(), reader))
    }

    /// Notes how far this user has come in a room, or that the user has left it.
    pub(crate) fn note_room(&self, reader: RoomReader, note: RoomNote) {
        if let Some(open) = &self.open {
            open.writer.note_room(&open.own_name, reader, note);
        }
    }

    /// Returns who said something in private that this person has not read, the one who spoke last first.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub(crate) fn unread_talks(&self) -> Result<Vec<UnreadTalk>, HistoryError> {
        self.ask(Vec::new(), |open| private_marks::unread(&open.reader, open.own_name.folded()))
    }

    /// Notes what this person has read of private talk with the user who has this key. A mark never moves back.
    pub(crate) fn read_talk(&self, other: PublicKey, until: ReadUntil) {
        if let Some(open) = &self.open {
            open.writer.read_talk(&open.own_name, other, until);
        }
    }

    /// Returns the newest messages that fit the question, at most `count` of them, with the oldest first. Also returns
    /// where they begin, and whether there are more messages before them.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub(crate) fn newest(
        &self,
        question: &Question,
        before: Before,
        count: usize,
        is_wanted: &dyn Fn(&Kept) -> bool,
    ) -> Result<(Vec<Kept>, Before, bool), HistoryError> {
        self.ask((Vec::new(), before, false), |open| {
            let question = Question { own_name: Some(open.own_name.clone()), ..question.clone() };
            question::newest(&open.reader, &question, before, count, is_wanted)
        })
    }

    /// Returns the newest messages before a place that contain one of these names or words and for which `is_wanted`
    /// returns true: at most `count`, the oldest first.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub(crate) fn newest_with_any<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
        before: Before,
        count: usize,
        is_wanted: &dyn Fn(&Kept) -> bool,
    ) -> Result<Vec<Kept>, HistoryError> {
        self.ask(Vec::new(), |open| {
            let bounds = (before, count, MOST_LOOKED_AT);
            question::newest_with_any(&open.reader, names, &open.own_name, bounds, is_wanted)
        })
    }

    /// Returns the oldest messages of a log among those with the given numbers (first and last), at most `count` of
    /// them.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub(crate) fn oldest_of_log(
        &self,
        server: &PublicKey,
        log: &LogId,
        numbers: (u64, u64),
        count: usize,
    ) -> Result<Vec<Kept>, HistoryError> {
        self.ask(Vec::new(), |open| numbers::of_log(&open.reader, server, log, numbers, count, false))
    }

    /// Returns the newest messages of a log among those with the given numbers (first and last), at most `count` of
    /// them, with the oldest first.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub(crate) fn newest_of_log(
        &self,
        server: &PublicKey,
        log: &LogId,
        numbers: (u64, u64),
        count: usize,
    ) -> Result<Vec<Kept>, HistoryError> {
        self.ask(Vec::new(), |open| numbers::of_log(&open.reader, server, log, numbers, count, true))
    }

    /// Returns who said how many of the messages of a log with the given numbers (first and last), and whether
    /// everything that was handed over so far is written. At most `most` messages are counted, the oldest ones.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub(crate) fn authors_of_log(
        &self,
        server: &PublicKey,
        log: &LogId,
        numbers: (u64, u64),
        most: u64,
    ) -> Result<(HashMap<PublicKey, u64>, bool), HistoryError> {
        let Some(open) = &self.open else { return Ok((HashMap::new(), true)) };
        let is_written = open.writer.flush();
        let authors = numbers::authors(&open.reader, server, log, numbers, most);
        authors.map(|it| (it, is_written)).map_err(|err| HistoryError::sqlite(&open.reader, &err))
    }

    /// Returns the key of the user with this name to whom this user talked last in private.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub(crate) fn key_of(&self, name: &UserName) -> Result<Option<PublicKey>, HistoryError> {
        self.ask(None, |open| question::key_of(&open.reader, &open.own_name, name))
    }

    /// Returns the key and the name of the user with whom this user talked in private and whose fingerprint begins so;
    /// of several, the one with the newest session.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub(crate) fn talk_with_key(
        &self,
        beginning: &str,
    ) -> Result<Option<(PublicKey, UserName)>, HistoryError> {
        self.ask(None, |open| question::talk_with_key(&open.reader, &open.own_name, beginning))
    }

    /// Removes all private messages that were exchanged with this key.
    pub(crate) fn forget(&self, other: PublicKey) {
        if let Some(open) = &self.open {
            open.writer.forget(&open.own_name, other);
        }
    }

    /// Waits until everything that was handed over so far is written, and then reads.
    fn ask<T>(&self, nothing: T, read: impl FnOnce(&Open) -> rusqlite::Result<T>) -> Result<T, HistoryError> {
        let Some(open) = &self.open else { return Ok(nothing) };
        // If the disk is slower than that, a search does not find the newest messages yet.
        let _written = open.writer.flush();
        read(open).map_err(|err| HistoryError::sqlite(&open.reader, &err))
    }
}

/// Hands every stored message that fits the question to `take`, the oldest first, until `take` returns false. The
/// messages are read one by one, so that many of them take no more memory than few. No running client is needed.
/// Returns false if there is no history.
///
/// # Errors
/// Fails if the file cannot be read.
pub(crate) fn each(
    data_dir: &Path,
    question: &Question,
    take: impl FnMut(Kept) -> bool,
) -> Result<bool, HistoryError> {
    let Some(conn) = file::open_for_reading(data_dir)? else { return Ok(false) };
    question::all(&conn, question, take).map_err(|err| HistoryError::sqlite(&conn, &err))?;
    Ok(true)
}

/// Returns the names of the rooms of which something is stored, in their order. No running client is needed.
///
/// # Errors
/// Fails if the file cannot be read.
pub(crate) fn rooms(data_dir: &Path) -> Result<Vec<RoomName>, HistoryError> {
    let Some(conn) = file::open_for_reading(data_dir)? else { return Ok(Vec::new()) };
    rows::rooms(&conn).map_err(|err| HistoryError::sqlite(&conn, &err))
}
