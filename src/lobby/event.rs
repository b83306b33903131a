//! What the lobby's link reports to the app. This file knows nothing of connections.

use hobnob_protocol::MAX_TOPIC_BYTES;
use hobnob_protocol::away::AwayText;
use hobnob_protocol::chain::{BrokenChain, LobbyMessage, Position, Seq};
use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{
    Change, Introduction, JoinedRoom, NoAnswerCode, NotAccepted, NotJoinedCode, OperatorRow, Refused,
    RestraintRow, RoomSummary, Welcome,
};
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;

use super::sequence::Resumed;

/// What the lobby's link reports to the app.
#[derive(Debug)]
pub enum LobbyEvent {
    /// The link is up.
    Up(Joined),
    /// The link was lost and is being rebuilt.
    Down {
        /// Why the link was lost, in words.
        reason: String,
    },
    /// A user said or did something.
    Said {
        /// The room; `None` for the lobby.
        room: Option<RoomName>,
        /// The message: what was said or done, by whom, and its number.
        message: Box<LobbyMessage>,
        /// Whether the message was in the log before this connection was made.
        replayed: bool,
    },
    /// The server no longer keeps the messages that would come next.
    Skipped {
        /// The room; `None` for the lobby.
        room: Option<RoomName>,
        /// How many messages are missing.
        missed: u64,
    },
    /// A text or an act of this run was stored in its log.
    Sent {
        /// The room; `None` for the lobby.
        room: Option<RoomName>,
        /// Its number in the outbox.
        id: u64,
        /// Its number in the log.
        seq: Seq,
        /// The stored message; `None` if the server told only its number.
        message: Option<Box<LobbyMessage>>,
    },
    /// A text or an act of this run was not stored.
    NotAccepted(NotAccepted),
    /// A message does not follow from the one before it: the log was changed, by the server or behind its back.
    Broken {
        /// The room; `None` for the lobby.
        room: Option<RoomName>,
        /// Where the chain is broken.
        broken: BrokenChain,
    },
    /// Users came or went.
    Presence {
        /// The room; `None` for the lobby.
        room: Option<RoomName>,
        /// Who came and who went, in this order.
        changes: Vec<Change>,
    },
    /// The server left out some changes of presence.
    PresenceSkipped {
        /// The room; `None` for the lobby.
        room: Option<RoomName>,
    },
    /// This client is in a room.
    RoomJoined {
        /// What the server told.
        joined: Box<JoinedRoom>,
        /// Whether the log continues what was read before.
        resumed: Resumed,
    },
    /// The server does not let this client into a room.
    RoomNotJoined {
        /// The number of the question that asked for the room; `None` if this client was in the room before.
        request: Option<u32>,
        /// The name of the room.
        room: RoomName,
        /// Why the server does not let this client in.
        code: NotJoinedCode,
    },
    /// An answer to a question.
    Answer(ServerAnswer),
    /// The server introduces a user for a private session.
    Introduced(Introduction),
    /// The server asks whether somebody may open a private session with this user.
    Asked {
        /// The number of the question, which comes back in the answer.
        ask: u64,
        /// The name of the user.
        name: UserName,
        /// The key of the user.
        key: PublicKey,
        /// The session that is to be rebuilt; `None` for a new session.
        session: Option<PairToken>,
    },
    /// The server asks whether the introduction before this was read. The app answers with `pong`, after everything
    /// that it said before it knew of the introduction; so the server can detect two forks that cross.
    IntroductionAsked,
    /// The server has closed the link, or does not let this client in again. The link goes on trying.
    Refused {
        /// Why the server refuses this client, in words.
        reason: &'static str,
    },
    /// A server at one of the lobby's addresses has another key than the lobby, so it is not a server of the lobby. The
    /// other addresses are tried.
    ForeignServer {
        /// The address, as `HOST:PORT`.
        address: String,
        /// The key that the server showed.
        key: PublicKey,
    },
    /// The server says that it is about to end.
    Closing,
    /// The link has ended for good: an operator sent this user out.
    SentOut(Refused),
    /// The link has ended for good: no server has the key that was trusted.
    KeyChanged {
        /// Which key is trusted and which was shown, as a sentence.
        reason: String,
        /// The addresses that the user named.
        servers: Vec<String>,
    },
    /// The link has ended for good: this user has left.
    Left,
}

/// About how much memory a name takes in bytes, shown and folded.
const NAME: usize = 128;

/// About how much memory any event takes in bytes, without its contents.
const EVENT: usize = 256;

impl LobbyEvent {
    /// Makes the event for a text or an act that was not stored, for a reason other than an operator.
    #[cfg(test)]
    pub(crate) fn not_accepted(id: u64, code: hobnob_protocol::message::NotAcceptedCode) -> Self {
        Self::NotAccepted(NotAccepted { id, code, wait: None, by: None, reason: None, until: None })
    }

    /// Returns about how many bytes of memory this event holds. Parts that a server may make long are counted;
    /// everything else is short.
    pub(super) fn weight(&self) -> usize {
        let message = |message: &LobbyMessage| EVENT + message.content.bytes_of_text();
        EVENT
            + match self {
                Self::Said { message: said, .. } => message(said),
                Self::Presence { changes, .. } => changes.len() * NAME,
                Self::Introduced(introduction) => {
                    introduction.candidates.iter().map(|candidate| candidate.as_str().len() + 32).sum()
                }
                Self::Answer(ServerAnswer::Users { names, away, .. }) => (names.len() + away.len()) * NAME,
                Self::Answer(ServerAnswer::History { messages, .. }) => messages.iter().map(message).sum(),
                Self::Answer(
                    ServerAnswer::Bans { bans: rows, .. } | ServerAnswer::Mutes { mutes: rows, .. },
                ) => rows.len() * (3 * NAME + MAX_TOPIC_BYTES),
                Self::Answer(ServerAnswer::Ops { ops, .. }) => ops.len() * 2 * NAME,
                Self::Answer(ServerAnswer::Rooms { rooms, .. }) => rooms.len() * (NAME + MAX_TOPIC_BYTES),
                _ => 0,
            }
    }
}

/// A link that is up.
#[derive(Debug, Clone)]
pub struct Joined {
    /// What the server told.
    pub welcome: Welcome,
    /// Whether the log continues what was read before.
    pub resumed: Resumed,
    /// The address of the server, `HOST:PORT`.
    pub address: String,
    /// The key that the server has proved to have.
    pub server: PublicKey,
    /// The name of the key exchange, as TLS gives it.
    pub key_exchange: String,
}

/// An answer of the server.
#[derive(Debug)]
#[allow(missing_docs, reason = "the fields are those of ServerMessage, where they are described")]
pub enum ServerAnswer {
    Users { request: u32, names: Vec<UserName>, away: Vec<UserName>, more: bool },
    Whois { request: u32, name: UserName, key: PublicKey, since: u64, away: Option<AwayText> },
    NoSuchUser { request: u32, name: UserName },
    History { request: u32, after: Position, messages: Vec<LobbyMessage>, more: bool },
    Rooms { request: u32, rooms: Vec<RoomSummary>, more: bool },
    Bans { request: u32, bans: Vec<RestraintRow>, more: bool },
    Mutes { request: u32, mutes: Vec<RestraintRow>, more: bool },
    Ops { request: u32, ops: Vec<OperatorRow>, more: bool },
    NoAnswer { request: u32, code: NoAnswerCode },
    Asking { request: u32 },
}
