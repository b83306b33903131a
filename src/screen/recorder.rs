//! `--record FILE`: the events of a run, as NDJSON in a file that its owner alone may read, from a
//! thread of its own. The queue to it is bounded; while a disk is slow the app waits as it does for a
//! slow reader. A disk that fails ends the recording, which is told once, and stops nothing else.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

/// Batches of lines on their way to the file.
const QUEUE: usize = 256;

/// Keeps lines in a file.
#[derive(Debug)]
pub struct Recorder {
    lines: mpsc::Sender<String>,
    trouble: oneshot::Receiver<io::Error>,
    thread: JoinHandle<()>,
}

impl Recorder {
    /// Adds to the file at `path`, or makes it.
    ///
    /// # Errors
    /// When it cannot be opened, or the system gives no thread.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = open_private(path)?;
        let (lines, queue) = mpsc::channel(QUEUE);
        let (trouble_tx, trouble) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || write_all(file, queue, trouble_tx))?;
        Ok(Self { lines, trouble, thread })
    }

    /// Queues whole lines, waiting while the queue is full.
    pub async fn write(&self, lines: String) {
        // The thread ends only after this sender does.
        let _ended = self.lines.send(lines).await;
    }

    /// Why nothing is recorded any more; told once.
    pub fn trouble(&mut self) -> Option<io::Error> {
        self.trouble.try_recv().ok()
    }

    /// Writes what is queued, then ends; blocks for as long as the disk takes. Gives what
    /// [`trouble`](Self::trouble) has not told yet.
    pub fn finish(mut self) -> Option<io::Error> {
        drop(self.lines);
        // A panic in the thread was shown by the panic hook.
        let _panicked = self.thread.join();
        self.trouble.try_recv().ok()
    }
}

/// After the first failure what comes is dropped, so that the app never waits for it.
fn write_all(mut file: File, mut queue: mpsc::Receiver<String>, trouble: oneshot::Sender<io::Error>) {
    let mut trouble = Some(trouble);
    while let Some(lines) = queue.blocking_recv() {
        if trouble.is_some()
            && let Err(err) = file.write_all(lines.as_bytes())
            && let Some(trouble) = trouble.take()
        {
            // The app may have ended already.
            let _ended = trouble.send(err);
        }
    }
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).append(true).read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        if metadata.len() > 0 && !ends_a_line(&mut file)? {
            // A line that a kill cut short must not swallow the next one.
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

fn ends_a_line(file: &mut File) -> io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn a_record_is_private_and_goes_on_after_a_line_that_was_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        std::fs::write(&path, "{\"event\":\"no").unwrap();
        let recorder = Recorder::open(&path).unwrap();
        recorder.write("one\ntwo\n".to_owned()).await;
        assert!(recorder.finish().is_none());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"event\":\"no\none\ntwo\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_full_disk_is_told_once_and_holds_nobody_up() {
        let recorder = Recorder::open(Path::new("/dev/full")).unwrap();
        for _ in 0..QUEUE * 4 {
            recorder.write("line\n".to_owned()).await;
        }
        let trouble = recorder.finish().unwrap();
        assert_eq!(trouble.kind(), io::ErrorKind::StorageFull);
    }
}
