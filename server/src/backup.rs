//! A copy of everything from which a server can go on: its key, its log with the names and the rules of operators, and
//! the saved machine, which says how far it has read the order of a lobby on many servers. The copy can be made beside
//! a running server; it contains the log as it is at one moment. The copy gets its name only when it is whole, checked
//! and on the disk. This file knows nothing of when to make one.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hobnob_protocol::identity::{Identity, IdentityError, create_private_dir};
use tempfile::TempDir;
use thiserror::Error;

use crate::exposed::{make_folder_private, make_private};
use crate::log::LogError;
use crate::log::check::{self, verify};
use crate::log::sqlite::log_copy::{self, CopyError};
use crate::log::sqlite::sync::sync_dir;
use crate::shared_lobby::machine_file;

/// The folder in a data directory that belongs to the server.
const STORE: &str = "server";

/// The file of the server's key in that folder.
const KEY: &str = "server.key";

/// A backup that is being made.
#[derive(Debug)]
pub struct Backup {
    /// The path that the backup will have.
    dir: PathBuf,
    /// The folder that contains `dir`.
    parent: PathBuf,
    /// The folder in which the backup is made, beside `dir`; `None` after the backup got its name or was given up.
    /// Dropping it removes the folder.
    making: Mutex<Option<TempDir>>,
}

/// What a backup contains, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The path of the backup.
    pub dir: PathBuf,
    /// The copied files, by their names in the folder `server`.
    pub files: Vec<&'static str>,
    /// What the check of the copy found.
    pub log: check::Report,
}

/// Why there is no backup.
#[derive(Debug, Error)]
pub enum BackupError {
    /// Something exists where the backup should go.
    #[error("{} is there already and is not an empty folder; name one that does not exist", .0.display())]
    Taken(PathBuf),
    /// No folder can be made at that path.
    #[error("{} cannot be a new folder; name one that does not exist", .0.display())]
    NoName(PathBuf),
    /// The folder that would contain the backup cannot be used.
    #[error("cannot make a backup in {}", dir.display())]
    Parent {
        /// The path of that folder.
        dir: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A disk is mounted at the empty folder, so it cannot be replaced.
    #[error("a disk is mounted at {}; name a folder in it", .0.display())]
    Mounted(PathBuf),
    /// The key in the data directory cannot be used.
    #[error("cannot copy the server's key")]
    Key(#[from] IdentityError),
    /// What is to be copied cannot be read, or is not sound.
    #[error(transparent)]
    Source(LogError),
    /// A file could not be read or written.
    #[error("no backup was made: cannot copy {}", file.display())]
    File {
        /// The path of the file.
        file: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The disk of the backup is full.
    #[error("the disk of {} is full; no backup was made, and what was begun is removed", .0.display())]
    Full(PathBuf),
    /// The copy of the log could not be written for another reason.
    #[error(
        "the copy of the log could not be written: {0}; no backup was made, and what was begun is removed"
    )]
    Copy(String),
    /// The copy is not sound.
    #[error("the copy does not add up, so nothing is left of it: {0}")]
    Unsound(LogError),
    /// The backup was given up before it was whole.
    #[error("the backup was cut short; nothing is left of it")]
    CutShort,
}

impl Backup {
    /// Begins a backup that will be at `dir`, which must not exist or be an empty folder.
    ///
    /// # Errors
    /// Fails when something is there, or the folder that contains it cannot be written.
    pub fn begin(dir: &Path) -> Result<Self, BackupError> {
        let name = dir.file_name().ok_or_else(|| BackupError::NoName(dir.to_owned()))?;
        let parent = match dir.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let failed = |source| BackupError::Parent { dir: parent.clone(), source };
        if !is_free(dir).map_err(failed)? {
            return Err(BackupError::Taken(dir.to_owned()));
        }
        let mut beside = name.to_owned();
        beside.push(".unfinished-");
        let making = tempfile::Builder::new().prefix(&beside).tempdir_in(&parent).map_err(failed)?;
        make_folder_private(making.path()).map_err(failed)?;
        Ok(Self { dir: dir.to_owned(), parent, making: Mutex::new(Some(making)) })
    }

    /// Copies what is in `data_dir`, checks the copy, and gives it its name. Blocks: some seconds for a million
    /// messages.
    ///
    /// # Errors
    /// Fails when the backup cannot be made. Then nothing of it is left.
    pub fn make(&self, data_dir: &Path) -> Result<Copied, BackupError> {
        let made = self.copy(&data_dir.join(STORE));
        if made.is_err() {
            self.cut_short();
        }
        made
    }

    /// Gives the backup up and removes what was made so far. A backup that has got its name stays.
    pub fn cut_short(&self) {
        let Some(making) = self.making().take() else { return };
        // A thread that is still writing makes new files by the folder's path: under another name the folder gets none while
        // it is removed, and the thread gives up.
        let path = making.keep();
        let mut aside = path.clone().into_os_string();
        aside.push(".removed");
        let aside = PathBuf::from(aside);
        let removed = fs::rename(&path, &aside).and_then(|()| fs::remove_dir_all(&aside));
        if let Err(err) = removed {
            tracing::warn!(%err, folder = %aside.display(), "an unfinished backup could not be removed");
        }
    }

    fn copy(&self, from: &Path) -> Result<Copied, BackupError> {
        let made = self.making().as_ref().map(|making| making.path().to_owned());
        let made = made.ok_or(BackupError::CutShort)?;
        let to = made.join(STORE);
        let cannot_make = |source| file_error(&to, source);
        create_private_dir(&to).and_then(|()| make_folder_private(&to)).map_err(cannot_make)?;
        let mut files = Vec::new();
        // A server makes its key before its log, so a missing key is reported first.
        Identity::load(&from.join(KEY))?;
        copy_file(&from.join(KEY), &to.join(KEY))?;
        files.push(KEY);
        // The machine is copied before the log: a log may be further than the machine, which then reads on; but a
        // machine must not be further than the log.
        if from.join(machine_file::FILE).try_exists().unwrap_or(true) {
            copy_file(&from.join(machine_file::FILE), &to.join(machine_file::FILE))?;
            files.push(machine_file::FILE);
        }
        let copied = log_copy::copy(from, &to).map_err(|err| match err {
            CopyError::Source(err) => BackupError::Source(err),
            CopyError::Full => BackupError::Full(self.dir.clone()),
            CopyError::Written(reason) => BackupError::Copy(reason),
        })?;
        files.extend(copied);
        let log = verify(&to).map_err(BackupError::Unsound)?;
        for folder in [&to, &made] {
            sync_dir(folder).map_err(|source| file_error(folder, source))?;
        }
        self.name_it()?;
        Ok(Copied { dir: self.dir.clone(), files, log })
    }

    /// Gives the finished folder its name.
    fn name_it(&self) -> Result<(), BackupError> {
        let mut making = self.making();
        let made = making.as_ref().ok_or(BackupError::CutShort)?;
        fs::rename(made.path(), &self.dir).map_err(|source| match source.kind() {
            io::ErrorKind::ResourceBusy => BackupError::Mounted(self.dir.clone()),
            io::ErrorKind::DirectoryNotEmpty
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::AlreadyExists => BackupError::Taken(self.dir.clone()),
            _ => file_error(&self.dir, source),
        })?;
        // The folder has its name now, so nothing is to be removed any more.
        let _moved = making.take().map(TempDir::keep);
        drop(making);
        sync_dir(&self.parent).map_err(|source| file_error(&self.parent, source))
    }

    fn making(&self) -> MutexGuard<'_, Option<TempDir>> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dir, files, log } = self;
        writeln!(f, "copied to {}: {}", dir.join(STORE).display(), files.join(", "))?;
        write!(f, "{log}")
    }
}

/// Whether nothing is at `dir`, or an empty folder.
fn is_free(dir: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(dir) {
        Ok(found) if found.is_dir() => Ok(fs::read_dir(dir)?.next().is_none()),
        Ok(_) => Ok(false),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(err) => Err(err),
    }
}

/// Copies a small file, private to its owner, and syncs it.
fn copy_file(from: &Path, to: &Path) -> Result<(), BackupError> {
    let bytes = fs::read(from).map_err(|source| file_error(from, source))?;
    write_file(to, &bytes).map_err(|source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => BackupError::Full(to.to_owned()),
        _ => file_error(to, source),
    })
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    make_private(&file)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn file_error(file: &Path, source: io::Error) -> BackupError {
    BackupError::File { file: file.to_owned(), source }
}
