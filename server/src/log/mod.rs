//! The log of the lobby and those of the rooms, and the bindings of names to keys, behind one trait.
//!
//! Whoever implements [`LobbyLog`] owns durability: what `append` said yes to is read back after any
//! death of the process. It assigns no numbers and checks no names; the lobby does. Several engines
//! are held to one suite of tests: [`MemoryLog`], which forgets, and [`SqliteLog`], which does not.
//! [`StoreLock`] keeps two servers out of one folder.

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
pub use crate::decide::{KeptRoom, NameBinding, OpenedRoom, POSTS_REMEMBERED, RoomId, Rules};
pub use lock::{Holder, StoreLock, holder};
pub use memory::MemoryLog;
pub use sqlite::{SqliteLog, SqliteOptions};

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hobnob_protocol::chain::{LobbyMessage, Position};
use hobnob_protocol::name::{LogId, Seq, UserName};
#[cfg(test)]
use hobnob_protocol::name::{PublicKey, RunId};
use thiserror::Error;
use tokio::sync::watch;

/// An answer that comes later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, LogError>> + Send + 'a>>;

/// What is stored together or not at all: first the freed names and the rooms that are gone, then the bindings, the
/// messages, and the rooms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// In order, each following from the one before, the first from the head. Shared with whoever tells them.
    pub messages: Arc<Vec<LobbyMessage>>,
    /// New bindings, and known ones with a later `seen`.
    pub names: Vec<NameBinding>,
    /// Names that are free again.
    pub freed: Vec<UserName>,
    /// What is new in rooms, each named once.
    pub rooms: Vec<RoomBatch>,
    /// The logs of rooms that are no longer there. One that is not known is passed over.
    pub gone_rooms: Vec<LogId>,
    /// What operators decided so far, where that changed.
    pub rules: Option<Arc<Rules>>,
    /// After which position the logs of rooms begin that are not known yet, where that is not their own beginning: a
    /// server that comes new is told only what others still have.
    pub begins: BTreeMap<LogId, Position>,
}

/// What is new in one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomBatch {
    /// What is stored of the room besides its messages. A log that is not known yet begins with these messages.
    pub kept: KeptRoom,
    /// In order, each following from the one before, the first from the head of the room's log. None where only what is
    /// kept beside them changed.
    pub messages: Arc<Vec<LobbyMessage>>,
}

impl Batch {
    /// Where the log ends once this is stored after `head`.
    ///
    /// # Errors
    /// When a message does not follow from the one before it.
    fn end_after(&self, head: Position) -> Result<Position, LogError> {
        end_after(head, &self.messages)
    }

    /// Where the log of a room begins that is not known yet.
    fn begin(&self, log: LogId) -> Position {
        self.begins.get(&log).copied().unwrap_or_else(|| Position::start(&log))
    }

    /// Whether nothing of it concerns rooms.
    fn is_of_lobby_alone(&self) -> bool {
        self.rooms.is_empty() && self.gone_rooms.is_empty()
    }
}

/// Where a log ends once these messages are stored after `head`.
fn end_after(head: Position, messages: &[LobbyMessage]) -> Result<Position, LogError> {
    messages.iter().try_fold(head, |mut position, message| {
        advance(&mut position, message)?;
        Ok(position)
    })
}

/// Moves `position` past `message`, or says what is wrong with the message.
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

/// The oldest message that is shown, where those up to `base` are gone and `history` are to be kept.
fn first_shown(base: Seq, head: Seq, history: u64) -> Seq {
    Seq(head.0.saturating_sub(history).max(base.0)).next()
}

/// A stretch of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The position before the first of `messages`.
    pub after: Position,
    /// In order, without a gap; empty when nothing follows `after`.
    pub messages: Vec<LobbyMessage>,
}

/// What a log holds when it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Which log it is.
    pub log: LogId,
    /// Its newest message.
    pub head: Position,
    /// All bindings.
    pub names: Vec<NameBinding>,
    /// What operators decided.
    pub rules: Rules,
}

/// Why a log did not do what it was asked. Cloned to everybody whose post was in a batch.
#[derive(Debug, Clone, Error)]
pub enum LogError {
    /// The engine or the file system said no; nothing of the batch was stored.
    #[error("the log could not be written: {0}")]
    Write(String),
    /// The engine or the file system said no.
    #[error("the log could not be read: {0}")]
    Read(String),
    /// What is stored does not add up.
    #[error("the log is damaged at message {seq}: {reason}")]
    Damaged {
        /// Where.
        seq: Seq,
        /// What is wrong there.
        reason: String,
    },
    /// Another process holds it.
    #[error("{0}")]
    Held(String),
    /// It was closed.
    #[error("the log is closed")]
    Closed,
}

impl LogError {
    /// Whether the log promises that nothing of the batch was stored, and nothing of it will be. Whoever is told of
    /// any other error does not know.
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

/// The durable, numbered log of the lobby, and beside it one of each room in which something was said.
pub trait LobbyLog: Send + Sync + 'static {
    /// What it held of the lobby when it was opened.
    fn contents(&self) -> &Contents;

    /// The rooms it held when it was opened, for whoever asks first.
    fn rooms(&self) -> Vec<OpenedRoom>;

    /// The same as [`read`](Self::read) in the log of a room.
    ///
    /// # Errors
    /// [`LogError::Read`] also where nothing was ever stored in that log, or where the room is gone.
    fn read_room(&self, room: LogId, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch>;

    /// Stores all of `batch` or nothing; when it says yes, the batch survives the process.
    ///
    /// Refuses messages that do not follow from the head of their log, and a post in the lobby whose author, run and
    /// number are stored there already. It is on its way before the answer is first waited for, unless the engine's
    /// queue is full; an answer that is dropped does not stop it.
    fn append(&self, batch: Batch) -> Later<'static, ()>;

    /// What follows `after`: at most `limit` messages and at most `max_bytes` of text, but one message,
    /// however long, if there is one and `limit` is not 0. Where messages after `after` are no longer
    /// kept, it begins at the oldest that is, and past the head it is empty after the head; `after`
    /// in the answer tells. It may hold messages that [`subscribe`](Self::subscribe) is about to tell of.
    fn read(&self, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch>;

    /// Which posts are stored, by their author's run and number: those of the newest [`POSTS_REMEMBERED`] messages
    /// at the least. A copy: it does not change with the log.
    fn posts(&self) -> posts::Posts;

    /// The newest message, as it changes; told before the `append` that changed it is answered.
    fn subscribe(&self) -> watch::Receiver<Position>;

    /// The oldest message kept (one past the head when none is).
    fn first(&self) -> Seq;
}

/// Questions about the posts that a log remembers, for tests.
#[cfg(test)]
pub(crate) trait Remembers: LobbyLog {
    /// The largest number stored for this run of this key.
    fn last_id(&self, key: PublicKey, run: RunId) -> Later<'_, Option<u64>> {
        Box::pin(std::future::ready(Ok(self.posts().last_id((key, run)))))
    }

    /// The number in the log of a text by its number in its author's run.
    fn find(&self, key: PublicKey, run: RunId, id: u64) -> Later<'_, Option<Seq>> {
        Box::pin(std::future::ready(Ok(self.posts().find((key, run), id))))
    }
}

#[cfg(test)]
impl<L: LobbyLog + ?Sized> Remembers for L {}
