//! The lobby's log and the bindings of names to keys, behind one trait.
//!
//! Whoever implements [`LobbyLog`] owns durability: what `append` said yes to is read back after any
//! death of the process. It assigns no numbers and checks no names; the lobby does. Several engines
//! are held to one suite of tests.

use std::future::Future;
use std::pin::Pin;

use hobnob_protocol::chain::{LobbyMessage, Position};
use hobnob_protocol::name::{LogId, PublicKey, RunId, Seq, UserName};
use thiserror::Error;
use tokio::sync::watch;

/// An answer that comes later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, LogError>> + Send + 'a>>;

/// A name and the key it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameBinding {
    /// The name as it was first written.
    pub name: UserName,
    /// Whose it is.
    pub key: PublicKey,
    /// When its user was last in the lobby, in milliseconds since 1970-01-01 UTC.
    pub seen: u64,
}

/// What is stored together or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// In order, each following from the one before, the first from the head.
    pub messages: Vec<LobbyMessage>,
    /// New bindings, and known ones with a later `seen`.
    pub names: Vec<NameBinding>,
    /// Names that are free again.
    pub freed: Vec<UserName>,
}

/// A stretch of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The place before the first of `messages`.
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

/// One durable, numbered log.
pub trait LobbyLog: Send + Sync + 'static {
    /// What it held when it was opened.
    fn contents(&self) -> &Contents;

    /// Stores all of `batch` or nothing; when it says yes, the batch survives the process.
    fn append(&self, batch: Batch) -> Later<'_, ()>;

    /// What follows `after`: at most `limit` messages and about `max_bytes` of text, at least one
    /// message if there is one. Where messages after `after` are no longer kept, it begins at the
    /// oldest that is; `after` in the answer tells.
    fn read(&self, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch>;

    /// The largest outbox number stored for this run of this key, if any.
    fn last_id(&self, key: PublicKey, run: RunId) -> Later<'_, Option<u64>>;

    /// The number in the log of a text by its number in its author's outbox.
    fn find(&self, key: PublicKey, run: RunId, id: u64) -> Later<'_, Option<Seq>>;

    /// The newest message, as it changes.
    fn subscribe(&self) -> watch::Receiver<Position>;

    /// The oldest message kept (one past the head when none is).
    fn first(&self) -> Seq;
}
