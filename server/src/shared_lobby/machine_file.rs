//! The machine on the disk of a server that is one of several: it says from which place the server reads the order on
//! when it starts again. The file is written whole beside the old one and then renamed, so that there is always either the
//! old one or the new one, also when the server is killed meanwhile. What it holds follows from the order; losing it costs
//! only time. This file knows nothing of what is in a machine.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use hobnob_order::StreamIdentity;
use thiserror::Error;

use crate::decide::Snapshot;
use crate::exposed::make_private;
use crate::lobby::BEGIN_AGAIN;

/// The file's name in the folder of the store.
pub(crate) const FILE: &str = "machine.json";

/// What is written before it takes that name. A server that is killed leaves it behind, and the next one writes over it.
const UNFINISHED: &str = "machine.json.new";

/// The word at the beginning of the file, before the identity of the order.
const KIND: &str = "hobnob-machine";

/// How many bytes are written to the file at once.
const WRITTEN_AT_ONCE: usize = 256 * 1024;

/// After so many bytes the disk is given time to take them. The log is on the same disk, and what is said must not wait
/// there behind hundreds of megabytes.
const SYNCED_AT_ONCE: usize = 4 * 1024 * 1024;

/// The file of one data directory and one order.
#[derive(Debug, Clone)]
pub(crate) struct MachineFile {
    path: PathBuf,
    identity: StreamIdentity,
}

/// Why there is no machine to go on from.
#[derive(Debug, Error)]
pub enum NoMachine {
    /// The file cannot be read.
    #[error(
        "cannot read {}: {reason}; see that this user may read it, or move it away to read the order from its beginning",
        path.display()
    )]
    Unreadable {
        /// The path of the file.
        path: PathBuf,
        /// The error of the system.
        reason: String,
    },
    /// The beginning of the file is not one.
    #[error(
        "{} is damaged: it has no whole first line. Move it away and start the server again: what it holds follows from \
         the lobby's stream, which is then read from its beginning. Leave lobby.sqlite and server.key where they are",
        path.display()
    )]
    Damaged {
        /// The path of the file.
        path: PathBuf,
    },
    /// The file belongs to another order.
    #[error(
        "the lobby's stream on NATS is not the one that this data directory has read: it was deleted and made again, or \
         this is another cluster; bring the stream back from a backup, or {BEGIN_AGAIN} ({})",
        path.display()
    )]
    Another {
        /// The path of the file.
        path: PathBuf,
    },
}

/// A file that never has more than [`SYNCED_AT_ONCE`] bytes that are not on the disk yet.
struct Paced {
    file: File,
    unsynced: usize,
}

impl Write for Paced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.unsynced >= SYNCED_AT_ONCE {
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        let written = self.file.write(bytes)?;
        self.unsynced += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl MachineFile {
    pub(crate) fn new(dir: &Path, identity: StreamIdentity) -> Self {
        Self { path: dir.join(FILE), identity }
    }

    /// Returns the machine that was kept last, or `None` if none was kept.
    pub(crate) fn read(&self) -> Result<Option<Vec<u8>>, NoMachine> {
        let path = self.path.clone();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(NoMachine::Unreadable { path, reason: err.to_string() }),
        };
        match bytes.strip_prefix(self.first_line().as_bytes()) {
            Some(machine) => Ok(Some(machine.to_vec())),
            None if has_first_line(&bytes) => Err(NoMachine::Another { path }),
            None => Err(NoMachine::Damaged { path }),
        }
    }

    /// Returns the machine that was kept last in `dir`, whichever order it belongs to.
    pub(crate) fn any(dir: &Path) -> Option<Vec<u8>> {
        let bytes = fs::read(dir.join(FILE)).ok()?;
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        bytes.starts_with(KIND.as_bytes()).then(|| bytes[end + 1..].to_vec())
    }

    /// Writes the machine in place of the one that was written before. If that fails, the one before stays, and the next
    /// start takes longer.
    pub(crate) fn keep(&self, machine: &Snapshot) {
        self.keep_written(|file| machine.write(file));
    }

    fn keep_written(&self, write: impl FnOnce(&mut BufWriter<Paced>) -> io::Result<()>) {
        if let Err(err) = self.write(write) {
            tracing::warn!(%err, file = %self.path.display(), "where the order was read up to cannot be noted");
        }
    }

    fn write(&self, write: impl FnOnce(&mut BufWriter<Paced>) -> io::Result<()>) -> io::Result<()> {
        let unfinished = self.path.with_file_name(UNFINISHED);
        let file = File::create(&unfinished)?;
        make_private(&file)?;
        let mut making = BufWriter::with_capacity(WRITTEN_AT_ONCE, Paced { file, unsynced: 0 });
        making.write_all(self.first_line().as_bytes())?;
        write(&mut making)?;
        making.into_inner().map_err(io::IntoInnerError::into_error)?.file.sync_all()?;
        fs::rename(unfinished, &self.path)
    }

    fn first_line(&self) -> String {
        format!("{KIND} {:032x}\n", u128::from_be_bytes(self.identity.0))
    }
}

/// Whether the file begins as one of some order does.
fn has_first_line(bytes: &[u8]) -> bool {
    let line = bytes.iter().position(|byte| *byte == b'\n').map(|end| &bytes[..end]);
    let identity = line.and_then(|line| line.strip_prefix(KIND.as_bytes())?.strip_prefix(b" "));
    identity.is_some_and(|identity| identity.len() >= 32 && identity.iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_that_was_kept_last_is_read_and_one_of_another_order_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = MachineFile::new(folder.path(), StreamIdentity([1; 16]));
        assert!(file.read().unwrap().is_none());
        for machine in [b"one", b"two"] {
            file.keep_written(|file| file.write_all(machine));
        }
        assert_eq!(file.read().unwrap().unwrap(), b"two");
        let other = MachineFile::new(folder.path(), StreamIdentity([2; 16]));
        assert!(matches!(other.read(), Err(NoMachine::Another { .. })));
    }

    #[test]
    fn a_file_that_is_cut_within_its_first_line_is_damaged_and_not_one_of_another_order() {
        let folder = tempfile::tempdir().unwrap();
        let file = MachineFile::new(folder.path(), StreamIdentity([1; 16]));
        file.keep_written(|file| file.write_all(b"one"));
        let whole = fs::read(folder.path().join(FILE)).unwrap();
        let first_line = whole.len() - "one".len();
        let cuts = (0..first_line).map(|cut| &whole[..cut]);
        for damaged in cuts.chain([&b"{}"[..], b"{}\n", b"\0\0\n"]) {
            fs::write(folder.path().join(FILE), damaged).unwrap();
            let refused = file.read().unwrap_err();
            assert!(matches!(refused, NoMachine::Damaged { .. }), "{damaged:?}: {refused}");
        }
        fs::write(folder.path().join(FILE), &whole[..first_line]).unwrap();
        assert_eq!(file.read().unwrap().unwrap(), b"", "what follows is looked at by others");
    }

    #[test]
    fn a_machine_that_was_not_written_to_its_end_leaves_the_one_before_and_nothing_more() {
        let folder = tempfile::tempdir().unwrap();
        let file = MachineFile::new(folder.path(), StreamIdentity([1; 16]));
        file.keep_written(|file| file.write_all(b"one"));
        // The disk is full, or the server is killed: what was written so far stays behind, under another name.
        file.keep_written(|file| {
            file.write_all(b"tw")?;
            file.flush()?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(file.read().unwrap().unwrap(), b"one");
        assert!(fs::read(folder.path().join(UNFINISHED)).unwrap().ends_with(b"tw"));
        file.keep_written(|file| file.write_all(b"three"));
        assert_eq!(file.read().unwrap().unwrap(), b"three");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }
}
