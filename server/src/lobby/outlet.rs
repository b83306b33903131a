//! What the lobby tells whom: facts, never bytes. A connection is an [`Outlet`], and what remembers the newest
//! messages for those who read later is a [`Memory`]. How a fact looks on the wire is theirs to know.

use std::sync::Arc;

use hobnob_protocol::chain::Position;
use hobnob_protocol::content::ShortText;
use hobnob_protocol::message::{
    BanRow, Introduction, NotJoinedCode, OperatorRow, RoomSummary, ServerMessage,
};
use hobnob_protocol::name::{Candidate, UserName};
use hobnob_protocol::room::RoomName;

use super::chunk::Chunk;
use super::presence::News;
use crate::decide::roster::Present;
use crate::decide::{RoomId, RoomView};

/// A connection as the lobby sees it. Nothing here waits: what the socket does not take at once is the
/// connection's own business.
pub(crate) trait Outlet: Send + Sync {
    /// The client is in. Where it reads on is its connection's to find out; everything up to `admitted.head` can
    /// be read in the log by now, and what follows is told.
    fn let_in(&self, admitted: Admitted);
    /// Messages of the lobby or of a room, for a client that is there and has read all before them.
    fn said(&self, chunk: &Chunk);
    /// An answer, or what became of a text.
    fn tell(&self, fact: &ServerMessage);
    /// The changes of presence from the one numbered `from` on. They are left out for a client that does not
    /// read.
    fn presence(&self, news: &News, from: usize);
    /// The answer to `users`.
    fn users(&self, request: u32, present: Present);
    /// The answer to `rooms`.
    fn rooms(&self, request: u32, rooms: Arc<[RoomSummary]>);
    /// The answer to `bans`.
    fn bans(&self, request: u32, bans: Vec<BanRow>);
    /// The answer to `ops`.
    fn ops(&self, request: u32, ops: Vec<OperatorRow>);
    /// The client is in a room. Where it reads on is its connection's to find out, as for [`let_in`](Self::let_in).
    fn in_room(&self, view: RoomView);
    /// The client is not let into a room.
    fn not_in_room(&self, room: &RoomName, code: NotJoinedCode);
    /// The client is no longer in a room: nothing of it is sent from now on.
    fn left_room(&self, room: &RoomId);
    /// An introduction; returns which one it is on this connection, counted from 1. `None` where too much waits for
    /// that client already: it is not told then, and nothing else becomes of it, since others choose how often it
    /// is introduced.
    fn introduce(&self, introduction: Introduction) -> Option<u64>;
    /// Asks whether the user wants a private session; the answer comes as
    /// [`LobbyCommand::Consent`](super::LobbyCommand::Consent). False where too much waits for that client already.
    fn ask(&self, question: &ServerMessage) -> bool;
    /// Asks for a sign of life, which comes as [`LobbyCommand::Alive`](super::LobbyCommand::Alive). A client that is
    /// asked already, or for which too much waits, is not asked.
    fn probe(&self);
    /// The connection ends.
    fn end(&self, ending: Ending);
}

/// What was decided for a client that is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Admitted {
    /// The name others see.
    pub(crate) name: Arc<UserName>,
    /// The newest message before that.
    pub(crate) head: Position,
    /// What the lobby is about.
    pub(crate) topic: Option<ShortText>,
    /// Whether it is an operator.
    pub(crate) is_operator: bool,
    /// Where else the lobby is reached.
    pub(crate) servers: Vec<Candidate>,
}

/// What remembers the newest messages for connections that read them later.
pub(crate) trait Memory: Send + Sync {
    /// This chunk is being stored and will probably be told: whatever takes time may be done meanwhile.
    fn prepare(&self, chunk: &Chunk);
    /// These chunks are stored. They follow those remembered before, without a gap.
    fn remember(&self, chunks: &[Arc<Chunk>]);
}

/// How a connection ends.
#[derive(Debug)]
pub(crate) struct Ending {
    /// The last thing it is told.
    pub(crate) last: Option<ServerMessage>,
    /// Only after all that was said has been sent.
    pub(crate) after_all: bool,
}

impl Ending {
    /// At once, with these last words.
    pub(crate) fn now(last: ServerMessage) -> Self {
        Self { last: Some(last), after_all: false }
    }
}
