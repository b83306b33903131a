//! What the app asks of the lobby's link, and the queue it goes through. Knows nothing of connections.

use hobnob_protocol::message::ClientMessage;
use hobnob_protocol::name::Text;
use tokio::sync::mpsc;

/// What the link is asked.
#[derive(Debug)]
pub(super) enum LobbyCommand {
    Say { id: u64, text: Text },
    Ask(ClientMessage),
    Hurry,
    Leave,
}

/// Talks to the link; cheap to clone. Its queue has no bound of its own: the app bounds the texts
/// and questions that are open, and must never wait for a link that waits for the app.
#[derive(Debug, Clone)]
pub struct LobbyHandle {
    commands: mpsc::UnboundedSender<LobbyCommand>,
}

/// A handle, and where what it is told comes out.
pub(super) fn handle() -> (LobbyHandle, mpsc::UnboundedReceiver<LobbyCommand>) {
    let (commands, queue) = mpsc::unbounded_channel();
    (LobbyHandle { commands }, queue)
}

impl LobbyHandle {
    /// Says a text: now, or when the link is back. `id` must grow from text to text. False when the
    /// link has ended for good: the text will not go out.
    #[must_use]
    pub fn say(&self, id: u64, text: Text) -> bool {
        self.commands.send(LobbyCommand::Say { id, text }).is_ok()
    }

    /// Asks the server something; passed over while the link is down.
    pub fn ask(&self, question: ClientMessage) {
        self.command(LobbyCommand::Ask(question));
    }

    /// The user waits to leave: attempts to reach the lobby follow each other more quickly.
    pub fn hurry(&self) {
        self.command(LobbyCommand::Hurry);
    }

    /// Leaves for good; [`LobbyEvent::Left`](super::event::LobbyEvent::Left) follows.
    pub fn leave(&self) {
        self.command(LobbyCommand::Leave);
    }

    fn command(&self, command: LobbyCommand) {
        // A link that has ended said so by its last event.
        let _ended = self.commands.send(command);
    }
}

/// A handle whose link is a test, which sees what it is told as the messages a link would write.
#[cfg(test)]
pub(crate) fn test_handle() -> (LobbyHandle, TestLink) {
    let (handle, queue) = handle();
    (handle, TestLink { queue })
}

/// Stands in for a link in tests of the app.
#[cfg(test)]
pub(crate) struct TestLink {
    queue: mpsc::UnboundedReceiver<LobbyCommand>,
}

#[cfg(test)]
impl TestLink {
    /// The link ends.
    pub(crate) fn end(&mut self) {
        self.queue.close();
    }

    /// What the link was told since the last call.
    pub(crate) fn told(&mut self) -> Vec<ClientMessage> {
        let mut told = Vec::new();
        while let Ok(command) = self.queue.try_recv() {
            told.extend(match command {
                LobbyCommand::Say { id, text } => Some(ClientMessage::Say { id, text }),
                LobbyCommand::Ask(question) => Some(question),
                LobbyCommand::Leave => Some(ClientMessage::Leave),
                LobbyCommand::Hurry => None,
            });
        }
        told
    }
}
