//! What follows from an entry. A server stores what is to be stored, then tells its own clients; effects that
//! concern connections of other servers it passes over.

use std::sync::Arc;

use hobnob_order::{Place, ServerId};
use hobnob_protocol::chain::{LobbyMessage, Position};
use hobnob_protocol::content::Content;
use hobnob_protocol::message::{NotAccepted, NotAcceptedCode, NotJoinedCode, Refused};
use hobnob_protocol::name::{Seq, UserName};
use hobnob_protocol::room::RoomName;

use super::binding::NameBinding;
use super::entry::ConnectionId;
use super::rooms::{KeptRoom, RoomId, RoomView};
use super::rules::Rules;

/// One thing that follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Something that was said has its number. To be stored, then told to everybody who is there; that is its author's
    /// answer.
    Said {
        /// On which connection it was said.
        from: ConnectionId,
        /// In which room; none for the lobby.
        room: Option<RoomId>,
        /// With number, time and hash.
        message: LobbyMessage,
    },
    /// A text was said before and has a number already.
    Accepted {
        /// On which connection it was said now.
        to: ConnectionId,
        /// The text's number in its author's run.
        id: u64,
        /// In which room; none for the lobby.
        room: Option<RoomId>,
        /// Its number in that log.
        seq: Seq,
        /// What was said now. It is something else where a client uses an id twice.
        content: Content,
    },
    /// Something has no number and gets none. It is [`Id`](NotAcceptedCode::Id) where a later one of its run has one: it
    /// was not stored, and would stand in the wrong order if it were now.
    Refused {
        /// On which connection it was said.
        to: ConnectionId,
        /// Its number in its author's run.
        id: u64,
        /// Why.
        code: NotAcceptedCode,
    },
    /// What an operator does was done before and has a number already.
    ActKnown {
        /// On which connection it was sent now.
        to: ConnectionId,
        /// Its number in its author's run.
        id: u64,
        /// Its number in the lobby.
        seq: Seq,
    },
    /// The rules of operators keep a text from being said.
    NotSaid {
        /// On which connection it was said.
        to: ConnectionId,
        /// What its author is told.
        answer: Box<NotAccepted>,
    },
    /// An operator sends somebody out. The connection is told why and ends; its [`Leave`](super::Entry::Leave) follows.
    SentOut {
        /// On which connection.
        id: ConnectionId,
        /// What it is told.
        why: Box<Refused>,
    },
    /// The rules of operators keep somebody from coming in.
    NotAdmitted {
        /// On which connection.
        id: ConnectionId,
        /// What it is told.
        why: Box<Refused>,
    },
    /// The rules of operators changed. To be stored.
    Rules(Arc<Rules>),
    /// Somebody is in a room, or was in it already.
    InRoom {
        /// On which connection.
        id: ConnectionId,
        /// The name others see.
        name: Arc<UserName>,
        /// The room as it is then.
        view: RoomView,
        /// Was not in it before: the others are told.
        is_new: bool,
    },
    /// Somebody is not let into a room.
    NotInRoom {
        /// On which connection.
        id: ConnectionId,
        /// Which room.
        room: RoomName,
        /// Why.
        code: NotJoinedCode,
    },
    /// Somebody is no longer in a room.
    LeftRoom {
        /// On which connection.
        id: ConnectionId,
        /// The name others saw.
        name: Arc<UserName>,
        /// Which room.
        room: RoomId,
    },
    /// Somebody was in a room later than was known, and something was said there once. To be stored, some time.
    RoomSeen(KeptRoom),
    /// A room is no longer there. Its log is to be removed.
    RoomGone(RoomId),
    /// Somebody is in.
    Joined {
        /// On which connection.
        id: ConnectionId,
        /// The name others see.
        name: Arc<UserName>,
        /// The newest message before that.
        head: Position,
        /// The name belonged to nobody, and is its own from now on.
        is_new: bool,
    },
    /// Somebody is not let in, since every numbered form of the name is taken.
    NoNameLeft {
        /// On which connection.
        id: ConnectionId,
    },
    /// A connection gave its place to another one. [`Effect::Left`] follows.
    TakenOver {
        /// Which.
        id: ConnectionId,
    },
    /// Somebody is gone.
    Left {
        /// On which connection.
        id: ConnectionId,
        /// The name others saw.
        name: Arc<UserName>,
    },
    /// A name belongs to a key, its user was seen now, or its key spoke for the first time. To be stored.
    Bound {
        /// Which.
        binding: NameBinding,
        /// Whether it belonged to nobody: then it is stored before its user is told of it.
        is_new: bool,
    },
    /// A name belongs to nobody any more. To be stored.
    Freed(UserName),
    /// The life of a server is over. [`Effect::Left`] follows for each of its clients.
    Ended(ServerId),
    /// Another server has decided something else than this one up to this place. Whoever comes to that conclusion stops:
    /// one of the two does not tell the truth, and nobody can know which.
    Contradicted(Place),
}
