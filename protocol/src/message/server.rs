//! What the server tells a client: facts, never sentences.

use serde::{Deserialize, Serialize};

use super::code::{NoAnswerCode, NotAcceptedCode, NotJoinedCode, RefusedCode};
use super::null_is_left_out;
use crate::away::AwayText;
use crate::chain::{LobbyMessage, Position};
use crate::content::{ActTarget, ShortText};
use crate::name::{Candidate, Fingerprint, LogId, PairToken, PublicKey, Seq, Text, UserName};
use crate::room::RoomName;
use crate::said::Said;

/// What the server tells a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The client is in the lobby.
    Welcome(Welcome),
    /// The client is not let in, or is sent out; the server closes.
    Refused(Refused),
    /// Messages of one log in a row.
    Said(Said),
    /// Messages that would come next are no longer kept: this client was further behind than the server keeps.
    Skipped {
        /// In which room; left out for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// How many it will not see.
        missed: u64,
        /// What follows as `said` begins after this.
        after: Position,
    },
    /// A `say` or an `act` that already stands in its log.
    Accepted {
        /// Its id.
        id: u64,
        /// Its number in the log.
        seq: Seq,
    },
    /// A `say` or an `act` that was not stored and will not be.
    NotAccepted(NotAccepted),
    /// The client is in a room: the answer to `join`, or to a room that its `hello` named.
    Joined(JoinedRoom),
    /// The client is not in a room.
    NotJoined {
        /// The number of the `join`; left out for a room that `hello` named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<u32>,
        /// Which room.
        room: RoomName,
        /// Why.
        code: NotJoinedCode,
    },
    /// A part of the answer to `rooms`.
    Rooms {
        /// The question's number.
        request: u32,
        /// At most [`ROOMS_PER_MESSAGE`](crate::ROOMS_PER_MESSAGE).
        rooms: Vec<RoomSummary>,
        /// More parts follow.
        more: bool,
    },
    /// Who came and went, oldest first.
    Presence {
        /// In which room; left out for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// At most [`CHANGES_PER_MESSAGE`](crate::CHANGES_PER_MESSAGE).
        changes: Vec<Change>,
    },
    /// Changes of presence were left out for a client that did not read; it may ask `users`.
    PresenceSkipped {
        /// In which room; left out for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
    },
    /// A part of the answer to `users`.
    Users {
        /// The question's number.
        request: u32,
        /// At most [`USERS_PER_MESSAGE`](crate::USERS_PER_MESSAGE).
        names: Vec<UserName>,
        /// Those of them who are away.
        #[serde(default, deserialize_with = "null_is_left_out", skip_serializing_if = "Vec::is_empty")]
        away: Vec<UserName>,
        /// More parts follow.
        more: bool,
    },
    /// The answer to `whois`.
    Whois {
        /// The question's number.
        request: u32,
        /// The user's name.
        name: UserName,
        /// The user's key.
        key: PublicKey,
        /// In the lobby since, in milliseconds since 1970-01-01 UTC.
        since: u64,
        /// Why the user is away; left out for one who is not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        away: Option<AwayText>,
    },
    /// The answer to `whois` or `pair` where nobody of that name is in the lobby.
    NoSuchUser {
        /// The question's number.
        request: u32,
        /// Who was asked for.
        name: UserName,
    },
    /// A part of the answer to `history`.
    History {
        /// The question's number.
        request: u32,
        /// The position before the first of `messages`.
        after: Position,
        /// In order, without a gap.
        messages: Vec<LobbyMessage>,
        /// More parts follow, each beginning where the last ended.
        more: bool,
    },
    /// A part of the answer to `bans`.
    Bans {
        /// The question's number.
        request: u32,
        /// At most [`BANS_PER_MESSAGE`](crate::BANS_PER_MESSAGE), the oldest first.
        bans: Vec<BanRow>,
        /// More parts follow.
        more: bool,
    },
    /// A part of the answer to `ops`.
    Ops {
        /// The question's number.
        request: u32,
        /// At most [`OPERATORS_PER_MESSAGE`](crate::OPERATORS_PER_MESSAGE), those of the file first.
        ops: Vec<OperatorRow>,
        /// More parts follow.
        more: bool,
    },
    /// A question that cannot be answered now.
    NoAnswer {
        /// The question's number.
        request: u32,
        /// Why.
        code: NoAnswerCode,
    },
    /// Somebody wants a private session with this user, who is asked before either is told of the other's addresses.
    Asked {
        /// Comes back in `consent`.
        ask: u64,
        /// Who wants one.
        name: UserName,
        /// The key of who wants one.
        key: PublicKey,
        /// The session that is to be rebuilt; left out for a new one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<PairToken>,
    },
    /// The other was reached and is being asked; the answer to the `pair` follows.
    Asking {
        /// The question's number.
        request: u32,
    },
    /// Two users are introduced to each other; each gets one.
    Introduced(Introduction),
    /// Asks for a sign of life.
    Ping,
    /// A sign of life.
    Pong,
    /// The server ends; what it had accepted is stored and was sent.
    Closing,
    /// A message that could not be read; the server closes.
    Bad {
        /// What was wrong with it, for the log of whoever wrote the client.
        reason: String,
    },
    /// A message this build does not know.
    #[serde(other)]
    Unknown,
}

/// The server's answer to `hello`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION).
    pub protocol: u32,
    /// The name this client has: the one it wished for, or that with a number.
    pub name: UserName,
    /// Which log the lobby is.
    pub log: LogId,
    /// The newest message.
    pub head: Position,
    /// What follows as `said` begins after this.
    pub start: Position,
    /// Messages after the client's cursor that are no longer kept and will not be seen.
    pub missed: u64,
    /// False when the cursor named another log, or a position that is not in this one: what follows
    /// does not continue what the client has.
    pub resumed: bool,
    /// The IP address the server sees this client at.
    pub observed: std::net::IpAddr,
    /// Other servers of this lobby; at most [`MAX_SERVERS`](crate::MAX_SERVERS).
    #[serde(default, deserialize_with = "null_is_left_out", skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<Candidate>,
    /// The lobby's topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<ShortText>,
    /// What whoever runs the lobby says to those who come in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub motd: Option<Text>,
    /// This user is an operator of the lobby.
    #[serde(default, deserialize_with = "null_is_left_out", skip_serializing_if = "is_false")]
    pub operator: bool,
}

/// For a member that is left out where it is false.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(member: &bool) -> bool {
    !member
}

/// A client is not let in, or sent out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Why.
    pub code: RefusedCode,
    /// Which operator did it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserName>,
    /// What the operator says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ShortText>,
    /// Until when it holds, in milliseconds since 1970-01-01 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

/// A text or an act was not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotAccepted {
    /// Its id.
    pub id: u64,
    /// Why.
    pub code: NotAcceptedCode,
    /// In how many seconds it may be sent again, where it was `slow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<u32>,
    /// Which operator is the reason, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserName>,
    /// What the operator says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ShortText>,
    /// Until when it holds, in milliseconds since 1970-01-01 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

impl ServerMessage {
    /// A refusal that is no operator's.
    #[must_use]
    pub fn refused(code: RefusedCode) -> Self {
        Self::Refused(Refused { code, by: None, reason: None, until: None })
    }

    /// A text or an act was not stored, and no operator is the reason.
    #[must_use]
    pub fn not_accepted(id: u64, code: NotAcceptedCode) -> Self {
        Self::NotAccepted(NotAccepted { id, code, wait: None, by: None, reason: None, until: None })
    }
}

/// The client is in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinedRoom {
    /// The number of the `join`; left out for a room that `hello` named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<u32>,
    /// The room, as whoever made it wrote its name.
    pub room: RoomName,
    /// Which log it is.
    pub log: LogId,
    /// The newest message.
    pub head: Position,
    /// What follows as `said` of this room begins after this.
    pub start: Position,
    /// Messages after the client's cursor that are no longer kept and will not be seen.
    pub missed: u64,
    /// False when the cursor named another log, or a position that is not in this one.
    pub resumed: bool,
    /// The room's topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<ShortText>,
    /// How many are in the room, this client among them.
    pub users: u32,
}

/// What is told of a room to whoever asks which there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSummary {
    /// The room, as whoever made it wrote its name.
    pub name: RoomName,
    /// How many are in it.
    pub users: u32,
    /// Its topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<ShortText>,
}

/// Somebody, or some addresses, that operators keep out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanRow {
    /// The fingerprint of a key, an address, or a range of addresses.
    pub what: ActTarget,
    /// The name that the key had when it was banned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<UserName>,
    /// Which operator did it.
    pub by: UserName,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
    /// Until when it holds; for good where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// What the operator says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ShortText>,
}

/// One operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorRow {
    /// Whose key it is.
    pub fingerprint: Fingerprint,
    /// A name of that key: the one with which it was named, or one with which it is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<UserName>,
    /// Whether the key is an operator's by the server's own settings, so that no other operator can change that.
    pub file: bool,
}

/// Somebody came or went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Is in the lobby now.
    Joined(UserName),
    /// No longer is.
    Left(UserName),
}

/// One of two users is told of the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    /// The number of the `pair` this answers; left out for the side that did not ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<u32>,
    /// The session, the same on both sides; good for
    /// [`INTRODUCTION_LIFETIME`](crate::INTRODUCTION_LIFETIME) unless it is open by then.
    pub session: PairToken,
    /// The other's name.
    pub name: UserName,
    /// The other's key: no other may answer or call for this session.
    pub key: PublicKey,
    /// Where the other may be reached.
    pub candidates: Vec<Candidate>,
    /// The server at which the two are relayed, where it is another than the one that says this; it is of the same
    /// lobby, and so has the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<Candidate>,
    /// True for the side whose `pair` made the session: its mode is A, the other's B.
    pub forked: bool,
}
