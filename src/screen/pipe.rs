//! The only place that writes to standard output and standard error in a run without a terminal. A thread writes, so
//! that a reader who is slow, stopped or gone never blocks a Tokio task. The queue of the thread is limited; when it is
//! full, the app waits, and then the server has to wait too. The receipt of a text is given when the text was written,
//! never earlier: what is only queued is lost if this process is killed.
//!
//! When a signal has asked the program to end, the reader has a limit: lines that it did not take by then are dropped,
//! and count as not read. This file does not know signals; it is told the limit.

use std::io::{self, Write};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use crate::peer::Receipt;
use crate::show::human::Shown;

/// How long a reader that takes lines has for the last ones, also if its limit has passed.
const FOR_THE_LAST: Duration = Duration::from_secs(1);

/// How many lines may wait for the thread.
const QUEUE: usize = 1024;

/// How many bytes are gathered for one write.
const WRITE_GOAL: usize = 64 * 1024;

/// A line, and what is given when it and all lines before it are written.
type Queued = (Shown, Option<Receipt>);

/// Until when the reader has to take what is written. `None` means that there is no hurry.
pub(crate) type ReaderLimit = watch::Receiver<Option<Instant>>;

/// Writes lines in order. A thread does the writing.
#[derive(Debug)]
pub struct PipeWriter {
    lines: mpsc::Sender<Queued>,
    /// Resolves when the thread has ended, to whether it could write everything.
    ended: oneshot::Receiver<bool>,
    limit: ReaderLimit,
    has_dropped: bool,
}

impl PipeWriter {
    /// Starts the thread. The second value resolves when the reader has closed standard output.
    ///
    /// # Errors
    /// Fails if the thread cannot be started.
    pub fn start(limit: ReaderLimit) -> io::Result<(Self, oneshot::Receiver<()>)> {
        Self::start_with(limit, Box::new(io::stdout()), Box::new(io::stderr()))
    }

    fn start_with(
        limit: ReaderLimit,
        mut out: Box<dyn Write + Send>,
        mut err: Box<dyn Write + Send>,
    ) -> io::Result<(Self, oneshot::Receiver<()>)> {
        let (lines, queue) = mpsc::channel(QUEUE);
        let (closed_tx, closed) = oneshot::channel();
        let (ended_tx, ended) = oneshot::channel();
        std::thread::Builder::new().name("output".to_owned()).spawn(move || {
            let is_all_written = write_all(queue, closed_tx, &mut *out, &mut *err);
            // An error means that nobody waits any more.
            let _given_up = ended_tx.send(is_all_written);
        })?;
        Ok((Self { lines, ended, limit, has_dropped: false }, closed))
    }

    /// Queues a line, and a receipt that is given when this line and all before it are written. If the queue is full,
    /// this waits until the reader takes a line, or until its limit has passed.
    pub async fn write(&mut self, shown: Shown, receipt: Option<Receipt>) {
        tokio::select! {
            biased;
            // The thread ends only after this sender is dropped.
            _ended = self.lines.send((shown, receipt)) => {}
            () = passed(&mut self.limit) => self.has_dropped = true,
        }
    }

    /// Writes everything that is queued, and then ends the thread. This waits until the reader has taken everything or
    /// has gone, or until its limit has passed. Returns whether the reader has taken everything.
    pub async fn finish(self) -> bool {
        let Self { lines, ended, mut limit, has_dropped } = self;
        drop(lines);
        let for_the_last = Instant::now() + FOR_THE_LAST;
        let too_late = async {
            passed(&mut limit).await;
            sleep_until(for_the_last).await;
        };
        tokio::select! {
            biased;
            // If the thread panicked, the panic hook has already shown it.
            is_all_written = ended => is_all_written.unwrap_or(false) && !has_dropped,
            () = too_late => false,
        }
    }
}

/// Resolves when the limit has passed.
async fn passed(limit: &mut ReaderLimit) {
    loop {
        let until = *limit.borrow_and_update();
        let is_passed = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = is_passed => return,
            // If nobody can change the limit any more, it stays as it is.
            Ok(()) = limit.changed() => {}
            else => std::future::pending().await,
        }
    }
}

/// Writes until the queue ends. After the reader of standard output has gone, lines for it are dropped, and only lines
/// for standard error are still written. Nothing is acknowledged then. Returns whether the reader has taken everything.
fn write_all(
    mut queue: mpsc::Receiver<Queued>,
    closed: oneshot::Sender<()>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> bool {
    let mut output = Output { out, gathered: String::new(), receipts: Vec::new(), closed: Some(closed) };
    while let Some(first) = queue.blocking_recv() {
        let mut next = Some(first);
        while let Some((shown, receipt)) = next {
            match shown {
                Shown::Out(text) => output.gathered.push_str(&text),
                Shown::Err(text) => {
                    output.put();
                    // If standard error cannot be written, there is no way left to say so.
                    let _unsayable = err.write_all(text.as_bytes());
                }
                Shown::Nothing => {}
            }
            if let Some(receipt) = receipt {
                output.then_give(receipt);
            }
            next = if output.gathered.len() < WRITE_GOAL { queue.try_recv().ok() } else { None };
        }
        output.put();
    }
    output.closed.is_some()
}

/// Standard output, and what is gathered for it.
struct Output<'a> {
    out: &'a mut dyn Write,
    gathered: String,
    /// What is to be given when everything that is gathered was written: for each session only the last receipt.
    receipts: Vec<Receipt>,
    /// Tells the app that the reader has gone. It is used once.
    closed: Option<oneshot::Sender<()>>,
}

impl Output<'_> {
    fn then_give(&mut self, receipt: Receipt) {
        self.receipts.retain(|earlier| !earlier.is_covered_by(&receipt));
        self.receipts.push(receipt);
    }

    fn put(&mut self) {
        let written = self.out.write_all(self.gathered.as_bytes()).and_then(|()| self.out.flush());
        self.gathered.clear();
        let receipts = self.receipts.drain(..);
        // Once the reader has gone, lines are dropped, and what was in them was not shown.
        if written.is_ok() && self.closed.is_some() {
            receipts.for_each(Receipt::give);
        } else if let Some(closed) = self.closed.take() {
            // An error means that the app has already ended.
            let _ended = closed.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::time::timeout;

    use super::*;

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_in_order_to_the_right_stream() {
        let (tx, rx) = mpsc::channel(10);
        for shown in
            [Shown::Out("a\n".into()), Shown::Err("e\n".into()), Shown::Nothing, Shown::Out("b\n".into())]
        {
            tx.try_send((shown, None)).unwrap();
        }
        drop(tx);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        write_all(rx, oneshot::channel().0, &mut out, &mut err);
        assert_eq!((out, err), (b"a\nb\n".to_vec(), b"e\n".to_vec()));
    }

    #[test]
    fn after_the_reader_has_gone_errors_are_still_written() {
        let (tx, rx) = mpsc::channel(10);
        for shown in [Shown::Out("a\n".into()), Shown::Err("e\n".into()), Shown::Out("b\n".into())] {
            tx.try_send((shown, None)).unwrap();
        }
        drop(tx);
        let (closed_tx, mut closed) = oneshot::channel();
        let mut err = Vec::new();
        write_all(rx, closed_tx, &mut Gone, &mut err);
        assert_eq!(closed.try_recv(), Ok(()));
        assert_eq!(err, b"e\n");
    }

    /// Lets writes through one by one.
    struct Slow<'a> {
        shown: &'a dyn Fn() -> u64,
        shown_at_writes: Vec<u64>,
        takes: usize,
    }

    impl Write for Slow<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.shown_at_writes.push((self.shown)());
            let takes = self.shown_at_writes.len() <= self.takes;
            if takes { Ok(bytes.len()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_receipt_of_a_text_is_given_only_after_the_text_was_written() {
        // Each line fills one write. The reader takes two lines and goes; an ignored text that nothing is shown of
        // comes last.
        let (tx, rx) = mpsc::channel(10);
        let (receipts, shown) = Receipt::of_first_texts(5);
        for receipt in receipts {
            let line = if tx.capacity() > 6 { Shown::Out("x".repeat(WRITE_GOAL)) } else { Shown::Nothing };
            tx.try_send((line, Some(receipt))).unwrap();
        }
        drop(tx);
        let mut out = Slow { shown: &shown, shown_at_writes: Vec::new(), takes: 2 };
        write_all(rx, oneshot::channel().0, &mut out, &mut Vec::new());
        assert_eq!(out.shown_at_writes[..3], [0, 1, 2]);
        assert_eq!(shown(), 2, "what the reader did not take is not acknowledged");
    }

    #[test]
    fn lines_that_are_written_together_are_acknowledged_together() {
        let (tx, rx) = mpsc::channel(10);
        let (receipts, shown) = Receipt::of_first_texts(5);
        for receipt in receipts {
            tx.try_send((Shown::Out("a\n".into()), Some(receipt))).unwrap();
        }
        drop(tx);
        let mut out = Slow { shown: &shown, shown_at_writes: Vec::new(), takes: 1 };
        write_all(rx, oneshot::channel().0, &mut out, &mut Vec::new());
        assert_eq!((out.shown_at_writes, shown()), (vec![0], 5));
    }

    /// Takes a byte only when a sender is dropped.
    struct Still(std::sync::mpsc::Receiver<()>);

    impl Write for Still {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _dropped = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stands_still_is_waited_for_until_its_limit_and_no_longer() {
        let (moves, still) = std::sync::mpsc::channel();
        let (limit_tx, limit) = watch::channel(None);
        let (mut writer, _closed) =
            PipeWriter::start_with(limit, Box::new(Still(still)), Box::new(io::sink())).unwrap();
        let (receipts, shown) = Receipt::of_first_texts(QUEUE as u64 * 2);
        let mut receipts = receipts.into_iter();
        writer.write(Shown::Out("a\n".into()), receipts.next()).await;
        {
            let mut waiting = pin!(async {
                for receipt in receipts {
                    writer.write(Shown::Out("a\n".into()), Some(receipt)).await;
                }
            });
            let waits = timeout(Duration::from_secs(60), &mut waiting).await.is_err();
            assert!(waits, "without a limit a full queue is waited for");
            limit_tx.send_replace(Some(Instant::now()));
            waiting.await;
        }
        assert!(!writer.finish().await, "not everything was written");
        assert_eq!(shown(), 0, "what was not written is not acknowledged");
        drop(moves);
    }

    #[tokio::test]
    async fn a_reader_that_takes_everything_has_time_for_it_after_its_limit() {
        let (_limit_tx, limit) = watch::channel(Some(Instant::now()));
        let (mut writer, _closed) =
            PipeWriter::start_with(limit, Box::new(io::sink()), Box::new(io::sink())).unwrap();
        writer.write(Shown::Out("a\n".into()), None).await;
        assert!(writer.finish().await);
    }

    #[tokio::test]
    async fn a_reader_that_has_gone_has_not_taken_everything() {
        let (_limit_tx, limit) = watch::channel(None);
        let (mut writer, closed) =
            PipeWriter::start_with(limit, Box::new(Gone), Box::new(io::sink())).unwrap();
        writer.write(Shown::Out("a\n".into()), None).await;
        assert!(closed.await.is_ok());
        assert!(!writer.finish().await);
    }
}
