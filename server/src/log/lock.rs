//! The lock that keeps a second server out of the folder of a store, and the note that says which program holds it.
//! This file owns the files `lock` and `holder` in that folder; it knows nothing of the other files there.
//!
//! The lock belongs to the operating system and is on an open file, so it ends with the process, however the process
//! ends. The note is a second file, which is replaced by renaming, so that a reader sees the old note or the new one.
//! Where no file can be made, as on a full disk, the note that is there is written over, and while it is half written it
//! does not read as a note.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hobnob_protocol::identity::create_private_dir;
use serde::{Deserialize, Serialize};

use super::LogError;
use super::in_place::InPlace;
use crate::exposed::make_private;

const LOCK_FILE: &str = "lock";
const HOLDER_FILE: &str = "holder";

/// The greatest size of a note. A note is far smaller, so a longer file is no note.
const MAX_HOLDER_BYTES: u64 = 4096;

/// The first byte of a note that is being written over. No JSON begins with it, so what a killed program leaves half
/// written is no note.
const UNFINISHED: &[u8] = b"!";

/// Holds a store for this process as long as the value lives.
#[derive(Debug)]
pub struct StoreLock {
    dir: PathBuf,
    program: String,
    /// Checks whether the locked file is still the one in `dir`.
    in_place: InPlace,
    /// The lock ends when this file is closed.
    _lock: File,
}

/// The program that holds a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The program's name, `hobnob-server` or `hobnob`.
    pub program: String,
    /// The process id of the program.
    pub pid: u32,
    /// The address at which clients connect; `None` while the server is still starting.
    pub address: Option<SocketAddr>,
}

impl StoreLock {
    /// Takes the store in `dir`. A folder that does not exist is made, private to its owner. `note` is the name of this
    /// program, for programs that find the store in use.
    ///
    /// # Errors
    /// Fails with [`LogError::Held`] and a text that says which program holds the store, or with [`LogError::Write`] if
    /// the folder or the lock cannot be made.
    pub fn acquire(dir: &Path, note: &str) -> Result<Self, LogError> {
        let lock_path = dir.join(LOCK_FILE);
        create_private_dir(dir).map_err(|err| cannot_write(dir, &err))?;
        let file = open_lock(&lock_path).map_err(|err| cannot_write(&lock_path, &err))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(dir)),
            Err(TryLockError::Error(err)) => return Err(cannot_write(&lock_path, &err)),
        }
        let in_place = InPlace::default().and(lock_path, &file).map_err(|err| cannot_write(dir, &err))?;
        let lock = Self { dir: dir.to_owned(), program: note.to_owned(), in_place, _lock: file };
        lock.write_holder(None)?;
        Ok(lock)
    }

    /// Notes the address at which clients connect to this server, for programs that want to join it.
    ///
    /// # Errors
    /// Fails when the note cannot be written; the lock is still held.
    pub fn set_address(&self, addr: SocketAddr) -> Result<(), LogError> {
        self.write_holder(Some(addr))
    }

    /// Adds the lock to the files that must stay where they are.
    pub(crate) fn watched_beside(&self, others: InPlace) -> InPlace {
        self.in_place.clone().and_all(others)
    }

    fn write_holder(&self, address: Option<SocketAddr>) -> Result<(), LogError> {
        let holder = Holder { program: self.program.clone(), pid: std::process::id(), address };
        let path = self.dir.join(HOLDER_FILE);
        replace(&self.dir, &path, &holder)
            .or_else(|err| overwrite(&path, &holder).map_err(|_| err))
            .map_err(|err| cannot_write(&path, &err))
    }
}

impl Drop for StoreLock {
    fn drop(&mut self) {
        // If the folder was deleted or renamed meanwhile, the files at its path belong to somebody else.
        if self.in_place.check().is_err() {
            return;
        }
        // The note is removed before the lock ends, because afterwards it could be the next holder's note. A note that
        // stays does no harm: it is read only when the lock is held.
        let _ = std::fs::remove_file(self.dir.join(HOLDER_FILE));
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {}", self.program, self.pid)?;
        match self.address {
            Some(address) => write!(f, ", listening on {address})"),
            None => f.write_str(")"),
        }
    }
}

/// Returns what the holder of the store in `dir` wrote about itself. This is to be called after [`StoreLock::acquire`]
/// was refused. It does not check whether the lock is held, because checking means taking it, and a holder that was
/// killed leaves its note behind.
#[must_use]
pub fn holder(dir: &Path) -> Option<Holder> {
    // All of it is read at once, because another program may be writing over it.
    let mut note = Vec::with_capacity(MAX_HOLDER_BYTES as usize + 1);
    let file = File::open(dir.join(HOLDER_FILE)).ok()?;
    io::Read::read_to_end(&mut io::Read::take(file, MAX_HOLDER_BYTES), &mut note).ok()?;
    serde_json::from_slice(&note).ok()
}

fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    make_private(&file)?;
    Ok(file)
}

fn replace(dir: &Path, path: &Path, holder: &Holder) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    make_private(file.as_file())?;
    file.write_all(&serde_json::to_vec(holder)?)?;
    // The note is not synced: after a power cut nobody holds the lock, and the note means nothing.
    file.persist(path)?;
    Ok(())
}

/// Writes the note over the one that is there; fails if none is.
fn overwrite(path: &Path, holder: &Holder) -> io::Result<()> {
    let note = serde_json::to_vec(holder)?;
    let mut file = OpenOptions::new().write(true).open(path)?;
    make_private(&file)?;
    for (at, bytes) in overwriting(&note) {
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)?;
        // The first byte says that the note is unfinished until the file has its length, too.
        file.set_len(note.len() as u64)?;
    }
    Ok(())
}

/// Returns what is written over an old note, in this order and each at its place. The first byte comes first and last.
fn overwriting(note: &[u8]) -> [(u64, &[u8]); 3] {
    let (first, rest) = note.split_at(note.len().min(1));
    [(0, UNFINISHED), (1, rest), (0, first)]
}

fn held(dir: &Path) -> LogError {
    let dir_shown = dir.display();
    LogError::Held(match holder(dir) {
        Some(holder) => format!("the store in {dir_shown} is in use by {holder}"),
        None => format!("the store in {dir_shown} is in use by another process that is just starting"),
    })
}

fn cannot_write(path: &Path, err: &io::Error) -> LogError {
    LogError::Write(format!("{}: {err}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_second_holder_is_told_who_has_the_store_and_where() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("data/server");
        let lock = StoreLock::acquire(&dir, "hobnob-server").unwrap();
        let pid = std::process::id();

        let starting = StoreLock::acquire(&dir, "hobnob").unwrap_err().to_string();
        assert_eq!(
            starting,
            format!("the store in {} is in use by hobnob-server (pid {pid})", dir.display())
        );

        let address: SocketAddr = "127.0.0.1:43210".parse().unwrap();
        lock.set_address(address).unwrap();
        let text = StoreLock::acquire(&dir, "hobnob").unwrap_err().to_string();
        assert!(text.ends_with(&format!("(pid {pid}, listening on 127.0.0.1:43210)")), "{text}");
        assert_eq!(
            holder(&dir),
            Some(Holder { program: "hobnob-server".into(), pid, address: Some(address) })
        );
    }

    #[test]
    fn a_dropped_lock_is_free_and_leaves_no_note() {
        let folder = tempfile::tempdir().unwrap();
        drop(StoreLock::acquire(folder.path(), "hobnob-server").unwrap());
        assert_eq!(holder(folder.path()), None);
        StoreLock::acquire(folder.path(), "hobnob").unwrap();
    }

    #[test]
    fn the_note_of_a_killed_holder_does_not_hold_the_store() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("lock"), "").unwrap();
        std::fs::write(folder.path().join("holder"), r#"{"program":"hobnob-server","pid":1,"address":null}"#)
            .unwrap();
        let lock = StoreLock::acquire(folder.path(), "hobnob").unwrap();
        assert_eq!(holder(folder.path()).unwrap().pid, std::process::id());
        drop(lock);
    }

    #[test]
    fn a_note_that_is_left_is_overwritten_where_no_new_file_can_be_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("holder");
        let holder_of = |pid| Holder { program: "hobnob".into(), pid, address: None };
        assert!(overwrite(&path, &holder_of(1)).is_err(), "nothing is made");
        std::fs::write(&path, [b'x'; 500]).unwrap();
        overwrite(&path, &holder_of(7)).unwrap();
        assert_eq!(holder(folder.path()), Some(holder_of(7)));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_note_that_is_half_written_over_another_reads_as_the_old_one_or_as_none() {
        let of = |pid| Holder { program: "hobnob-server".into(), pid, address: None };
        let written = |pid| serde_json::to_vec(&of(pid)).unwrap();
        let read = |note: &[u8]| serde_json::from_slice::<Holder>(note).ok();
        // Half of one number and half of the other would be a third number.
        for (old, new) in [(11_111, 22_222), (11_111, 2), (1, 22_222)] {
            let (mut file, note) = (written(old), written(new));
            for (at, bytes) in overwriting(&note) {
                for (at, byte) in (at as usize..).zip(bytes) {
                    assert!([None, Some(of(old))].contains(&read(&file)));
                    file.resize(file.len().max(at + 1), 0);
                    file[at] = *byte;
                }
                file.resize(note.len(), 0);
            }
            assert_eq!(read(&file), Some(of(new)));
        }
    }

    #[test]
    fn a_file_that_is_no_note_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let _lock = StoreLock::acquire(folder.path(), "hobnob-server").unwrap();
        std::fs::write(folder.path().join("holder"), [0xff; 9000]).unwrap();
        assert_eq!(holder(folder.path()), None);
        let text = StoreLock::acquire(folder.path(), "hobnob").unwrap_err().to_string();
        assert!(text.contains("another process"), "{text}");
    }

    #[test]
    fn a_lock_that_others_may_write_is_made_private_to_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let _lock = StoreLock::acquire(folder.path(), "hobnob-server").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_lock_whose_folder_was_replaced_leaves_the_note_of_the_new_holder() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("server");
        let first = StoreLock::acquire(&dir, "hobnob-server").unwrap();
        let watched = first.watched_beside(InPlace::default());
        assert_eq!(watched.check(), Ok(()));
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(watched.check().is_err());
        let _second = StoreLock::acquire(&dir, "hobnob").unwrap();
        drop(first);
        assert_eq!(holder(&dir).map(|holder| holder.program), Some("hobnob".to_owned()));
    }

    #[test]
    fn the_files_are_private_to_their_owner() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("server");
        let _lock = StoreLock::acquire(&dir, "hobnob-server").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir), 0o700);
        assert_eq!(mode(&dir.join("lock")), 0o600);
        assert_eq!(mode(&dir.join("holder")), 0o600);
    }
}
