//! Files that are written as a whole: a reader sees the old file or the new one, and never a part of it. A symbolic
//! link remains a link, and the file that it points to is replaced. This file knows nothing of what is in the files.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How many symbolic links in a row are followed. The kernel follows as many.
const MOST_LINKS: usize = 40;

/// Replaces a file by a new one, so that nobody ever sees an incomplete file. The mode of an existing file is kept, and
/// a new file can be read only by its owner. If the path is a link to a missing file, the file is made where the link
/// points.
///
/// # Errors
/// Fails if the folder or the disk does not allow it, or if links form a circle. The old file is then unchanged.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = target(path)?;
    let mut file = tempfile::NamedTempFile::new_in(folder_of(&path))?;
    file.write_all(bytes)?;
    match fs::metadata(&path) {
        Ok(old) => file.as_file().set_permissions(old.permissions())?,
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        Err(err) => return Err(err),
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|err| err.error)?;
    Ok(())
}

/// Returns the path to which `path` leads: itself, or what it is a link to, whether that file exists or not. This is
/// needed because renaming a file to a path that is a link would replace the link.
///
/// # Errors
/// Fails if links form a circle, or if the path cannot be examined.
pub(crate) fn target(path: &Path) -> io::Result<PathBuf> {
    let mut place = path.to_owned();
    for _ in 0..=MOST_LINKS {
        match fs::read_link(&place) {
            Ok(next) => place = folder_of(&place).join(next),
            // The path is not a link, or there is nothing at the path.
            Err(err) if matches!(err.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotFound) => {
                return Ok(place);
            }
            Err(err) => return Err(err),
        }
    }
    Err(rustix::io::Errno::LOOP.into())
}

/// Returns the folder that holds a file. For a bare name this is the current folder.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_replaced_file_keeps_its_mode_and_a_new_file_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_whole(&path, b"one").unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"one".to_vec(), 0o600));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"two".to_vec(), 0o644));
    }

    #[test]
    fn symbolic_links_are_kept_and_their_target_is_replaced() {
        let (home, dotfiles) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (link, between, real) =
            (home.path().join("link"), dotfiles.path().join("between"), dotfiles.path().join("real"));
        symlink(&between, &link).unwrap();
        symlink("real", &between).unwrap();
        // In the first round the file does not exist yet.
        for text in ["one", "two"] {
            write_whole(&link, text.as_bytes()).unwrap();
            assert!(link.is_symlink() && between.is_symlink() && !real.is_symlink());
            assert_eq!(fs::read_to_string(&real).unwrap(), text);
        }
        for (folder, files) in [(home, 1), (dotfiles, 2)] {
            assert_eq!(
                fs::read_dir(folder.path()).unwrap().count(),
                files,
                "a temporary file was left behind"
            );
        }
    }

    #[test]
    fn a_circle_of_links_and_a_link_into_a_missing_folder_are_errors() {
        let home = tempfile::tempdir().unwrap();
        let (one, two, nowhere) =
            (home.path().join("one"), home.path().join("two"), home.path().join("nowhere"));
        symlink(&one, &two).unwrap();
        symlink(&two, &one).unwrap();
        symlink(home.path().join("no/such/folder"), &nowhere).unwrap();
        let told = write_whole(&one, b"x").unwrap_err().to_string();
        assert!(told.contains("Too many levels of symbolic links"), "{told}");
        assert_eq!(write_whole(&nowhere, b"x").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(one.is_symlink() && two.is_symlink() && nowhere.is_symlink());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 3);
    }
}
