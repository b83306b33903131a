//! The machine on the disk of a server that is one of several: it says from which place the server reads the order on
//! when it starts again. The file is written whole and then renamed, so that there is always either the old one or the
//! new one. What it holds follows from the order; losing it costs only time. This file knows nothing of what is in a
//! machine.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use hobnob_order::StreamIdentity;
use thiserror::Error;

use crate::exposed::make_private;
use crate::lobby::BEGIN_AGAIN;

/// The file's name in the folder of the store.
pub(crate) const FILE: &str = "machine.json";

/// The word at the beginning of the file, before the identity of the order.
const KIND: &str = "hobnob-machine";

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
            None => Err(NoMachine::Another { path }),
        }
    }

    /// Returns the machine that was kept last in `dir`, whichever order it belongs to.
    pub(crate) fn any(dir: &Path) -> Option<Vec<u8>> {
        let bytes = fs::read(dir.join(FILE)).ok()?;
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        bytes.starts_with(KIND.as_bytes()).then(|| bytes[end + 1..].to_vec())
    }

    /// Writes the state that follows from the order in place of the one that was written before. If that fails, the one before stays, and the next start takes
    /// longer.
    pub(crate) fn keep(&self, machine: &[u8]) {
        if let Err(err) = self.write(machine) {
            tracing::warn!(%err, file = %self.path.display(), "where the order was read up to cannot be noted");
        }
    }

    fn write(&self, machine: &[u8]) -> io::Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let mut making = tempfile::NamedTempFile::new_in(dir)?;
        make_private(making.as_file())?;
        making.write_all(self.first_line().as_bytes())?;
        making.write_all(machine)?;
        making.as_file().sync_all()?;
        making.persist(&self.path).map(drop).map_err(|err| err.error)
    }

    fn first_line(&self) -> String {
        format!("{KIND} {:032x}\n", u128::from_be_bytes(self.identity.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_that_was_kept_last_is_read_and_one_of_another_order_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = MachineFile::new(folder.path(), StreamIdentity([1; 16]));
        assert!(file.read().unwrap().is_none());
        file.keep(b"one");
        file.keep(b"two");
        assert_eq!(file.read().unwrap().unwrap(), b"two");
        let other = MachineFile::new(folder.path(), StreamIdentity([2; 16]));
        assert!(matches!(other.read(), Err(NoMachine::Another { .. })));
        fs::write(folder.path().join(FILE), "{}").unwrap();
        assert!(matches!(file.read(), Err(NoMachine::Another { .. })));
    }
}
