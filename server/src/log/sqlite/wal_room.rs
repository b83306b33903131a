//! Room at the end of the WAL, filled with zeros before it is needed. A sync of a file that has grown also writes what
//! the file system notes of the file, and waits for that; a sync of bytes that had their place before does not. SQLite
//! takes zeros for the end of the WAL. Knows nothing of what is in the WAL, and never shortens it.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;

use rusqlite::Connection;

/// A WAL that is this long belongs to a lobby in which something is said, and is worth the room.
const FIRST_AT: u64 = 256 * 1024;

/// How much room is made at once: that of a hundred texts that come singly.
const STEP: u64 = 1024 * 1024;

/// No room is made in a WAL of this length: SQLite copies it into the file and begins it anew before it is longer.
const AT_MOST: u64 = 16 * 1024 * 1024;

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Makes room in the WAL of the log's only writer.
#[derive(Debug)]
pub(super) struct WalRoom {
    /// None if no room is made, because the file cannot be written in this way or its disk is full.
    file: Option<File>,
    /// The length to which the WAL was brought. A WAL that is longer has grown by itself since then.
    until: u64,
}

impl WalRoom {
    /// For the WAL of this connection, which has it open.
    pub(super) fn of(conn: &Connection) -> Self {
        let path = conn.path().map(|path| PathBuf::from(format!("{path}-wal")));
        let file = path.and_then(|path| OpenOptions::new().write(true).open(path).ok());
        Self { file, until: 0 }
    }

    /// Makes room if the WAL has grown. The caller is in a transaction that writes, so that nobody else appends to the
    /// WAL meanwhile.
    pub(super) fn make(&mut self) {
        let Some(file) = &mut self.file else { return };
        let Ok(len) = file.metadata().map(|wal| wal.len()) else { return };
        self.until = self.until.min(len);
        if len == self.until || !(FIRST_AT..AT_MOST).contains(&len) {
            return;
        }
        let until = (len + STEP).min(AT_MOST);
        match fill(file, len, until) {
            Ok(()) => self.until = until,
            Err(err) => {
                tracing::debug!(%err, "the WAL is not lengthened in advance from now on");
                let _it_stays_longer = file.set_len(len);
                self.file = None;
            }
        }
    }
}

fn fill(file: &mut File, from: u64, until: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(from))?;
    let mut left = until - from;
    while left > 0 {
        let count = ZEROS.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        file.write_all(&ZEROS[..count])?;
        left -= count as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;
    use crate::log::suite::author::{Author, batch};
    use crate::log::{LobbyLog, SqliteLog, SqliteOptions};

    #[tokio::test]
    async fn a_wal_in_which_something_is_said_gets_room_and_no_longer_grows_with_each_text() {
        let (running, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let wal = running.path().join("lobby.sqlite-wal");
        let log = SqliteLog::open(running.path(), SqliteOptions::default()).unwrap();
        let mut author = Author::of(&log);
        let (mut short, mut long) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..140 {
            log.append(batch(author.say_many(1))).await.unwrap();
            let len = fs::metadata(&wal).unwrap().len();
            let seen = if len < FIRST_AT { &mut short } else { &mut long };
            seen.insert(len);
        }
        assert!(short.len() > 10, "at first it grows with each text: {short:?}");
        assert_eq!(long.len(), 2, "then once, by the room: {long:?}");
        assert!(long.last().unwrap() - long.first().unwrap() >= STEP);
        // As a killed server leaves it.
        for file in ["lobby.sqlite", "lobby.sqlite-wal", "lobby.head"] {
            fs::copy(running.path().join(file), left.path().join(file)).unwrap();
        }
        let after_the_kill = SqliteLog::open(left.path(), SqliteOptions::default()).unwrap();
        assert_eq!(after_the_kill.contents().head, author.head);
        after_the_kill.append(batch(author.say_many(1))).await.unwrap();
        drop(after_the_kill);
        let again = SqliteLog::open(left.path(), SqliteOptions::default()).unwrap();
        assert_eq!(again.contents().head, author.head);
    }

    #[test]
    fn a_wal_that_cannot_be_lengthened_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let wal = folder.path().join("wal");
        let len = FIRST_AT + 1;
        fs::write(&wal, vec![7; usize::try_from(len).unwrap()]).unwrap();
        let mut room = WalRoom { file: File::open(&wal).ok(), until: 0 };
        room.make();
        assert!(room.file.is_none(), "it is not tried again");
        assert_eq!(fs::metadata(&wal).unwrap().len(), len);
    }
}
