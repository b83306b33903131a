//! Every message of the protocol. One JSON object a line, the member `type` says which; members and
//! types a reader does not know are passed over, so that both can be added.
//!
//! Between client and server, after TLS with ALPN `hobnob-lobby/1`:
//! 1. The client sends `hello` (once, first). The server answers `welcome`, or `refused` and closes.
//! 2. From then on the server sends every lobby message after `welcome.start` as `said`, in order,
//!    the client's own among them: that is its acknowledgement. `accepted` answers a `say` that was
//!    stored earlier and `not_accepted` one that was not stored.
//! 3. `users`, `whois`, `history` and `pair` are questions with a number; the answer carries it.
//! 4. `leave` or the end of the stream ends it; `closing` says that the server ends.
//!
//! Between two peers, after TLS with ALPN `hobnob-peer/1`: both send `hello`; the side whose key is
//! the smaller one answers `chosen` on the connection that is to carry the words; then `say` and
//! `received` in both directions, and `goodbye` to end the session.

use serde::{Deserialize, Deserializer, Serialize};

use crate::away::AwayText;
use crate::chain::{LobbyMessage, Position};
use crate::fast_path;
use crate::name::{Candidate, LogId, PairToken, PublicKey, RunId, Seq, Text, UserName};
use crate::said::Said;

/// What a client tells the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Who this is and from where it reads on.
    Hello(Hello),
    /// Says a text in the lobby.
    Say {
        /// Its number in this run's outbox: counts up, never used for another text.
        id: u64,
        /// What is said.
        text: Text,
    },
    /// Asks who is in the lobby.
    Users {
        /// Comes back in the answer.
        request: u32,
    },
    /// Asks who somebody in the lobby is.
    Whois {
        /// Comes back in the answer.
        request: u32,
        /// Whom.
        name: UserName,
    },
    /// Asks for the messages that end at the newest one, or just before `before`.
    History {
        /// Comes back in the answer.
        request: u32,
        /// How many at the most.
        limit: u32,
        /// Only messages with smaller numbers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Seq>,
    },
    /// Asks to be introduced to somebody for a private session.
    Pair {
        /// Comes back in the answer.
        request: u32,
        /// To whom.
        name: UserName,
        /// The session that is to be rebuilt; left out for a new one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<PairToken>,
    },
    /// This user is away: told to whoever asks, until `back` or the end of the connection.
    Away {
        /// Why; empty for no reason.
        #[serde(default, deserialize_with = "null_is_left_out")]
        text: AwayText,
    },
    /// This user is here again.
    Back,
    /// Asks for a sign of life.
    Ping,
    /// A sign of life.
    Pong,
    /// This client leaves for good.
    Leave,
    /// A message this build does not know.
    #[serde(other)]
    Unknown,
}

/// The first message of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION).
    pub protocol: u32,
    /// Program and version, for the server's log; at most 64 bytes are kept.
    #[serde(default, deserialize_with = "null_is_left_out")]
    pub agent: String,
    /// The name wished for.
    pub name: UserName,
    /// This run of the client.
    pub run: RunId,
    /// Where peers reach this client; at most [`MAX_CANDIDATES`](crate::MAX_CANDIDATES).
    #[serde(default, deserialize_with = "null_is_left_out")]
    pub candidates: Vec<Candidate>,
    /// Where peers reach this client on the address the server sees it at: the port alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The log and the position in it up to which this client has read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// Without a cursor: read on after this number, whatever its hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Seq>,
    /// Without either: how many of the newest messages to begin with.
    #[serde(default, deserialize_with = "null_is_left_out")]
    pub backlog: u64,
}

impl ClientMessage {
    /// Reads a line. Nearly all are texts that [`Serialize`] would write as they stand, and those are
    /// spared what serde does for messages of every kind.
    ///
    /// # Errors
    /// When the line is no message.
    pub fn read(line: &[u8]) -> serde_json::Result<Self> {
        Self::fast_say(line).map_or_else(|| serde_json::from_slice(line), Ok)
    }

    fn fast_say(line: &[u8]) -> Option<Self> {
        let (id, rest) = fast_path::number(line.strip_prefix(br#"{"type":"say","id":"#)?)?;
        let text = fast_path::text(rest.strip_prefix(br#","text":""#)?.strip_suffix(br#""}"#)?)?;
        Some(Self::Say { id, text })
    }
}

/// Reads `null` as if the member were left out: programs in many languages write their absent values so.
fn null_is_left_out<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// How far a client has read, and in which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Which log.
    pub log: LogId,
    /// Up to where.
    #[serde(flatten)]
    pub position: Position,
}

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

/// Why a client was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedCode {
    /// The server speaks another version of the protocol.
    Protocol,
    /// The server has as many clients as it takes.
    Full,
    /// The server has as many clients from this address as it takes.
    FullForAddress,
    /// Every numbered form of the name is taken.
    NoNameLeft,
    /// The server is closing down.
    Closing,
    /// Another client with this key and run has taken over.
    TakenOver,
    /// The client took nothing of what it was sent for too long.
    NotReading,
    /// A reason this build does not know.
    #[serde(other)]
    Other,
}

/// Why a text was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotAcceptedCode {
    /// The server could not write its log (a full disk, a read-only or broken store).
    Store,
    /// The server is closing down.
    Closing,
    /// The id does not grow: a later text of this run stands in the log, or another text stands there under this id.
    Id,
    /// A reason this build does not know.
    #[serde(other)]
    Other,
}

/// Why a question was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoAnswerCode {
    /// Oneself cannot be the other end of a session.
    Yourself,
    /// The server could not read its log.
    Store,
    /// Too many questions of this client are open.
    Busy,
    /// A reason this build does not know.
    #[serde(other)]
    Other,
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

/// What a connection between two peers is for. One session may have several, for different purposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// What the two users say to each other.
    Words,
    /// A purpose this build does not know.
    #[serde(other)]
    Other,
}

/// Why a connection between two peers was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerRefusedCode {
    /// The purpose of the connection is not known.
    Purpose,
    /// A reason this build does not know.
    #[serde(other)]
    Other,
}

/// What two peers tell each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PeerMessage {
    /// The first message of both sides on every connection.
    Hello {
        /// [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION).
        protocol: u32,
        /// The session this connection is for.
        session: PairToken,
        /// The number of the last text this side has.
        received: u64,
        /// What the connection is for; left out for the words of the session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        purpose: Option<Purpose>,
    },
    /// The answer to a `hello` of a session that goes on, for a connection this side has no use for; it
    /// closes, and the session is as it was.
    Refused {
        /// Why.
        code: PeerRefusedCode,
    },
    /// This connection carries the words from now on; sent by the side with the smaller key.
    Chosen,
    /// A text.
    Say {
        /// Counts up from 1 in each direction, over all connections of the session.
        number: u64,
        /// When it was typed, in milliseconds since 1970-01-01 UTC.
        at: u64,
        /// What is said.
        text: Text,
    },
    /// All texts up to this one have been taken.
    Received {
        /// The number of the last one.
        number: u64,
    },
    /// Asks for a sign of life.
    Ping,
    /// A sign of life.
    Pong,
    /// The session is over.
    Goodbye,
    /// A message this build does not know.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads_as<T: serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(line: &str, message: T) {
        assert_eq!(serde_json::from_str::<T>(line).unwrap(), message);
    }

    #[test]
    fn unknown_types_and_members_are_passed_over() {
        reads_as(r#"{"type":"dance","partner":["anna",1]}"#, ClientMessage::Unknown);
        reads_as(r#"{"type":"dance"}"#, ServerMessage::Unknown);
        reads_as(r#"{"type":"dance"}"#, PeerMessage::Unknown);
        reads_as(r#"{"type":"ping","why":{}}"#, ClientMessage::Ping);
        let hello = |purpose| PeerMessage::Hello {
            protocol: 2,
            session: PairToken::new([0; 16]),
            received: 0,
            purpose,
        };
        let line = |rest: &str| {
            format!(
                r#"{{"type":"hello","protocol":2,"session":"AAAAAAAAAAAAAAAAAAAAAA","received":0{rest}}}"#
            )
        };
        reads_as(&line(""), hello(None));
        reads_as(&line(r#","purpose":null"#), hello(None));
        reads_as(&line(r#","purpose":"words""#), hello(Some(Purpose::Words)));
        reads_as(&line(r#","purpose":"holograms""#), hello(Some(Purpose::Other)));
        reads_as(
            r#"{"type":"refused","code":"moon"}"#,
            PeerMessage::Refused { code: PeerRefusedCode::Other },
        );
        reads_as(r#"{"type":"refused","code":"moon"}"#, ServerMessage::Refused { code: RefusedCode::Other });
    }

    #[test]
    fn null_for_an_optional_member_is_as_if_it_were_left_out() {
        for (member, without) in [
            (
                r#"{"type":"hello","protocol":2,"agent":null,"name":"anna","run":"oKGio6Slpqc","candidates":null,"port":null,"cursor":null,"since":null,"backlog":null}"#,
                r#"{"type":"hello","protocol":2,"name":"anna","run":"oKGio6Slpqc"}"#,
            ),
            (
                r#"{"type":"history","request":1,"limit":2,"before":null}"#,
                r#"{"type":"history","request":1,"limit":2}"#,
            ),
            (
                r#"{"type":"pair","request":1,"name":"bobby","session":null}"#,
                r#"{"type":"pair","request":1,"name":"bobby"}"#,
            ),
            (r#"{"type":"away","text":null}"#, r#"{"type":"away"}"#),
        ] {
            reads_as(member, serde_json::from_str::<ClientMessage>(without).unwrap());
        }
        for (member, without) in [
            (
                r#"{"type":"users","request":1,"names":[],"away":null,"more":false}"#,
                r#"{"type":"users","request":1,"names":[],"more":false}"#,
            ),
            (
                r#"{"type":"introduced","request":null,"session":"wMHCw8TFxsfIycrLzM3Ozw","name":"bobby","key":"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8","candidates":[],"forked":true}"#,
                r#"{"type":"introduced","session":"wMHCw8TFxsfIycrLzM3Ozw","name":"bobby","key":"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8","candidates":[],"forked":true}"#,
            ),
        ] {
            reads_as(member, serde_json::from_str::<ServerMessage>(without).unwrap());
        }
        // A member that is needed is not left out by null.
        assert!(serde_json::from_str::<ClientMessage>(r#"{"type":"say","id":null,"text":"x"}"#).is_err());
    }

    /// What JSON libraries write differently is decided here, and docs/PROTOCOL.md says it.
    #[test]
    fn what_json_leaves_open_is_read_in_one_way() {
        for refused in [
            r#"{"type":"say","id":1,"id":1,"text":"x"}"#,
            r#"{"type":"say","type":"say","id":1,"text":"x"}"#,
            r#"{"type":"say","id":1.0,"text":"x"}"#,
            r#"{"type":"say","id":1e0,"text":"x"}"#,
            r#"{"type":"say","id":"1","text":"x"}"#,
            r#"{"type":"say","id":1,"text":"\ud800"}"#,
            r#"{"type":"say","id":1,"text":"x"} {"type":"ping"}"#,
        ] {
            assert!(serde_json::from_str::<ClientMessage>(refused).is_err(), "{refused}");
        }
        reads_as(
            r#" { "text" : "\ud83e\udd80" , "id" : 1 , "type" : "say" } "#,
            ClientMessage::Say { id: 1, text: Text::new("🦀").unwrap() },
        );
    }

    /// The short way takes nothing that serde would not take, and takes it alike.
    #[test]
    fn a_line_on_the_fast_path_is_read_as_serde_reads_it() {
        let says = [
            r#"{"type":"say","id":1,"text":"hello"}"#,
            r#"{"type":"say","id":18446744073709551615,"text":"ünï 🦀"}"#,
            r#"{"type":"say","id":1,"text":"a\"}"#,
            r#"{"type":"say","id":1,"text":"a"}"#,
            r#"{"type":"say","id":1,"text":"a","mood":"b"}"#,
            r#"{"type":"say","id":1,"text":"a"},"text":"b"}"#,
            r#"{"type":"say","id":01,"text":"a"}"#,
            r#"{"type":"say","id":18446744073709551616,"text":"a"}"#,
            r#"{"type":"say","id":1,"text":""}"#,
            r#"{"text":"a","id":1,"type":"say"}"#,
            r#"{"type":"ping"}"#,
            "{\"type\":\"say\",\"id\":1,\"text\":\"a\u{1b}\"}",
        ];
        for line in says {
            let (ours, serdes) = (ClientMessage::read(line.as_bytes()), serde_json::from_str(line));
            assert_eq!(ours.ok(), serdes.ok(), "{line}");
        }
    }

    #[test]
    fn what_a_type_forbids_is_refused() {
        for bad in [
            r#"{"type":"say","id":-1,"text":"x"}"#,
            r#"{"type":"say","id":1,"text":""}"#,
            r#"{"type":"say","id":1}"#,
            r#"{"type":"whois","request":1,"name":"an na"}"#,
            r#"{"id":1,"text":"x"}"#,
            r#"[]"#,
            "zz",
        ] {
            assert!(serde_json::from_str::<ClientMessage>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_cursor_is_flat() {
        let cursor = Cursor {
            log: LogId::new([0; 16]),
            position: Position { seq: Seq(4), hash: crate::name::ChainHash::new([0; 32]) },
        };
        let line = serde_json::to_string(&cursor).unwrap();
        assert!(line.contains(r#""seq":4"#) && !line.contains("position"), "{line}");
        reads_as(&line, cursor);
    }
}
