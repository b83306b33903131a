//! What leaves by one link: the texts on their way out, the writer of the present connection, and the rule for who
//! writes when. One mutex guards these three, because in one step a text gets its number, gets its place behind the
//! earlier bytes, and may be written to the socket.
//!
//! The rule:
//! 1. **The link's task writes whenever it likes** ([`Outgoing::poll_write`]): everything that waits, until the socket
//!    takes no more.
//! 2. **The app's task writes one text, by the short way** ([`Outgoing::say`]), if three things hold: no byte is under
//!    way, no other text waits, and the link has heard something since the last text that took the short way. So a
//!    single line on a quiet link goes out at once without a change of task, and the texts of a burst are gathered. If
//!    the socket does not take everything at once, or returns an error, the link is woken and does the rest.
//! 3. The lock is held for a few lines and for writes that do not wait, never across an await. A connection that ends
//!    takes its writer out first, so the app can only write to the present connection.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use hobnob_protocol::codec::encode_into;
use hobnob_protocol::message::PeerMessage;
use hobnob_protocol::text::Text;
use thiserror::Error;

use super::outbox::{NeverWritten, Outbox, OutboxFull};
use super::pace::ShortWay;
use super::writer::{ENOUGH_TO_WRITE, Writer};

/// Why a text was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SayError {
    /// The outbox is full.
    #[error(transparent)]
    Full(#[from] OutboxFull),
    /// The session is over or is ending.
    #[error("the session is over")]
    Over,
}

/// Whether a text that was said has left already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// The whole text is in the socket.
    Gone,
    /// The link has to write the text.
    Waits,
}

/// The state of a connection's writer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct WriterState {
    /// Whether some bytes are still under way.
    pub(super) is_writing: bool,
    /// Whether other messages than texts may be appended.
    pub(super) has_room: bool,
    /// The value of [`Writer::moves`].
    pub(super) moves: u64,
}

/// What leaves by one link. It is bounded by the outbox and by the writer's room.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// A standard mutex; see the rule at the top of this file.
    way: Mutex<Way>,
}

#[derive(Debug, Default)]
struct Way {
    outbox: Outbox,
    /// The writer of the present connection.
    writer: Option<Writer>,
    /// The error of the writer, if it failed while the app wrote.
    broken: Option<io::Error>,
    short_way: ShortWay,
    is_over: bool,
}

impl Way {
    fn state(&self) -> WriterState {
        self.writer.as_ref().map_or_else(WriterState::default, |writer| WriterState {
            is_writing: !writer.is_idle(),
            has_room: writer.has_room(),
            moves: writer.moves(),
        })
    }

    /// Writes the newest text by the short way if the rule allows it.
    fn write_at_once(&mut self) -> Said {
        let Some(writer) = self.writer.as_mut().filter(|writer| writer.is_idle()) else { return Said::Waits };
        if !self.short_way.is_open() || self.broken.is_some() || self.outbox.unwritten() != 1 {
            return Said::Waits;
        }
        self.short_way.close();
        self.outbox.write_into(writer.out(), ENOUGH_TO_WRITE);
        match writer.poll_drain(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Said::Gone,
            Poll::Pending => Said::Waits,
            Poll::Ready(Err(err)) => {
                self.broken = Some(err);
                Said::Waits
            }
        }
    }
}

impl Outgoing {
    fn way(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called by the app: says a text.
    pub(super) fn say(&self, local_id: u64, text: Text, at: u64) -> Result<Said, SayError> {
        let mut way = self.way();
        if way.is_over {
            return Err(SayError::Over);
        }
        way.outbox.say(local_id, text, at)?;
        Ok(way.write_at_once())
    }

    // Everything below is called by the link.

    /// Begins a connection. The short way is closed until the link has heard something on it.
    pub(super) fn connect(&self, writer: Writer) {
        let mut way = self.way();
        way.writer = Some(writer);
        way.broken = None;
        way.short_way.close();
    }

    /// Ends the connection, and returns its writer.
    pub(super) fn disconnect(&self) -> Option<Writer> {
        let mut way = self.way();
        way.broken = None;
        way.writer.take()
    }

    /// Opens the short way, because the link has heard something.
    pub(super) fn open_short_way(&self) {
        self.way().short_way.open();
    }

    /// Appends a message to the bytes of the writer, if there is a connection.
    pub(super) fn queue(&self, message: &PeerMessage) {
        if let Some(writer) = &mut self.way().writer {
            encode_into(message, writer.out());
        }
    }

    /// Appends waiting texts to the bytes of the writer.
    pub(super) fn fill(&self) -> WriterState {
        let mut way = self.way();
        if let Way { writer: Some(writer), outbox, .. } = &mut *way
            && outbox.unwritten() > 0
        {
            outbox.write_into(writer.out(), ENOUGH_TO_WRITE);
        }
        way.state()
    }

    pub(super) fn state(&self) -> WriterState {
        self.way().state()
    }

    /// Writes the bytes that wait, and texts as long as there are some. It is ready only if the connection fails.
    pub(super) fn poll_write(&self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let mut way = self.way();
        if let Some(err) = way.broken.take() {
            return Poll::Ready(err);
        }
        let Way { writer: Some(writer), outbox, .. } = &mut *way else { return Poll::Pending };
        loop {
            if let Err(err) = ready!(writer.poll_drain(cx)) {
                return Poll::Ready(err);
            }
            if outbox.unwritten() == 0 {
                return Poll::Pending;
            }
            outbox.write_into(writer.out(), ENOUGH_TO_WRITE);
        }
    }

    /// Whether the app has ever said a text here.
    pub(super) fn has_said(&self) -> bool {
        self.way().outbox.has_said()
    }

    pub(super) fn all_delivered(&self) -> bool {
        self.way().outbox.is_empty()
    }

    pub(super) fn acknowledge(&self, number: u64) -> Result<Vec<u64>, NeverWritten> {
        self.way().outbox.acknowledge(number)
    }

    pub(super) fn resume(&self, received: u64) -> Result<Vec<u64>, NeverWritten> {
        self.way().outbox.resume(received)
    }

    /// Whether no text with this number was ever written.
    pub(super) fn never_wrote(&self, number: u64) -> bool {
        self.way().outbox.never_wrote(number)
    }

    /// Returns the number of the last text that the other side has acknowledged.
    pub(super) fn acknowledged(&self) -> u64 {
        self.way().outbox.acknowledged()
    }

    /// Closes the outbox. Returns the local ids of the texts that were never acknowledged.
    pub(super) fn close(&self) -> Vec<u64> {
        let mut way = self.way();
        way.is_over = true;
        way.outbox.give_up()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use hobnob_protocol::codec::MessageReader;
    use tokio::io::DuplexStream;

    use super::super::reach::Duplex;
    use super::*;

    /// Makes an `Outgoing` with a connection whose pipe holds `size` bytes, and the other end of the pipe.
    fn connected(size: usize) -> (Outgoing, MessageReader<DuplexStream>) {
        let (near, far) = tokio::io::duplex(size);
        let (_, writer) = tokio::io::split::<Box<dyn Duplex>>(Box::new(near));
        let outgoing = Outgoing::default();
        outgoing.connect(Writer::new(writer));
        (outgoing, MessageReader::new(far, 1 << 20))
    }

    fn say(outgoing: &Outgoing, number: u64, len: usize) {
        outgoing.say(number, Text::new("x".repeat(len)).unwrap(), 0).unwrap();
    }

    /// Returns the numbers of the texts that have arrived; nothing is written meanwhile.
    fn arrived(far: &mut MessageReader<DuplexStream>) -> Vec<u64> {
        let mut numbers = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(message) = std::pin::pin!(far.next()).poll(&mut cx) {
            let Some(PeerMessage::Say { number, .. }) = message.unwrap() else {
                panic!("this message is not a text")
            };
            numbers.push(number);
        }
        numbers
    }

    #[tokio::test]
    async fn a_text_on_a_quiet_connection_is_written_without_the_link() {
        let (outgoing, mut far) = connected(1024);
        say(&outgoing, 1, 5);
        assert_eq!(
            arrived(&mut far),
            [] as [u64; 0],
            "the app may not write before the link has heard something"
        );
        let mut cx = Context::from_waker(Waker::noop());
        assert!(outgoing.poll_write(&mut cx).is_pending());
        assert_eq!(arrived(&mut far), [1]);
        outgoing.open_short_way();
        say(&outgoing, 2, 5);
        assert_eq!(arrived(&mut far), [2]);
        say(&outgoing, 3, 5);
        say(&outgoing, 4, 5);
        assert_eq!(arrived(&mut far), [] as [u64; 0], "the texts of a burst are gathered");
        outgoing.open_short_way();
        say(&outgoing, 5, 5);
        assert_eq!(arrived(&mut far), [] as [u64; 0], "a text does not overtake earlier ones");
        assert!(outgoing.poll_write(&mut cx).is_pending());
        assert_eq!(arrived(&mut far), [3, 4, 5]);
    }

    #[tokio::test]
    async fn the_link_writes_what_could_not_be_written_at_once() {
        let (outgoing, mut far) = connected(16);
        outgoing.open_short_way();
        say(&outgoing, 1, 1000);
        assert!(outgoing.state().is_writing);
        outgoing.open_short_way();
        say(&outgoing, 2, 5);
        let reading = async {
            for expected in 1..=2 {
                let message = far.next().await.unwrap();
                assert!(matches!(message, Some(PeerMessage::Say { number, .. }) if number == expected));
            }
        };
        tokio::select! {
            () = reading => {}
            err = poll_fn(|cx| outgoing.poll_write(cx)) => panic!("{err}"),
        }
    }

    #[tokio::test]
    async fn waiting_texts_leave_room_for_answers_and_answers_are_bounded() {
        let (outgoing, _far) = connected(16);
        for number in 1..=100 {
            say(&outgoing, number, hobnob_protocol::MAX_TEXT_BYTES);
        }
        assert!(outgoing.fill().has_room, "texts do not hold back acknowledgements");
        let answers = std::iter::repeat_with(|| outgoing.queue(&PeerMessage::Pong))
            .take_while(|()| outgoing.state().has_room)
            .take(1_000_000)
            .count();
        assert!(
            answers > 1000 && answers < 100_000,
            "{answers}: a peer that never reads is not answered for ever"
        );
    }

    #[tokio::test]
    async fn a_connection_that_fails_while_the_app_writes_is_reported_to_the_link() {
        let (outgoing, far) = connected(1024);
        drop(far);
        outgoing.open_short_way();
        say(&outgoing, 1, 5);
        let err = poll_fn(|cx| outgoing.poll_write(cx)).await;
        assert_eq!(err.kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(outgoing.close(), [1], "the text stays unacknowledged");
    }
}
