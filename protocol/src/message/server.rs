//! What the server tells a client: facts, never sentences.

use serde::{Deserialize, Serialize};

use super::code::{NoAnswerCode, NotAcceptedCode, RefusedCode};
use super::null_is_left_out;
use crate::away::AwayText;
use crate::chain::{LobbyMessage, Position};
use crate::name::{Candidate, LogId, PairToken, PublicKey, Seq, UserName};
use crate::said::Said;

/// What the server tells a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The client is in the lobby.
    Welcome(Welcome),
    /// The client is not let in; the server closes.
    Refused {
        /// Why.
        code: RefusedCode,
    },
    /// Lobby messages in a row.
    Said(Said),
    /// Messages that would come next are no longer kept: this client was further behind than the server keeps.
    Skipped {
        /// How many it will not see.
        missed: u64,
        /// What follows as `said` begins after this.
        after: Position,
    },
    /// A `say` whose text already stands in the log.
    Accepted {
        /// The `say`'s id.
        id: u64,
        /// Its number in the log.
        seq: Seq,
    },
    /// A `say` whose text was not stored and will not be.
    NotAccepted {
        /// The `say`'s id.
        id: u64,
        /// Why.
        code: NotAcceptedCode,
    },
    /// Who came and went, oldest first.
    Presence {
        /// At most [`CHANGES_PER_MESSAGE`](crate::CHANGES_PER_MESSAGE).
        changes: Vec<Change>,
    },
    /// Changes of presence were left out for a client that did not read; it may ask `users`.
    PresenceSkipped,
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
    /// A question that cannot be answered now.
    NoAnswer {
        /// The question's number.
        request: u32,
        /// Why.
        code: NoAnswerCode,
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
    /// True for the side whose `pair` made the session: its mode is A, the other's B.
    pub forked: bool,
}
