//! What is shown. A [`Notice`] is one thing that happened; [`human`], [`terminal`] and [`json`] turn it into text. All
//! texts are decided here, and hostile text is made harmless. This folder knows nothing of links or commands, and
//! writes nowhere itself.

pub(crate) mod failing;
mod failure;
mod gate;
pub mod human;
pub mod json;
pub mod kept;
pub mod mention;
pub mod operators;
pub(crate) mod repeated;
pub mod room;
pub(crate) mod saying;
pub mod terminal;
pub(crate) mod unsent;
mod verification;

pub use failure::{ErrorCode, Failure};

pub use hobnob_protocol::harmless;
use hobnob_protocol::key::{Fingerprint, PublicKey};
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use serde::{Deserialize, Serialize};

use self::operators::{ActTold, BanTold, OperatorTold};
pub(crate) use self::repeated::Repeated;
pub use self::room::{RoomClosed, RoomOpened, RoomRow};
use crate::input::request::RequestId;
use crate::session::path::Path;
use crate::session::verification::Outcome;
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
        bans: Vec<BanTold>,
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

/// A message of the lobby, of a room or of a peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The session of the message.
    pub session: SessionId,
    /// The kind of session: the lobby, a room or a peer.
    pub kind: MessageKind,
    /// The room, if it was said in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomName>,
    /// The name of the author.
    #[serde(deserialize_with = "hobnob_protocol::name::deserialize_shown")]
    pub from: UserName,
    /// What the author said.
    pub text: String,
    /// When it was said.
    pub at: Timestamp,
    /// The number of the message, in the lobby or a room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Whether the message is old: missed earlier, or from the history.
    pub replayed: bool,
    /// Which side forked, if it is a private session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Whether the author is ignored, so that only programs are shown it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignored: bool,
    /// The key of the author, if known. It decides, for example, the colour of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublicKey>,
}

impl Message {
    /// Makes a message that was said just now, in the lobby or in a private session. `mode` says who forked, if the
    /// session is private. The message has no number, no key and no other mark yet; the caller sets those it knows.
    #[must_use]
    pub fn new(session: SessionId, mode: Option<Mode>, from: UserName, text: &str, at: Timestamp) -> Self {
        let kind = if session == SessionId::LOBBY { MessageKind::Lobby } else { MessageKind::Peer };
        Self {
            session,
            kind,
            room: None,
            from,
            text: text.to_owned(),
            at,
            seq: None,
            replayed: false,
            mode,
            ignored: false,
            key: None,
        }
    }

    /// Returns the same message, said in `room` if that is a room.
    #[must_use]
    pub fn in_room(self, room: Option<RoomName>) -> Self {
        let kind = if room.is_some() { MessageKind::Room } else { self.kind };
        Self { room, kind, ..self }
    }
}

/// Where a message was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// It was said in the lobby.
    Lobby,
    /// It was said in a room.
    Room,
    /// It was said in a private session.
    Peer,
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

/// One command as `\help` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelpRow {
    /// The word after the backslash.
    pub name: String,
    /// Shorter words for it.
    pub aliases: Vec<String>,
    /// How the command is written.
    pub usage: String,
    /// What the command does.
    pub about: String,
    /// The group of commands to which it belongs.
    #[serde(default)]
    pub group: String,
    /// Example lines, if help was asked for this command alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
    /// Whether it is one of the user's own programs, and not one of hobnob's commands.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
}

impl HelpRow {
    /// Returns the heading above its group of commands.
    #[must_use]
    pub fn heading(&self) -> &str {
        if self.own { "commands of your own" } else { &self.group }
    }
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestAnswer {
    /// The request, as its author named it.
    pub id: RequestId,
    /// Whether the request did what it was to do.
    pub ok: bool,
    /// The number in the lobby of the text that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Why it failed: the code of the error, or `unsent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why it failed, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl RequestAnswer {
    /// Makes the answer that a request was carried out, with the number of its text in the lobby.
    #[must_use]
    pub fn done(id: RequestId, seq: Option<u64>) -> Self {
        Self { id, ok: true, seq, code: None, text: None }
    }

    /// Makes the answer that a request failed.
    #[must_use]
    pub fn failed(id: RequestId, failure: &Failure) -> Self {
        Self { id, ok: false, seq: None, code: Some(failure.code.name()), text: Some(failure.text.clone()) }
    }

    /// Makes the answer that a text was not sent.
    #[must_use]
    pub fn unsent(id: RequestId, reason: &str) -> Self {
        Self { id, ok: false, seq: None, code: Some("unsent".to_owned()), text: Some(reason.to_owned()) }
    }
}
