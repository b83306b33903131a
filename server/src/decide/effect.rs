//! What follows from an entry. A server first stores the effects that are to be stored, and then tells its own clients.
//! It ignores effects that concern connections of other servers.

use std::sync::Arc;

use hobnob_order::{Place, ServerId};
use hobnob_protocol::chain::{LobbyMessage, Position, Seq};
use hobnob_protocol::content::Content;
use hobnob_protocol::message::{NotAccepted, NotAcceptedCode, NotJoinedCode, Refused};
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;

use super::binding::NameBinding;
use super::entry::ConnectionId;
use super::rooms::{KeptRoom, RoomId, RoomView};
use super::rules::Rules;

/// One thing that follows from an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A text or an act has got its number. It is to be stored, and then told to everybody who is there. The author
    /// gets the same message, which is the answer to what he sent.
    Said {
        /// The connection on which it was said.
        from: ConnectionId,
        /// The room in which it was said; `None` for the lobby.
        room: Option<RoomId>,
        /// The message, with its number, time and hash.
        message: LobbyMessage,
    },
    /// A text was said before and has a number already.
    Accepted {
        /// The connection on which the text was said now.
        to: ConnectionId,
        /// The text's number in its author's run.
        id: u64,
        /// The room in which it was said; `None` for the lobby.
        room: Option<RoomId>,
        /// The text's number in that log.
        seq: Seq,
        /// What was said now. It differs from what was said before when a client uses an id twice.
        content: Content,
    },
    /// A text or an act has no number and gets none. The code is [`Id`](NotAcceptedCode::Id) when a later text of the
    /// same run already has a number: the refused one was not stored, and would now stand in the wrong order.
    Refused {
        /// The connection on which it was said.
        to: ConnectionId,
        /// Its number in its author's run.
        id: u64,
        /// Why it gets no number.
        code: NotAcceptedCode,
    },
    /// An act of an operator was done before and has a number already.
    ActKnown {
        /// The connection on which the act was sent now.
        to: ConnectionId,
        /// The act's number in its author's run.
        id: u64,
        /// The act's number in the log of the lobby.
        seq: Seq,
    },
    /// The rules of operators keep a text from being said.
    NotSaid {
        /// The connection on which it was said.
        to: ConnectionId,
        /// What its author is told.
        answer: Box<NotAccepted>,
    },
    /// An operator sends a client out. The connection is told why and is closed; then its
    /// [`Leave`](super::Entry::Leave) follows.
    SentOut {
        /// The connection that is closed.
        id: ConnectionId,
        /// What the client is told.
        why: Box<Refused>,
    },
    /// The rules of operators keep a newcomer out.
    NotAdmitted {
        /// The newcomer's connection.
        id: ConnectionId,
        /// What the newcomer is told.
        why: Box<Refused>,
    },
    /// The rules of operators have changed. They are to be stored.
    Rules(Arc<Rules>),
    /// A client is in a room now, or was in it already.
    InRoom {
        /// The client's connection.
        id: ConnectionId,
        /// The name others see.
        name: Arc<UserName>,
        /// The room as it is after the client joined.
        view: RoomView,
        /// Whether the client was not in the room before. Then the others in the room are told.
        is_new: bool,
    },
    /// A client is not let into a room.
    NotInRoom {
        /// The client's connection.
        id: ConnectionId,
        /// The room that the client wanted to join.
        room: RoomName,
        /// Why the client is not let in.
        code: NotJoinedCode,
    },
    /// A client is no longer in a room.
    LeftRoom {
        /// The client's connection.
        id: ConnectionId,
        /// The name others saw.
        name: Arc<UserName>,
        /// The room that the client left.
        room: RoomId,
    },
    /// A user was in a room at a later date than is stored for that room. Only rooms in which something was said have
    /// this effect. It is to be stored, but not at once.
    RoomSeen(KeptRoom),
    /// A room no longer exists. Its log is to be removed.
    RoomGone(RoomId),
    /// A newcomer is in the lobby.
    Joined {
        /// The newcomer's connection.
        id: ConnectionId,
        /// The name others see.
        name: Arc<UserName>,
        /// The newest message before the newcomer joined.
        head: Position,
        /// Whether the name belonged to nobody before and belongs to the newcomer's key from now on.
        is_new: bool,
    },
    /// A newcomer is not let in, because every numbered form of its name is taken.
    NoNameLeft {
        /// The newcomer's connection.
        id: ConnectionId,
    },
    /// A connection gave its place to another connection. [`Effect::Left`] follows.
    TakenOver {
        /// The connection that lost its place.
        id: ConnectionId,
    },
    /// A client has left the lobby.
    Left {
        /// The client's connection.
        id: ConnectionId,
        /// The name others saw.
        name: Arc<UserName>,
    },
    /// Something changed about a name: it belongs to a key now, its user was seen, or its key spoke for the first time.
    /// It is to be stored.
    Bound {
        /// The name and its key.
        binding: NameBinding,
        /// Whether the name belonged to nobody before. Then it is stored before its user is told of it.
        is_new: bool,
    },
    /// A name belongs to nobody any more. That is to be stored.
    Freed(UserName),
    /// The life of a server is over. [`Effect::Left`] follows for each client of that server.
    Ended(ServerId),
    /// Another server has decided something else than this server up to this place. A server that finds this out stops:
    /// one of the two is wrong, and nobody can know which.
    Contradicted(Place),
}

#[cfg(test)]
impl Effect {
    /// Returns the message, if a text or an act has got its number.
    pub(super) fn message(&self) -> Option<&LobbyMessage> {
        match self {
            Self::Said { message, .. } => Some(message),
            _ => None,
        }
    }
}
