//! What the lobby does from time to time: it stores dates, and proposes that names and rooms which nobody has used for
//! long are freed. This file owns how often, and after how long; which names and rooms go is decided in `decide`.

use std::time::Duration;

use tokio::time::Instant;

use super::Lobby;
use super::names_clock::NamesTime;
use crate::decide::Entry;

/// How often the lobby looks for names to free and for dates to store.
const HOUSEKEEPING: Duration = Duration::from_secs(60);
const EXPIRY_INTERVAL: Duration = Duration::from_secs(3600);

/// After this time a name is free if its key never said anything. A user who takes names only to fill the table has to
/// say something for each of them, or to come back.
const UNSPOKEN_TTL: Duration = Duration::from_secs(24 * 3600);

/// A room in which nobody was for this long is removed.
const ROOM_TTL: Duration = Duration::from_secs(30 * 24 * 3600);

impl Lobby {
    pub(super) fn keep_house(&mut self, now: Instant) {
        self.housekeeping_due = now + HOUSEKEEPING;
        self.unsaved.dates_are_due();
        self.metrics.rooms.set(self.machine.rooms().len() as i64);
        if now >= self.expiry_due {
            self.expiry_due = now + EXPIRY_INTERVAL;
            let NamesTime { date: now, absent_until } = self.names_clock.read((self.clock)(), now);
            let before = absent_until.saturating_sub(self.name_ttl.as_millis() as u64);
            let unspoken_before = absent_until.saturating_sub(UNSPOKEN_TTL.as_millis() as u64);
            let rooms_before = absent_until.saturating_sub(ROOM_TTL.as_millis() as u64);
            self.gathered.push(Entry::Expire { now, before, unspoken_before, rooms_before });
            self.drop_old();
        }
    }
}
