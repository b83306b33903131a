//! What was said in private sessions, kept on this machine for `\history`: one file for each peer's
//! key, `conversations/OWN-NAME/KEY.jsonl` in the data directory, readable by its owner alone and
//! bounded. Owns those files; knows nothing of sessions' links. Off with `--no-history`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use hobnob_protocol::identity::create_private_dir;
use hobnob_protocol::name::{PublicKey, Text, UserName};
use serde::{Deserialize, Serialize};

use crate::data::whole_file::write_whole;
use crate::session::SessionId;

/// Lines kept when a file is cut back.
const KEPT_LINES: usize = 5_000;

/// Lines at which a file is cut back, when a session with its peer opens.
const MOST_LINES: usize = 10_000;

/// Conversations that one search reads: more would keep the screen waiting.
const MOST_SEARCHED: usize = 50;

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
    open: HashMap<SessionId, (PathBuf, File)>,
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

    /// Opens the record of a session's peer and gives what is in it, oldest first.
    ///
    /// # Errors
    /// When the file cannot be used; the session goes on without a record.
    pub fn open(&mut self, session: SessionId, peer: &PublicKey) -> io::Result<Vec<Recorded>> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        create_private_dir(folder)?;
        let path = folder.join(format!("{peer}.jsonl"));
        let mut said = read(&path)?;
        if said.len() > MOST_LINES {
            said.drain(..said.len() - KEPT_LINES);
            write_whole(&path, &lines(&said))?;
        }
        let mut options = File::options();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        // A line that a kill cut short must not swallow the next one; empty lines are passed over.
        file.write_all(b"\n")?;
        self.open.insert(session, (path, file));
        Ok(said)
    }

    /// Adds what was said in a session.
    ///
    /// # Errors
    /// When the disk says no; from then on this session keeps no record.
    pub fn add(&mut self, session: SessionId, said: &Recorded) -> io::Result<()> {
        let Some((_, file)) = self.open.get_mut(&session) else { return Ok(()) };
        let written = file.write_all(&lines(std::slice::from_ref(said)));
        if written.is_err() {
            self.open.remove(&session);
        }
        written
    }

    /// What was said with peers of whom no session is open, as far as `fits` takes it. Reads the
    /// conversations of lately, and only so many of them.
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
        for (_, path) in files.into_iter().take(MOST_SEARCHED) {
            found.extend(read(&path)?.into_iter().filter(&fits));
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

fn lines(said: &[Recorded]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for it in said {
        serde_json::to_writer(&mut bytes, it).expect("what was said is JSON, and a Vec takes it");
        bytes.push(b'\n');
    }
    bytes
}

/// What a file holds; lines that are not whole are passed over.
fn read(path: &Path) -> io::Result<Vec<Recorded>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(err) => return Err(err),
    };
    let mut said = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        said.extend(serde_json::from_slice::<Recorded>(&line?).ok());
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn said(text: &str) -> Recorded {
        Recorded { at: 7, from: "anna".parse().unwrap(), text: Text::new(text).unwrap() }
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
        first.open.get_mut(&session).unwrap().1.write_all(b"{\"at\":1,\"fro").unwrap();
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
        for number in 0..=MOST_LINES {
            first.add(session, &said(&number.to_string())).unwrap();
        }
        let kept = records(folder.path()).open(session, &key).unwrap();
        assert_eq!((kept.len(), kept.last()), (KEPT_LINES, Some(&said(&MOST_LINES.to_string()))));
        assert_eq!(records(folder.path()).open(session, &key).unwrap().len(), KEPT_LINES);
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
