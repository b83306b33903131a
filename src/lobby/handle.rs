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

/// Orders that may wait for the link. The app has at most 10,000 texts open, and gives up questions after a few
/// seconds; past it a text is not taken and a question not asked.
const COMMANDS: usize = 16 * 1024;

/// Room that is kept for what must not be lost: to hurry, and to leave.
const KEPT_FREE: usize = 16;

/// Talks to the link; cheap to clone. None of this waits, for the link may wait for the app.
#[derive(Debug, Clone)]
pub struct LobbyHandle {
    commands: mpsc::Sender<LobbyCommand>,
}

/// A handle, and where what it is told comes out.
pub(super) fn handle() -> (LobbyHandle, mpsc::Receiver<LobbyCommand>) {
    let (commands, queue) = mpsc::channel(COMMANDS);
    (LobbyHandle { commands }, queue)
}

impl LobbyHandle {
    /// Says a text: now, or when the link is back. `id` must grow from text to text. False when the
    /// link has ended for good, or too many orders wait: the text will not go out.
    #[must_use]
    pub fn say(&self, id: u64, text: Text) -> bool {
        self.has_room() && self.commands.try_send(LobbyCommand::Say { id, text }).is_ok()
    }

    /// Asks the server something; passed over while the link is down, or too many orders wait.
    pub fn ask(&self, question: ClientMessage) {
        if self.has_room() {
            self.command(LobbyCommand::Ask(question));
        }
    }

    fn has_room(&self) -> bool {
        self.commands.capacity() > KEPT_FREE
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
        let _ended = self.commands.try_send(command);
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
    queue: mpsc::Receiver<LobbyCommand>,
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
                LobbyCommand::Say { id, text } => Some(ClientMessage::Say { id, room: None, text }),
                LobbyCommand::Ask(question) => Some(question),
                LobbyCommand::Leave => Some(ClientMessage::Leave),
                LobbyCommand::Hurry => None,
            });
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_link_that_takes_no_orders_costs_a_bounded_number_and_still_hears_of_the_end() {
        let (handle, mut queue) = handle();
        (0..100_000).for_each(|_| handle.ask(ClientMessage::Pong));
        assert!(!handle.say(1, Text::new("x").unwrap()), "it is reported, not lost");
        handle.leave();
        queue.close();
        let mut orders = Vec::new();
        while let Some(order) = queue.recv().await {
            orders.push(order);
        }
        assert_eq!(orders.len(), COMMANDS - KEPT_FREE + 1);
        assert!(matches!(orders.last(), Some(LobbyCommand::Leave)));
    }
}
