//! What this side has said in a verification of keys, and how much of it the present connection has taken. Nothing of it
//! is acknowledged, so all of it is said again over each new connection; whoever hears it twice passes it over. Bounded
//! by what the app hands over, a few short messages. Knows nothing of what they mean.

use hobnob_protocol::verification::VerifyMessage;

/// Messages of the present verification, in their order.
#[derive(Debug, Default)]
pub(super) struct Verifying {
    said: Vec<VerifyMessage>,
    /// So many of them were put in line on the present connection.
    queued: usize,
}

impl Verifying {
    /// This is all that this side has said by now. What follows on what was said before is said once.
    pub(super) fn replace(&mut self, said: Vec<VerifyMessage>) {
        if !said.starts_with(&self.said[..self.queued]) {
            self.queued = 0;
        }
        self.said = said;
    }

    /// A connection begins, which has taken nothing yet.
    pub(super) fn begin(&mut self) {
        self.queued = 0;
    }

    /// What is to be put in line now, once.
    pub(super) fn take(&mut self) -> &[VerifyMessage] {
        let from = std::mem::replace(&mut self.queued, self.said.len());
        &self.said[from..]
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::name::Commitment;

    use super::*;

    fn cancel(byte: u8) -> VerifyMessage {
        VerifyMessage::Cancel { commitment: Commitment::new([byte; 32]) }
    }

    #[test]
    fn each_message_is_said_once_a_connection() {
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
