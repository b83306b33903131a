//! What a script waits for with `\wait`: a condition, and when the wait is given up. This is plain data; it knows
//! nothing of links, and is told what happens.

use std::time::Duration;

use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use tokio::time::Instant;

use crate::client::heads::Heads;
use crate::show::{Message, failing};

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// A user says something, in the lobby, in a room or in a private session.
    Message {
        /// The user whose message is waited for.
        from: UserName,
    },
    /// A private session is open.
    Opened,
    /// This client is in a room.
    Joined {
        /// The name of the room.
        room: RoomName,
    },
    /// At least this many users are in the lobby, including this one.
    Users {
        /// The number of users.
        at_least: usize,
    },
}

/// One wait that is under way.
#[derive(Debug)]
pub struct Watch {
    /// What is waited for.
    pub condition: Condition,
    /// How long the wait may take.
    pub patience: Duration,
    /// When the wait is given up.
    pub until: Instant,
    /// The newest numbers of the logs when the wait began.
    after: Heads,
    /// The question to the server how many users are in the lobby, while it is open.
    pub asking: Option<u32>,
}

impl Watch {
    /// Begins to wait for something that comes after the messages with these numbers.
    #[must_use]
    pub fn new(condition: Condition, patience: Duration, after: Heads) -> Self {
        Self { condition, patience, until: Instant::now() + patience, after, asking: None }
    }

    /// Whether an incoming message meets the condition. A message that was already in its log when the wait began does
    /// not; one that was missed while the link was down does.
    #[must_use]
    pub fn is_met_by(&self, message: &Message) -> bool {
        let is_new = match message.seq {
            Some(seq) if self.after.knows(message.session) => seq > self.after.of(message.session),
            // The room was joined after the wait began.
            Some(_) => !message.replayed,
            None => true,
        };
        matches!(&self.condition, Condition::Message { from } if *from == message.from && is_new)
    }

    /// Whether this many users are enough.
    #[must_use]
    pub fn is_met_by_users(&self, count: usize) -> bool {
        matches!(self.condition, Condition::Users { at_least } if count >= at_least)
    }

    /// Returns the failure that is reported when the wait is given up.
    #[must_use]
    pub(crate) fn failing(&self) -> failing::Wait<'_> {
        let seconds = self.patience.as_secs_f64();
        match &self.condition {
            Condition::Message { from } => failing::Wait::NoMessage { from, seconds },
            Condition::Opened => failing::Wait::NothingOpened { seconds },
            Condition::Joined { room } => failing::Wait::NotJoined { room, seconds },
            Condition::Users { at_least } => failing::Wait::FewUsers { at_least: *at_least, seconds },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::SessionId;
    use crate::timestamp::Timestamp;

    #[tokio::test]
    async fn only_messages_after_the_start_of_a_wait_meet_its_condition() {
        let bobby: UserName = "bobby".parse().unwrap();
        let condition = Condition::Message { from: "BOBBY".parse().unwrap() };
        let mut heads = Heads::default();
        heads.reach(SessionId::LOBBY, 7);
        heads.reach(SessionId(2), 70);
        let watch = Watch::new(condition, Duration::from_secs(1), heads);
        let said = |session, from: &UserName, seq| {
            let message = Message::new(SessionId(session), None, from.clone(), "x", Timestamp(0));
            watch.is_met_by(&Message { seq, ..message })
        };
        assert!(!said(0, &bobby, Some(7)) && said(0, &bobby, Some(8)));
        assert!(!said(2, &bobby, Some(70)) && said(2, &bobby, Some(71)), "a room has numbers of its own");
        assert!(said(1, &bobby, None), "in a private session no message is shown again");
        assert!(!said(0, &"anna".parse().unwrap(), Some(8)));
        let replayed = Message::new(SessionId(3), None, bobby, "x", Timestamp(0));
        let replayed = Message { seq: Some(1), replayed: true, ..replayed };
        assert!(
            !watch.is_met_by(&replayed),
            "the message was in a room that was joined after the wait began"
        );
        assert!(!watch.is_met_by_users(100));
        assert_eq!(watch.failing().to_string(), "no message from BOBBY came within 1 s");
    }
}
