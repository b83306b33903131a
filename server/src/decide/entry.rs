//! What servers propose: the entries of the order. An entry contains everything that a decision needs: times, names
//! with their folded form, and whom the entry is about.

use std::net::IpAddr;

use hobnob_order::{Place, ServerId};
use hobnob_protocol::away::AwayText;
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::chain::{ChainHash, LobbyMessage, LogId};
use hobnob_protocol::content::{Act, Content};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::{Fingerprint, PublicKey};
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use serde::{Deserialize, Serialize};

use super::binding::NameBinding;
use super::rules::Rules;

/// The number of one connection, valid as long as its server runs. The upper half is the number of that server, so that
/// no two servers give the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// Returns the connection with this number on this server.
    #[must_use]
    pub const fn of(server: ServerId, number: u32) -> Self {
        Self(server.0 << 32 | number as u64)
    }

    /// Returns the server whose connection this is.
    #[must_use]
    pub const fn server(self) -> ServerId {
        ServerId(self.0 >> 32)
    }
}

/// A client that wants to join the lobby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newcomer {
    /// The name that the newcomer wishes for.
    #[serde(deserialize_with = "hobnob_protocol::name::deserialize_kept")]
    pub wish: UserName,
    /// The key that says who the newcomer is.
    pub key: PublicKey,
    /// The run of the client.
    pub run: RunId,
    /// The addresses at which peers reach the client. Only the client's own server knows them: no decision depends on
    /// them.
    #[serde(skip)]
    pub candidates: Vec<Candidate>,
}

/// One thing that a server proposes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A user says a text or sets the topic of a room.
    Say {
        /// The connection on which it was said.
        from: ConnectionId,
        /// Its number in its author's run.
        id: u64,
        /// The room in which it was said; `None` for the lobby.
        room: Option<RoomName>,
        /// What is said or done.
        #[serde(with = "content_form")]
        content: Content,
    },
    /// An operator does something. The entry is boxed because nearly all entries are texts, and those are small.
    Act(Box<ProposedAct>),
    /// The fingerprints that the operators' file of the proposing server lists.
    Operators(Vec<Fingerprint>),
    /// A user joins a room.
    JoinRoom {
        /// The user's connection.
        from: ConnectionId,
        /// The name of the room.
        room: RoomName,
        /// The id of the log that the room gets if it is made now.
        log: LogId,
    },
    /// A user leaves a room.
    Part {
        /// The user's connection.
        from: ConnectionId,
        /// The name of the room.
        room: RoomName,
    },
    /// A newcomer wants to join the lobby. The entry is boxed because nearly all entries are texts, and those are
    /// small.
    Join(Box<Join>),
    /// A connection has ended.
    Leave(ConnectionId),
    /// A user is away, or is back.
    Away {
        /// The user's connection.
        from: ConnectionId,
        /// Why the user is away; `None` when he is back.
        away: Option<AwayText>,
    },
    /// The time for the dates of names and rooms, and the times before which names and rooms are too old and go. All
    /// times are in milliseconds since 1970-01-01 UTC.
    Expire {
        /// The date on which users are seen from now on.
        now: u64,
        /// Names are freed whose users were last here before this time.
        before: u64,
        /// Names of keys that never spoke are freed whose users were last here before this time.
        unspoken_before: u64,
        /// Rooms go in which nobody has been since this time.
        rooms_before: u64,
    },
    /// A message that a single server had before the lobby had several servers. It counts only if it is the next
    /// message of the log.
    Kept(Box<LobbyMessage>),
    /// A name that belonged to a key before the lobby had several servers.
    KeptName(NameBinding),
    /// What operators had decided before the lobby had several servers, or a part of it. Only what is not decided yet
    /// is taken over.
    KeptRules(Box<Rules>),
    /// The addresses at which clients reach the proposing server.
    Serves(Vec<Candidate>),
    /// A server was not heard of for too long. Its life is over and its clients are gone, unless a later batch than
    /// `last` has come from it.
    Gone {
        /// The silent server.
        #[serde(with = "server_number")]
        server: ServerId,
        /// The number of the last batch that was heard from it.
        last: u64,
    },
}

/// What is said or done, written as `{"text": …}` or `{"act": …}`.
mod content_form {
    use std::sync::Arc;

    use hobnob_protocol::content::{Act, Content};
    use hobnob_protocol::text::Text;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Written<'a> {
        Text(&'a Text),
        Act(&'a Act),
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Read {
        Text(Text),
        Act(Act),
    }

    pub(super) fn serialize<S: Serializer>(content: &Content, to: S) -> Result<S::Ok, S::Error> {
        let written = match content {
            Content::Text(text) => Written::Text(text),
            Content::Act(act) => Written::Act(act),
        };
        written.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Content, D::Error> {
        Ok(match Read::deserialize(from)? {
            Read::Text(text) => Content::Text(text),
            Read::Act(act) => Content::Act(Arc::new(act)),
        })
    }
}

/// A server, written as its number.
mod server_number {
    use hobnob_order::ServerId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(server: &ServerId, to: S) -> Result<S::Ok, S::Error> {
        server.0.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ServerId, D::Error> {
        u64::deserialize(from).map(ServerId)
    }
}

/// An act that an operator proposes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedAct {
    /// The operator's connection.
    pub from: ConnectionId,
    /// The act's number in its author's run.
    pub id: u64,
    /// The act as the client put it.
    pub act: Act,
    /// For how many seconds it is to hold; `None` for ever.
    pub lasts: Option<u64>,
}

/// A newcomer's wish to join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The newcomer's connection.
    pub id: ConnectionId,
    /// Who the newcomer is and which name he wishes for.
    pub newcomer: Newcomer,
    /// Another connection of the same key, which gave no sign of life when it was asked. The newcomer may have its
    /// name.
    pub evict: Option<ConnectionId>,
    /// Whether a name that belongs to nobody belongs to the newcomer's key from now on. Otherwise the newcomer has that
    /// name only while he is here.
    pub keep: bool,
    /// The address from which the newcomer comes, or any address of the network that counts as one with it. It is in
    /// the entry so that all servers decide alike whether that network is banned.
    pub address: Option<IpAddr>,
}

/// What a server has decided so far: the place it has reached, and the hash of everything up to that place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vouch {
    /// The place that was reached.
    pub place: Place,
    /// The hash of everything that was decided up to that place.
    pub hash: ChainHash,
}

/// What one server proposes at one time. Proposals without entries are a sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposals {
    /// The server that proposes.
    pub server: ServerId,
    /// The number of this batch. It counts up with each batch of the server, so that a batch that comes twice counts
    /// once.
    pub number: u64,
    /// What the server had decided before; `None` where no other server shares the order.
    pub vouch: Option<Vouch>,
    /// The entries, in the order in which they are applied.
    pub entries: Vec<Entry>,
}
