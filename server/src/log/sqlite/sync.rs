//! Makes changes to a folder survive a power cut. This file knows nothing of the files in it.

use std::fs::File;
use std::io;
use std::path::Path;

/// Writes the folder itself to disk, so that a file that was made or renamed in it is found after a power cut.
///
/// # Errors
/// Fails when the folder cannot be opened or written.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}
