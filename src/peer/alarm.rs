//! Wakes the task of a link when something is due, or earlier. The timer is kept from one step of the task to the next,
//! because setting a timer costs more than most steps do. This file does not know what is due.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// A timer that rings once for each time it was set.
pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
}

impl Alarm {
    /// Makes an alarm that rings at once.
    pub(super) fn new() -> Self {
        Self { sleep: Box::pin(sleep(Duration::ZERO)) }
    }

    /// Makes the alarm ring after `pause` at the latest. An alarm that is already set to ring sooner is left as it is.
    pub(super) fn set(&mut self, pause: Duration) {
        let due = Instant::now() + pause;
        if self.sleep.is_elapsed() || self.sleep.deadline() > due {
            self.sleep.as_mut().reset(due);
        }
    }

    /// Waits until it rings. Cancel-safe.
    pub(super) async fn rung(&mut self) {
        self.sleep.as_mut().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_alarm_rings_at_the_earliest_time_it_was_set_to() {
        let secs = Duration::from_secs;
        let (began, mut alarm) = (Instant::now(), Alarm::new());
        alarm.rung().await;
        alarm.set(secs(5));
        alarm.set(secs(2));
        alarm.set(secs(9));
        alarm.rung().await;
        assert_eq!(began.elapsed(), secs(2));
        alarm.set(secs(9));
        alarm.rung().await;
        assert_eq!(began.elapsed(), secs(11));
    }
}
