//! When Ctrl-C was pressed on an empty line. This file owns the rule that a second one soon after the first leaves; it does
//! not know how a run ends.

use std::time::Duration;

use tokio::time::Instant;

/// A second Ctrl-C within this time leaves.
const SECOND: Duration = Duration::from_secs(3);

/// The last Ctrl-C on an empty line, if nothing else was typed since.
#[derive(Debug, Default)]
pub(super) struct Interrupts(Option<Instant>);

impl Interrupts {
    /// Notes that Ctrl-C is pressed. Returns true if it is the second one in a row.
    pub(super) fn interrupted(&mut self) -> bool {
        let now = Instant::now();
        self.0.replace(now).is_some_and(|before| now - before < SECOND)
    }

    /// Notes that something else was typed, so that the next Ctrl-C counts as a first one.
    pub(super) fn went_on(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_a_second_one_soon_after_the_first_leaves() {
        let mut interrupts = Interrupts::default();
        assert!(!interrupts.interrupted() && interrupts.interrupted());
        interrupts.went_on();
        assert!(!interrupts.interrupted());
        tokio::time::advance(SECOND).await;
        assert!(!interrupts.interrupted());
    }
}
