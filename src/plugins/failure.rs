//! Why a program of the user's own cannot be called, or why its run failed. Owns the errors that leave this folder about
//! runs; knows nothing of how they are shown.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::describe::WrongDescription;
use super::grants::GrantsError;

/// Why no run of a program was started.
#[derive(Debug, Error)]
pub enum NotStarted {
    /// No folder with programs has one of this name.
    #[error("there is no program hobnob-{name} on the path")]
    Absent {
        /// The command, without the backslash.
        name: String,
    },
    /// As many runs are under way as may be.
    #[error("{most} commands of your own run already")]
    TooMany {
        /// How many may run.
        most: usize,
    },
    /// The system gives no thread for the run.
    #[error("{0}")]
    NoThread(io::Error),
}

/// Why a run that was started failed, or its program could not be allowed.
#[derive(Debug, Error)]
pub enum RunFailure {
    /// The program cannot be read, or no copy of it can be made.
    #[error("{}: {error}", path.display())]
    NoCopy {
        /// The program.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// What the user allowed cannot be read or changed.
    #[error(transparent)]
    Grants(#[from] GrantsError),
    /// The program says of itself what it must not.
    #[error(transparent)]
    Description(#[from] WrongDescription),
    /// The system does not run files from where the copy lies.
    #[error(
        "it cannot be run: {0}; it is run from a copy in the data directory, which may lie on a disk mounted noexec"
    )]
    MayNotRun(io::Error),
    /// The system does not run it for another reason.
    #[error("it cannot be run: {0}")]
    NotRun(io::Error),
    /// It ran for longer than it may.
    #[error("it took more than {seconds} s and was stopped")]
    TookTooLong {
        /// How long it may run, in seconds.
        seconds: u64,
    },
    /// It wrote more than it may.
    #[error("it wrote more than {kib} KiB and was stopped")]
    WroteTooMuch {
        /// How much it may write, in KiB.
        kib: usize,
    },
    /// The user took its rights back, or left, while it ran.
    #[error("it was stopped")]
    Stopped,
    /// It ended by itself, and not well.
    #[error("it failed: {complaint}")]
    Failed {
        /// What it wrote on standard error, or how it ended where it wrote nothing there.
        complaint: String,
    },
}
