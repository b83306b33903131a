//! A note beside the log of how far messages were acknowledged, in a small file of its own. When a `-wal` file is
//! damaged, cut short or gone, SQLite takes it for one that ends earlier, and the newest messages are lost without an
//! error; this note shows that. This file knows nothing of what the messages say.
//!
//! The file holds two notes of a fixed length, each a line of text with a checksum. They are written in turn, so that a
//! note that is damaged by a power cut leaves the other. A note is written after its messages are synced and before
//! they are acknowledged, and is not synced itself. So it never names more messages than the log must hold. After the
//! end of the process it names all that were acknowledged; after a power cut it may be as many seconds old as the
//! system delays writes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use hobnob_protocol::chain::{LogId, Position, Seq};
use rusqlite::Connection;

use super::{stored_form, sync};
use crate::exposed::make_private;
use crate::log::LogError;

/// The file's name in the folder of the store.
pub(super) const FILE: &str = "lobby.head";

/// The bytes of one note: what a disk writes whole or not at all.
const NOTE_BYTES: usize = 512;

const NOTES: usize = 2;

/// The word at the beginning of a note; another number stands for another form.
const KIND: &str = "hobnob-head-2";

/// The word at the beginning of a note of an earlier build, which had no rooms.
const KIND_WITHOUT_ROOMS: &str = "hobnob-head-1";

/// What a note says: which log, its newest acknowledged message, and how many messages were ever stored in rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noted {
    log: LogId,
    head: Position,
    in_rooms: u64,
}

/// The open file, for the only writer of the log.
#[derive(Debug)]
pub(super) struct HeadRecord {
    file: File,
    log: LogId,
    /// The index of the older one of the two notes, which is overwritten next.
    next: usize,
    /// Whether the last note could not be written. That was logged then.
    failed: bool,
}

impl HeadRecord {
    /// Makes a new file with `head`, in place of the old one.
    pub(super) fn begin(dir: &Path, log: LogId, head: Position, in_rooms: u64) -> Result<Self, LogError> {
        let path = dir.join(FILE);
        let failed = |err: io::Error| LogError::Write(format!("{}: {err}", path.display()));
        let note = Noted { log, head, in_rooms }.line();
        let mut making = tempfile::NamedTempFile::new_in(dir).map_err(failed)?;
        make_private(making.as_file()).map_err(failed)?;
        making.write_all(&[note, note].concat()).map_err(failed)?;
        making.as_file().sync_all().map_err(failed)?;
        let file = making.persist(&path).map_err(|err| failed(err.error))?;
        sync::sync_dir(dir).map_err(failed)?;
        Ok(Self { file, log, next: 0, failed: false })
    }

    /// Notes that everything up to `head` is in the log, and how many messages were ever stored in rooms. If writing
    /// fails, a later loss may not be noticed, but nothing else is affected; so the warning is logged only once.
    pub(super) fn note(&mut self, head: Position, in_rooms: u64) {
        let at = SeekFrom::Start((self.next * NOTE_BYTES) as u64);
        let line = Noted { log: self.log, head, in_rooms }.line();
        let written = self.file.seek(at).and_then(|_| self.file.write_all(&line));
        self.next = (self.next + 1) % NOTES;
        match written {
            Ok(()) => self.failed = false,
            Err(err) if !std::mem::replace(&mut self.failed, true) => {
                tracing::warn!(%err, "how far the log goes cannot be noted in {FILE}");
            }
            Err(_) => {}
        }
    }

    /// Makes sure that the note survives a power cut as well.
    pub(super) fn sync(&self) {
        if let Err(err) = self.file.sync_all() {
            tracing::warn!(%err, "how far the log goes could not be noted for good in {FILE}");
        }
    }
}

impl Noted {
    /// Reads what is noted in `dir`; `None` if there is no note, as beside a log of an older build.
    ///
    /// # Errors
    /// Fails with [`LogError::Read`] when the file cannot be read, or when both its notes are damaged.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, LogError> {
        let path = dir.join(FILE);
        let unreadable = |err| LogError::Read(format!("{}: {err}", path.display()));
        let mut bytes = Vec::new();
        match File::open(&path) {
            Ok(file) => file.take((NOTES * NOTE_BYTES) as u64).read_to_end(&mut bytes).map_err(unreadable)?,
            // A path that is not a folder is reported later, when the log is made there.
            Err(err) if matches!(err.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(err) => return Err(unreadable(err)),
        };
        let newest = bytes
            .chunks(NOTE_BYTES)
            .filter_map(Self::parse)
            .max_by_key(|noted| (noted.head.seq, noted.in_rooms));
        newest.map(Some).ok_or_else(|| {
            LogError::Read(format!(
                "{} is damaged, so nobody can tell whether the newest messages are still in the log; restore \
                 the log from a backup, or move that file away to go on with the messages that are there",
                path.display()
            ))
        })
    }

    /// Checks that nothing was acknowledged in a folder without a log.
    ///
    /// # Errors
    /// Fails with [`LogError::Read`] when messages were acknowledged in `dir`.
    pub(super) fn require_none(dir: &Path, log: &Path) -> Result<(), LogError> {
        match Self::read(dir)? {
            Some(noted) if noted.head.seq > Seq(0) || noted.in_rooms > 0 => Err(LogError::Read(format!(
                "{} is gone, and with it {} messages that were acknowledged; bring it back from a backup, or \
                 move {} away too to start a new, empty log",
                log.display(),
                noted.head.seq.0.saturating_add(noted.in_rooms),
                dir.join(FILE).display()
            ))),
            _ => Ok(()),
        }
    }

    /// Compares the log of `conn`, from `meta` to `head`, with what is noted in `dir`.
    ///
    /// # Errors
    /// Fails with [`LogError::Damaged`], which names the first acknowledged message that is missing and says what to do
    /// about it.
    pub(crate) fn require(
        self,
        dir: &Path,
        conn: &Connection,
        meta: &stored_form::Meta,
        head: Position,
    ) -> Result<(), LogError> {
        let Self { log, head: noted, in_rooms } = self;
        let (record, file) = (dir.join(FILE), conn.path().unwrap_or("the log's file").to_owned());
        let remedy = format!(
            "bring it back from a backup, or move {} away to go on without what is missing",
            record.display()
        );
        if log != meta.log {
            return Err(LogError::Read(format!(
                "{file} is log {}, and {} tells of log {log} with messages up to {}; {remedy}",
                meta.log,
                record.display(),
                noted.seq
            )));
        }
        if noted.seq > head.seq {
            let first = head.seq.next();
            let which = match noted.seq.0 - head.seq.0 {
                1 => "it was acknowledged and is missing".to_owned(),
                count => format!(
                    "it and those up to {}, {count} in all, were acknowledged and are missing",
                    noted.seq
                ),
            };
            let reason = format!(
                "{which} from {file}: its -wal file was damaged, cut short or removed, or it is an older copy; \
                 {remedy}"
            );
            return Err(LogError::Damaged { seq: first, reason });
        }
        let missing = in_rooms.saturating_sub(stored_form::in_rooms(conn)?);
        if missing > 0 {
            return Err(LogError::Read(format!(
                "{missing} messages of rooms were acknowledged and are missing from {file}: its -wal file was damaged, \
                 cut short or removed, or it is an older copy; {remedy}"
            )));
        }
        if noted.seq > meta.base.seq && stored_form::hash_at(conn, meta.number, noted.seq)? != noted.hash {
            let reason = format!(
                "another one was acknowledged under its number, or before it; {file} was replaced; {remedy}"
            );
            return Err(LogError::Damaged { seq: noted.seq, reason });
        }
        Ok(())
    }

    fn line(self) -> [u8; NOTE_BYTES] {
        let Self { log, head: Position { seq, hash }, in_rooms } = self;
        let said = format!("{KIND} log {log} head {:020} {hash} rooms {in_rooms:020}", seq.0);
        let line = format!("{said} check {:016x}", checksum(said.as_bytes()));
        let mut note = [b' '; NOTE_BYTES];
        note[..line.len()].copy_from_slice(line.as_bytes());
        note[NOTE_BYTES - 1] = b'\n';
        note
    }

    fn parse(note: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(note).ok()?;
        let (said, check) = line.trim_end().split_once(" check ")?;
        if u64::from_str_radix(check, 16).ok()? != checksum(said.as_bytes()) {
            return None;
        }
        let (log, seq, hash, in_rooms) = match said.split(' ').collect::<Vec<_>>()[..] {
            [KIND, "log", log, "head", seq, hash, "rooms", in_rooms] => (log, seq, hash, in_rooms),
            [KIND_WITHOUT_ROOMS, "log", log, "head", seq, hash] => (log, seq, hash, "0"),
            _ => return None,
        };
        let head = Position { seq: Seq(seq.parse().ok()?), hash: hash.parse().ok()? };
        Some(Self { log: log.parse().ok()?, head, in_rooms: in_rooms.parse().ok()? })
    }
}

/// FNV-1a with 64 bits: it notices every changed byte. It does not protect against deliberate changes.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use hobnob_protocol::chain::ChainHash;

    use super::*;

    fn path(dir: &Path) -> PathBuf {
        dir.join(FILE)
    }

    fn noted(seq: u64) -> Noted {
        Noted {
            log: LogId::new([7; 16]),
            head: Position { seq: Seq(seq), hash: ChainHash::new([seq as u8; 32]) },
            in_rooms: seq / 2,
        }
    }

    fn note(record: &mut HeadRecord, seq: u64) {
        record.note(noted(seq).head, noted(seq).in_rooms);
    }

    fn record(dir: &Path, seq: u64) -> HeadRecord {
        HeadRecord::begin(dir, noted(seq).log, noted(seq).head, noted(seq).in_rooms).unwrap()
    }

    #[test]
    fn the_last_note_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Noted::read(folder.path()).unwrap(), None);
        let mut record = record(folder.path(), 3);
        assert_eq!(Noted::read(folder.path()).unwrap(), Some(noted(3)));
        for seq in [4, 5, 7, u64::MAX] {
            note(&mut record, seq);
            assert_eq!(Noted::read(folder.path()).unwrap(), Some(noted(seq)));
        }
        assert_eq!(std::fs::metadata(path(folder.path())).unwrap().len(), (NOTES * NOTE_BYTES) as u64);
    }

    #[test]
    fn a_note_of_an_earlier_build_is_read() {
        let Noted { log, head, .. } = noted(7);
        let said = format!("{KIND_WITHOUT_ROOMS} log {log} head {:020} {}", head.seq.0, head.hash);
        let line = format!("{said} check {:016x}  \n", checksum(said.as_bytes()));
        assert_eq!(Noted::parse(line.as_bytes()), Some(Noted { in_rooms: 0, ..noted(7) }));
    }

    #[test]
    fn a_note_that_is_written_only_in_part_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = record(folder.path(), 3);
        note(&mut record, 4);
        note(&mut record, 5);
        let mut bytes = std::fs::read(path(folder.path())).unwrap();
        bytes[NOTE_BYTES + 60] ^= 1;
        std::fs::write(path(folder.path()), &bytes).unwrap();
        assert_eq!(Noted::read(folder.path()).unwrap(), Some(noted(4)));
    }

    #[test]
    fn a_note_that_cannot_be_written_leaves_the_ones_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = record(folder.path(), 3);
        record.file = File::open(path(folder.path())).unwrap();
        note(&mut record, 4);
        assert!(record.failed);
        record.file = File::options().write(true).open(path(folder.path())).unwrap();
        assert_eq!(Noted::read(folder.path()).unwrap(), Some(noted(3)));
        note(&mut record, 5);
        assert!(!record.failed);
        assert_eq!(Noted::read(folder.path()).unwrap(), Some(noted(5)));
    }

    #[test]
    fn every_flipped_bit_of_a_note_is_noticed() {
        let line = noted(1234).line();
        let text = line.trim_ascii_end().len();
        for bit in 0..text * 8 {
            let mut flipped = line;
            flipped[bit / 8] ^= 1 << (bit % 8);
            // Hexadecimal digits mean the same in upper and lower case.
            let means_the_same = flipped.eq_ignore_ascii_case(&line) && bit / 8 >= text - 16;
            assert_eq!(Noted::parse(&flipped), means_the_same.then(|| noted(1234)), "bit {bit}");
        }
    }

    #[test]
    fn a_file_without_a_note_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        for damaged in [&[][..], &[0; 1024], &[b' '; 1024], &[0xff; 5000]] {
            std::fs::write(path(folder.path()), damaged).unwrap();
            let text = Noted::read(folder.path()).unwrap_err().to_string();
            assert!(text.contains("lobby.head is damaged") && text.contains("move that file away"), "{text}");
        }
    }
}
