//! What a failed COMMIT leaves at the end of the WAL. SQLite writes the pages of a transaction there, then syncs them,
//! and then lengthens its index of the WAL. If one of the last two steps fails, COMMIT fails and SQLite itself forgets the
//! pages; but they are whole, and the next start would find them and take the transaction for committed. This file knows
//! the form of a WAL (<https://sqlite.org/fileformat2.html#walformat>) and nothing of what is stored.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};

use rusqlite::{Connection, TransactionBehavior};
use thiserror::Error;

/// The bytes before the first frame.
const HEADER: u64 = 32;

/// The bytes of a frame before its page.
const FRAME_HEADER: u64 = 24;

/// The beginning of each WAL; the last bit says in which order its checksums take bytes.
const MAGIC: u32 = 0x377f_0682;

/// Why it is not known whether the next start finds what is not committed.
#[derive(Debug, Error)]
pub(super) enum NotCleared {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    File(#[from] io::Error),
    #[error("another program uses the log")]
    InUse,
}

/// Overwrites whatever follows the last committed frame of the WAL, and syncs that. Then no later start finds a
/// transaction whose COMMIT has failed. Needs no room on the disk.
///
/// # Errors
/// When the WAL cannot be read or written, or when another program writes the log at this moment.
pub(super) fn clear(conn: &mut Connection) -> Result<(), NotCleared> {
    let Some(path) = conn.path().map(|path| format!("{path}-wal")) else { return Ok(()) };
    let version = data_version(conn)?;
    // This counts the frames and copies none. SQLite does not do it within a transaction.
    let committed: i64 = conn.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1))?;
    let committed = u64::try_from(committed).map_err(|_| NotCleared::InUse)?;
    // Until this transaction ends, nobody else appends to the WAL.
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if data_version(&tx)? != version {
        return Err(NotCleared::InUse);
    }
    clear_after(&mut OpenOptions::new().read(true).write(true).open(path)?, committed)?;
    tx.rollback()?;
    Ok(())
}

/// Returns a number that changes when another connection has committed.
fn data_version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.pragma_query_value(None, "data_version", |row| row.get(0))
}

fn clear_after(wal: &mut File, committed: u64) -> io::Result<()> {
    let len = wal.metadata()?.len();
    if len < HEADER {
        return Ok(());
    }
    let header: [u8; HEADER as usize] = read(wal, 0)?;
    if number(&header, 0) & !1 != MAGIC {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the WAL is damaged"));
    }
    let frame_bytes = FRAME_HEADER + u64::from(number(&header, 8));
    let place = |frame| HEADER + frame * frame_bytes;
    let is_inside = |frame| place(frame) + FRAME_HEADER <= len;
    // Frames of an earlier use of the WAL have another salt and do not count.
    let salt = &header[16..24];
    let mut end = committed;
    while is_inside(end) && read::<{ FRAME_HEADER as usize }>(wal, place(end))?[8..16] == *salt {
        end += 1;
    }
    // The first frame is overwritten in any case: if an earlier sync failed, the disk may have it although it reads as
    // overwritten.
    if end == committed && is_inside(end) {
        end += 1;
    }
    // The last frame comes first, because it has the mark of the COMMIT.
    for frame in (committed..end).rev() {
        wal.seek(SeekFrom::Start(place(frame)))?;
        wal.write_all(&[0; FRAME_HEADER as usize])?;
    }
    wal.sync_data()
}

fn read<const N: usize>(wal: &mut File, at: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    wal.seek(SeekFrom::Start(at))?;
    wal.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn number(header: &[u8; HEADER as usize], at: usize) -> u32 {
    u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}
