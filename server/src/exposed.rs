//! Finds files and folders of a data directory that other users of the machine have access to, and makes files private
//! to their owner. A file that was there before is reported once at the start and left as it is, since the
//! administrator may have meant it so. This file knows which files a server keeps there, and nothing of what is in
//! them. (The key is not among them: a key that others can read is refused.) The client uses this for its own files,
//! too.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Others may write the folder. A user who may write in a folder may replace any file in it.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Others have some access to the file. Files should be private to their owner.
const OPEN_TO_OTHERS: u32 = 0o077;

/// The files of the store that contain what was said.
const FILES: [&str; 3] = ["lobby.sqlite", "lobby.sqlite-wal", "lobby.head"];

/// A folder or file that others have access to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposed {
    /// The path of the folder or file.
    pub path: PathBuf,
    /// Who may do what with it: the mode bits of Unix.
    pub mode: u32,
    /// Whether it is a folder.
    pub is_folder: bool,
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, mode, is_folder } = self;
        let path = path.display();
        if *is_folder {
            return write!(
                f,
                "others may write in {path} (mode {mode:03o}), so they can replace the server's key and its log; \
                 let only its owner write there with: chmod go-w {path}"
            );
        }
        write!(
            f,
            "others have access to {path} (mode {mode:03o}); make it yours alone with: chmod 600 {path}"
        )
    }
}

/// Returns which of `data_dir`, its folder `store` and the files in it are exposed.
pub(crate) fn exposed(data_dir: &Path, store: &Path) -> Vec<Exposed> {
    let folders = [data_dir, store].map(|dir| writable_by_others(dir.to_owned()));
    let files = FILES.map(|file| look(store.join(file), OPEN_TO_OTHERS));
    folders.into_iter().chain(files).flatten().collect()
}

/// Returns the folder or file at `path`, if others than its owner may write it.
#[must_use]
pub fn writable_by_others(path: PathBuf) -> Option<Exposed> {
    look(path, WRITABLE_BY_OTHERS)
}

/// Returns what is at `path`, if others have one of these rights.
#[cfg(unix)]
fn look(path: PathBuf, bits: u32) -> Option<Exposed> {
    use std::os::unix::fs::PermissionsExt;
    // When a file cannot be examined, the code that needs it reports that.
    let found = std::fs::metadata(&path).ok()?;
    let mode = found.permissions().mode() & 0o7777;
    (mode & bits != 0).then_some(Exposed { path, mode, is_folder: found.is_dir() })
}

/// Only Unix has these access rights.
#[cfg(not(unix))]
fn look(_path: PathBuf, _bits: u32) -> Option<Exposed> {
    None
}

/// Makes a file of the server private to its owner. The umask of the user who started the server does not suffice: it
/// may also take rights from the owner, and then the next start could not open the file.
///
/// # Errors
/// Fails when the file belongs to another user.
#[cfg(unix)]
pub(crate) fn make_private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    match file.metadata()?.permissions().mode() & 0o777 {
        0o600 => Ok(()),
        _ => file.set_permissions(std::fs::Permissions::from_mode(0o600)),
    }
}

/// Only Unix has these bits.
#[cfg(not(unix))]
pub(crate) fn make_private(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Makes a folder of the server private to its owner, for the same reasons.
///
/// # Errors
/// Fails when the folder belongs to another user.
#[cfg(unix)]
pub(crate) fn make_folder_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

/// Only Unix has these bits.
#[cfg(not(unix))]
pub(crate) fn make_folder_private(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_that_is_made_private_is_accessible_only_to_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        for mode in [0o666, 0o400, 0o644, 0o600] {
            fs::write(&path, "").unwrap();
            let file = File::open(&path).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            make_private(&file).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{mode:o}");
        }
    }

    #[test]
    fn exposed_files_are_reported_with_a_command_that_mends_it() {
        let root = tempfile::tempdir().unwrap();
        let (data, store) = (root.path().to_owned(), root.path().join("server"));
        let file = store.join("lobby.sqlite");
        fs::create_dir(&store).unwrap();
        fs::write(&file, "").unwrap();
        let told = |modes: [u32; 3]| {
            for (path, mode) in [&data, &store, &file].into_iter().zip(modes) {
                fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            }
            exposed(&data, &store).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(told([0o700, 0o700, 0o600]), [""; 0]);
        assert_eq!(told([0o755, 0o750, 0o600]), [""; 0], "a folder that others may only look into");
        for (modes, path, mode) in [
            ([0o777, 0o700, 0o600], &data, "777"),
            ([0o1777, 0o700, 0o600], &data, "1777"),
            ([0o700, 0o720, 0o600], &store, "720"),
            ([0o700, 0o702, 0o600], &store, "702"),
            ([0o700, 0o700, 0o640], &file, "640"),
        ] {
            let told = told(modes);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].contains(&format!("{} (mode {mode})", path.display())), "{told:?}");
            assert!(told[0].contains("chmod"), "{told:?}");
        }
    }
}
