//! What of a data directory others have access to, and how a file is made its owner's alone. What was there before is told
//! of once at the start and left as it is, since an operator may mean it so. Knows which files a server keeps there,
//! nothing of what is in them. (The key is not among them: one that others can read is refused.) The client asks the same
//! of its own files.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Whoever may write in a folder may replace what is in it, whoever that belongs to.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Files are their owner's alone.
const OPEN_TO_OTHERS: u32 = 0o077;

/// The files of the store that hold what was said.
const FILES: [&str; 3] = ["lobby.sqlite", "lobby.sqlite-wal", "lobby.head"];

/// A folder or file that others have access to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposed {
    /// Where it is.
    pub path: PathBuf,
    /// Who may do what with it, as Unix writes it.
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
                "others may write in {path} (mode {mode:03o}), and so replace the server's key and its log; make it \
                 its owner's alone with: chmod go-w {path}"
            );
        }
        write!(
            f,
            "others have access to {path} (mode {mode:03o}); make it yours alone with: chmod 600 {path}"
        )
    }
}

/// What is exposed of `data_dir` and of its folder `store`.
pub(crate) fn exposed(data_dir: &Path, store: &Path) -> Vec<Exposed> {
    let folders = [data_dir, store].map(|dir| writable_by_others(dir.to_owned()));
    let files = FILES.map(|file| look(store.join(file), OPEN_TO_OTHERS));
    folders.into_iter().chain(files).flatten().collect()
}

/// The folder or file at `path`, where others than its owner may write it.
#[must_use]
pub fn writable_by_others(path: PathBuf) -> Option<Exposed> {
    look(path, WRITABLE_BY_OTHERS)
}

/// What is at `path`, where others have one of these rights.
#[cfg(unix)]
fn look(path: PathBuf, bits: u32) -> Option<Exposed> {
    use std::os::unix::fs::PermissionsExt;
    // What cannot be looked at is told of by whoever needs it.
    let found = std::fs::metadata(&path).ok()?;
    let mode = found.permissions().mode() & 0o7777;
    (mode & bits != 0).then_some(Exposed { path, mode, is_folder: found.is_dir() })
}

/// Only Unix tells who has access in this way.
#[cfg(not(unix))]
fn look(_path: PathBuf, _bits: u32) -> Option<Exposed> {
    None
}

/// Makes a file of the server's its owner's alone. The umask is whoever's who started the server: it can
/// take from the owner, too, and then the next start could not open the file.
///
/// # Errors
/// When the file is another user's.
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

/// Makes a folder of the server's its owner's alone, for the same reasons.
///
/// # Errors
/// When the folder is another user's.
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
    fn a_file_that_is_made_private_is_its_owner_s_alone() {
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
    fn what_others_may_write_or_read_is_told_with_what_to_do() {
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
