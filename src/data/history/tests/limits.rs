//! What gives way when the history is full, and how large its file may become.

use super::*;

/// Says so many long texts in a talk that they take twice the share of their class.
fn flood(history: &History, talk: &Arc<Talk>, from: &str) {
    let text = "a word of many ".repeat(500);
    for number in 1..=250 {
        history.keep(said(talk, number, from, &text));
    }
    mark_of(history, &SERVER, Reader::Person);
}

#[test]
fn a_flood_displaces_nothing_that_takes_less_space() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = History::open(folder.path(), &name("anna"), SMALLEST_SIZE).unwrap();
    let room =
        Arc::new(Talk::Log { server: SERVER, log: LogId::new([7; 16]), room: Some("tea".parse().unwrap()) });
    history.keep(said(&private(BOBBY, "bobby", 1), 1, "bobby", "something dear"));
    history.keep(said(&lobby(), 1, "bobby", "something old"));
    // Each session with this key is a talk of its own.
    for token in 2..=4 {
        flood(&history, &private(PublicKey::new([5; 32]), "carol", token), "carol");
        flood(&history, &room, "carol");
    }
    assert_eq!(found(&history, &question("something")), ["something old", "something dear"]);
    assert_eq!(history.take_trouble(), None);
    let of = |place| found(&history, &Question { place, ..Question::default() }).len();
    assert!(of(In::Private(name("carol"))) > 0 && of(In::Room("tea".parse().unwrap())) > 0);
}

#[test]
fn what_builds_that_count_no_talks_have_stored_is_counted_when_the_file_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = History::open(folder.path(), &name("anna"), SMALLEST_SIZE).unwrap();
    history.keep(said(&private(BOBBY, "bobby", 1), 1, "bobby", "something dear"));
    let carol = PublicKey::new([5; 32]);
    flood(&history, &private(carol, "carol", 2), "carol");
    drop(history);
    let sizes = || {
        let conn = file::open(folder.path()).unwrap();
        let mut statement = conn.prepare("SELECT talk, bytes FROM talk_sizes ORDER BY talk").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<rusqlite::Result<Vec<(i64, i64)>>>().unwrap()
    };
    let before = sizes();
    assert_eq!(before.len(), 2);
    // Such a build makes no table of talks' bytes, and does not write to it.
    file::open(folder.path()).unwrap().execute_batch("DROP TABLE talk_sizes").unwrap();
    let (history, _) = History::open(folder.path(), &name("anna"), SMALLEST_SIZE).unwrap();
    mark_of(&history, &SERVER, Reader::Person);
    assert_eq!(sizes(), before);
    flood(&history, &private(carol, "carol", 3), "carol");
    assert_eq!(found(&history, &question("something")), ["something dear"]);
}
