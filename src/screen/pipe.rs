//! The one place that writes standard output and standard error in a run without a terminal: a
//! thread of its own, so that a reader who is slow, stopped or gone never blocks a Tokio task. The
//! queue to it is bounded; when it is full the app waits, and with it the server.

use std::io::{self, Write};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::show::human::Shown;

/// Lines on their way out.
const QUEUE: usize = 1024;

/// What is gathered into one write, in bytes.
const WRITE_GOAL: usize = 64 * 1024;

/// Writes lines, in order, from a thread of its own.
#[derive(Debug)]
pub struct PipeWriter {
    lines: mpsc::Sender<Shown>,
    thread: JoinHandle<()>,
}

impl PipeWriter {
    /// Begins writing. The second value resolves when standard output was closed by its reader.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> io::Result<(Self, oneshot::Receiver<()>)> {
        let (lines, queue) = mpsc::channel(QUEUE);
        let (closed_tx, closed) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || write_all(queue, closed_tx, &mut io::stdout(), &mut io::stderr()))?;
        Ok((Self { lines, thread }, closed))
    }

    /// Queues a line, waiting while the queue is full.
    pub async fn write(&self, shown: Shown) {
        // The thread ends only after this sender does.
        let _ended = self.lines.send(shown).await;
    }

    /// Writes what is queued, then ends. Blocks until the reader has taken it all or has gone.
    pub fn finish(self) {
        drop(self.lines);
        // A panic in the thread was shown by the panic hook; there is nothing left to write with.
        let _panicked = self.thread.join();
    }
}

/// Writes until the queue ends. After the reader of standard output has gone, what is meant for it
/// is dropped; standard error goes on.
fn write_all(
    mut queue: mpsc::Receiver<Shown>,
    closed: oneshot::Sender<()>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) {
    let mut closed = Some(closed);
    let mut gathered = String::new();
    while let Some(first) = queue.blocking_recv() {
        let mut next = Some(first);
        while let Some(shown) = next {
            match shown {
                Shown::Out(text) => gathered.push_str(&text),
                Shown::Err(text) => {
                    put(out, &mut gathered, &mut closed);
                    // Nothing can be said about a standard error that cannot be written.
                    let _unsayable = err.write_all(text.as_bytes());
                }
                Shown::Nothing => {}
            }
            next = if gathered.len() < WRITE_GOAL { queue.try_recv().ok() } else { None };
        }
        put(out, &mut gathered, &mut closed);
    }
}

fn put(out: &mut dyn Write, gathered: &mut String, closed: &mut Option<oneshot::Sender<()>>) {
    let written = out.write_all(gathered.as_bytes()).and_then(|()| out.flush());
    gathered.clear();
    if written.is_err()
        && let Some(closed) = closed.take()
    {
        // The app may have ended already.
        let _ended = closed.send(());
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
    fn order_is_kept_and_both_streams_are_used() {
        let (tx, rx) = mpsc::channel(10);
        for shown in
            [Shown::Out("a\n".into()), Shown::Err("e\n".into()), Shown::Nothing, Shown::Out("b\n".into())]
        {
            tx.try_send(shown).unwrap();
        }
        drop(tx);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        write_all(rx, oneshot::channel().0, &mut out, &mut err);
        assert_eq!((out, err), (b"a\nb\n".to_vec(), b"e\n".to_vec()));
    }

    #[test]
    fn a_reader_that_goes_is_noticed_and_errors_still_come_out() {
        let (tx, rx) = mpsc::channel(10);
        for shown in [Shown::Out("a\n".into()), Shown::Err("e\n".into()), Shown::Out("b\n".into())] {
            tx.try_send(shown).unwrap();
        }
        drop(tx);
        let (closed_tx, mut closed) = oneshot::channel();
        let mut err = Vec::new();
        write_all(rx, closed_tx, &mut Gone, &mut err);
        assert_eq!(closed.try_recv(), Ok(()));
        assert_eq!(err, b"e\n");
    }
}
