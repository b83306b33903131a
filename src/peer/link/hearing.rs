//! What the link of a private session hears: each message of the other side becomes an event for the app, an answer, or
//! the reason why the connection is dropped. This file knows nothing of how the connection came about.

use hobnob_protocol::codec::CodecError;
use hobnob_protocol::message::PeerMessage;
use thiserror::Error;

use super::{Ending, Link, Loss};
use crate::peer::event::PeerEventKind;
use crate::peer::inbox::{Gap, Taken};
use crate::peer::outbox::NeverWritten;

/// What a peer must not do. A peer that does it loses the connection, and keeps the session.
#[derive(Debug, Error)]
enum Misuse {
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error(transparent)]
    Gap(#[from] Gap),
    #[error(transparent)]
    NeverWritten(#[from] NeverWritten),
    #[error("a message that has no place here")]
    OutOfPlace,
}

impl Link {
    /// Reads every message that has arrived whole.
    pub(super) fn read(&mut self) -> Option<Ending> {
        let now = self.now;
        while let Some(connection) = &mut self.connection {
            connection.heard(now);
            let heard = match connection.next_message() {
                Ok(Some(PeerMessage::Goodbye)) if self.mailbox.is_leaving() => return Some(Ending::LeftByUs),
                Ok(Some(PeerMessage::Goodbye)) => return Some(Ending::LeftByThem),
                Ok(Some(message)) => self.hear(message),
                Ok(None) => return None,
                Err(error) => Err(error.into()),
            };
            if let Err(misuse) = heard {
                return self.lose(&misuse, Loss::Misused);
            }
        }
        None
    }

    fn hear(&mut self, message: PeerMessage) -> Result<(), Misuse> {
        match message {
            PeerMessage::Say { number, at, text } => {
                if self.inbox.take(number)? == Taken::New {
                    self.waiting_events.push(PeerEventKind::Said { number, at, text });
                }
            }
            PeerMessage::Received { number } => {
                let delivered = self.outgoing.acknowledge(number)?;
                self.deliver(delivered);
            }
            PeerMessage::Verify(message) => self.waiting_events.push(PeerEventKind::Verify(message)),
            PeerMessage::Ping => self.pong_due = true,
            PeerMessage::Pong | PeerMessage::Unknown | PeerMessage::Goodbye => {}
            PeerMessage::Hello { .. } | PeerMessage::Chosen | PeerMessage::Refused { .. } => {
                return Err(Misuse::OutOfPlace);
            }
        }
        Ok(())
    }

    pub(super) fn deliver(&mut self, delivered: Vec<u64>) {
        for local_id in delivered {
            self.waiting_events.push(PeerEventKind::Delivered { local_id });
        }
    }
}
