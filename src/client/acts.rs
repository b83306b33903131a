//! Acts of this user, such as a new topic, that the server has not answered for yet. This file owns which command each
//! act belongs to. The link sends acts again until they are answered for, as it does with texts.

use std::collections::HashMap;

use hobnob_protocol::content::Act;

use crate::client::State;
use crate::client::command_error::CommandError;
use crate::session::SessionId;
use crate::show::failing;

/// How many acts may wait at once. A script waits for each act, and nobody types this many.
const MOST_ACTS: usize = 1000;

/// The acts that wait, by number. The numbers are those of the ledger, which acts share with texts.
#[derive(Debug, Default)]
pub struct Acts {
    open: HashMap<u64, &'static str>,
}

impl Acts {
    /// Removes an act that the server has answered for. Returns its command; `None` if the number is no act or was
    /// answered for before.
    pub(crate) fn settle(&mut self, id: u64) -> Option<&'static str> {
        self.open.remove(&id)
    }

    /// Removes all acts, because there will be no answer. Returns their commands in order.
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
    /// Does something in the lobby or a room, for a command. Returns the number of the act.
    ///
    /// # Errors
    /// Returns an error if too many acts wait, or if the link has ended for good.
    pub(crate) fn act(
        &mut self,
        session: SessionId,
        act: Act,
        command: &'static str,
    ) -> Result<u64, CommandError> {
        self.act_for(session, act, None, command)
    }

    /// Does something that holds for `lasts` seconds, or for good. Returns the number of the act.
    ///
    /// # Errors
    /// Returns the same errors as [`act`](Self::act).
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
