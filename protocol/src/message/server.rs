//! The messages that the server sends to a client. They state facts; the client writes the sentences that users read.

use serde::{Deserialize, Serialize};

use super::code::{NoAnswerCode, NotAcceptedCode, NotJoinedCode, RefusedCode};
use super::null_is_left_out;
use crate::away::AwayText;
use crate::candidate::Candidate;
use crate::chain::{LobbyMessage, LogId, Position, Seq};
use crate::content::{ActTarget, ShortText};
use crate::ids::PairToken;
use crate::key::{Fingerprint, PublicKey};
use crate::name::UserName;
use crate::room::RoomName;
use crate::said::Said;
use crate::text::Text;

/// A message from the server to a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The client is in the lobby now.
    Welcome(Welcome),
    /// The client is not let in, or its connection is ended. The server closes the connection after this.
    Refused(Refused),
    /// Several messages of one log in a row.
    Said(Said),
    /// The server no longer has the messages that would come next, because the client was too far behind.
    Skipped {
        /// The room whose messages are missing; absent for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// How many messages the client will not see.
        missed: u64,
        /// The position after which the next `said` begins.
        after: Position,
    },
    /// A `say` or an `act` was already stored in its log earlier.
    Accepted {
        /// The number that the client gave it in its outbox.
        id: u64,
        /// The number that it has in its log.
        seq: Seq,
    },
    /// A `say` or an `act` was not stored, and will not be.
    NotAccepted(NotAccepted),
    /// The client is in a room now. This answers `join`, or a room that the client's `hello` named.
    Joined(JoinedRoom),
    /// The client could not join a room.
    NotJoined {
        /// The number of the `join`; absent for a room that the client's `hello` named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<u32>,
        /// The room that the client could not join.
        room: RoomName,
        /// The reason why the client could not join.
        code: NotJoinedCode,
    },
    /// One part of the answer to `rooms`.
    Rooms {
        /// The number of the question that this answers.
        request: u32,
        /// Some of the rooms; at most [`ROOMS_PER_MESSAGE`](crate::ROOMS_PER_MESSAGE).
        rooms: Vec<RoomSummary>,
        /// Whether more parts follow.
        more: bool,
    },
    /// Users who came and went, in the order in which they did.
    Presence {
        /// The room that they came to or left; absent for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// The changes, oldest first; at most [`CHANGES_PER_MESSAGE`](crate::CHANGES_PER_MESSAGE).
        changes: Vec<Change>,
    },
    /// The server left out changes of presence because the client did not read them fast enough. The client may ask
    /// `users` to learn who is there.
    PresenceSkipped {
        /// The room whose changes were left out; absent for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
    },
    /// One part of the answer to `users`.
    Users {
        /// The number of the question that this answers.
        request: u32,
        /// Some of the users; at most [`USERS_PER_MESSAGE`](crate::USERS_PER_MESSAGE).
        names: Vec<UserName>,
        /// Those of `names` who are away.
        #[serde(default, deserialize_with = "null_is_left_out", skip_serializing_if = "Vec::is_empty")]
        away: Vec<UserName>,
        /// Whether more parts follow.
        more: bool,
    },
    /// The answer to `whois`.
    Whois {
        /// The number of the question that this answers.
        request: u32,
        /// The user's name, as that user wrote it.
        name: UserName,
        /// The user's public key.
        key: PublicKey,
        /// Since when the user has been in the lobby, in milliseconds since 1970-01-01 UTC.
        since: u64,
        /// The reason that the user gave for being away; absent if the user is not away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        away: Option<AwayText>,
    },
    /// The answer to `whois` or `pair` if nobody with that name is in the lobby.
    NoSuchUser {
        /// The number of the question that this answers.
        request: u32,
        /// The name that was asked for.
        name: UserName,
    },
    /// One part of the answer to `history`.
    History {
        /// The number of the question that this answers.
        request: u32,
        /// The position before the first of `messages`.
        after: Position,
        /// Some of the messages, in order and without a gap.
        messages: Vec<LobbyMessage>,
        /// Whether more parts follow. Each begins where the part before ended.
        more: bool,
    },
    /// One part of the answer to `bans`.
    Bans {
        /// The number of the question that this answers.
        request: u32,
        /// Some of the bans, oldest first; at most [`BANS_PER_MESSAGE`](crate::BANS_PER_MESSAGE).
        bans: Vec<RestraintRow>,
        /// Whether more parts follow.
        more: bool,
    },
    /// One part of the answer to `mutes`.
    Mutes {
        /// The number of the question that this answers.
        request: u32,
        /// Some of the mutes, oldest first; at most [`MUTES_PER_MESSAGE`](crate::MUTES_PER_MESSAGE).
        mutes: Vec<RestraintRow>,
        /// Whether more parts follow.
        more: bool,
    },
    /// One part of the answer to `ops`.
    Ops {
        /// The number of the question that this answers.
        request: u32,
        /// Some of the operators; at most [`OPERATORS_PER_MESSAGE`](crate::OPERATORS_PER_MESSAGE). Those from the
        /// server's settings come first.
        ops: Vec<OperatorRow>,
        /// Whether more parts follow.
        more: bool,
    },
    /// The server cannot answer a question now.
    NoAnswer {
        /// The number of the question.
        request: u32,
        /// The reason why there is no answer.
        code: NoAnswerCode,
    },
    /// Somebody wants a private session with this user. This user's client is asked before either side learns the
    /// other's addresses; it answers by its settings, or asks its user.
    Asked {
        /// The number of this question, which `consent` repeats.
        ask: u64,
        /// The name of the user who wants the session.
        name: UserName,
        /// The key of the user who wants the session.
        key: PublicKey,
        /// The token of the session that is to be rebuilt; absent for a new session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<PairToken>,
    },
    /// The other user's client was reached and is asking its user. The answer to the `pair` follows later.
    Asking {
        /// The number of the `pair`.
        request: u32,
    },
    /// Two users are introduced to each other. Each of the two gets an introduction.
    Introduced(Introduction),
    /// Asks the client for a sign of life.
    Ping,
    /// Answers a `ping` of the client.
    Pong,
    /// The server shuts down. Everything that it had accepted is stored and was sent.
    Closing,
    /// The server could not read a message of the client. The server closes the connection after this.
    Bad {
        /// What was wrong with the message, for the developer of the client.
        reason: String,
    },
    /// Any message of a type that this build does not know.
    #[serde(other)]
    Unknown,
}

/// The answer of the server to a `hello` that it accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version of the protocol that the server speaks; see [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION).
    pub protocol: u32,
    /// The name that the client has now: the one that it asked for, possibly with a number added.
    pub name: UserName,
    /// The id of the lobby's log.
    pub log: LogId,
    /// The position of the newest message.
    pub head: Position,
    /// The position after which the first `said` begins.
    pub start: Position,
    /// How many messages after the client's cursor the server no longer has. The client will not see them.
    pub missed: u64,
    /// Whether the messages that follow continue what the client already has. This is false if the cursor named another
    /// log, or a position that is not in this log.
    pub resumed: bool,
    /// The IP address from which the server sees this client connect.
    pub observed: std::net::IpAddr,
    /// The addresses of other servers of this lobby; at most [`MAX_SERVERS`](crate::MAX_SERVERS).
    #[serde(default, deserialize_with = "null_is_left_out", skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<Candidate>,
    /// The lobby's topic; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<ShortText>,
    /// The message of the day, which the administrator of the server shows to everybody who comes in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub motd: Option<Text>,
    /// Whether this user is an operator of the lobby.
    #[serde(default, deserialize_with = "null_is_left_out", skip_serializing_if = "is_false")]
    pub operator: bool,
}

/// Tells serde to leave out a member that is false.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(member: &bool) -> bool {
    !member
}

/// Why a client is not let in, or why its connection is ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The reason as a code.
    pub code: RefusedCode,
    /// The operator who decided it, if an operator did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserName>,
    /// The reason that the operator gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ShortText>,
    /// Until when the user is kept out, in milliseconds since 1970-01-01 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

/// Why a text or an act was not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotAccepted {
    /// The number that the client gave the text or act in its outbox.
    pub id: u64,
    /// The reason as a code.
    pub code: NotAcceptedCode,
    /// After how many seconds the client may send the text again, if the code is `slow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<u32>,
    /// The operator who is responsible, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserName>,
    /// The reason that the operator gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ShortText>,
    /// Until when this lasts, in milliseconds since 1970-01-01 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

impl ServerMessage {
    /// Makes a refusal for which no operator is responsible.
    #[must_use]
    pub fn refused(code: RefusedCode) -> Self {
        Self::Refused(Refused { code, by: None, reason: None, until: None })
    }

    /// Says that a text or an act was not stored, for a reason that is not an operator's.
    #[must_use]
    pub fn not_accepted(id: u64, code: NotAcceptedCode) -> Self {
        Self::NotAccepted(NotAccepted { id, code, wait: None, by: None, reason: None, until: None })
    }
}

/// What a client learns when it joins a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinedRoom {
    /// The number of the `join`; absent for a room that the client's `hello` named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<u32>,
    /// The room's name, as the user who made the room wrote it.
    pub room: RoomName,
    /// The id of the room's log.
    pub log: LogId,
    /// The position of the newest message.
    pub head: Position,
    /// The position after which the first `said` of this room begins.
    pub start: Position,
    /// How many messages after the client's cursor the server no longer has. The client will not see them.
    pub missed: u64,
    /// Whether the messages that follow continue what the client already has. This is false if the cursor named another
    /// log, or a position that is not in this log.
    pub resumed: bool,
    /// The room's topic; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<ShortText>,
    /// How many users are in the room, including this client's.
    pub users: u32,
}

/// What the server tells about one room in an answer to `rooms`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSummary {
    /// The room's name, as the user who made the room wrote it.
    pub name: RoomName,
    /// How many users are in the room.
    pub users: u32,
    /// The room's topic; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<ShortText>,
}

/// One ban or one mute, in the answers to `bans` and `mutes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestraintRow {
    /// What is banned or muted: the fingerprint of a key; of a ban also an address or a range of addresses.
    pub what: ActTarget,
    /// The name that the user with this key had at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<UserName>,
    /// The operator who imposed it.
    pub by: UserName,
    /// When it was imposed, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
    /// Until when it holds, in milliseconds since 1970-01-01 UTC; absent if it holds until it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// The reason that the operator gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ShortText>,
}

/// One operator in the answer to `ops`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorRow {
    /// The fingerprint of the operator's key.
    pub fingerprint: Fingerprint,
    /// A name that belongs to this key: the one under which the operator was named, or one under which the operator is
    /// here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<UserName>,
    /// Whether the server's own settings name this operator. Other operators cannot change that.
    pub file: bool,
}

/// A user came or went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// This user is in the lobby or room now.
    Joined(UserName),
    /// This user is no longer there.
    Left(UserName),
}

/// What one of two users is told about the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    /// The number of the `pair` that this answers; absent for the side that did not ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<u32>,
    /// The token of the session, the same on both sides. It expires after
    /// [`INTRODUCTION_LIFETIME`](crate::INTRODUCTION_LIFETIME) if the session is not open by then.
    pub session: PairToken,
    /// The other user's name.
    pub name: UserName,
    /// The other user's key. Only a peer that has this key may be connected to in this session.
    pub key: PublicKey,
    /// The addresses at which the other user may be reached.
    pub candidates: Vec<Candidate>,
    /// The server that relays between the two, if it is not the server that sends this introduction. It belongs to the
    /// same lobby and therefore has the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<Candidate>,
    /// Whether this side's `pair` made the session. The mode of that side is A, and the mode of the other side is B.
    pub forked: bool,
}
