//! What the lobby tells, and to whom: facts, never bytes. A connection is an [`Outlet`]; a [`Memory`] keeps the newest
//! messages for connections that read them later. The implementations know how a fact is encoded.

use std::sync::Arc;

use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::chain::Position;
use hobnob_protocol::content::ShortText;
use hobnob_protocol::message::{
    Introduction, NotJoinedCode, OperatorRow, RestraintRow, RoomSummary, ServerMessage,
};
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;

use super::chunk::Chunk;
use super::presence::News;
use crate::decide::roster::Present;
use crate::decide::{RoomId, RoomView};

/// A connection as the lobby sees it. No method here waits: the connection itself deals with what the socket does not
/// take at once.
pub(crate) trait Outlet: Send + Sync {
    /// The client is in the lobby. The connection finds out from which position the client reads on. Everything up to
    /// `admitted.head` can be read in the log by now, and what follows is told.
    fn let_in(&self, admitted: Admitted);
    /// Messages of the lobby or of a room, for a client that is there and was sent everything before them. They may wait
    /// until [`send`](Self::send).
    fn said(&self, chunk: &Chunk);
    /// Sends what [`said`](Self::said) has brought.
    fn send(&self);
    /// Tells the client a fact: an answer, or what became of a text.
    fn tell(&self, fact: &ServerMessage);
    /// Tells the client the changes of presence from the index `from` on. They are left out for a client that does not
    /// read.
    fn presence(&self, news: &News, from: usize);
    /// Tells the client the answer to `users`.
    fn users(&self, request: u32, present: Present);
    /// Tells the client the answer to `rooms`.
    fn rooms(&self, request: u32, rooms: Arc<[RoomSummary]>);
    /// Tells the client the answer to `bans`.
    fn bans(&self, request: u32, bans: Vec<RestraintRow>);
    /// Tells the client the answer to `mutes`.
    fn mutes(&self, request: u32, mutes: Vec<RestraintRow>);
    /// Tells the client the answer to `ops`.
    fn ops(&self, request: u32, ops: Vec<OperatorRow>);
    /// The client is in a room. The connection finds out from which position the client reads on, as for
    /// [`let_in`](Self::let_in).
    fn in_room(&self, view: RoomView);
    /// The client is not let into a room.
    fn not_in_room(&self, room: &RoomName, code: NotJoinedCode);
    /// The client is no longer in a room: nothing of the room is sent from now on.
    fn left_room(&self, room: &RoomId);
    /// Introduces the client to another user. Returns the number of the introduction on this connection, counted from
    /// 1, or `None` if too much waits for that client already. Then the client is not told, but keeps its connection,
    /// because other users choose how often it is introduced.
    fn introduce(&self, introduction: Introduction) -> Option<u64>;
    /// Asks whether the user wants a private session; the answer comes as
    /// [`LobbyCommand::Consent`](super::LobbyCommand::Consent). Returns false if too much waits for that client
    /// already.
    fn ask(&self, question: &ServerMessage) -> bool;
    /// Asks for a sign of life, which comes as [`LobbyCommand::Alive`](super::LobbyCommand::Alive). A client that was
    /// asked already, or for which too much waits, is not asked.
    fn probe(&self);
    /// Ends the connection, for a reason that decides what the client is told last.
    fn end(&self, ending: Ending);
}

/// What was decided for a client that is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Admitted {
    /// The name others see.
    pub(crate) name: Arc<UserName>,
    /// The newest message before the client joined.
    pub(crate) head: Position,
    /// The topic of the lobby.
    pub(crate) topic: Option<ShortText>,
    /// Whether the client is an operator's.
    pub(crate) is_operator: bool,
    /// The addresses of the servers of the lobby.
    pub(crate) servers: Vec<Candidate>,
}

/// Keeps the newest messages for connections that read them later.
pub(crate) trait Memory: Send + Sync {
    /// This chunk is being stored and will probably be told, so work that takes time may be done now.
    fn prepare(&self, chunk: &Chunk);
    /// These chunks are stored. They follow the chunks that were remembered before, without a gap.
    fn remember(&self, chunks: &[Arc<Chunk>]);
}

/// How a connection ends.
#[derive(Debug)]
pub(crate) struct Ending {
    /// The last message that the client is sent.
    pub(crate) last: Option<ServerMessage>,
    /// Whether the connection ends only after everything that was said has been sent.
    pub(crate) after_all: bool,
}

impl Ending {
    /// Ends the connection at once, with this last message.
    pub(crate) fn now(last: ServerMessage) -> Self {
        Self { last: Some(last), after_all: false }
    }
}
