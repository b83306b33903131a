//! `--record FILE`: the events of a run are written as JSON lines to a file that only its owner can read. A thread does
//! the writing. Its queue is limited: if the disk is slow, the app waits, as it does for a slow reader. If the disk
//! fails, the recording ends, the user is told once, and nothing else is stopped.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

/// How many batches of lines may wait for the thread.
const QUEUE: usize = 256;

/// Writes lines to the record file. A thread does the writing.
#[derive(Debug)]
pub struct Recorder {
    lines: mpsc::Sender<String>,
    trouble: oneshot::Receiver<io::Error>,
    thread: JoinHandle<()>,
}

impl Recorder {
    /// Opens the file at `path` to append to it. If there is no such file, it is made.
    ///
    /// # Errors
    /// Fails if the file cannot be opened, or if the thread cannot be started.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = open_private(path)?;
        let (lines, queue) = mpsc::channel(QUEUE);
        let (trouble_tx, trouble) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || write_all(file, queue, trouble_tx))?;
        Ok(Self { lines, trouble, thread })
    }

    /// Queues whole lines. If the queue is full, this waits.
    pub async fn write(&self, lines: String) {
        // The thread ends only after this sender is dropped.
        let _ended = self.lines.send(lines).await;
    }

    /// Returns why nothing is recorded any more. The reason is returned only once.
    pub fn trouble(&mut self) -> Option<io::Error> {
        self.trouble.try_recv().ok()
    }

    /// Writes everything that is queued, and then ends the thread. This blocks for as long as the disk takes. Returns
    /// the reason for a failure that [`trouble`](Self::trouble) has not returned yet.
    pub fn finish(mut self) -> Option<io::Error> {
        drop(self.lines);
        // If the thread panicked, the panic hook has already shown it.
        let _panicked = self.thread.join();
        self.trouble.try_recv().ok()
    }
}

/// Writes until the queue ends. After the first failure, lines are dropped, so that the app never waits for the disk.
fn write_all(mut file: File, mut queue: mpsc::Receiver<String>, trouble: oneshot::Sender<io::Error>) {
    let mut trouble = Some(trouble);
    while let Some(lines) = queue.blocking_recv() {
        if trouble.is_some()
            && let Err(err) = file.write_all(lines.as_bytes())
            && let Some(trouble) = trouble.take()
        {
            // An error means that the app has already ended.
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
            // If a kill has cut a line short, that line is ended here, so that it does not swallow the next one.
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
    async fn a_record_is_private_and_continues_after_a_line_that_was_cut_short() {
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
    async fn a_full_disk_is_reported_and_does_not_block_the_writer() {
        let recorder = Recorder::open(Path::new("/dev/full")).unwrap();
        for _ in 0..QUEUE * 4 {
            recorder.write("line\n".to_owned()).await;
        }
        let trouble = recorder.finish().unwrap();
        assert_eq!(trouble.kind(), io::ErrorKind::StorageFull);
    }
}
