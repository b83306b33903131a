//! What is shown. A [`Notice`] is one thing that happened; [`human`], [`terminal`] and [`json`] turn it into text. All
//! texts are decided here, and hostile text is made harmless. This folder knows nothing of links or commands, and
//! writes nowhere itself.

mod answer;
pub(crate) mod failing;
mod failure;
mod gate;
mod help;
pub mod human;
pub mod json;
pub mod kept;
pub mod mention;
mod message;
pub mod operators;
pub(crate) mod repeated;
pub mod room;
pub(crate) mod saying;
pub mod terminal;
pub(crate) mod unsent;
mod verification;

pub use hobnob_protocol::harmless;
use hobnob_protocol::key::Fingerprint;
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use serde::{Deserialize, Serialize};

pub use self::answer::RequestAnswer;
pub use self::failure::{ErrorCode, Failure};
pub use self::help::HelpRow;
pub use self::message::{Message, MessageKind};
use self::operators::{ActTold, OperatorTold, RestraintTold};
pub(crate) use self::repeated::{Answered, Repeated};
pub use self::room::{RoomClosed, RoomOpened, RoomRow};
use crate::session::path::Path;
use crate::session::verification::{EndedBy, Outcome};
use crate::session::{LinkState, Mode, SessionId, SessionRow};
use crate::timestamp::Timestamp;

/// The width in columns for which text is laid out, if no terminal tells its width.
pub const COLUMNS: usize = 80;

/// The height of the screen in rows, if no terminal tells its height.
pub const ROWS: usize = 24;

/// One thing that happened, as every form of output shows it. The names of the variants and their fields are the
/// `--json` contract. A recorded notice can be read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Notice {
    /// This user is in the lobby.
    Welcome {
        /// The name of this user there.
        name: UserName,
        /// The address of the server, as this client knows it.
        server: String,
        /// Whether this process hosts the lobby.
        hosted: bool,
        /// The session with the lobby.
        session: SessionId,
        /// This user's own key.
        fingerprint: Fingerprint,
        /// The key exchange of the lobby's link.
        key_exchange: String,
    },
    /// A user said something.
    Message(Message),
    /// Messages were said in a log since this user's last run.
    Missed {
        /// The session of that log.
        session: SessionId,
        /// The room, if it is the log of a room.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// How many messages, except for those by this user.
        count: u64,
        /// How many of those that were fetched name this user.
        mentions: u64,
        /// The number of the first one.
        from: u64,
        /// When this user was last here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    /// The messages after this are unread. Only a person at a terminal is shown this.
    Unread {
        /// The session of the messages.
        session: SessionId,
        /// The room, if it is a session with a room.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// How many messages are unread, and how many of them are shown; `None` if this is not to be told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<(u64, u64)>,
        /// Whether the session ends now, so that its history cannot be asked for afterwards.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_over: bool,
        /// Whether `\\missed` shows the other messages.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        reads_on: bool,
    },
    /// A message of this run or an earlier one is shown again.
    Kept(kept::KeptMessage),
    /// A text of this user was acknowledged.
    Sent {
        /// The session of the text.
        session: SessionId,
        /// What this user said.
        text: String,
        /// The number of the message, in the lobby or a room.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
    },
    /// A text of this user was not sent and will not be.
    Unsent {
        /// The session for which it was meant; `None` if no session was current.
        session: Option<SessionId>,
        /// What this user wanted to say.
        text: String,
        /// Why the text was not sent, in words.
        reason: String,
    },
    /// A user has come into the lobby or a room.
    Joined {
        /// The name of the user.
        name: UserName,
        /// The session with the room; `None` for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionId>,
        /// The name of the room; `None` for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// Whether the user is ignored, so that only programs are shown this.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        ignored: bool,
    },
    /// A user has left the lobby or a room.
    Left {
        /// The name of the user.
        name: UserName,
        /// The session with the room; `None` for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionId>,
        /// The name of the room; `None` for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// Whether the user is ignored, so that only programs are shown this.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        ignored: bool,
    },
    /// Who is in the lobby, or in a room.
    Users {
        /// The session with the room; `None` for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionId>,
        /// The name of the room; `None` for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// The names of all users there.
        names: Vec<UserName>,
        /// The names of those who are away.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        away: Vec<UserName>,
    },
    /// A private session is being opened.
    Forking {
        /// The number of the session.
        session: SessionId,
        /// The name of the other user.
        peer: UserName,
    },
    /// A private session is open.
    Opened {
        /// The number of the session.
        session: SessionId,
        /// The name of the other user.
        peer: UserName,
        /// Which side asked for the session.
        mode: Mode,
        /// The path of the texts.
        path: Path,
        /// The fingerprint of the peer's key.
        fingerprint: Fingerprint,
        /// The key exchange of the session's link.
        key_exchange: String,
        /// Whether both users have compared the peer's key.
        #[serde(default)]
        verified: bool,
    },
    /// A user wants a private session, and waits for this user's answer.
    Asked {
        /// The name of the user.
        peer: UserName,
        /// The key of the user.
        fingerprint: Fingerprint,
    },
    /// A verification of a key goes on: the words are there, or it is over.
    Verify {
        /// The number of the session.
        session: SessionId,
        /// The name of the other user.
        peer: UserName,
        /// The words; empty if the verification is over.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        words: Vec<String>,
        /// How the verification ended; `None` while it goes on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Outcome>,
        /// What ended the verification, unless the key was verified.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ended_by: Option<EndedBy>,
    },
    /// The texts of a private session take another path from now on.
    Path {
        /// The number of the session.
        session: SessionId,
        /// The path that the texts take now.
        path: Path,
    },
    /// A private session is over.
    Closed {
        /// The number of the session.
        session: SessionId,
        /// The name of the other user.
        peer: UserName,
        /// Why it is over.
        reason: ClosedReason,
    },
    /// The list of sessions.
    Sessions {
        /// All sessions of this run, the lobby first.
        sessions: Vec<SessionRow>,
    },
    /// Another session is current.
    Switched {
        /// The session that is current now.
        session: SessionId,
    },
    /// A session's link was lost, or is back.
    Link {
        /// The session that the link carries.
        session: SessionId,
        /// The state of the link now.
        state: LinkState,
        /// Whether the link does not come back. A person is told the reason instead of this.
        #[serde(skip)]
        for_good: bool,
    },
    /// Who a user is.
    Whois {
        /// The name of the user.
        name: UserName,
        /// The key of the user.
        fingerprint: Fingerprint,
        /// When the user came into the lobby.
        since: Timestamp,
        /// Whether this key is pinned for the name, in this lobby.
        trusted: bool,
        /// Whether it is this user. A program compares the fingerprint.
        #[serde(skip)]
        own: bool,
        /// When the key was pinned; `None` if it is not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen_first: Option<Timestamp>,
        /// Whether both users have compared the key.
        #[serde(default)]
        verified: bool,
        /// Why the user is away, which may be empty; `None` if he is not away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        away: Option<String>,
    },
    /// The list of rooms.
    Rooms {
        /// All rooms, by name.
        rooms: Vec<RoomRow>,
    },
    /// The topic of the lobby or a room.
    Topic {
        /// The session with the lobby or the room.
        session: SessionId,
        /// The room, if it is a session with a room.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// The topic; empty if there is none.
        text: String,
        /// The user who set it, if known.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "hobnob_protocol::name::deserialize_shown_option"
        )]
        by: Option<UserName>,
    },
    /// The message of the day, in which the administrator greets those who come in.
    Motd {
        /// What the administrator wrote.
        text: String,
    },
    /// An operator did something.
    Act(ActTold),
    /// The list of bans.
    Bans {
        /// All bans, the oldest first.
        bans: Vec<RestraintTold>,
    },
    /// The list of mutes.
    Mutes {
        /// All mutes, the oldest first.
        mutes: Vec<RestraintTold>,
    },
    /// The list of operators.
    Ops {
        /// All operators of the lobby.
        ops: Vec<OperatorTold>,
    },
    /// The list of commands.
    Help {
        /// All commands, or the one that was asked for.
        commands: Vec<HelpRow>,
    },
    /// A sentence that hobnob says.
    Notice {
        /// The sentence as the user reads it.
        text: String,
    },
    /// A request of a program is finished.
    Answer(RequestAnswer),
    /// Something failed; the failure says what, and what to do.
    Error(Failure),
    // The next two are shown as events `opened` and `closed`, like those of private sessions, with other fields.
    /// This user is in a room.
    #[serde(untagged)]
    RoomOpened(RoomOpened),
    /// This user is no longer in a room.
    #[serde(untagged)]
    RoomClosed(RoomClosed),
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClosedReason {
    /// The other side left.
    Left,
    /// This user ended the session.
    Ended,
    /// The link was lost for good.
    Gone,
    /// The session never opened.
    Failed,
}
