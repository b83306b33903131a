//! What servers propose: the entries of the order. All that a decision needs travels in them: times, names with
//! their folded form, and who is meant.

use std::net::IpAddr;

use hobnob_order::{Place, ServerId};
use hobnob_protocol::away::AwayText;
use hobnob_protocol::chain::LobbyMessage;
use hobnob_protocol::content::{Act, Content};
use hobnob_protocol::name::{Candidate, ChainHash, Fingerprint, LogId, PublicKey, RunId, UserName};
use hobnob_protocol::room::RoomName;
use serde::{Deserialize, Serialize};

use super::binding::NameBinding;
use super::rules::Rules;

/// One connection, as long as its server runs. In its upper half it names that server, so that two servers never name
/// theirs alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// A server's connection of this number.
    #[must_use]
    pub const fn of(server: ServerId, number: u32) -> Self {
        Self(server.0 << 32 | number as u64)
    }

    /// Whose connection it is.
    #[must_use]
    pub const fn server(self) -> ServerId {
        ServerId(self.0 >> 32)
    }
}

/// Somebody who wants in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newcomer {
    /// The name wished for.
    #[serde(deserialize_with = "hobnob_protocol::name::deserialize_kept")]
    pub wish: UserName,
    /// Who it is.
    pub key: PublicKey,
    /// Which run of the client.
    pub run: RunId,
    /// Where peers reach the client. Known to the client's own server alone: no decision depends on it.
    #[serde(skip)]
    pub candidates: Vec<Candidate>,
}

/// One thing that is proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
        #[serde(with = "content_form")]
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
    /// A message that a single server had before the lobby had several. Only the next one counts.
    Kept(Box<LobbyMessage>),
    /// A name that belonged to somebody by then.
    KeptName(NameBinding),
    /// What operators had decided by then. Counts where nothing is decided yet.
    KeptRules(Box<Rules>),
    /// The server that says this is reached there by clients.
    Serves(Vec<Candidate>),
    /// A server was not heard of for too long: its life is over and its clients are gone, unless more has come of it
    /// than this batch.
    Gone {
        /// Which.
        #[serde(with = "server_number")]
        server: ServerId,
        /// The last batch of it that was heard.
        last: u64,
    },
}

/// What is said or done, as `{"text": …}` or `{"act": …}`.
mod content_form {
    use std::sync::Arc;

    use hobnob_protocol::content::{Act, Content};
    use hobnob_protocol::name::Text;
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

/// A server as its number.
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

/// Something that an operator does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// On which connection.
    pub id: ConnectionId,
    /// Who.
    pub newcomer: Newcomer,
    /// Another connection of the same key that gave no sign of life when it was asked: its name is free.
    pub evict: Option<ConnectionId>,
    /// Whether a name that belongs to nobody becomes the newcomer's. Otherwise it has that name while it is here.
    pub keep: bool,
    /// The address from which it comes, or any of the network that counts as one with it: whether a network is banned is
    /// decided alike by all servers.
    pub address: Option<IpAddr>,
}

/// What a server has decided so far: the place it has reached, and the hash of everything up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vouch {
    /// Which place.
    pub place: Place,
    /// Of everything that was decided up to there.
    pub hash: ChainHash,
}

/// What one server proposes at once. Without entries it is a sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposals {
    /// Which server.
    pub server: ServerId,
    /// Counts up with each of that server's batches, so that one that comes twice counts once.
    pub number: u64,
    /// What that server had decided before, where several share the order.
    pub vouch: Option<Vouch>,
    /// What, in its order.
    pub entries: Vec<Entry>,
}
