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

/// Returns a text of the greatest length in which no two words are the same, and none is a word of an earlier text.
/// Such texts take the most space in the index of words.
fn unlike_words(seed: &mut u64) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut letter = || {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(LETTERS[(*seed >> 59) as usize])
    };
    (0..16 * 1024).map(|at| if at % 6 == 5 { ' ' } else { letter() }).collect()
}

#[test]
fn texts_whose_words_all_differ_make_the_file_no_larger_than_it_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = History::open(folder.path(), &name("anna"), SMALLEST_SIZE).unwrap();
    history.keep(said(&private(BOBBY, "bobby", 1), 1, "bobby", "something dear"));
    let size = |file: &str| std::fs::metadata(folder.path().join(file)).map_or(0, |it| it.len());
    let (loud, in_lobby) = (private(PublicKey::new([5; 32]), "carol", 2), lobby());
    let mut seed = 1;
    for number in 1..=150 {
        history.keep(said(&loud, number, "carol", &unlike_words(&mut seed)));
        history.keep(said(&in_lobby, number, "carol", &unlike_words(&mut seed)));
        mark_of(&history, &SERVER, Reader::Person);
        let (file, wal) = (size("history.sqlite"), size("history.sqlite-wal"));
        assert!(file <= SMALLEST_SIZE && wal <= 16 * 1024 * 1024, "{number}: {file} bytes, {wal} in the WAL");
    }
    assert_eq!(found(&history, &question("something")), ["something dear"]);
    assert_eq!(history.take_trouble(), None);
    drop(history);
    let kept = everything(folder.path(), &Question::default());
    assert!(kept.len() > 20, "{} messages are kept", kept.len());
    assert!(size("history.sqlite") <= SMALLEST_SIZE);
}

#[test]
fn private_talk_does_not_give_way_for_texts_in_the_lobby_whose_words_all_differ() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = History::open(folder.path(), &name("anna"), SMALLEST_SIZE).unwrap();
    flood(&history, &private(BOBBY, "bobby", 1), "bobby");
    let kept = || {
        let place = In::Private(name("bobby"));
        history
            .newest(&Question { place, ..Question::default() }, Before::default(), 1000, &|_| true)
            .unwrap()
            .0
    };
    let before = kept();
    assert!(before.len() > 50);
    let (in_lobby, mut seed) = (lobby(), 1);
    for number in 1..=150 {
        history.keep(said(&in_lobby, number, "carol", &unlike_words(&mut seed)));
    }
    assert_eq!(kept(), before);
    assert!(found(&history, &Question { place: In::Lobby, ..Question::default() }).len() > 10);
}
