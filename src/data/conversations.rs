//! What was said in private sessions, kept on this machine for `\history`: one file for each peer's
//! key, `conversations/OWN-NAME/KEY.jsonl` in the data directory, readable by its owner alone and
//! bounded in bytes and lines while it is written. Owns those files; knows nothing of sessions' links. Off with
//! `--no-history`.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hobnob_protocol::identity::create_private_dir;
use hobnob_protocol::name::{PublicKey, Text, UserName};
use serde::{Deserialize, Serialize};

use crate::data::whole_file::write_whole;
use crate::session::SessionId;

/// Lines kept when a file is cut back.
const KEPT_LINES: usize = 5_000;

/// Lines of a file; at more it is cut back.
const MOST_LINES: usize = 10_000;

/// Bytes kept when a file is cut back: [`KEPT_LINES`] of the usual length.
const KEPT_BYTES: u64 = 2 * 1024 * 1024;

/// Bytes of a file; at more it is cut back. A peer may send texts of 16 KiB as fast as the link carries them, and one
/// of control characters is six times as long in JSON.
const MOST_BYTES: u64 = 2 * KEPT_BYTES;

/// What is read back when a session opens, in bytes from the end: the screen waits for it.
const READ_BYTES: u64 = 1024 * 1024;

/// Texts that are read back when a session opens; no more are kept of a session in memory.
const READ_LINES: usize = 1000;

/// Bytes that one search reads, the newest of the conversations of lately first: more would keep the screen waiting.
const SEARCHED_BYTES: u64 = 16 * 1024 * 1024;

/// One thing that was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// When, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
    /// By whom.
    pub from: UserName,
    /// What.
    pub text: Text,
}

/// The records of this run's sessions.
#[derive(Debug, Default)]
pub struct Records {
    folder: Option<PathBuf>,
    open: HashMap<SessionId, (PathBuf, Record)>,
}

impl Records {
    /// Keeps records under `data_dir` for the user of this name.
    #[must_use]
    pub fn kept(data_dir: &Path, own: &UserName) -> Self {
        Self { folder: Some(data_dir.join("conversations").join(own.folded())), open: HashMap::new() }
    }

    /// Keeps none, and reads none.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// Opens the record of a session's peer and gives the newest of what is in it, oldest first.
    ///
    /// # Errors
    /// When the file cannot be used; the session goes on without a record.
    pub fn open(&mut self, session: SessionId, peer: &PublicKey) -> io::Result<Vec<Recorded>> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        create_private_dir(folder)?;
        let path = folder.join(format!("{peer}.jsonl"));
        let mut record = Record::open(&path)?;
        let mut newest = VecDeque::new();
        for said in said(&tail(&mut record.file, READ_BYTES)?) {
            if newest.len() == READ_LINES {
                newest.pop_front();
            }
            newest.push_back(said);
        }
        self.open.insert(session, (path, record));
        Ok(newest.into())
    }

    /// Adds what was said in a session.
    ///
    /// # Errors
    /// When the disk says no; from then on this session keeps no record.
    pub fn add(&mut self, session: SessionId, said: &Recorded) -> io::Result<()> {
        let Some((path, record)) = self.open.get_mut(&session) else { return Ok(()) };
        let written = record.add(path, said);
        if written.is_err() {
            self.open.remove(&session);
        }
        written
    }

    /// What was said with peers of whom no session is open, as far as `fits` takes it. Reads the
    /// conversations of lately, and only so much of them.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn search(&self, fits: impl Fn(&Recorded) -> bool) -> io::Result<Vec<Recorded>> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(err) => return Err(err),
        };
        let mut files: Vec<(std::time::SystemTime, PathBuf)> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|it| it == "jsonl") && !self.is_open(path))
            .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)))
            .collect();
        files.sort_by(|a, b| b.cmp(a));
        let mut found = Vec::new();
        let mut left = SEARCHED_BYTES;
        for (_, path) in files {
            // A file from before files had a bound may be longer than this one reads.
            let bytes = tail(&mut File::open(&path)?, MOST_BYTES.min(left))?;
            left -= bytes.len() as u64;
            found.extend(said(&bytes).filter(&fits));
            if left == 0 {
                break;
            }
        }
        Ok(found)
    }

    fn is_open(&self, path: &Path) -> bool {
        self.open.values().any(|(open, _)| open == path)
    }

    /// Whether anything is kept of what was said with this key.
    #[must_use]
    pub fn has(&self, peer: &PublicKey) -> bool {
        self.file_of(peer).is_some_and(|path| path.exists())
    }

    /// Removes what was said with this key. A session that is open with it keeps nothing any more.
    ///
    /// # Errors
    /// When the file cannot be removed; where there is none nothing is wrong.
    pub fn forget(&mut self, peer: &PublicKey) -> io::Result<()> {
        let Some(path) = self.file_of(peer) else { return Ok(()) };
        self.open.retain(|_, (open, _)| *open != path);
        match std::fs::remove_file(&path) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
            _ => Ok(()),
        }
    }

    fn file_of(&self, peer: &PublicKey) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(format!("{peer}.jsonl")))
    }

    /// A session is over.
    pub fn close(&mut self, session: SessionId) {
        self.open.remove(&session);
    }
}

/// A file that is written, and how many lines it has, as far as this client knows.
#[derive(Debug)]
struct Record {
    file: File,
    lines: usize,
}

impl Record {
    /// Opens a file, or makes it, and cuts it back where it is too long.
    fn open(path: &Path) -> io::Result<Self> {
        let mut file = append_to(path)?;
        if file.metadata()?.len() >= MOST_BYTES {
            return Self::cut(path);
        }
        let mut record = Self { lines: count_lines(&mut file)?, file };
        if record.lines > MOST_LINES {
            return Self::cut(path);
        }
        // A line that a kill cut short must not swallow the next one; empty lines are passed over.
        record.file.write_all(b"\n")?;
        Ok(record)
    }

    fn add(&mut self, path: &Path, said: &Recorded) -> io::Result<()> {
        let mut line = serde_json::to_vec(said).expect("what was said is JSON, and a Vec takes it");
        line.push(b'\n');
        if self.file.metadata()?.nlink() == 0 {
            // Another client has cut it back, and this file has no name any more.
            *self = Self::open(path)?;
        }
        // Other clients write it, too.
        let bytes = self.file.metadata()?.len();
        let is_full = bytes + line.len() as u64 > MOST_BYTES || self.lines >= MOST_LINES;
        if is_full {
            *self = Self::cut(path)?;
        }
        self.lines += 1;
        self.file.write_all(&line)
    }

    /// Keeps the newest lines of a file and opens it.
    fn cut(path: &Path) -> io::Result<Self> {
        let kept = tail(&mut append_to(path)?, KEPT_BYTES)?;
        let lines = kept.iter().filter(|&&byte| byte == b'\n').count();
        let dropped = lines.saturating_sub(KEPT_LINES);
        let newest: Vec<&[u8]> = kept.split_inclusive(|&byte| byte == b'\n').skip(dropped).collect();
        write_whole(path, &newest.concat())?;
        Ok(Self { file: append_to(path)?, lines: lines - dropped })
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).read(true).mode(0o600).open(path)
}

/// How many lines a file has, with no more of it in memory than a buffer.
fn count_lines(file: &mut File) -> io::Result<usize> {
    let mut buffer = [0; 64 * 1024];
    let mut lines = 0;
    file.seek(SeekFrom::Start(0))?;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(lines),
            read => lines += buffer[..read].iter().filter(|&&byte| byte == b'\n').count(),
        }
    }
}

/// The last lines of a file, whole, at most so many bytes.
fn tail(file: &mut File, most: u64) -> io::Result<Vec<u8>> {
    let skipped = file.metadata()?.len().saturating_sub(most);
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    // Another client may write meanwhile.
    file.take(most).read_to_end(&mut bytes)?;
    if skipped > 0 {
        let first = bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |newline| newline + 1);
        bytes.drain(..first);
    }
    Ok(bytes)
}

/// What lines hold; those that are not whole are passed over.
fn said(lines: &[u8]) -> impl Iterator<Item = Recorded> {
    lines.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn said(text: &str) -> Recorded {
        Recorded { at: 7, from: "anna".parse().unwrap(), text: Text::new(text).unwrap() }
    }

    fn path_of(folder: &Path, key: &PublicKey) -> PathBuf {
        folder.join(format!("conversations/bobby/{key}.jsonl"))
    }

    fn records(folder: &Path) -> Records {
        Records::kept(folder, &"bobby".parse().unwrap())
    }

    #[test]
    fn what_was_said_is_there_for_the_next_session_with_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let (session, key) = (SessionId(1), PublicKey::new([3; 32]));
        let mut first = records(folder.path());
        assert!(first.open(session, &key).unwrap().is_empty());
        first.add(session, &said("one\ntwo")).unwrap();
        let mut second = records(folder.path());
        assert_eq!(second.open(SessionId(4), &key).unwrap(), [said("one\ntwo")]);
        assert!(second.open(SessionId(5), &PublicKey::new([4; 32])).unwrap().is_empty());
        let path = folder.path().join(format!("conversations/bobby/{key}.jsonl"));
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_line_cut_short_loses_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let (session, key) = (SessionId(1), PublicKey::new([3; 32]));
        let mut first = records(folder.path());
        first.open(session, &key).unwrap();
        first.add(session, &said("whole")).unwrap();
        first.open.get_mut(&session).unwrap().1.file.write_all(b"{\"at\":1,\"fro").unwrap();
        let mut second = records(folder.path());
        second.open(session, &key).unwrap();
        second.add(session, &said("after")).unwrap();
        assert_eq!(records(folder.path()).open(session, &key).unwrap(), [said("whole"), said("after")]);
    }

    #[test]
    fn a_long_record_is_cut_back_to_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let (session, key) = (SessionId(1), PublicKey::new([3; 32]));
        let mut first = records(folder.path());
        first.open(session, &key).unwrap();
        let mut most = 0;
        for number in 0..=MOST_LINES + KEPT_LINES {
            first.add(session, &said(&number.to_string())).unwrap();
            most = most.max(first.open[&session].1.lines);
        }
        assert_eq!(most, MOST_LINES);
        let path = path_of(folder.path(), &key);
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!((KEPT_LINES..=MOST_LINES).contains(&lines), "{lines}");
        let newest = records(folder.path()).open(session, &key).unwrap();
        let last = said(&(MOST_LINES + KEPT_LINES).to_string());
        assert_eq!((newest.len(), newest.last()), (READ_LINES, Some(&last)));
    }

    #[test]
    fn a_flood_of_the_longest_lines_never_makes_a_file_longer_than_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let (session, key) = (SessionId(1), PublicKey::new([3; 32]));
        let path = path_of(folder.path(), &key);
        // Two clients of one user write the same file.
        let mut clients = [records(folder.path()), records(folder.path())];
        clients.iter_mut().for_each(|client| drop(client.open(session, &key).unwrap()));
        let longest = said(&"\u{1}".repeat(hobnob_protocol::MAX_TEXT_BYTES));
        for number in 0..150 {
            clients[number % 2].add(session, &longest).unwrap();
            let bytes = std::fs::metadata(&path).unwrap().len();
            assert!(bytes <= MOST_BYTES, "{bytes}");
        }
        clients[0].add(session, &said("one")).unwrap();
        clients[1].add(session, &said("two")).unwrap();
        let newest = records(folder.path()).open(session, &key).unwrap();
        assert!(newest.ends_with(&[said("one"), said("two")]));
        assert!(
            newest.len() as u64 <= READ_BYTES / hobnob_protocol::MAX_TEXT_BYTES as u64,
            "{}",
            newest.len()
        );
    }

    #[test]
    fn a_file_from_before_there_was_a_bound_is_cut_back_and_read_from_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let (session, key) = (SessionId(1), PublicKey::new([3; 32]));
        records(folder.path()).open(session, &key).unwrap();
        let path = path_of(folder.path(), &key);
        // A hole takes no disk: a gigabyte of nothing, and one line.
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(1 << 30).unwrap();
        let mut line = serde_json::to_vec(&said("newest")).unwrap();
        line.push(b'\n');
        line.insert(0, b'\n');
        append_to(&path).unwrap().write_all(&line).unwrap();
        assert_eq!(records(folder.path()).search(|_| true).unwrap(), [said("newest")]);
        assert_eq!(records(folder.path()).open(session, &key).unwrap(), [said("newest")]);
        assert!(std::fs::metadata(&path).unwrap().len() <= MOST_BYTES);
    }

    #[test]
    fn a_record_that_is_a_link_stays_one_when_it_is_cut_back() {
        let folder = tempfile::tempdir().unwrap();
        let (session, key) = (SessionId(1), PublicKey::new([3; 32]));
        let (path, real) = (path_of(folder.path(), &key), folder.path().join("real"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&real, &path).unwrap();
        let mut records = records(folder.path());
        records.open(session, &key).unwrap();
        let long = said(&"x".repeat(hobnob_protocol::MAX_TEXT_BYTES));
        (0..300).for_each(|_| records.add(session, &long).unwrap());
        assert!(path.is_symlink());
        assert!((1..=MOST_BYTES).contains(&std::fs::metadata(&real).unwrap().len()));
    }

    #[test]
    fn what_was_said_with_one_key_is_removed_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (gone, stays) = (PublicKey::new([3; 32]), PublicKey::new([4; 32]));
        let mut records = records(folder.path());
        for (session, key) in [(SessionId(1), &gone), (SessionId(2), &stays)] {
            records.open(session, key).unwrap();
            records.add(session, &said("hello")).unwrap();
        }
        records.forget(&gone).unwrap();
        records.add(SessionId(1), &said("more")).unwrap();
        assert!(!records.has(&gone) && records.has(&stays));
        records.forget(&gone).unwrap();
    }

    #[test]
    fn switched_off_it_keeps_and_reads_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut records = Records::off();
        assert!(records.open(SessionId(1), &PublicKey::new([3; 32])).unwrap().is_empty());
        records.add(SessionId(1), &said("secret")).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
