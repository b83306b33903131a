//! What the app asks of the lobby's link, and the queue for it. This file knows nothing of connections.

use hobnob_protocol::MAX_ROOMS_OF_A_KEY;
use hobnob_protocol::content::{Act, Content};
use hobnob_protocol::message::{ClientMessage, JoinRoom};
use hobnob_protocol::room::RoomName;
use tokio::sync::mpsc;

use super::outbox::Outgoing;

/// What the app asks of the link.
#[derive(Debug)]
pub(super) enum LobbyCommand {
    Say { id: u64, outgoing: Outgoing },
    Join(JoinRoom),
    Part(RoomName),
    Ask(ClientMessage),
    Hurry,
    Leave,
}

/// How many commands may wait for the link. The app has at most 10,000 texts open, and gives up questions after a few
/// seconds. When this many commands wait, a text is not taken and a question is not asked.
const COMMAND_QUEUE: usize = 16 * 1024;

/// How many places of the queue are kept free for commands that must not be lost: to hurry, to leave, and to leave each
/// of the rooms.
const KEPT_FREE: usize = 16 + MAX_ROOMS_OF_A_KEY;

/// The app's handle of the link; it is cheap to clone. None of its methods waits, because the link may wait for the
/// app.
#[derive(Debug, Clone)]
pub struct LobbyHandle {
    commands: mpsc::Sender<LobbyCommand>,
}

/// Makes a handle, and the end of the queue from which the link takes its commands.
pub(super) fn handle() -> (LobbyHandle, mpsc::Receiver<LobbyCommand>) {
    let (commands, queue) = mpsc::channel(COMMAND_QUEUE);
    (LobbyHandle { commands }, queue)
}

impl LobbyHandle {
    /// Says a text or does an act, in a room or in the lobby, now or when the link is back. `id` must grow from each
    /// call to the next, whatever the rooms are. Returns false if the link has ended for good or too many commands
    /// wait; the text or act will then not go out.
    #[must_use]
    pub fn say(&self, id: u64, room: Option<RoomName>, content: impl Into<Content>) -> bool {
        self.put(id, Outgoing { room, content: content.into(), lasts: None })
    }

    /// Does an act that holds for `lasts` seconds, or for good. `id` and the result are as for [`say`](Self::say).
    #[must_use]
    pub fn act(&self, id: u64, room: Option<RoomName>, act: Act, lasts: Option<u64>) -> bool {
        self.put(id, Outgoing { room, content: act.into(), lasts })
    }

    fn put(&self, id: u64, outgoing: Outgoing) -> bool {
        self.takes_more() && self.commands.try_send(LobbyCommand::Say { id, outgoing }).is_ok()
    }

    /// Joins a room. The command is dropped if the link is down or too many commands wait. Texts for the room may
    /// follow at once.
    pub fn join(&self, join: JoinRoom) {
        if self.takes_more() {
            self.command(LobbyCommand::Join(join));
        }
    }

    /// Leaves a room, or gives up joining it. Texts for the room that are not written yet are not said.
    pub fn part(&self, room: RoomName) {
        self.command(LobbyCommand::Part(room));
    }

    /// Asks the server something. The question is dropped if the link is down or too many commands wait.
    pub fn ask(&self, question: ClientMessage) {
        if self.takes_more() {
            self.command(LobbyCommand::Ask(question));
        }
    }

    fn takes_more(&self) -> bool {
        self.commands.capacity() > KEPT_FREE
    }

    /// Makes attempts to reach the lobby follow each other more quickly, because the user waits to leave.
    pub fn hurry(&self) {
        self.command(LobbyCommand::Hurry);
    }

    /// Leaves for good; [`LobbyEvent::Left`](super::event::LobbyEvent::Left) follows.
    pub fn leave(&self) {
        self.command(LobbyCommand::Leave);
    }

    fn command(&self, command: LobbyCommand) {
        // If the link has ended, its last event has said so.
        let _ended = self.commands.try_send(command);
    }
}

/// Makes a handle whose link is a test. The test sees the messages that a link would write.
#[cfg(test)]
pub(crate) fn test_handle() -> (LobbyHandle, TestLink) {
    let (handle, queue) = handle();
    (handle, TestLink { queue })
}

/// Takes the place of a link in tests of the app.
#[cfg(test)]
pub(crate) struct TestLink {
    queue: mpsc::Receiver<LobbyCommand>,
}

#[cfg(test)]
impl TestLink {
    /// Ends the link for good, so that it takes no more commands.
    pub(crate) fn end(&mut self) {
        self.queue.close();
    }

    /// Returns what the link was told since the last call.
    pub(crate) fn told(&mut self) -> Vec<ClientMessage> {
        let mut told = Vec::new();
        while let Ok(command) = self.queue.try_recv() {
            told.extend(match command {
                LobbyCommand::Say { id, outgoing } => Some(outgoing.message(id)),
                LobbyCommand::Join(join) => Some(ClientMessage::Join(join)),
                LobbyCommand::Part(room) => Some(ClientMessage::Part { room }),
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
    use hobnob_protocol::text::Text;

    use super::*;

    #[tokio::test]
    async fn a_link_that_takes_no_commands_queues_a_bounded_number_and_still_gets_the_leave() {
        let (handle, mut queue) = handle();
        (0..100_000).for_each(|_| handle.ask(ClientMessage::Pong));
        assert!(!handle.say(1, None, Text::new("x").unwrap()), "a text that is not taken is reported");
        handle.leave();
        queue.close();
        let mut commands = Vec::new();
        while let Some(command) = queue.recv().await {
            commands.push(command);
        }
        assert_eq!(commands.len(), COMMAND_QUEUE - KEPT_FREE + 1);
        assert!(matches!(commands.last(), Some(LobbyCommand::Leave)));
    }
}
