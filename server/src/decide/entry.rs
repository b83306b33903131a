//! What servers propose: the entries of the order. All that a decision needs travels in them: times, names with
//! their folded form, and who is meant.

use std::net::IpAddr;

use hobnob_order::ServerId;
use hobnob_protocol::away::AwayText;
use hobnob_protocol::content::{Act, Content};
use hobnob_protocol::name::{Candidate, Fingerprint, LogId, PublicKey, RunId, UserName};
use hobnob_protocol::room::RoomName;

/// One connection, as long as its server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// Somebody who wants in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// The name wished for.
    pub wish: UserName,
    /// Who it is.
    pub key: PublicKey,
    /// Which run of the client.
    pub run: RunId,
    /// Where peers reach the client.
    pub candidates: Vec<Candidate>,
}

/// One thing that is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Somebody says a text, or does something that has a place among the texts.
    Say {
        /// On which connection.
        from: ConnectionId,
        /// Its number in its author's run.
        id: u64,
        /// In which room; none for the lobby.
        room: Option<RoomName>,
        /// What is said or done.
        content: Content,
    },
    /// An operator does something. Boxed: nearly all entries are texts, and those are small.
    Act(Box<ProposedAct>),
    /// Whom the operators' file of the server that proposes this lists.
    Operators(Vec<Fingerprint>),
    /// Somebody joins a room.
    JoinRoom {
        /// On which connection.
        from: ConnectionId,
        /// Which room.
        room: RoomName,
        /// The log that the room gets if it is made now.
        log: LogId,
    },
    /// Somebody leaves a room.
    Part {
        /// On which connection.
        from: ConnectionId,
        /// Which room.
        room: RoomName,
    },
    /// Somebody wants in. Boxed: nearly all entries are texts, and those are small.
    Join(Box<Join>),
    /// A connection ended.
    Leave(ConnectionId),
    /// Somebody is away, or back.
    Away {
        /// On which connection.
        from: ConnectionId,
        /// Why, while it is away.
        away: Option<AwayText>,
    },
    /// Which time it is for names and rooms, and which are free again since their users have not been here for long.
    /// Times are in milliseconds since 1970-01-01 UTC.
    Expire {
        /// The date of whoever is seen from now on.
        now: u64,
        /// Those whose users were last here before this time.
        before: u64,
        /// Those whose keys never spoke, and whose users were last here before this time.
        unspoken_before: u64,
        /// Those rooms in which nobody was since before this time.
        rooms_before: u64,
    },
}

/// Something that an operator does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedAct {
    /// On which connection.
    pub from: ConnectionId,
    /// Its number in its author's run.
    pub id: u64,
    /// What, as the client put it.
    pub act: Act,
    /// For how many seconds; none for good.
    pub lasts: Option<u64>,
}

/// Somebody wants in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// On which connection.
    pub id: ConnectionId,
    /// Who.
    pub newcomer: Newcomer,
    /// Another connection of the same key that gave no sign of life when it was asked: its name is free.
    pub evict: Option<ConnectionId>,
    /// Whether a name that belongs to nobody becomes the newcomer's. Otherwise it has that name while it is here.
    pub keep: bool,
    /// The address from which it comes, or any of the network that counts as one with it.
    pub address: Option<IpAddr>,
}

/// What one server proposes at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposals {
    /// Which server.
    pub server: ServerId,
    /// Counts up with each of that server's batches, so that one that comes twice counts once.
    pub number: u64,
    /// What, in its order.
    pub entries: Vec<Entry>,
}
