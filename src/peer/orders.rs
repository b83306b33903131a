//! What the app asks of one link. Owns the place where the two meet: the app writes here at any time
//! and never waits, the link's task reads when it is woken.
//!
//! The connection's pen lies here too: a text that is said while the connection is quiet is written
//! straight from here, which spares a line and its answer two changes of task. Whatever does not go out
//! at once is the link's.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use hobnob_protocol::MAX_CANDIDATES;
use hobnob_protocol::codec::encode_into;
use hobnob_protocol::message::PeerMessage;
use hobnob_protocol::name::{Candidate, Text};
use thiserror::Error;
use tokio::sync::Notify;

use super::outbox::{NeverWritten, Outbox, OutboxFull};
use super::pen::{ENOUGH_TO_WRITE, Pen};

/// Why a text was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SayError {
    /// Too much waits to be delivered.
    #[error(transparent)]
    Full(#[from] OutboxFull),
    /// The session is over, or ends.
    #[error("the session is over")]
    Over,
}

/// Bounded by what is in it: one outbox, the newest of everything else.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// A standard mutex: held for a few lines and a write that does not wait, by two tasks, never across
    /// an await.
    book: Mutex<Book>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Book {
    outbox: Outbox,
    /// The connection's, while there is one.
    pen: Option<Pen>,
    /// What went wrong with it.
    broken: Option<io::Error>,
    /// The link has heard something since a text was last written from here. In between texts are
    /// gathered, for a burst of them costs far less together.
    may_write: bool,
    shown: u64,
    candidates: Option<Vec<Candidate>>,
    leave: bool,
    over: bool,
}

/// How far a connection's bytes have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PenState {
    /// Something is under way.
    pub(super) is_writing: bool,
    /// More than texts may be put in line.
    pub(super) has_room: bool,
    /// [`Pen::moves`].
    pub(super) moves: u64,
}

/// What the app has asked since the link looked last.
#[derive(Debug)]
pub(super) struct News {
    /// The last text the user was shown.
    pub(super) shown: u64,
    /// Where the other may be reached now.
    pub(super) candidates: Option<Vec<Candidate>>,
    pub(super) is_leaving: bool,
}

impl Book {
    fn pen_state(&self) -> PenState {
        self.pen.as_ref().map_or_else(PenState::default, |pen| PenState {
            is_writing: !pen.is_idle(),
            has_room: pen.has_room(),
            moves: pen.moves(),
        })
    }

    /// Writes the newest text if nothing else is under way; whether all of it has gone.
    fn write_now(&mut self) -> bool {
        let Some(pen) = self.pen.as_mut().filter(|pen| pen.is_idle()) else { return false };
        if !self.may_write || self.broken.is_some() || self.outbox.unwritten() != 1 {
            return false;
        }
        self.may_write = false;
        self.outbox.write_into(pen.out(), ENOUGH_TO_WRITE);
        match pen.poll_drain(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => true,
            Poll::Pending => false,
            Poll::Ready(Err(err)) => {
                self.broken = Some(err);
                false
            }
        }
    }
}

impl Orders {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // The app's side.

    pub(super) fn say(&self, local_id: u64, text: Text, at: u64) -> Result<(), SayError> {
        let mut book = self.book();
        if book.over || book.leave {
            return Err(SayError::Over);
        }
        book.outbox.say(local_id, text, at)?;
        let is_gone = book.write_now();
        drop(book);
        if !is_gone {
            self.changed.notify_one();
        }
        Ok(())
    }

    pub(super) fn show(&self, number: u64) {
        let mut book = self.book();
        book.shown = book.shown.max(number);
        drop(book);
        self.changed.notify_one();
    }

    pub(super) fn offer(&self, mut candidates: Vec<Candidate>) {
        candidates.truncate(MAX_CANDIDATES);
        self.book().candidates = Some(candidates);
        self.changed.notify_one();
    }

    pub(super) fn leave(&self) {
        self.book().leave = true;
        self.changed.notify_one();
    }

    // The link's side.

    /// Waits until something was asked since the last time this returned. Cancel-safe.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn shown(&self) -> u64 {
        self.book().shown
    }

    pub(super) fn news(&self) -> News {
        let mut book = self.book();
        News { shown: book.shown, candidates: book.candidates.take(), is_leaving: book.leave }
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.book().leave
    }

    pub(super) fn all_delivered(&self) -> bool {
        self.book().outbox.is_empty()
    }

    /// A connection begins. Nothing is written from here before the link has heard something on it.
    pub(super) fn connect(&self, pen: Pen) {
        let mut book = self.book();
        book.pen = Some(pen);
        book.broken = None;
        book.may_write = false;
    }

    /// The connection is over, or about to be.
    pub(super) fn disconnect(&self) -> Option<Pen> {
        let mut book = self.book();
        book.broken = None;
        book.pen.take()
    }

    /// The link has heard something.
    pub(super) fn let_write(&self) {
        self.book().may_write = true;
    }

    /// Puts a message in line, if there is a connection.
    pub(super) fn queue(&self, message: &PeerMessage) {
        if let Some(pen) = &mut self.book().pen {
            encode_into(message, pen.out());
        }
    }

    /// Puts texts in line.
    pub(super) fn fill(&self) -> PenState {
        let mut book = self.book();
        if let Book { pen: Some(pen), outbox, .. } = &mut *book
            && outbox.unwritten() > 0
        {
            outbox.write_into(pen.out(), ENOUGH_TO_WRITE);
        }
        book.pen_state()
    }

    pub(super) fn pen(&self) -> PenState {
        self.book().pen_state()
    }

    /// Writes what waits, and texts as long as there are some. Ready only when the connection fails.
    pub(super) fn poll_write(&self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let mut book = self.book();
        if let Some(err) = book.broken.take() {
            return Poll::Ready(err);
        }
        let Book { pen: Some(pen), outbox, .. } = &mut *book else { return Poll::Pending };
        loop {
            if let Err(err) = ready!(pen.poll_drain(cx)) {
                return Poll::Ready(err);
            }
            if outbox.unwritten() == 0 {
                return Poll::Pending;
            }
            outbox.write_into(pen.out(), ENOUGH_TO_WRITE);
        }
    }

    pub(super) fn acknowledge(&self, number: u64) -> Result<Vec<u64>, NeverWritten> {
        self.book().outbox.acknowledge(number)
    }

    pub(super) fn resume(&self, received: u64) -> Result<Vec<u64>, NeverWritten> {
        self.book().outbox.resume(received)
    }

    /// Takes nothing more; what was never acknowledged.
    pub(super) fn close(&self) -> Vec<u64> {
        let mut book = self.book();
        book.over = true;
        book.outbox.give_up()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use hobnob_protocol::codec::MessageReader;
    use tokio::io::DuplexStream;

    use super::super::pen::Duplex;
    use super::*;

    /// Orders with a connection whose pipe holds `size` bytes, and its other end.
    fn connected(size: usize) -> (Orders, MessageReader<DuplexStream>) {
        let (near, far) = tokio::io::duplex(size);
        let (_, writer) = tokio::io::split::<Box<dyn Duplex>>(Box::new(near));
        let orders = Orders::default();
        orders.connect(Pen::new(writer));
        (orders, MessageReader::new(far, 1 << 20))
    }

    fn say(orders: &Orders, number: u64, len: usize) {
        orders.say(number, Text::new("x".repeat(len)).unwrap(), 0).unwrap();
    }

    /// The numbers of the texts that have arrived, without anything being written for them.
    fn arrived(far: &mut MessageReader<DuplexStream>) -> Vec<u64> {
        let mut numbers = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(message) = std::pin::pin!(far.next()).poll(&mut cx) {
            let Some(PeerMessage::Say { number, .. }) = message.unwrap() else { panic!("no text") };
            numbers.push(number);
        }
        numbers
    }

    #[tokio::test]
    async fn a_text_on_a_quiet_connection_goes_out_without_the_link() {
        let (orders, mut far) = connected(1024);
        say(&orders, 1, 5);
        assert_eq!(arrived(&mut far), [] as [u64; 0], "the link has a word to say first");
        let mut cx = Context::from_waker(Waker::noop());
        assert!(orders.poll_write(&mut cx).is_pending());
        assert_eq!(arrived(&mut far), [1]);
        orders.let_write();
        say(&orders, 2, 5);
        assert_eq!(arrived(&mut far), [2]);
        say(&orders, 3, 5);
        say(&orders, 4, 5);
        assert_eq!(arrived(&mut far), [] as [u64; 0], "a burst is gathered");
        orders.let_write();
        say(&orders, 5, 5);
        assert_eq!(arrived(&mut far), [] as [u64; 0], "nothing overtakes");
        assert!(orders.poll_write(&mut cx).is_pending());
        assert_eq!(arrived(&mut far), [3, 4, 5]);
    }

    #[tokio::test]
    async fn what_does_not_go_out_at_once_is_the_links() {
        let (orders, mut far) = connected(16);
        orders.let_write();
        say(&orders, 1, 1000);
        assert!(orders.pen().is_writing);
        orders.let_write();
        say(&orders, 2, 5);
        let reading = async {
            for expected in 1..=2 {
                let message = far.next().await.unwrap();
                assert!(matches!(message, Some(PeerMessage::Say { number, .. }) if number == expected));
            }
        };
        tokio::select! {
            () = reading => {}
            err = poll_fn(|cx| orders.poll_write(cx)) => panic!("{err}"),
        }
    }

    #[tokio::test]
    async fn texts_leave_room_for_answers_and_answers_come_to_an_end() {
        let (orders, _far) = connected(16);
        for number in 1..=100 {
            say(&orders, number, hobnob_protocol::MAX_TEXT_BYTES);
        }
        assert!(orders.fill().has_room, "texts do not hold back acknowledgements");
        let answers = std::iter::repeat_with(|| orders.queue(&PeerMessage::Pong))
            .take_while(|()| orders.pen().has_room)
            .take(1_000_000)
            .count();
        assert!(
            answers > 1000 && answers < 100_000,
            "{answers}: a peer that never reads is not answered for ever"
        );
    }

    #[tokio::test]
    async fn a_connection_that_fails_under_a_text_is_told_to_the_link() {
        let (orders, far) = connected(1024);
        drop(far);
        orders.let_write();
        say(&orders, 1, 5);
        let err = poll_fn(|cx| orders.poll_write(cx)).await;
        assert_eq!(err.kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(orders.close(), [1], "it stays unacknowledged");
    }
}
