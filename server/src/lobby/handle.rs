//! The way to talk to the lobby: the commands of connections, and the queue for them. This file knows nothing of what
//! becomes of them.

use std::sync::Arc;

use hobnob_protocol::away::AwayText;
use hobnob_protocol::content::Content;
use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::Fingerprint;
use hobnob_protocol::message::ConsentAnswer;
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::outlet::Outlet;
use super::pair_elsewhere::Elsewhere;
use crate::decide::{ConnectionId, Newcomer, ProposedAct};
use crate::neighbour::Answer;
use crate::network::Network;

/// A newcomer that wants to join the lobby.
pub(crate) struct Join {
    pub(crate) id: ConnectionId,
    pub(crate) outlet: Arc<dyn Outlet>,
    pub(crate) newcomer: Newcomer,
    /// The network from which it comes.
    pub(crate) network: Network,
}

/// What a connection wants from the lobby.
pub(crate) enum LobbyCommand {
    Join(Box<Join>),
    Leave(ConnectionId),
    /// Something came from the client after [`Outlet::probe`].
    Alive(ConnectionId),
    Say {
        from: ConnectionId,
        id: u64,
        /// The room in which it is said; `None` for the lobby.
        room: Option<RoomName>,
        content: Content,
    },
    /// An operator does something.
    Act(Box<ProposedAct>),
    Bans {
        from: ConnectionId,
        request: u32,
    },
    Mutes {
        from: ConnectionId,
        request: u32,
    },
    Ops {
        from: ConnectionId,
        request: u32,
    },
    /// The operators' file was read; these are its fingerprints.
    Operators(Vec<Fingerprint>),
    JoinRoom {
        from: ConnectionId,
        room: RoomName,
    },
    Part {
        from: ConnectionId,
        room: RoomName,
    },
    Users {
        from: ConnectionId,
        request: u32,
        /// The room whose members are asked for; `None` for the lobby.
        room: Option<RoomName>,
    },
    Rooms {
        from: ConnectionId,
        request: u32,
    },
    Away {
        from: ConnectionId,
        away: Option<AwayText>,
    },
    Whois {
        from: ConnectionId,
        request: u32,
        name: UserName,
    },
    Pair {
        from: ConnectionId,
        request: u32,
        name: UserName,
        session: Option<PairToken>,
        /// The number of the newest introduction that the asker has read.
        read: u64,
    },
    /// The answer to [`Outlet::ask`].
    Consent {
        from: ConnectionId,
        ask: u64,
        answer: ConsentAnswer,
    },
    /// Another server has said whether it asks its client, or has not answered.
    AskedElsewhere {
        /// The number of the question at this server.
        ask: u64,
        answer: Option<Box<Answer>>,
    },
    /// Another server has answered a question for an introduction, or has not answered.
    Paired {
        elsewhere: Box<Elsewhere>,
        answer: Option<Box<Answer>>,
    },
}

/// The lobby takes no more commands.
#[derive(Debug)]
pub(crate) struct Closed;

/// Talks to the lobby; cheap to clone.
#[derive(Clone)]
pub(crate) struct LobbyHandle {
    commands: mpsc::Sender<LobbyCommand>,
}

impl LobbyHandle {
    /// Makes a handle, and the receiving end of its queue. The queue holds `capacity` commands; senders of more have to
    /// wait.
    pub(super) fn new(capacity: usize) -> (Self, mpsc::Receiver<LobbyCommand>) {
        let (commands, received) = mpsc::channel(capacity);
        (Self { commands }, received)
    }

    /// Sends a command; waits for room in the lobby's queue.
    pub(crate) async fn send(&self, command: LobbyCommand) -> Result<(), Closed> {
        self.commands.send(command).await.map_err(|_| Closed)
    }

    /// Sends a command without waiting; gives it back if the queue is full.
    pub(crate) fn try_send(&self, command: LobbyCommand) -> Result<(), TrySendError<LobbyCommand>> {
        self.commands.try_send(command)
    }

    /// Waits until the lobby takes no more commands.
    pub(crate) async fn closed(&self) {
        self.commands.closed().await;
    }

    /// Returns the queue, for tasks that must not keep the lobby open.
    pub(super) fn downgrade(&self) -> mpsc::WeakSender<LobbyCommand> {
        self.commands.downgrade()
    }

    /// Reserves a place in the queue for one later command.
    pub(crate) async fn reserve(&self) -> Result<mpsc::OwnedPermit<LobbyCommand>, Closed> {
        self.commands.clone().reserve_owned().await.map_err(|_| Closed)
    }
}
