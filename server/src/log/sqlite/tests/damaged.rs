//! Files that were changed or cut off: the log notices it when it is opened or read.

use super::*;
use crate::log::sqlite::record::Records;

/// Changes the bytes of one record in the closed file.
fn alter(dir: &Path, seq: u64, change: impl FnOnce(&mut Vec<u8>)) {
    let conn = Connection::open(dir.join("lobby.sqlite")).unwrap();
    let (last, row): (i64, Vec<u8>) = conn
        .query_row(
            "SELECT last, records FROM log WHERE last >= ?1 ORDER BY last LIMIT 1",
            [seq as i64],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    let mut records = Records::new(&row);
    let mut from = 0;
    while records.next(Seq(seq)).unwrap().unwrap().seq != Seq(seq) {
        from = row.len() - records.rest().len();
    }
    let to = row.len() - records.rest().len();
    let mut record = row[from..to].to_vec();
    change(&mut record);
    let changed = [&row[..from], &record, &row[to..]].concat();
    conn.execute("UPDATE log SET records = ?2 WHERE last = ?1", (last, changed)).unwrap();
}

fn replace(record: &mut [u8], what: &[u8], with: &[u8]) {
    let at = record.windows(what.len()).position(|window| window == what).unwrap();
    record[at..][..with.len()].copy_from_slice(with);
}

#[track_caller]
fn damaged_at(dir: &Path, what: &str, seq: u64) {
    match try_open(dir) {
        Err(LogError::Damaged { seq: at, reason }) => {
            assert_eq!(at, Seq(seq), "{what}: {reason}");
            assert!(reason.contains("lobby.sqlite") && reason.contains("backup"), "{reason}");
        }
        other => panic!("{what}: {other:?}"),
    }
}

#[tokio::test]
async fn changes_to_the_newest_messages_are_noticed_at_the_start() {
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change, u64); 7] = [
        ("text", |record| replace(record, b"text", b"TEXT"), 1500),
        ("name", |record| replace(record, b"nn", b"n "), 1500),
        ("name that is not UTF-8", |record| replace(record, b"nn", b"n\xff"), 1500),
        ("hash", |record| *record.last_mut().unwrap() ^= 1, 1500),
        ("gone", Vec::clear, 1500),
        ("number", |record| record[7] ^= 1, 1500),
        ("doubled", |record| record.extend(record.clone()), 1501),
    ];
    for (what, change, seq) in changes {
        let folder = folder();
        log_of(folder.path(), 2000).await;
        alter(folder.path(), 1500, change);
        damaged_at(folder.path(), what, seq);
    }
    for (sql, seq) in [
        ("DELETE FROM log WHERE last > 0; UPDATE meta SET base_seq = 7", 8),
        ("UPDATE meta SET base_seq = 2000", 2001),
        ("UPDATE meta SET base_seq = -1", 0),
        ("UPDATE meta SET head_seq = 2001", 2001),
        ("UPDATE meta SET head_seq = -1", 0),
        ("UPDATE meta SET log = x'00112233445566778899aabbccddeeff'", 0),
        ("UPDATE meta SET log = x'00'", 0),
        ("UPDATE log SET last = 9223372036854775807 WHERE last = 2000", 1941),
        ("UPDATE log SET last = 1099511627775 WHERE last = 2000", 1),
        ("INSERT INTO log SELECT (7 << 40) + last, records FROM log WHERE last = 2000", 0),
        ("UPDATE log SET records = x'00' WHERE last = 2000", 2000),
    ] {
        let folder = folder();
        log_of(folder.path(), 2000).await;
        tamper(folder.path(), sql);
        damaged_at(folder.path(), sql, seq);
    }
    let folder = folder();
    log_of(folder.path(), 1).await;
    tamper(folder.path(), "DELETE FROM meta");
    refused(folder.path(), &["backup"]);
}

#[tokio::test]
async fn nothing_is_added_to_a_damaged_log_of_an_older_build() {
    let folder = folder();
    log_of(folder.path(), 2000).await;
    tamper(folder.path(), "DROP TABLE standings");
    let has_table = || {
        let conn = Connection::open(folder.path().join("lobby.sqlite")).unwrap();
        conn.table_exists(None, "standings").unwrap()
    };
    alter(folder.path(), 1500, |record| replace(record, b"text", b"TEXT"));
    damaged_at(folder.path(), "text", 1500);
    assert!(!has_table());
    alter(folder.path(), 1500, |record| replace(record, b"TEXT", b"text"));
    drop(open(folder.path()));
    assert!(has_table());
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_noticed() {
    let folder = folder();
    let log = open(folder.path());
    let mut author = Author::of(&log);
    for _ in 0..3 {
        log.append(batch(author.say_many(2))).await.unwrap();
    }
    drop(log);
    tamper(folder.path(), "DELETE FROM log WHERE last = 6");
    damaged_at(folder.path(), "the end", 5);
}

#[tokio::test]
async fn a_change_far_back_is_noticed_when_it_is_read() {
    let folder = folder();
    log_of(folder.path(), 2000).await;
    alter(folder.path(), 500, |record| replace(record, b"text", b"TEXT"));
    let log = open(folder.path());
    assert!(log.read(Seq(0), 499, usize::MAX).await.is_ok());
    let result = log.read(Seq(0), 500, usize::MAX).await;
    assert!(matches!(result, Err(LogError::Damaged { seq: Seq(500), .. })), "{result:?}");
    assert!(log.read(Seq(500), 500, usize::MAX).await.is_ok(), "what follows it can be read");
}

#[tokio::test]
async fn a_change_far_back_that_hides_whose_post_it_was_is_noticed_at_the_start() {
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change); 5] = [
        ("number", |record| record[7] ^= 1),
        ("no number", |record| record[..8].fill(0xff)),
        ("gone", Vec::clear),
        ("cut short", |record| record.truncate(100)),
        ("doubled", |record| record.extend(record.clone())),
    ];
    for (what, change) in changes {
        let folder = folder();
        log_of(folder.path(), 3000).await;
        alter(folder.path(), 500, change);
        match try_open(folder.path()) {
            Err(LogError::Damaged { seq: Seq(499..=501), reason }) => {
                assert!(reason.contains("lobby.sqlite"), "{reason}");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_damaged_file_never_causes_a_panic_and_is_never_taken_for_whole() {
    let folder = folder();
    log_of(folder.path(), 1500).await;
    let path = folder.path().join("lobby.sqlite");
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / 4096;
    for page in 0..pages {
        let mut bad = whole.clone();
        // The second byte of the garbage differs from page to page, so that many kinds of damage occur.
        for (offset, byte) in bad[page * 4096..][..64].iter_mut().enumerate() {
            *byte = (offset * 7 + page * 13) as u8 ^ 0xa5;
        }
        fs::write(&path, bad).unwrap();
        if let Ok(log) = try_open(folder.path()) {
            let _ = log.read(Seq(0), usize::MAX, usize::MAX).await;
            let _ = log.last_id(ANNA, RUN).await;
            let _ = log.append(batch(Author::of(&log).say_many(1))).await;
        }
        assert!(verify(folder.path()).is_err(), "garbage in page {page} of {pages}");

        without_side_files(folder.path());
        fs::write(&path, &whole[..page * 4096 + 100]).unwrap();
        assert!(verify(folder.path()).is_err(), "cut in page {page} of {pages}");
        // A cut in the last page is noticed only when that page is read, so opening may succeed: a crash may have left
        // the file so, with the whole page in the WAL.
        assert!(try_open(folder.path()).is_err() || page + 1 == pages, "cut in page {page} of {pages}");
        without_side_files(folder.path());
    }
}

fn without_side_files(dir: &Path) {
    for side in ["lobby.sqlite-wal", "lobby.sqlite-shm"] {
        let _ = fs::remove_file(dir.join(side));
    }
}
