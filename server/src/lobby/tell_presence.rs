//! When clients are told who came and who left, and how much of the lobby's time that may take. The changes themselves
//! are gathered in [`presence`](super::presence); the members of rooms are told in [`rooms`](super::rooms).

use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::Instant;

use super::{FAN_OUT_SLICE, Lobby};

/// The shortest time between two announcements of presence.
pub(super) const PRESENCE_INTERVAL: Duration = Duration::from_millis(50);

/// Announcing presence takes at most one part in this many of the lobby's time.
const PRESENCE_SHARE: u32 = 10;

/// Up to this many changes of presence are announced before the next messages, even if the interval has not passed.
const FEW_CHANGES: usize = 16;

impl Lobby {
    /// Announces pending changes of presence before the next messages, so that nobody speaks before he appears. Skips
    /// that if there are more than [`FEW_CHANGES`], because announcing them would hold up the messages.
    pub(super) async fn tell_few_changes(&mut self) {
        if self.has_changes() && self.presence.mark() + self.occupied.changes() <= FEW_CHANGES {
            self.tell_presence().await;
        }
    }

    /// Whether there are changes of presence that were not announced yet.
    pub(super) fn has_changes(&self) -> bool {
        !(self.presence.is_empty() && self.occupied.is_told())
    }

    pub(super) async fn tell_presence(&mut self) {
        let started = Instant::now();
        self.tell_lobby_presence().await;
        self.tell_room_presence().await;
        let took = started.elapsed();
        self.presence_due = Instant::now() + PRESENCE_INTERVAL.max(took * PRESENCE_SHARE);
    }

    async fn tell_lobby_presence(&mut self) {
        if self.presence.is_empty() {
            return;
        }
        let news = self.presence.take();
        for (index, seat) in self.seats.values_mut().enumerate() {
            let mark = std::mem::take(&mut seat.presence_from);
            if seat.entered {
                seat.outlet.presence(&news, mark);
            }
            if index % FAN_OUT_SLICE == FAN_OUT_SLICE - 1 {
                yield_now().await;
            }
        }
    }
}
