//! How the command of a client gets to the lobby: at once, or as soon as the lobby's queue has room. This file does not
//! know what a command does.

use hobnob_protocol::message::{NotAcceptedCode, ServerMessage};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::error::TrySendError;

use super::Life;
use crate::lobby::{LobbyCommand, Outlet};

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Life<'_, S> {
    /// Puts a command to the lobby; gives the command back when the lobby's queue is full.
    pub(super) fn ask(&self, command: LobbyCommand) -> Option<LobbyCommand> {
        match self.shared.lobby.try_send(command) {
            Ok(()) => None,
            Err(TrySendError::Full(command)) => Some(command),
            Err(TrySendError::Closed(command)) => {
                self.not_asked(said_in(&command));
                None
            }
        }
    }

    /// Puts a command to the lobby as soon as the lobby's queue has room for it.
    pub(super) async fn wait_to_ask(&self, command: LobbyCommand) {
        let said = said_in(&command);
        let asked = self.shared.lobby.send(command).await;
        // The client could not be heard while this task waited for the lobby.
        self.connection.excuse_silence();
        if asked.is_err() {
            self.not_asked(said);
        }
    }

    /// The lobby is closed, and the author of a text or act is told that it is not said. Nothing is answered to other
    /// commands, because the lobby tells everybody that it is closing.
    fn not_asked(&self, said: Option<u64>) {
        if let Some(id) = said {
            let closing = ServerMessage::not_accepted(id, NotAcceptedCode::Closing);
            self.connection.tell(&closing);
        }
    }
}

/// Returns the id of the text or act that a command brings, or `None` for other commands.
fn said_in(command: &LobbyCommand) -> Option<u64> {
    match command {
        LobbyCommand::Say { id, .. } => Some(*id),
        LobbyCommand::Act(act) => Some(act.id),
        _ => None,
    }
}
