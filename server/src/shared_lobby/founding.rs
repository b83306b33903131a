//! How several servers come to be one lobby: what its founder says of it, which every other server is held to, and the
//! trait by which whoever brings an order hands it over. Knows no order by name.

use std::error::Error;
use std::sync::Arc;

use hobnob_order::{Later, Neighbours, OrderedStream, StreamIdentity};
use hobnob_protocol::chain::Position;
use hobnob_protocol::name::{LogId, PublicKey};
use serde::{Deserialize, Serialize};
use thiserror::Error as Refusal;

use crate::decide::{ENTRIES_VERSION, Machine, Proposals, Rooms};

/// Brings the order that several servers share.
pub trait SharedOrder: Send + Sync {
    /// Finds the order of the lobby. Where there is none, and `founding` is given, it is made as `identity`, and
    /// `founding` is what is said of it; `None` where there is none and none was made.
    fn find<'a>(&'a self, identity: StreamIdentity, founding: Option<&'a str>) -> Later<'a, FoundOrNot>;
}

/// An order, or none, or why it cannot be said.
pub type FoundOrNot = Result<Option<Found>, Box<dyn Error + Send + Sync>>;

/// An order that was found or made.
pub struct Found {
    /// What its founder said of it, whoever that was.
    pub founding: String,
    /// The order itself.
    pub stream: Arc<dyn OrderedStream<Proposals>>,
    /// The other servers.
    pub neighbours: Arc<dyn Neighbours>,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found").field("founding", &self.founding).finish_non_exhaustive()
    }
}

/// What a lobby is, for all of its servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Founding {
    /// The version of the entries.
    pub(crate) v: u32,
    /// By which key clients know it.
    pub(crate) key: PublicKey,
    /// Its log.
    pub(crate) log: LogId,
    /// After which message the order begins.
    pub(crate) start: Position,
    /// The newest message that was there before it; the founder publishes those between.
    pub(crate) head: Position,
    /// Rooms there may be, which is decided alike by all of its servers.
    pub(crate) rooms: usize,
}

/// Why this server cannot be one of the lobby's.
#[derive(Debug, Clone, PartialEq, Eq, Refusal)]
pub enum NotOurs {
    /// What was said of it cannot be read.
    #[error("what its founder said of it cannot be read: it was founded by another program, or a newer one")]
    Unreadable,
    /// It was founded by another version.
    #[error(
        "its entries are of version {0} and this program has {ENTRIES_VERSION}: run the version that its servers run"
    )]
    Version(u32),
    /// Its key is another one.
    #[error(
        "its servers have the key {theirs} and this one has {own}: copy the file server.key of one of them into \
         this one's data directory"
    )]
    Key {
        /// The lobby's.
        theirs: String,
        /// The one in this data directory.
        own: String,
    },
    /// The log in the data directory is another lobby's.
    #[error(
        "the log in the data directory is of another lobby: choose the --lobby that it belongs to, or an empty \
         --data-dir, into which the lobby's log is read"
    )]
    Log,
}

impl Founding {
    /// A lobby whose log has messages before the order begins.
    pub(crate) fn new(key: PublicKey, log: LogId, (start, head): (Position, Position), rooms: usize) -> Self {
        Self { v: ENTRIES_VERSION, key, log, start, head, rooms }
    }

    /// The machine at its beginning.
    pub(crate) fn machine(&self) -> Machine {
        Machine::shared(self.start).with_rooms(Rooms::new(self.rooms, []))
    }

    /// As its founder says it.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("its fields have no keys but names")
    }

    /// What was said, where this server may be one of the lobby's: it has that key, and that log or none yet.
    pub(crate) fn read(text: &str, key: PublicKey, log: Option<LogId>) -> Result<Self, NotOurs> {
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        let Version { v } = serde_json::from_str(text).map_err(|_| NotOurs::Unreadable)?;
        if v != ENTRIES_VERSION {
            return Err(NotOurs::Version(v));
        }
        let founding: Self = serde_json::from_str(text).map_err(|_| NotOurs::Unreadable)?;
        if founding.key != key {
            let [theirs, own] = [founding.key, key].map(|key| key.fingerprint().to_string());
            return Err(NotOurs::Key { theirs, own });
        }
        match log.is_none_or(|log| log == founding.log) {
            true => Ok(founding),
            false => Err(NotOurs::Log),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_with_the_same_key_log_and_version_is_one_of_the_lobbys() {
        let (key, log) = (PublicKey::new([1; 32]), LogId::new([2; 16]));
        let start = Position::start(&log);
        let founding = Founding::new(key, log, (start, start), 1000);
        let text = founding.to_text();
        assert_eq!(Founding::read(&text, key, None).as_ref(), Ok(&founding));
        assert_eq!(Founding::read(&text, key, Some(log)).as_ref(), Ok(&founding));
        assert_eq!(Founding::read(&text, key, Some(LogId::new([3; 16]))), Err(NotOurs::Log));
        let other = Founding::read(&text, PublicKey::new([4; 32]), None);
        assert!(matches!(other, Err(NotOurs::Key { .. })), "{other:?}");
        let newer = text.replace("\"v\":1", "\"v\":2");
        assert_eq!(Founding::read(&newer, key, None), Err(NotOurs::Version(2)));
        assert_eq!(Founding::read("orders of the shop", key, None), Err(NotOurs::Unreadable));
    }
}
