//! The private copy from which a program is run. The program is read once. What was read is hashed and written into a
//! folder that only this user can enter, and that copy is run. Therefore nobody who may write to the program's folder
//! can replace or change the program between the check and the run. This file knows nothing of what is allowed.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hobnob_protocol::identity::create_private_dir;
use tempfile::TempDir;

use super::strays::MARK;

/// The largest program that is run, in bytes.
const MAX_PROGRAM: u64 = 256 * 1024 * 1024;

/// The environment variable with the path of the original program; `$0` is the path of the copy.
const ORIGIN: &str = "HOBNOB_COMMAND";

/// After this time, copies that were left behind are removed. A client that is killed leaves its copies behind. A run
/// takes only seconds, so older copies are not in use.
const LEFT_OVER: Duration = Duration::from_mins(10);

/// A copy of a program as it was when it was read. Dropping this removes the copy.
#[derive(Debug)]
pub(crate) struct ProgramCopy {
    /// The SHA-256 of the program, in hexadecimal digits.
    pub sha256: String,
    path: PathBuf,
    origin: PathBuf,
    folder: TempDir,
}

impl ProgramCopy {
    /// Reads the program at `origin` and writes a copy into a new folder in `copies`, under the program's own name.
    ///
    /// # Errors
    /// Fails if the program cannot be read or is too large, or if the copy cannot be written.
    pub(crate) fn make(origin: &Path, copies: &Path) -> io::Result<Self> {
        create_private_dir(copies)?;
        remove_left_over(copies);
        let private = Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix("run-").permissions(private).tempdir_in(copies)?;
        let path = folder.path().join(origin.file_name().unwrap_or(origin.as_os_str()));
        let program = File::open(origin)?;
        let mut copy = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
        let sha256 = copy_and_hash(program, &mut copy)?;
        copy.set_permissions(Permissions::from_mode(0o500))?;
        Ok(Self { sha256, path, origin: origin.to_owned(), folder })
    }

    /// Returns the command that runs the copy with these arguments.
    pub(crate) fn command(&self, args: &[String]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(args).env(ORIGIN, &self.origin).env(MARK, self.folder.path());
        command
    }
}

fn copy_and_hash(program: File, copy: &mut File) -> io::Result<String> {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let mut program = program.take(MAX_PROGRAM + 1);
    let mut buffer = vec![0; 64 * 1024];
    let mut total = 0;
    loop {
        let read = program.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        total += read as u64;
        context.update(&buffer[..read]);
        copy.write_all(&buffer[..read])?;
    }
    if total > MAX_PROGRAM {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Removes the copies of clients that were killed. A copy that cannot be removed does no harm.
fn remove_left_over(copies: &Path) {
    for entry in fs::read_dir(copies).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|it| it.modified()).ok().and_then(|it| it.elapsed().ok());
        if age.is_some_and(|age| age > LEFT_OVER) {
            let _stays = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_hashed_content_and_is_removed_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let (origin, copies) = (folder.path().join("hobnob-x"), folder.path().join("copies"));
        fs::write(&origin, "abc").unwrap();
        let copy = ProgramCopy::make(&origin, &copies).unwrap();
        // The original is overwritten, as an editor or an attacker might do.
        fs::write(&origin, "other").unwrap();
        assert_eq!(copy.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(fs::read(&copy.path).unwrap(), b"abc");
        assert_eq!(copy.path.file_name(), origin.file_name());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&copy.path), mode(copy.folder.path()), mode(&copies)), (0o500, 0o700, 0o700));
        drop(copy);
        assert_eq!(fs::read_dir(&copies).unwrap().count(), 0);
    }

    #[test]
    fn copies_of_killed_clients_are_removed_and_running_ones_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (origin, copies) = (folder.path().join("hobnob-x"), folder.path().join("copies"));
        fs::write(&origin, "abc").unwrap();
        let running = ProgramCopy::make(&origin, &copies).unwrap();
        let left = copies.join("run-left");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("hobnob-x"), "abc").unwrap();
        let long_ago = std::time::SystemTime::now() - 2 * LEFT_OVER;
        File::open(&left).unwrap().set_modified(long_ago).unwrap();
        let _another = ProgramCopy::make(&origin, &copies).unwrap();
        assert!(!left.exists() && running.path.exists());
    }
}
