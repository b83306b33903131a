//! What this side has said in a verification of keys, and how much of it the present connection has taken. These
//! messages are not acknowledged, so all of them are said again over each new connection, and a side that hears a
//! message twice ignores it. The size is bounded by what the app hands over, a few short messages. This file does not
//! know what the messages mean.

use hobnob_protocol::verification::VerifyMessage;

/// Messages of the present verification, in their order.
#[derive(Debug, Default)]
pub(super) struct Verifying {
    said: Vec<VerifyMessage>,
    /// How many of the messages were given to the present connection.
    queued: usize,
}

impl Verifying {
    /// Sets all that this side has said by now. If the new messages continue the ones that were already given to the
    /// connection, only the added messages are given to it.
    pub(super) fn replace(&mut self, said: Vec<VerifyMessage>) {
        if !said.starts_with(&self.said[..self.queued]) {
            self.queued = 0;
        }
        self.said = said;
    }

    /// Begins a connection, which has been given nothing yet.
    pub(super) fn begin(&mut self) {
        self.queued = 0;
    }

    /// Returns the messages that the connection has not been given yet; each is returned once.
    pub(super) fn take(&mut self) -> &[VerifyMessage] {
        let from = std::mem::replace(&mut self.queued, self.said.len());
        &self.said[from..]
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::verification::Commitment;

    use super::*;

    fn cancel(byte: u8) -> VerifyMessage {
        VerifyMessage::Cancel { commitment: Commitment::new([byte; 32]) }
    }

    #[test]
    fn each_verification_message_is_sent_once_on_each_connection() {
        let mut verifying = Verifying::default();
        assert_eq!(verifying.take(), []);
        verifying.replace(vec![cancel(1)]);
        assert_eq!(verifying.take(), [cancel(1)]);
        verifying.replace(vec![cancel(1), cancel(2)]);
        assert_eq!(verifying.take(), [cancel(2)]);
        assert_eq!(verifying.take(), []);
        verifying.begin();
        assert_eq!(verifying.take(), [cancel(1), cancel(2)]);
        verifying.replace(vec![cancel(3)]);
        assert_eq!(verifying.take(), [cancel(3)], "another verification begins from the front");
        verifying.replace(Vec::new());
        assert_eq!(verifying.take(), []);
    }
}
