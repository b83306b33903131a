//! How several servers come to be one lobby: what the founder publishes of the lobby, by which every other server has
//! to go, and the trait by which an order is handed over. This file knows no particular kind of order.

use std::error::Error;
use std::sync::Arc;

use hobnob_order::{Later, Neighbours, OrderedStream, StreamIdentity};
use hobnob_protocol::chain::{LogId, Position};
use hobnob_protocol::key::PublicKey;
use serde::{Deserialize, Serialize};
use thiserror::Error as Refusal;

use crate::decide::{ENTRIES_VERSION, Machine, Proposals, Rooms};

/// Brings the order that several servers share.
pub trait SharedOrder: Send + Sync {
    /// Finds the order of the lobby. If there is none and `founding` is given, the order is made with this `identity`,
    /// and `founding` is published as what its founder says. Returns `None` if there is no order and none was made.
    fn find<'a>(&'a self, identity: StreamIdentity, founding: Option<&'a str>) -> Later<'a, OrderOrNone>;
}

/// The order of a lobby, or `None` if nobody has founded the lobby, or the error because of which that is not known.
pub type OrderOrNone = Result<Option<LobbyOrder>, Box<dyn Error + Send + Sync>>;

/// The order of a lobby, which this server has found or has made.
pub struct LobbyOrder {
    /// What the founder of the order says of the lobby, whichever server that was.
    pub founding: String,
    /// Publishes batches, and hands back those of all servers in their order.
    pub stream: Arc<dyn OrderedStream<Proposals>>,
    /// A way to reach the other servers.
    pub neighbours: Arc<dyn Neighbours>,
}

impl std::fmt::Debug for LobbyOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LobbyOrder").field("founding", &self.founding).finish_non_exhaustive()
    }
}

/// What holds for a lobby on all of its servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Founding {
    /// The version of the entries.
    pub(crate) v: u32,
    /// The key by which clients know the lobby.
    pub(crate) key: PublicKey,
    /// The id of the lobby's log.
    pub(crate) log: LogId,
    /// The position after which the order begins.
    pub(crate) start: Position,
    /// The newest message from before the order. The founder publishes the messages between `start` and `head`.
    pub(crate) head: Position,
    /// How many rooms there may be. All servers have to decide alike, so they have to know the same limit.
    pub(crate) rooms: usize,
}

/// Why this server cannot be one of the lobby's servers.
#[derive(Debug, Clone, PartialEq, Eq, Refusal)]
pub enum NotOurs {
    /// What the founder says cannot be read.
    #[error("what its founder said of it cannot be read: it was founded by another program, or a newer one")]
    Unreadable,
    /// The lobby was founded by another version.
    #[error(
        "its entries are of version {0} and this program has {ENTRIES_VERSION}: run the version that its servers run"
    )]
    Version(u32),
    /// The lobby has another key.
    #[error(
        "its servers have the key {theirs} and this one has {own}: copy the file server.key of one of them into \
         this one's data directory"
    )]
    Key {
        /// The fingerprint of the lobby's key.
        theirs: String,
        /// The fingerprint of the key in this data directory.
        own: String,
    },
    /// The log in the data directory belongs to another lobby.
    #[error(
        "the log in the data directory is of another lobby: choose the --lobby that it belongs to, or an empty \
         --data-dir, into which the lobby's log is read"
    )]
    Log,
}

impl Founding {
    /// Makes a lobby whose log has messages up to `head`, and whose order begins after `start`.
    pub(crate) fn new(key: PublicKey, log: LogId, (start, head): (Position, Position), rooms: usize) -> Self {
        Self { v: ENTRIES_VERSION, key, log, start, head, rooms }
    }

    /// Returns the machine at the beginning of the order.
    pub(crate) fn machine(&self) -> Machine {
        Machine::shared(self.start).with_rooms(Rooms::new(self.rooms, []))
    }

    /// Returns the text that the founder publishes.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("its fields have no keys but names")
    }

    /// Reads what the founder says, and checks that this server may be one of the lobby's servers: it has the lobby's
    /// key, and the lobby's log or none yet.
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
    fn only_a_server_with_the_same_key_log_and_version_may_take_part() {
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
