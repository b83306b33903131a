//! Why a program of the user's own cannot be called, or why its run failed. This file owns the errors about runs that
//! other folders see. It knows nothing of how they are shown.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::describe::WrongDescription;
use super::permits::PermitsError;

/// Why no run of a program was started.
#[derive(Debug, Error)]
pub enum NotStarted {
    /// No folder with programs has a program for this command.
    #[error("there is no program hobnob-{name} on the path")]
    Absent {
        /// The name of the command, without the backslash.
        name: String,
    },
    /// The limit of programs that run at the same time is reached.
    #[error("{most} commands of your own run already")]
    TooMany {
        /// How many programs may run at the same time.
        most: usize,
    },
    /// No thread could be started for the run; this is the error of the operating system.
    #[error("{0}")]
    NoThread(io::Error),
}

/// Why a run failed that was started, or why a program could not be allowed.
#[derive(Debug, Error)]
pub enum RunFailure {
    /// The program cannot be read, or its copy cannot be made.
    #[error("{}: {error}", path.display())]
    NoCopy {
        /// The path of the program.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The file with the user's permissions cannot be read or changed.
    #[error(transparent)]
    Permits(#[from] PermitsError),
    /// The description of the program is not valid.
    #[error(transparent)]
    Description(#[from] WrongDescription),
    /// The operating system does not allow files to be run in the folder of the copy.
    #[error(
        "it cannot be run: {0}; it is run from a copy in the data directory, which may lie on a disk mounted noexec"
    )]
    MayNotRun(io::Error),
    /// The operating system cannot run the program for another reason.
    #[error("it cannot be run: {0}")]
    NotRun(io::Error),
    /// The program ran for longer than allowed, and was stopped.
    #[error("it took more than {seconds} s and was stopped")]
    TookTooLong {
        /// How many seconds a program may run.
        seconds: u64,
    },
    /// The program wrote more than allowed, and was stopped.
    #[error("it wrote more than {kib} KiB and was stopped")]
    WroteTooMuch {
        /// How many KiB a program may write.
        kib: usize,
    },
    /// The program was stopped because the user took its rights back, or because the client ended.
    #[error("it was stopped")]
    Stopped,
    /// The program ended by itself, but with an error.
    #[error("it failed: {complaint}")]
    Failed {
        /// The first line that it wrote to standard error, or its exit status if it wrote nothing there.
        complaint: String,
    },
}
