//! The only place that writes to standard output and standard error in a run without a terminal. A thread writes, so
//! that a reader who is slow, stopped or gone never blocks a Tokio task. The queue of the thread is limited; when it is
//! full, the app waits, and then the server has to wait too.

use std::io::{self, Write};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::show::human::Shown;

/// How many lines may wait for the thread.
const QUEUE: usize = 1024;

/// How many bytes are gathered for one write.
const WRITE_GOAL: usize = 64 * 1024;

/// Writes lines in order. A thread does the writing.
#[derive(Debug)]
pub struct PipeWriter {
    lines: mpsc::Sender<Shown>,
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

    /// Queues a line. If the queue is full, this waits.
    pub async fn write(&self, shown: Shown) {
        // The thread ends only after this sender is dropped.
        let _ended = self.lines.send(shown).await;
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
/// for standard error are still written.
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
                    // If standard error cannot be written, there is no way left to say so.
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
        // An error means that the app has already ended.
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
    fn lines_are_written_in_order_to_the_right_stream() {
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
    fn after_the_reader_has_gone_errors_are_still_written() {
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
