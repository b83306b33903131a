//! `\wait` with a condition: begins the wait, and checks with every event whether the condition is met. This file owns
//! when the server is asked how many users are in the lobby; the condition itself is in [`crate::client::waiting`].

use std::time::Duration;

use hobnob_protocol::message::ClientMessage;
use tokio::time::Instant;

use crate::client::State;
use crate::client::questions::Question;
use crate::client::waiting::{Condition, Watch};
use crate::session::{LinkState, SessionId};
use crate::show::{Failure, Message};

impl State {
    /// Begins to wait. Returns false if the condition is met already, so that there is nothing to wait for.
    pub(crate) fn watch_for(&mut self, condition: Condition, patience: Duration) -> bool {
        let open = || self.sessions.peers().any(|(_, peer)| peer.state != LinkState::Connecting);
        if condition == Condition::Opened && open() {
            return false;
        }
        if let Condition::Joined { room } = &condition
            && self.sessions.with_room(room).is_some_and(|id| self.sessions.state(id) == LinkState::Up)
        {
            return false;
        }
        self.watch = Some(Watch::new(condition, patience, self.heads.clone()));
        self.count_users();
        true
    }

    /// Whether a wait is under way.
    #[must_use]
    pub fn is_watching(&self) -> bool {
        self.watch.is_some()
    }

    /// Returns when the wait is given up.
    pub(crate) fn watch_deadline(&self) -> Option<Instant> {
        self.watch.as_ref().map(|watch| watch.until)
    }

    /// Gives up the wait, and tells the user, if its time is over.
    pub(crate) fn watch_time(&mut self, now: Instant) {
        let Some(watch) = self.watch.take_if(|watch| watch.until <= now) else { return };
        self.fail(Failure::from(watch.failing()).of_command("wait"));
    }

    /// Ends the wait if it was for this message.
    pub(crate) fn watch_message(&mut self, message: &Message) {
        self.watch.take_if(|watch| watch.is_met_by(message));
    }

    /// Ends the wait if it was for a private session to open.
    pub(crate) fn watch_opened(&mut self) {
        self.watch.take_if(|watch| watch.condition == Condition::Opened);
    }

    /// Ends the wait if it was for this room.
    pub(crate) fn watch_room_joined(&mut self, session: SessionId) {
        let Some(joined) = self.room_of(session) else { return };
        let is_it =
            |watch: &mut Watch| matches!(&watch.condition, Condition::Joined { room } if *room == joined);
        self.watch.take_if(is_it);
    }

    /// Takes the answer to [`count_users`](Self::count_users). Ends the wait if there are enough.
    pub(crate) fn counted(&mut self, request: u32, count: usize) {
        if let Some(watch) = &mut self.watch
            && watch.asking == Some(request)
        {
            watch.asking = None;
            self.watch.take_if(|watch| watch.is_met_by_users(count));
        }
    }

    /// Asks how many users are in the lobby, if a wait is for that. If users come or go before the answer, the answer
    /// is old, so only the answer to the newest question counts.
    pub(crate) fn count_users(&mut self) {
        if self.sessions.lobby_state() != LinkState::Up {
            return;
        }
        if let Some(watch) = &mut self.watch
            && matches!(watch.condition, Condition::Users { .. })
        {
            if let Some(older) = watch.asking {
                self.questions.close(older);
            }
            let request = self.questions.ask(Question::users(SessionId::LOBBY, false), None);
            watch.asking = Some(request);
            self.lobby.ask(ClientMessage::Users { request, room: None });
        }
    }
}
