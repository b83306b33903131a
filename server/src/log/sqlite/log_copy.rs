//! A copy of the log in another folder, made while a server writes. It contains the log as it is at one moment, without
//! the space that removed messages left, and beside it a note of how far it goes. This file reads the log and writes
//! the copy; it knows nothing of the other files of a store.

use std::fs::File;
use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use super::file::{self, FILE};
use super::head_record::{self, HeadRecord, Noted};
use super::stored_form;
use crate::log::LogError;

/// Why there is no copy.
#[derive(Debug)]
pub(crate) enum CopyError {
    /// The log cannot be read, or acknowledged messages are missing from it.
    Source(LogError),
    /// The disk of the copy is full.
    Full,
    /// The copy cannot be written, for the reason given.
    Written(String),
}

/// Copies the log in `from` into `to`, a folder without a log, and syncs the copy. Returns the names of the files that
/// were made.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<[&'static str; 2], CopyError> {
    // The note is read before the log, so that what it notes is in the log by the time the log is read.
    let noted = Noted::read(from).map_err(CopyError::Source)?;
    let source = file::open_for_reading(from).map_err(CopyError::Source)?;
    require(&source, from, noted).map_err(CopyError::Source)?;
    let copy = to.join(FILE);
    let path = copy.to_str().ok_or_else(|| CopyError::Written(format!("{}: not UTF-8", copy.display())))?;
    let written = |err: &dyn std::fmt::Display| CopyError::Written(format!("{}: {err}", copy.display()));
    // SQLite would make the file readable for other users, too. It also takes an empty file that exists.
    file::create_private(&copy).map_err(|err| written(&err))?;
    // One statement is one read transaction, and holds up no writer. A copy page by page would begin again whenever
    // something was written meanwhile.
    source.execute("VACUUM INTO ?1", [path]).map_err(|err| match err.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => CopyError::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            CopyError::Source(stored_form::unreadable(&source, &err))
        }
        _ => written(&err),
    })?;
    // SQLite does not sync such a copy.
    File::open(&copy).and_then(|file| file.sync_all()).map_err(|err| written(&err))?;
    note(to).map_err(|err| match err {
        LogError::Write(reason) => CopyError::Written(reason),
        err => CopyError::Written(err.to_string()),
    })?;
    Ok([FILE, head_record::FILE])
}

/// Compares the log with what was acknowledged.
fn require(source: &Connection, dir: &Path, noted: Option<Noted>) -> Result<(), LogError> {
    let (meta, head) = file::ends(source)?;
    noted.map_or(Ok(()), |noted| noted.require(dir, source, &meta, head))
}

/// Writes a note of how far the copy in `dir` goes.
fn note(dir: &Path) -> Result<(), LogError> {
    let copy = file::open_for_reading(dir)?;
    let (meta, head) = file::ends(&copy)?;
    HeadRecord::begin(dir, meta.log, head, stored_form::in_rooms(&copy)?).map(drop)
}
