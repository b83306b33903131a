//! What a script waits for with `\wait`: a condition and the moment it is given up. A plain struct;
//! knows nothing of links, and is told what happens.

use std::time::Duration;

use hobnob_protocol::name::UserName;
use tokio::time::Instant;

use crate::show::failing;

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Somebody says something, in the lobby or in a private session.
    Message {
        /// Whose message is waited for.
        from: UserName,
    },
    /// A private session is open.
    Opened,
    /// So many users are in the lobby, this one among them.
    Users {
        /// How many at least.
        at_least: usize,
    },
}

/// One wait that is under way.
#[derive(Debug)]
pub struct Watch {
    /// What is waited for.
    pub condition: Condition,
    /// How long it may take.
    pub patience: Duration,
    /// When it is given up.
    pub until: Instant,
    /// Lobby messages up to this number stood in the log when the wait began.
    after: u64,
    /// The question to the server how many are in the lobby, while it is open.
    pub asking: Option<u32>,
}

impl Watch {
    /// Begins to wait, `after` the lobby's message of this number.
    #[must_use]
    pub fn new(condition: Condition, patience: Duration, after: u64) -> Self {
        Self { condition, patience, until: Instant::now() + patience, after, asking: None }
    }

    /// Whether a message that came is the one. What stood in the log already is none; a message
    /// that was missed while the link was down is.
    #[must_use]
    pub fn is_met_by(&self, from: &UserName, seq: Option<u64>) -> bool {
        let new = seq.is_none_or(|seq| seq > self.after);
        matches!(&self.condition, Condition::Message { from: wanted } if wanted == from && new)
    }

    /// Whether that many users are enough.
    #[must_use]
    pub fn is_met_by_users(&self, count: usize) -> bool {
        matches!(self.condition, Condition::Users { at_least } if count >= at_least)
    }

    /// What failed when it is given up.
    #[must_use]
    pub(crate) fn failing(&self) -> failing::Wait<'_> {
        let seconds = self.patience.as_secs_f64();
        match &self.condition {
            Condition::Message { from } => failing::Wait::NoMessage { from, seconds },
            Condition::Opened => failing::Wait::NothingOpened { seconds },
            Condition::Users { at_least } => failing::Wait::FewUsers { at_least: *at_least, seconds },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_comes_after_the_beginning_counts() {
        let bobby: UserName = "bobby".parse().unwrap();
        let condition = Condition::Message { from: "BOBBY".parse().unwrap() };
        let watch = Watch::new(condition, Duration::from_secs(1), 7);
        assert!(!watch.is_met_by(&bobby, Some(7)));
        assert!(watch.is_met_by(&bobby, Some(8)));
        assert!(watch.is_met_by(&bobby, None), "in a private session nothing is shown twice");
        assert!(!watch.is_met_by(&"anna".parse().unwrap(), Some(8)));
        assert!(!watch.is_met_by_users(100));
        assert_eq!(watch.failing().to_string(), "no message from BOBBY came within 1 s");
    }
}
