//! Files that are their owner's alone, whatever the umask of whoever started the program. Knows nothing of what
//! stands in them.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Nobody but the owner.
const PRIVATE: u32 = 0o600;

/// Opens a file, or makes it, and closes it to all others. A umask can take from the owner, too, and then the next run
/// could not open it.
///
/// # Errors
/// When it cannot be opened, or belongs to another user.
pub(crate) fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = options.mode(PRIVATE).open(path)?;
    if file.metadata()?.permissions().mode() & 0o777 != PRIVATE {
        file.set_permissions(Permissions::from_mode(PRIVATE))?;
    }
    Ok(file)
}

/// Opens the file that clients lock while they change another one.
///
/// # Errors
/// As for [`open`].
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    open(File::options().create(true).truncate(false).write(true), path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_its_owner_s_alone_also_where_it_was_not() {
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
