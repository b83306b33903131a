//! The log of the lobby, those of the rooms, and the bindings of names to keys, behind one trait.
//!
//! An implementation of [`LobbyLog`] owns durability: what `append` has confirmed is read back however the process
//! ends. It assigns no numbers and checks no names; the lobby does that. All implementations are held to one suite of
//! tests: [`MemoryLog`], which forgets, and [`SqliteLog`], which does not. [`StoreLock`] keeps two servers out of one
//! folder.

pub mod check;
pub(crate) mod in_place;
mod lock;
mod memory;
#[cfg(test)]
mod room_suite;
pub(crate) mod sqlite;
#[cfg(test)]
mod suite;

pub(crate) use crate::decide::posts;
pub use crate::decide::{KeptRoom, NameBinding, OpenedRoom, POSTS_REMEMBERED, RoomId, Rules, Standing};
pub use lock::{Holder, StoreLock, holder};
pub use memory::MemoryLog;
pub use sqlite::{SqliteLog, SqliteOptions};

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hobnob_protocol::chain::{LobbyMessage, LogId, Position, Seq};
#[cfg(test)]
use hobnob_protocol::ids::RunId;
#[cfg(test)]
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use thiserror::Error;
use tokio::sync::watch;

/// The answer of a log, which comes later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, LogError>> + Send + 'a>>;

/// What is stored together or not at all. It is applied in this sequence: first the freed names and the removed rooms,
/// then the bindings, the messages, and the rooms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// The new messages of the lobby. Each follows from the one before, and the first from the head. Shared with the
    /// code that sends them.
    pub messages: Arc<Vec<LobbyMessage>>,
    /// New bindings, and known bindings with a later date.
    pub names: Vec<NameBinding>,
    /// Names that belong to nobody any more.
    pub freed: Vec<UserName>,
    /// What is new in rooms; each room occurs once.
    pub rooms: Vec<RoomBatch>,
    /// The logs of rooms that no longer exist. A log that is not known is ignored.
    pub gone_rooms: Vec<LogId>,
    /// All that operators decided so far; `None` if that has not changed.
    pub rules: Option<Arc<Rules>>,
    /// The positions after which new logs of rooms begin, for logs that do not begin at their own start: a new server
    /// is given only the messages that other servers still have.
    pub begins: BTreeMap<LogId, Position>,
    /// How much rooms are used after their new messages. A log may also find that out from the messages themselves,
    /// as long as it keeps them.
    pub standings: BTreeMap<LogId, Standing>,
}

/// What is new in one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomBatch {
    /// What is stored of the room besides its messages. If its log is not known yet, the log begins with these
    /// messages, and takes the place of a log whose room had the same name.
    pub kept: KeptRoom,
    /// The new messages of the room. Each follows from the one before, and the first from the head of the room's log.
    /// Empty if only what is kept besides messages has changed.
    pub messages: Arc<Vec<LobbyMessage>>,
}

impl Batch {
    /// Returns the head of the log after this batch was stored after `head`.
    ///
    /// # Errors
    /// Fails when a message does not follow from the one before it.
    fn end_after(&self, head: Position) -> Result<Position, LogError> {
        end_after(head, &self.messages)
    }

    /// Returns the position after which the new log of a room begins.
    fn begin(&self, log: LogId) -> Position {
        self.begins.get(&log).copied().unwrap_or_else(|| Position::start(&log))
    }

    /// Whether nothing of the batch concerns rooms.
    fn is_of_lobby_alone(&self) -> bool {
        self.rooms.is_empty() && self.gone_rooms.is_empty()
    }
}

/// Returns the head of a log after these messages were stored after `head`.
fn end_after(head: Position, messages: &[LobbyMessage]) -> Result<Position, LogError> {
    messages.iter().try_fold(head, |mut position, message| {
        advance(&mut position, message)?;
        Ok(position)
    })
}

/// Moves `position` past `message`, or gives what is wrong with the message.
fn advance(position: &mut Position, message: &LobbyMessage) -> Result<(), LogError> {
    let expected = position.seq.next();
    position.advance(message).map_err(|broken| {
        let (seq, reason) = match message.seq == expected {
            true => {
                (broken.seq, "its hash does not follow from its content and the message before it".into())
            }
            false => (expected, format!("message {} stands where it should be", message.seq)),
        };
        LogError::Damaged { seq, reason }
    })
}

/// Returns the oldest message that is shown when the messages up to `base` are gone and `history` messages are to be
/// kept.
fn first_shown(base: Seq, head: Seq, history: u64) -> Seq {
    Seq(head.0.saturating_sub(history).max(base.0)).next()
}

/// Some messages of a log that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The position before the first of `messages`.
    pub after: Position,
    /// The messages, in order and without a gap; empty if nothing follows `after`.
    pub messages: Vec<LobbyMessage>,
}

/// What the log of the lobby holds when it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The id of the log.
    pub log: LogId,
    /// The position of the newest message.
    pub head: Position,
    /// All bindings of names to keys.
    pub names: Vec<NameBinding>,
    /// What operators decided, such as bans and mutes.
    pub rules: Rules,
}

/// Why a log did not do what it was asked to do. Cloned for each author whose post was in the batch.
#[derive(Debug, Clone, Error)]
pub enum LogError {
    /// SQLite or the file system could not write. Nothing of the batch was stored.
    #[error("the log could not be written: {0}")]
    Write(String),
    /// Writing failed, and it is not known whether the batch is found after the next start.
    #[error("it is not known whether the log was written: {0}")]
    Unknown(String),
    /// SQLite or the file system could not read.
    #[error("the log could not be read: {0}")]
    Read(String),
    /// What is stored is not consistent.
    #[error("the log is damaged at message {seq}: {reason}")]
    Damaged {
        /// The number of the first damaged message.
        seq: Seq,
        /// What is wrong with it.
        reason: String,
    },
    /// Another process holds the log; the text says which.
    #[error("{0}")]
    Held(String),
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

impl LogError {
    /// Whether the log promises that nothing of the batch was stored or will be. After any other error it is not known
    /// whether the batch was stored.
    #[must_use]
    pub fn stored_nothing(&self) -> bool {
        matches!(self, Self::Write(_))
    }
}

impl From<posts::AlreadyStored> for LogError {
    fn from(known: posts::AlreadyStored) -> Self {
        Self::Write(known.to_string())
    }
}

/// The durable, numbered log of the lobby, together with a log for each room in which something was said.
pub trait LobbyLog: Send + Sync + 'static {
    /// Returns what the log of the lobby held when it was opened.
    fn contents(&self) -> &Contents;

    /// Returns the rooms that the store held when it was opened. Only the first call gives them.
    fn rooms(&self) -> Vec<OpenedRoom>;

    /// Returns the same as [`read`](Self::read), for the log of a room.
    ///
    /// # Errors
    /// Fails with [`LogError::Read`] also if nothing was ever stored in that log, or if the room is gone.
    fn read_room(&self, room: LogId, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch>;

    /// Stores all of `batch` or nothing. After a confirmation, the batch survives the end of the process.
    ///
    /// Refuses messages that do not follow from the head of their log. Also refuses a post in the lobby whose author,
    /// run and number are stored there already. The batch is on its way before the returned future is first polled,
    /// unless the queue is full; dropping that future does not stop the batch.
    fn append(&self, batch: Batch) -> Later<'static, ()>;

    /// Does the same in the thread of the caller, which waits for the disk; so no thread has to wake another one. The
    /// batch is given back if others are before it, or if the engine does not store in this way.
    fn append_here(&self, batch: Batch) -> AppendedHere {
        AppendedHere::NotTaken(batch)
    }

    /// Returns what follows `after`: at most `limit` messages with at most `max_bytes` of text, but at least one
    /// message, however long, if there is one and `limit` is not 0. If the messages after `after` are no longer kept,
    /// the answer begins at the oldest kept message; if `after` is past the head, the answer is empty and stands at the
    /// head. The field `after` of the answer says which. It may contain messages that [`subscribe`](Self::subscribe)
    /// has not told of yet.
    fn read(&self, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch>;

    /// Returns which posts are stored, by their author's run and number: at least those of the newest
    /// [`POSTS_REMEMBERED`] messages. The answer is a copy, which does not change with the log.
    fn posts(&self) -> posts::Posts;

    /// Returns the position of the newest message, as the log grows. A change is told before the `append` that made it
    /// is answered.
    fn subscribe(&self) -> watch::Receiver<Position>;

    /// Returns the number of the oldest message that is kept; one more than the head's if none is.
    fn first(&self) -> Seq;
}

/// What became of a batch that was to be stored in the caller's thread.
#[derive(Debug)]
pub enum AppendedHere {
    /// The batch was stored, or could not be stored.
    Done(Result<(), LogError>),
    /// The batch was not taken and is given back.
    NotTaken(Batch),
}

/// Questions about the posts that a log remembers, for tests.
#[cfg(test)]
pub(crate) trait Remembers: LobbyLog {
    /// Returns the largest number in this run of this key that is stored.
    fn last_id(&self, key: PublicKey, run: RunId) -> Later<'_, Option<u64>> {
        Box::pin(std::future::ready(Ok(self.posts().last_id((key, run)))))
    }

    /// Returns the number in the log of a text, by its number in its author's run.
    fn find(&self, key: PublicKey, run: RunId, id: u64) -> Later<'_, Option<Seq>> {
        Box::pin(std::future::ready(Ok(self.posts().find((key, run), id))))
    }
}

#[cfg(test)]
impl<L: LobbyLog + ?Sized> Remembers for L {}
