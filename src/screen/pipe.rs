//! The only place that writes to standard output and standard error in a run without a terminal. A thread writes, so
//! that a reader who is slow, stopped or gone never blocks a Tokio task. The queue of the thread is limited; when it is
//! full, the app waits, and then the server has to wait too. The receipt of a text is given when the text was written,
//! never earlier: what is only queued is lost if this process is killed.

use std::io::{self, Write};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::peer::Receipt;
use crate::show::human::Shown;

/// How many lines may wait for the thread.
const QUEUE: usize = 1024;

/// How many bytes are gathered for one write.
const WRITE_GOAL: usize = 64 * 1024;

/// A line, and what is given when it and all lines before it are written.
type Queued = (Shown, Option<Receipt>);

/// Writes lines in order. A thread does the writing.
#[derive(Debug)]
pub struct PipeWriter {
    lines: mpsc::Sender<Queued>,
    thread: JoinHandle<()>,
}

impl PipeWriter {
    /// Starts the thread. The second value resolves when the reader has closed standard output.
    ///
    /// # Errors
    /// Fails if the thread cannot be started.
    pub fn start() -> io::Result<(Self, oneshot::Receiver<()>)> {
        let (lines, queue) = mpsc::channel(QUEUE);
        let (closed_tx, closed) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || write_all(queue, closed_tx, &mut io::stdout(), &mut io::stderr()))?;
        Ok((Self { lines, thread }, closed))
    }

    /// Queues a line, and a receipt that is given when this line and all before it are written. If the queue is full,
    /// this waits.
    pub async fn write(&self, shown: Shown, receipt: Option<Receipt>) {
        // The thread ends only after this sender is dropped.
        let _ended = self.lines.send((shown, receipt)).await;
    }

    /// Writes everything that is queued, and then ends the thread. This blocks until the reader has taken everything or
    /// has gone.
    pub fn finish(self) {
        drop(self.lines);
        // If the thread panicked, the panic hook has already shown it, and nothing is left to write with.
        let _panicked = self.thread.join();
    }
}

/// Writes until the queue ends. After the reader of standard output has gone, lines for it are dropped, and only lines
/// for standard error are still written. Nothing is acknowledged then.
fn write_all(
    mut queue: mpsc::Receiver<Queued>,
    closed: oneshot::Sender<()>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) {
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
        // Each line fills one write. The reader takes two lines and goes; an ignored text that nothing is shown of comes
        // last.
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
}
