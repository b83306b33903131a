//! Files that only their owner can read, whatever the umask of the process is. This file knows nothing of what is in
//! them.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The mode of a file that only its owner can read and write.
const PRIVATE: u32 = 0o600;

/// Opens a file or makes it, and denies access to everybody but its owner. The mode is set explicitly, because a umask
/// can also take rights from the owner, and then the next run could not open the file.
///
/// # Errors
/// Fails if the file cannot be opened, or if it belongs to another user.
pub(crate) fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = options.mode(PRIVATE).open(path)?;
    if file.metadata()?.permissions().mode() & 0o777 != PRIVATE {
        file.set_permissions(Permissions::from_mode(PRIVATE))?;
    }
    Ok(file)
}

/// Opens the file that clients lock while they change another file.
///
/// # Errors
/// Fails as [`open`] does.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    open(File::options().create(true).truncate(false).write(true), path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_is_made_private_even_if_it_was_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        open_lock(&path).unwrap();
        assert_eq!(mode(), 0o600);
        for old in [0o666, 0o644, 0o620] {
            std::fs::set_permissions(&path, Permissions::from_mode(old)).unwrap();
            open_lock(&path).unwrap();
            assert_eq!(mode(), 0o600, "{old:o}");
        }
    }
}
