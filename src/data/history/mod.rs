//! What was said where this user was, kept in one file, `history.sqlite` in the data directory: lobbies, rooms and
//! private talk of all runs, searchable and bounded. Several clients share it, and each message stands in it once.
//! Knows nothing of links, sessions or screens.
//!
//! 1. [`entry`] says what a kept message is, and what a mark is.
//! 2. [`file`](mod@file) makes and opens the file, and owns its tables.
//! 3. [`writer`] writes, in a thread of its own, what waits in its [`queue`], through [`rows`], [`marks`] and
//!    [`room_marks`].
//! 4. [`question`] reads, over a second connection; [`words`] is how words are looked for, [`beginnings`] how those are
//!    of which only the beginning is known.
//! 5. [`bring_over`] takes in what earlier builds kept.

mod beginnings;
mod bring_over;
pub(crate) mod entry;
mod file;
mod marks;
pub(crate) mod question;
mod queue;
mod room_marks;
mod rows;
#[cfg(test)]
mod tests;
mod words;
mod writer;

use std::collections::HashMap;
use std::path::Path;

use hobnob_protocol::name::{LogId, PublicKey, UserName};
use hobnob_protocol::room::RoomName;
use rusqlite::Connection;

use self::entry::{Entry, Kept, Mark, Reader};
pub(crate) use self::file::HistoryError;
use self::question::{Before, Question};
pub(crate) use self::room_marks::{RoomNote, RoomReader};
use self::writer::Writer;

/// Bytes the file may take where nobody says otherwise.
pub(crate) const DEFAULT_SIZE: u64 = 1024 * 1024 * 1024;

/// Bytes it may take at the least: some thousand messages.
pub(crate) const SMALLEST_SIZE: u64 = 4 * 1024 * 1024;

/// Messages that are looked at for those that name this user.
const MOST_LOOKED_AT: usize = 10_000;

/// The history of a data directory; or none, where nothing is to be kept or the file cannot be used.
#[derive(Debug, Default)]
pub(crate) struct History {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    own_name: UserName,
    // Before the writer, whose connection must be the last to be closed: it tidies up.
    reader: Connection,
    writer: Writer,
}

impl History {
    /// Opens the history in `data_dir` for the user of this name, and brings over what earlier builds kept. It may take
    /// `size` bytes, half of them for private talk alone.
    ///
    /// # Errors
    /// When it cannot be used. The second of the pair tells what was not brought over; the history is usable then.
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

    /// Keeps nothing, and finds nothing.
    #[must_use]
    pub(crate) fn off() -> Self {
        Self::default()
    }

    /// Whether anything is kept.
    #[must_use]
    pub(crate) fn is_on(&self) -> bool {
        self.open.is_some()
    }

    /// Keeps a message, unless it is kept already. Does not wait.
    pub(crate) fn keep(&self, entry: Entry) {
        if let Some(open) = &self.open {
            open.writer.keep(entry);
        }
    }

    /// Why something was not kept, once for each trouble.
    #[must_use]
    pub(crate) fn take_trouble(&self) -> Option<String> {
        self.open.as_ref()?.writer.take_trouble()
    }

    /// How far this user has come, by the key of the server whose log it is.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn marks(&self, reader: Reader) -> Result<HashMap<PublicKey, Mark>, HistoryError> {
        self.ask(HashMap::new(), |open| marks::by_server(&open.reader, open.own_name.folded(), reader))
    }

    /// Notes how far this user has come; a mark never moves back.
    pub(crate) fn set_mark(&self, server: PublicKey, reader: Reader, mark: Mark) {
        if let Some(open) = &self.open {
            open.writer.mark(server, &open.own_name, reader, mark, false);
        }
    }

    /// Notes that this user begins to read here, whatever mark there was.
    pub(crate) fn begin_mark(&self, server: PublicKey, reader: Reader, mark: Mark) {
        if let Some(open) = &self.open {
            open.writer.mark(server, &open.own_name, reader, mark, true);
        }
    }

    /// How far this user has come in a room.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn room_mark(&self, reader: &RoomReader) -> Result<Option<Mark>, HistoryError> {
        self.ask(None, |open| room_marks::of(&open.reader, open.own_name.folded(), reader))
    }

    /// The rooms that this user is in, with how far each was read, by the key of their server.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn rooms(
        &self,
        reader: Reader,
    ) -> Result<HashMap<PublicKey, Vec<(RoomName, Mark)>>, HistoryError> {
        self.ask(HashMap::new(), |open| room_marks::inside(&open.reader, open.own_name.folded(), reader))
    }

    /// Notes how far this user has come in a room, or that he has left it.
    pub(crate) fn note_room(&self, reader: RoomReader, note: RoomNote) {
        if let Some(open) = &self.open {
            open.writer.note_room(&open.own_name, reader, note);
        }
    }

    /// The newest messages that fit, at most `count`, the oldest first; where they begin, and whether there are more
    /// before them.
    ///
    /// # Errors
    /// When the file cannot be read.
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

    /// The newest messages before a place that have one of these names or words in them and that `is_wanted`, at most
    /// `count`, the oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
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

    /// The oldest messages of a log with numbers from `first` to `last`, at most `count`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn oldest_of_log(
        &self,
        server: &PublicKey,
        log: &LogId,
        numbers: (u64, u64),
        count: usize,
    ) -> Result<Vec<Kept>, HistoryError> {
        self.ask(Vec::new(), |open| question::of_log(&open.reader, server, log, numbers, count, false))
    }

    /// The newest messages of a log with numbers from `first` to `last`, at most `count`, the oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn newest_of_log(
        &self,
        server: &PublicKey,
        log: &LogId,
        numbers: (u64, u64),
        count: usize,
    ) -> Result<Vec<Kept>, HistoryError> {
        self.ask(Vec::new(), |open| question::of_log(&open.reader, server, log, numbers, count, true))
    }

    /// The key of the user of this name with whom this user talked in private last.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn key_of(&self, name: &UserName) -> Result<Option<PublicKey>, HistoryError> {
        self.ask(None, |open| question::key_of(&open.reader, &open.own_name, name))
    }

    /// Removes what was said in private with this key.
    pub(crate) fn forget(&self, other: PublicKey) {
        if let Some(open) = &self.open {
            open.writer.forget(&open.own_name, other);
        }
    }

    /// Reads when all that was kept so far is there.
    fn ask<T>(&self, nothing: T, read: impl FnOnce(&Open) -> rusqlite::Result<T>) -> Result<T, HistoryError> {
        let Some(open) = &self.open else { return Ok(nothing) };
        open.writer.flush();
        read(open).map_err(|err| HistoryError::sqlite(&open.reader, &err))
    }
}

/// Hands every kept message that fits to `take`, the oldest first, until it says that it has enough. Asks for no more
/// memory however many there are; needs no client that runs. False where nothing was ever kept.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn each(
    data_dir: &Path,
    question: &Question,
    take: impl FnMut(Kept) -> bool,
) -> Result<bool, HistoryError> {
    let Some(conn) = file::open_for_reading(data_dir)? else { return Ok(false) };
    question::all(&conn, question, take).map_err(|err| HistoryError::sqlite(&conn, &err))?;
    Ok(true)
}
