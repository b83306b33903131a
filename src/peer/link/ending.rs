//! How a private session ends: how long it waits for its texts when the user leaves, whether it says goodbye, and what
//! the app is told last. This file does not decide when a session ends.

use std::time::Duration;

use super::{Ending, Link};
use crate::peer::event::{PeerEvent, PeerEventKind};
use crate::peer::pace::AcknowledgePace;

/// How long a session that is being left waits until its texts are acknowledged, and those of the other side that have
/// arrived are shown. Together with the farewell this takes no more than two seconds.
const LEAVE_WITHIN: Duration = Duration::from_millis(1500);

impl Link {
    pub(super) fn leave(&mut self) -> Option<Ending> {
        let leave_by = *self.leave_by.get_or_insert(self.now + LEAVE_WITHIN);
        let leave_after = *self.leave_after.get_or_insert(self.inbox.heard());
        let is_answered = self.outgoing.all_delivered() && self.inbox.has_shown(leave_after);
        let is_done = self.connection.is_none() || is_answered || self.now >= leave_by;
        is_done.then_some(Ending::LeftByUs)
    }

    /// Says goodbye if that is due, then tells the app what is left to tell, with the final event last.
    pub(super) async fn finish(mut self, ending: Ending) {
        self.dialler.stop();
        self.acknowledge_pace = AcknowledgePace::default();
        self.fill();
        match (self.connection.take(), &ending) {
            (Some(connection), Ending::LeftByUs | Ending::AppGone | Ending::Gone(_)) => {
                connection.farewell().await;
            }
            (Some(connection), _) => connection.close().await,
            (None, _) => {}
        }
        let last = match ending {
            Ending::LeftByThem => PeerEventKind::Left,
            Ending::LeftByUs => PeerEventKind::Ended,
            Ending::Failed(reason) => PeerEventKind::Failed { reason },
            Ending::Gone(reason) => PeerEventKind::Gone { reason },
            Ending::AppGone => return,
        };
        let local_ids = self.outgoing.close();
        if !local_ids.is_empty() {
            self.waiting_events.push(PeerEventKind::Undelivered { local_ids });
        }
        self.waiting_events.push(last);
        while let Some(kind) = self.waiting_events.pop() {
            if self.events.send(PeerEvent { link: self.link, kind }).await.is_err() {
                return;
            }
        }
    }
}
