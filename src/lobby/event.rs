//! What the app hears of the lobby. Knows nothing of connections.

use hobnob_protocol::MAX_TOPIC_BYTES;
use hobnob_protocol::away::AwayText;
use hobnob_protocol::chain::{BrokenChain, LobbyMessage, Position};
use hobnob_protocol::message::{
    BanRow, Change, Introduction, JoinedRoom, NoAnswerCode, NotAccepted, NotJoinedCode, OperatorRow, Refused,
    RoomSummary, Welcome,
};
use hobnob_protocol::name::{PairToken, PublicKey, Seq, UserName};
use hobnob_protocol::room::RoomName;

use super::sequence::Resumed;

/// What the app hears of the lobby.
#[derive(Debug)]
pub enum LobbyEvent {
    /// The link is up.
    Up(Joined),
    /// The link was lost and is being rebuilt.
    Down {
        /// Why.
        reason: String,
    },
    /// Somebody said or did something.
    Said {
        /// In which room; none for the lobby.
        room: Option<RoomName>,
        /// What, by whom, with its number.
        message: Box<LobbyMessage>,
        /// It was in the log before this connection was made.
        replayed: bool,
    },
    /// Messages that would come next are no longer kept by the server.
    Skipped {
        /// In which room; none for the lobby.
        room: Option<RoomName>,
        /// How many.
        missed: u64,
    },
    /// A text or an act of this run stands in its log.
    Sent {
        /// In which room; none for the lobby.
        room: Option<RoomName>,
        /// Its number in the outbox.
        id: u64,
        /// Its number in the log.
        seq: Seq,
        /// The message as it stands there; none where the server told the number alone.
        message: Option<Box<LobbyMessage>>,
    },
    /// A text or an act of this run was not stored.
    NotAccepted(NotAccepted),
    /// A log was changed behind the server's back, or by it.
    Broken {
        /// Of which room; none for the lobby.
        room: Option<RoomName>,
        /// Where.
        broken: BrokenChain,
    },
    /// Who came and went.
    Presence {
        /// In which room; none for the lobby.
        room: Option<RoomName>,
        /// The changes.
        changes: Vec<Change>,
    },
    /// Some presence was not told.
    PresenceSkipped {
        /// In which room; none for the lobby.
        room: Option<RoomName>,
    },
    /// This client is in a room.
    RoomJoined {
        /// What the server told.
        joined: Box<JoinedRoom>,
        /// How that continues what was read before.
        resumed: Resumed,
    },
    /// This client is not let into a room.
    RoomNotJoined {
        /// The question that asked for it; none for a room that this client was in.
        request: Option<u32>,
        /// Which room.
        room: RoomName,
        /// Why.
        code: NotJoinedCode,
    },
    /// An answer to a question.
    Answer(ServerAnswer),
    /// Somebody is to be met.
    Introduced(Introduction),
    /// The server asks whether somebody may open a private session with this user.
    Asked {
        /// Comes back in the answer.
        ask: u64,
        /// Who.
        name: UserName,
        /// With which key.
        key: PublicKey,
        /// The session that is to be rebuilt; none for a new one.
        session: Option<PairToken>,
    },
    /// The server asks whether the introduction before this was read; the answer is `pong`. It is the
    /// app's, after whatever it said before it knew: so the server can tell two forks that cross.
    IntroductionAsked,
    /// The server has closed the link, or does not let this client in again; it is asked again all the same.
    Refused {
        /// Why.
        reason: &'static str,
    },
    /// The server says it ends.
    Closing,
    /// The link has ended for good: an operator sent this user out.
    SentOut(Refused),
    /// The link has ended for good: the server's key is not the one that was trusted.
    KeyChanged(String),
    /// The link has ended for good: this user has left.
    Left,
}

/// About what a name takes in memory, shown and folded.
const NAME: usize = 128;

/// About what any event takes besides what is in it.
const EVENT: usize = 256;

impl LobbyEvent {
    /// A text or an act was not stored, and no operator is the reason.
    #[cfg(test)]
    pub(crate) fn not_accepted(id: u64, code: hobnob_protocol::message::NotAcceptedCode) -> Self {
        Self::NotAccepted(NotAccepted { id, code, wait: None, by: None, reason: None, until: None })
    }

    /// About how many bytes of memory this holds. What a server may make long is reckoned, the rest is short.
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
                Self::Answer(ServerAnswer::Bans { bans, .. }) => bans.len() * (3 * NAME + MAX_TOPIC_BYTES),
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
    /// How that continues what was read before.
    pub resumed: Resumed,
    /// Where that server is, `HOST:PORT`.
    pub address: String,
    /// The server's key.
    pub server: PublicKey,
    /// The key exchange, as TLS names it.
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
    Bans { request: u32, bans: Vec<BanRow>, more: bool },
    Ops { request: u32, ops: Vec<OperatorRow>, more: bool },
    NoAnswer { request: u32, code: NoAnswerCode },
    Asking { request: u32 },
}
