//! Files that are written whole: a reader sees the old one or the new one, never half of one. Knows nothing
//! of what stands in them.

use std::io::{self, Write};
use std::path::Path;

/// Replaces a file by a new one that only its owner may read, so that nobody ever sees half of it.
///
/// # Errors
/// When the folder or the disk says no; the old file stays.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|err| err.error)?;
    Ok(())
}
