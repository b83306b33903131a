//! What is shown: a [`Notice`] is one thing that happened, [`human`], [`terminal`] and
//! [`json`] turn it into text.
//! The one place that decides texts, and sees to it that hostile text is made harmless. Knows nothing of
//! links or commands, and writes nowhere itself.

pub(crate) mod failing;
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

pub use hobnob_protocol::harmless;
use hobnob_protocol::message::RefusedCode;
use hobnob_protocol::name::{Fingerprint, PublicKey, UserName};
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

/// The columns that text is laid out in where no terminal tells how many it has.
pub const COLUMNS: usize = 80;

/// The rows that a screen has where no terminal tells how many.
pub const ROWS: usize = 24;

/// One thing that happened, as every form of output shows it. The names of the variants and their
/// fields are the `--json` contract; a recorded one can be read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Notice {
    /// This user is in the lobby.
    Welcome {
        /// The name it has there.
        name: UserName,
        /// The server's address.
        server: String,
        /// Whether this process hosts it.
        hosted: bool,
        /// The lobby.
        session: SessionId,
        /// This user's own key.
        fingerprint: Fingerprint,
        /// The key exchange of the lobby's link.
        key_exchange: String,
    },
    /// Somebody said something.
    Message(Message),
    /// Messages were said in a log since this user's last run.
    Missed {
        /// The session of that log.
        session: SessionId,
        /// The room, for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// How many, those by this user not counted.
        count: u64,
        /// How many of them name this user, of those that were fetched.
        mentions: u64,
        /// The number of the first one.
        from: u64,
        /// When this user was last here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    /// The messages after this are unread. Only a person at a terminal is shown it.
    Unread {
        /// The session they were said in.
        session: SessionId,
        /// The room, for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// How many they are, and how many of them are shown, where that is to be told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<(u64, u64)>,
        /// Whether the session ends now: its history cannot be asked for afterwards.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_over: bool,
        /// Whether `\\missed` shows the others.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        reads_on: bool,
    },
    /// Something that was said, in this run or an earlier one, is shown again.
    Kept(kept::KeptMessage),
    /// A text of this user's was taken.
    Sent {
        /// Where.
        session: SessionId,
        /// Which.
        text: String,
        /// Its number, in the lobby or a room.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
    },
    /// A text of this user's was not taken and will not be.
    Unsent {
        /// Where it was meant to go; none where no session was current.
        session: Option<SessionId>,
        /// Which.
        text: String,
        /// Why.
        reason: String,
    },
    /// Somebody is in the lobby, or in a room, now.
    Joined {
        /// Who.
        name: UserName,
        /// The session with the room; left out for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionId>,
        /// The room.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// It is somebody who is ignored: only programs are shown it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        ignored: bool,
    },
    /// Somebody left the lobby, or a room.
    Left {
        /// Who.
        name: UserName,
        /// The session with the room; left out for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionId>,
        /// The room.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// It is somebody who is ignored: only programs are shown it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        ignored: bool,
    },
    /// Who is in the lobby, or in a room.
    Users {
        /// The session with the room; left out for the lobby.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionId>,
        /// The room.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// All of them.
        names: Vec<UserName>,
        /// Those of them who are away.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        away: Vec<UserName>,
    },
    /// A private session is being opened.
    Forking {
        /// Its number.
        session: SessionId,
        /// With whom.
        peer: UserName,
    },
    /// A private session is open.
    Opened {
        /// Its number.
        session: SessionId,
        /// With whom.
        peer: UserName,
        /// Who forked.
        mode: Mode,
        /// How the words travel.
        path: Path,
        /// The peer's key.
        fingerprint: Fingerprint,
        /// The key exchange of its link.
        key_exchange: String,
        /// Whether both users have compared the peer's key.
        #[serde(default)]
        verified: bool,
    },
    /// Somebody wants a private session, and waits for this user's answer.
    Asked {
        /// Who.
        peer: UserName,
        /// With which key.
        fingerprint: Fingerprint,
    },
    /// The key of a peer is compared: the words are there, or it is over.
    Verify {
        /// In which session.
        session: SessionId,
        /// With whom.
        peer: UserName,
        /// The words; none when it is over.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        words: Vec<String>,
        /// How it ended; nothing while it goes on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Outcome>,
    },
    /// The words of a private session travel in another way from now on.
    Path {
        /// Which session.
        session: SessionId,
        /// How they travel.
        path: Path,
    },
    /// A private session is over.
    Closed {
        /// Its number.
        session: SessionId,
        /// With whom it was.
        peer: UserName,
        /// Why.
        reason: ClosedReason,
    },
    /// The sessions there are.
    Sessions {
        /// All of them.
        sessions: Vec<SessionRow>,
    },
    /// Another session is current.
    Switched {
        /// Which.
        session: SessionId,
    },
    /// A session's link was lost, or is back.
    Link {
        /// Which session.
        session: SessionId,
        /// How it is now.
        state: LinkState,
        /// It does not come back. A person is told why instead.
        #[serde(skip)]
        for_good: bool,
    },
    /// Who somebody is.
    Whois {
        /// The name.
        name: UserName,
        /// The key.
        fingerprint: Fingerprint,
        /// In the lobby since.
        since: Timestamp,
        /// Whether this key is pinned for the name, in this lobby.
        trusted: bool,
        /// When it was pinned; left out where it is not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen_first: Option<Timestamp>,
        /// Whether this user has compared it with the other.
        #[serde(default)]
        verified: bool,
        /// Why the user is away; empty for no reason, left out for one who is not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        away: Option<String>,
    },
    /// The rooms there are.
    Rooms {
        /// All of them, by name.
        rooms: Vec<RoomRow>,
    },
    /// What the lobby or a room is about.
    Topic {
        /// Of which session.
        session: SessionId,
        /// The room, for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// What; empty where nothing is said about it.
        text: String,
        /// Who said so, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<UserName>,
    },
    /// What whoever runs the lobby says to those who come in.
    Motd {
        /// What.
        text: String,
    },
    /// An operator did something.
    Act(ActTold),
    /// Who and what is banned.
    Bans {
        /// All of them, the oldest first.
        bans: Vec<BanTold>,
    },
    /// Who the operators are.
    Ops {
        /// All of them.
        ops: Vec<OperatorTold>,
    },
    /// The commands there are.
    Help {
        /// All, or the one asked for.
        commands: Vec<HelpRow>,
    },
    /// Something hobnob has to say.
    Notice {
        /// What.
        text: String,
    },
    /// A request of a program is finished.
    Answer(RequestAnswer),
    /// Something failed.
    Error(Failure),
    // These two are events `opened` and `closed`, as those of private sessions are, with other fields.
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
    /// Where it was said.
    pub session: SessionId,
    /// Lobby, room or peer.
    pub kind: MessageKind,
    /// The room, for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomName>,
    /// Who said it.
    pub from: UserName,
    /// What.
    pub text: String,
    /// When.
    pub at: Timestamp,
    /// Its number, in the lobby or a room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Missed earlier, or history.
    pub replayed: bool,
    /// Who forked, in a private session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Its author is ignored: only programs are shown it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignored: bool,
    /// The key of whoever said it, where it is known; for what is told by key, such as colours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublicKey>,
}

impl Message {
    /// What was said just now in the lobby or a private session; `mode` says who forked, where the session is a private one. It has no
    /// number, no known key and no other mark yet: whoever knows them sets them.
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

    /// The same, said in a room where there is one.
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
    /// In the lobby.
    Lobby,
    /// In a room.
    Room,
    /// In a private session.
    Peer,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClosedReason {
    /// The other left.
    Left,
    /// This user ended it.
    Ended,
    /// Lost for good.
    Gone,
    /// It never opened.
    Failed,
}

/// One command as `\help` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelpRow {
    /// The word after the backslash.
    pub name: String,
    /// Shorter words for it.
    pub aliases: Vec<String>,
    /// How it is written.
    pub usage: String,
    /// What it does.
    pub about: String,
    /// The commands it is shown among.
    #[serde(default)]
    pub group: String,
    /// Lines to type, where one command was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
    /// Whether it is a program of the user's and no command of hobnob's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
}

impl HelpRow {
    /// The words above the commands it is shown among.
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
    /// Whether it did what it was to do.
    pub ok: bool,
    /// The number in the lobby of what was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Why not: the code of the error, or `unsent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl RequestAnswer {
    /// It was done; what was said in the lobby has its number there.
    #[must_use]
    pub fn done(id: RequestId, seq: Option<u64>) -> Self {
        Self { id, ok: true, seq, code: None, text: None }
    }

    /// It failed.
    #[must_use]
    pub fn failed(id: RequestId, failure: &Failure) -> Self {
        Self { id, ok: false, seq: None, code: Some(failure.code.name()), text: Some(failure.text.clone()) }
    }

    /// A text was not sent.
    #[must_use]
    pub fn unsent(id: RequestId, reason: &str) -> Self {
        Self { id, ok: false, seq: None, code: Some("unsent".to_owned()), text: Some(reason.to_owned()) }
    }
}

/// What kind of thing failed; the names are the `--json` contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it, and docs/SCRIPTING.md says when each is told")]
pub enum ErrorCode {
    Usage,
    UnknownCommand,
    NotInLobby,
    NoSuchUser,
    NoSuchSession,
    SelfFork,
    AlreadyForked,
    PeerUnreachable,
    LobbyDown,
    TooLong,
    BadName,
    KeyChanged,
    Refused,
    NotOperator,
    Banned,
    Kicked,
    Muted,
    Declined,
    Busy,
}

impl ErrorCode {
    /// The code of a refusal to let this user in.
    #[must_use]
    pub(crate) const fn of_refusal(code: RefusedCode) -> Self {
        match code {
            RefusedCode::Kicked => Self::Kicked,
            RefusedCode::Banned => Self::Banned,
            _ => Self::Refused,
        }
    }

    /// As the contract spells it.
    #[must_use]
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            _ => String::new(),
        }
    }
}

/// What failed, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of thing.
    pub code: ErrorCode,
    /// In words.
    pub text: String,
    /// The command that caused it, where one did: its name without the backslash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Failure {
    /// The same failure, caused by the command of this name.
    pub(crate) fn of_command(self, command: &str) -> Self {
        Self { command: Some(command.to_owned()), ..self }
    }
}
