//! Acts of this user, such as a new topic, that the server has not answered for yet. Owns which command each is of;
//! the link sends them again until they are answered for, as it does with texts.

use std::collections::HashMap;

use hobnob_protocol::content::Act;

use crate::client::State;
use crate::client::command_error::CommandError;
use crate::session::SessionId;
use crate::show::failing;

/// Acts that may wait at once. A script waits for each; nobody types as many.
const MOST_ACTS: usize = 1000;

/// The acts that wait, by the number they share with texts: that of the ledger.
#[derive(Debug, Default)]
pub struct Acts {
    open: HashMap<u64, &'static str>,
}

impl Acts {
    /// The server has answered for this act: the command it is of; `None` where it is none, or was answered for before.
    pub(crate) fn settle(&mut self, id: u64) -> Option<&'static str> {
        self.open.remove(&id)
    }

    /// Takes out all that wait: there will be no answer. Gives the commands they are of, in their order.
    pub(crate) fn take_all(&mut self) -> Vec<&'static str> {
        let mut open: Vec<(u64, &'static str)> = self.open.drain().collect();
        open.sort_unstable();
        open.into_iter().map(|(_, command)| command).collect()
    }

    /// Whether this act waits for its answer.
    #[must_use]
    pub fn is_open(&self, id: u64) -> bool {
        self.open.contains_key(&id)
    }
}

impl State {
    /// Does something in the lobby or a room, for a command. Gives its number.
    ///
    /// # Errors
    /// When too many wait, or the link has ended for good.
    pub(crate) fn act(
        &mut self,
        session: SessionId,
        act: Act,
        command: &'static str,
    ) -> Result<u64, CommandError> {
        self.act_for(session, act, None, command)
    }

    /// The same, for so many seconds or for good.
    ///
    /// # Errors
    /// As for [`act`](Self::act).
    pub(crate) fn act_for(
        &mut self,
        session: SessionId,
        act: Act,
        lasts: Option<u64>,
        command: &'static str,
    ) -> Result<u64, CommandError> {
        let id = self.ledger.next_number();
        let room = self.room_of(session);
        if self.acts.open.len() >= MOST_ACTS || !self.lobby.act(id, room, act, lasts) {
            return Err(failing::Room::TooMuchWaits.into());
        }
        self.acts.open.insert(id, command);
        Ok(id)
    }
}
