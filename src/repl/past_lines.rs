//! The file with the lines that were typed before. Each entry is one line, the newest is the last, and only the owner
//! can read the file.
//!
//! rustyline is not used for this, because it rewrites its file in place. If the program were killed meanwhile, half of
//! the file would be left, and several clients share this file. Here an entry is appended with a single write. When the
//! file has grown to twice its limit, it is replaced by a shorter one with a single rename. Nothing here waits for a
//! lock.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::data::whole_file::{folder_of, target};

/// How many entries are kept: some weeks of conversation, which can be searched at once.
pub(super) const MAX_ENTRIES: usize = 1000;

/// How many bytes at the end of a longer file are read.
const MAX_BYTES: u64 = 32 * 1024 * 1024;

/// After how many appended entries it is checked whether the file has become too long.
const LOOK_EVERY: usize = 500;

/// The path of the file, and how many entries this client has appended.
#[derive(Debug)]
pub(super) struct PastLines {
    path: PathBuf,
    appended: usize,
}

impl PastLines {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, appended: 0 }
    }

    /// Returns the entries in the file, the oldest first. If there is no file, it is made.
    pub(super) fn load(&self) -> io::Result<Vec<String>> {
        let mut file = open(&self.path)?;
        let entries = read(&mut file)?;
        if entries.len() > 2 * MAX_ENTRIES {
            self.shorten()?;
        }
        Ok(last(&entries).map(unescape).collect())
    }

    /// Appends one entry to the file, which is shortened now and then.
    pub(super) fn append(&mut self, line: &str) -> io::Result<()> {
        let mut file = open(&self.path)?;
        // A client that shortens the file holds this lock. If one does so right now, the entry may be missing in the
        // file, because the editor does not wait for the lock.
        let _locked = file.try_lock_shared();
        file.write_all(format!("{}\n", escape(line)).as_bytes())?;
        drop(file);
        self.appended += 1;
        if self.appended.is_multiple_of(LOOK_EVERY) && read(&mut open(&self.path)?)?.len() > 2 * MAX_ENTRIES {
            self.shorten()?;
        }
        Ok(())
    }

    fn shorten(&self) -> io::Result<()> {
        let mut file = open(&self.path)?;
        // If another client is shortening the file or writing to it, this is left to the next start.
        if file.try_lock().is_err() || file.metadata()?.ino() != fs::metadata(&self.path)?.ino() {
            return Ok(());
        }
        let entries = read(&mut file)?;
        // The path may be a symbolic link, and the file may be elsewhere.
        let path = target(&self.path)?;
        // The file is made with mode 0600.
        let mut shorter = NamedTempFile::new_in(folder_of(&path))?;
        for entry in last(&entries) {
            writeln!(shorter, "{entry}")?;
        }
        shorter.as_file().sync_all()?;
        shorter.persist(&path)?;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    close_torn_line(&mut file)?;
    Ok(file)
}

/// Ends the last entry with a newline, if a full disk or a kill has cut it short.
fn close_torn_line(file: &mut File) -> io::Result<()> {
    if file.metadata()?.len() > 0 {
        let mut end = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut end)?;
        if end != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(())
}

fn read(file: &mut File) -> io::Result<Vec<String>> {
    let skipped = file.metadata()?.len().saturating_sub(MAX_BYTES);
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let whole_from = usize::from(skipped > 0);
    Ok(text.lines().skip(whole_from).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

fn last(entries: &[String]) -> impl Iterator<Item = &str> {
    entries[entries.len().saturating_sub(MAX_ENTRIES)..].iter().map(String::as_str)
}

fn escape(line: &str) -> String {
    line.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescape(entry: &str) -> String {
    let mut line = String::with_capacity(entry.len());
    let mut rest = entry.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some('n') => line.push('\n'),
                Some('r') => line.push('\r'),
                Some(other) => line.push(other),
                None => line.push('\\'),
            },
            other => line.push(other),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_lines_are_read_back_by_another_run() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("input_history");
        let mut past = PastLines::new(path.clone());
        assert!(past.load().unwrap().is_empty());
        let lines = ["hello", "a\nb\\n\\", "\\fork anna", "日本"];
        for line in lines {
            past.append(line).unwrap();
        }
        assert_eq!(PastLines::new(path.clone()).load().unwrap(), lines);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_symbolic_link_is_kept_when_the_file_is_shortened() {
        let directory = tempfile::tempdir().unwrap();
        let (path, real) = (directory.path().join("input_history"), directory.path().join("real"));
        std::os::unix::fs::symlink("real", &path).unwrap();
        let mut past = PastLines::new(path.clone());
        for n in 0..=2 * MAX_ENTRIES {
            past.append(&n.to_string()).unwrap();
        }
        assert_eq!(past.load().unwrap().len(), MAX_ENTRIES);
        assert!(path.is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap().lines().count(), MAX_ENTRIES);
    }

    #[test]
    fn a_file_that_others_can_read_is_made_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("input_history");
        fs::write(&path, "old\nhalf an ent").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let mut past = PastLines::new(path.clone());
        past.append("new").unwrap();
        assert_eq!(past.load().unwrap(), ["old", "half an ent", "new"]);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_file_stays_within_its_limit_with_two_writers() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("input_history");
        let (mut one, mut two) = (PastLines::new(path.clone()), PastLines::new(path.clone()));
        for n in 0..1600 {
            one.append(&format!("one {n}")).unwrap();
            two.append(&format!("two {n}")).unwrap();
        }
        let lines = one.load().unwrap();
        assert_eq!(lines.len(), MAX_ENTRIES);
        assert_eq!(lines.last().unwrap(), "two 1599");
        let kept = fs::read_to_string(&path).unwrap().lines().count();
        assert!(kept <= 2 * MAX_ENTRIES + 2 * LOOK_EVERY, "{kept}");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }
}
