//! Tests of the history as a whole: what is stored and only once, what is found, what is removed when it is full, and
//! how it treats other files.

mod limits;
mod unread;

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use hobnob_protocol::chain::ChainHash;
use hobnob_protocol::ids::PairToken;
use hobnob_protocol::text::Text;

use super::entry::{Side, Talk, Whereabouts};
use super::question::In;
use super::*;

const SERVER: PublicKey = PublicKey::new([1; 32]);
const LOG: LogId = LogId::new([2; 16]);
const ANNA: PublicKey = PublicKey::new([3; 32]);
const BOBBY: PublicKey = PublicKey::new([4; 32]);

fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

fn open(folder: &Path) -> History {
    let (history, trouble) = History::open(folder, &name("anna"), DEFAULT_SIZE).unwrap();
    assert_eq!(trouble, None);
    history
}

fn lobby() -> Arc<Talk> {
    Arc::new(Talk::Log { server: SERVER, log: LOG, room: None })
}

fn private(other: PublicKey, called: &str, token: u8) -> Arc<Talk> {
    let token = PairToken::new([token; 16]);
    Arc::new(Talk::Private { own: ANNA, own_name: name("anna"), other, name: name(called), token })
}

fn said(talk: &Arc<Talk>, number: u64, from: &str, text: &str) -> Entry {
    let side = if matches!(**talk, Talk::Private { .. }) && from != "anna" { Side::Other } else { Side::Own };
    let key = if from == "anna" { ANNA } else { BOBBY };
    let text = Text::new(text).unwrap();
    Entry { talk: Arc::clone(talk), side, number, at: 1000 * number, from: name(from), key, text }
}

fn question(words: &str) -> Question {
    Question { words: words.to_owned(), ..Question::default() }
}

fn found(history: &History, question: &Question) -> Vec<String> {
    let (found, ..) = history.newest(question, Before::default(), 20, &|_| true).unwrap();
    found.into_iter().map(|kept| kept.text.as_str().to_owned()).collect()
}

fn mark_of(history: &History, server: &PublicKey, reader: Reader) -> Option<Mark> {
    history.marks(reader).unwrap().get(server).copied()
}

#[test]
fn a_message_from_an_old_name_with_invisible_characters_is_kept_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    let from = UserName::kept("bobby\u{3164}").unwrap();
    history.keep(Entry { from, ..said(&lobby(), 1, "bobby", "of old") });
    let (found, ..) = history.newest(&question("old"), Before::default(), 20, &|_| true).unwrap();
    assert_eq!(found.iter().map(|kept| kept.from.as_str()).collect::<Vec<_>>(), ["bobby(U+3164)"]);
}

fn everything(folder: &Path, question: &Question) -> Vec<String> {
    let mut all = Vec::new();
    each(folder, question, |kept| {
        all.push(kept.text.as_str().to_owned());
        true
    })
    .unwrap();
    all
}

#[test]
fn a_message_is_stored_once_even_if_several_clients_keep_it() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (open(folder.path()), open(folder.path()));
    let (in_lobby, in_private) = (lobby(), private(BOBBY, "bobby", 9));
    for history in [&one, &two] {
        history.keep(said(&in_lobby, 1, "bobby", "hello"));
        history.keep(said(&in_private, 1, "bobby", "psst"));
        history.keep(said(&in_private, 1, "anna", "what"));
    }
    assert_eq!(found(&one, &question("")).len(), 3);
    assert_eq!(found(&two, &question("")).len(), 3);
    let mode = std::fs::metadata(folder.path().join("history.sqlite")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop((one, two));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the WAL is removed at the end");
}

#[test]
fn stored_messages_are_found_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let talk = lobby();
    let history = open(folder.path());
    (1..=30).for_each(|number| history.keep(said(&talk, number, "bobby", &format!("number {number}"))));
    drop(history);
    let history = open(folder.path());
    let texts = found(&history, &question("number"));
    assert_eq!((texts.len(), texts[0].as_str(), texts[19].as_str()), (20, "number 11", "number 30"));
    let (_, before, more) = history.newest(&question("number"), Before::default(), 20, &|_| true).unwrap();
    assert!(more);
    let (more, _, goes_on) = history.newest(&question("number"), before, 20, &|_| true).unwrap();
    assert_eq!((more.len(), more[9].text.as_str(), goes_on), (10, "number 10", false));
}

#[test]
fn words_are_found_whole_in_any_case_and_then_by_their_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    let talk = lobby();
    for (number, text) in
        ["the Release notes", "releases", "Straße in 東京", "a-b-c", "\"quoted\" AND"].iter().enumerate()
    {
        history.keep(said(&talk, number as u64, "bobby", text));
    }
    let check =
        |words: &str, expected: &[&str]| assert_eq!(found(&history, &question(words)), expected, "{words}");
    check("release", &["the Release notes", "releases"]);
    check("notes RELEASE", &["the Release notes"]);
    check("rel not", &["the Release notes"]);
    check("京", &["Straße in 東京"]);
    check("b-c", &["a-b-c"]);
    check("\"quoted", &["\"quoted\" AND"]);
    check("notes missing", &[]);
    check("(", &[]);
}

#[test]
fn words_are_found_by_their_beginning_on_every_page() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    let (talk, beside) = (lobby(), private(BOBBY, "bobby", 1));
    let text = |number: u64| match number {
        ..=30 => format!("Relic {number}"),
        1500.. if number.is_multiple_of(40) => format!("a release, {number}"),
        _ => format!("message {number}"),
    };
    (1..=2500).for_each(|number| history.keep(said(&talk, number, "bobby", &text(number))));
    (3..=4)
        .for_each(|number| history.keep(said(&beside, number, "anna", &format!("Relic {number} is ours"))));
    let (mut pages, mut before, mut goes_on) = (Vec::new(), Before::default(), true);
    while goes_on {
        let (mut page, reached, more) = history.newest(&question("rel"), before, 20, &|_| true).unwrap();
        page.append(&mut pages);
        (pages, before, goes_on) = (page, reached, more);
    }
    let texts: Vec<String> = pages.into_iter().map(|kept| kept.text.as_str().to_owned()).collect();
    let expected = everything(folder.path(), &question("rel"));
    assert_eq!(expected.len(), 30 + 25 + 2);
    assert_eq!(texts, expected);
}

#[test]
fn a_question_is_narrowed_by_author_place_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    let room =
        Arc::new(Talk::Log { server: SERVER, log: LogId::new([7; 16]), room: Some("Tea".parse().unwrap()) });
    let (in_lobby, with_bobby, with_carol) =
        (lobby(), private(BOBBY, "bobby", 1), private(PublicKey::new([5; 32]), "Carol", 2));
    history.keep(said(&in_lobby, 1, "bobby", "lunch in the lobby"));
    history.keep(said(&room, 2, "carol", "lunch in the room"));
    history.keep(said(&with_bobby, 3, "Bobby", "lunch with bobby"));
    history.keep(said(&with_carol, 4, "Carol", "lunch with carol"));
    let check = |question: Question, expected: &[&str]| assert_eq!(found(&history, &question), expected);
    let lunch = || question("lunch");
    check(Question { from: Some(name("BOBBY")), ..lunch() }, &["lunch in the lobby", "lunch with bobby"]);
    check(Question { place: In::Lobby, ..lunch() }, &["lunch in the lobby"]);
    check(Question { place: In::Named(name("tea")), ..lunch() }, &["lunch in the room"]);
    check(Question { place: In::Named(name("carol")), ..lunch() }, &["lunch with carol"]);
    check(Question { place: In::WithKey(BOBBY), ..question("") }, &["lunch with bobby"]);
    check(Question { since: Some(3000), until: Some(4000), ..lunch() }, &["lunch with bobby"]);
    assert_eq!(history.key_of(&name("BOBBY")).unwrap(), Some(BOBBY));
    assert_eq!(history.key_of(&name("dora")).unwrap(), None);
    let kept = history.newest(
        &Question { place: In::Room("tea".parse().unwrap()), ..lunch() },
        Before::default(),
        1,
        &|_| true,
    );
    assert_eq!(kept.unwrap().0[0].place, Whereabouts::Room("Tea".parse().unwrap()));
}

#[test]
fn the_rooms_of_which_messages_are_stored_are_listed_once_each() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(rooms(folder.path()).unwrap(), [], "there is no history yet");
    let history = open(folder.path());
    for (log, called) in [(1, "tea"), (2, "dev"), (3, "Tea")] {
        let (log, room) = (LogId::new([log; 16]), Some(called.parse().unwrap()));
        history.keep(said(&Arc::new(Talk::Log { server: SERVER, log, room }), 1, "bobby", "hello"));
    }
    history.keep(said(&private(BOBBY, "bobby", 1), 1, "bobby", "secret"));
    drop(history);
    assert_eq!(rooms(folder.path()).unwrap(), ["dev", "tea"].map(|name| name.parse().unwrap()));
}

#[test]
fn private_messages_of_another_name_on_this_machine_are_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    history.keep(said(&private(BOBBY, "bobby", 1), 1, "bobby", "secret"));
    drop(history);
    let (other, _) = History::open(folder.path(), &name("dora"), DEFAULT_SIZE).unwrap();
    assert!(found(&other, &question("secret")).is_empty());
    assert_eq!(everything(folder.path(), &question("secret")), ["secret"]);
    let dora = Question { own_name: Some(name("dora")), ..Question::default() };
    assert!(everything(folder.path(), &dora).is_empty());
}

#[test]
fn all_messages_are_listed_in_the_order_of_time() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    let (in_lobby, in_private) = (lobby(), private(BOBBY, "bobby", 1));
    for number in [5, 1, 3] {
        history.keep(said(&in_lobby, number, "bobby", &format!("lobby {number}")));
        history.keep(said(&in_private, number + 1, "bobby", &format!("private {}", number + 1)));
    }
    drop(history);
    let all = everything(folder.path(), &Question::default());
    assert_eq!(all, ["lobby 1", "private 2", "lobby 3", "private 4", "lobby 5", "private 6"]);
    assert_eq!(everything(folder.path(), &question("priv")), ["private 2", "private 4", "private 6"]);
    assert!(!each(&folder.path().join("elsewhere"), &Question::default(), |_| true).unwrap());
}

#[test]
fn messages_of_a_log_are_counted_by_author_up_to_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    let (talk, room) = (lobby(), "tea".parse().unwrap());
    let tea = Arc::new(Talk::Log { server: SERVER, log: LogId::new([5; 16]), room: Some(room) });
    for number in 1..=10 {
        history.keep(said(&talk, number, if number % 3 == 0 { "anna" } else { "bobby" }, "hello"));
        history.keep(said(&tea, number, "anna", "tea"));
    }
    let counted = |numbers, most| {
        let (authors, is_written) = history.authors_of_log(&SERVER, &LOG, numbers, most).unwrap();
        assert!(is_written);
        [ANNA, BOBBY].map(|key| authors.get(&key).copied().unwrap_or(0))
    };
    assert_eq!(counted((1, 10), 100), [3, 7]);
    assert_eq!(counted((3, 6), 100), [2, 2]);
    assert_eq!(counted((3, u64::MAX), 4), [2, 2]);
    assert_eq!(counted((11, 10), 100), [0, 0]);
}

#[test]
fn a_mark_only_moves_forward_and_a_script_has_its_own_mark() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (open(folder.path()), open(folder.path()));
    let mark = |number| {
        let hash = ChainHash::new([number as u8; 32]);
        Mark { log: LOG, read: number, fetched: number, hash, at: number }
    };
    one.set_mark(SERVER, Reader::Person, mark(7));
    mark_of(&one, &SERVER, Reader::Person);
    two.set_mark(SERVER, Reader::Person, mark(5));
    two.set_mark(SERVER, Reader::Script, mark(9));
    assert_eq!(mark_of(&two, &SERVER, Reader::Person), Some(mark(7)));
    assert_eq!(mark_of(&one, &SERVER, Reader::Script), Some(mark(9)));
    assert_eq!(mark_of(&one, &ANNA, Reader::Person), None);
    // The messages up to 8 were fetched, but not read.
    one.set_mark(SERVER, Reader::Person, Mark { read: 0, ..mark(8) });
    assert_eq!(mark_of(&one, &SERVER, Reader::Person), Some(Mark { read: 7, at: 7, ..mark(8) }));
    // This user comes back later, and nothing was said meanwhile.
    one.set_mark(SERVER, Reader::Person, Mark { at: 20, ..mark(7) });
    assert_eq!(mark_of(&one, &SERVER, Reader::Person), Some(Mark { read: 7, at: 20, ..mark(8) }));
    // This is what happens when the server's log was put back to an older state.
    one.begin_mark(SERVER, Reader::Person, mark(3));
    assert_eq!(mark_of(&one, &SERVER, Reader::Person), Some(mark(3)));
    // This is what happens when the server has begun a new log.
    let anew = Mark { log: LogId::new([9; 16]), at: 30, ..mark(1) };
    one.set_mark(SERVER, Reader::Person, anew);
    assert_eq!(mark_of(&one, &SERVER, Reader::Person), Some(anew));
}

#[test]
fn the_oldest_public_messages_are_removed_and_private_ones_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = History::open(folder.path(), &name("anna"), SMALLEST_SIZE).unwrap();
    history.keep(said(&private(BOBBY, "bobby", 1), 1, "bobby", "kept for ever"));
    let talk = lobby();
    let text = |number: u64| format!("{number} {}", "word after word which nobody reads ".repeat(4));
    let count = 40_000;
    for number in 1..=count {
        history.keep(said(&talk, number, "bobby", &text(number)));
        if number % 5_000 == 0 {
            mark_of(&history, &SERVER, Reader::Person);
        }
    }
    assert_eq!(found(&history, &question("ever")), ["kept for ever"]);
    assert_eq!(history.take_trouble(), None);
    drop(history);
    let size = std::fs::metadata(folder.path().join("history.sqlite")).unwrap().len();
    assert!(size < SMALLEST_SIZE, "{size} bytes");
    let all = everything(folder.path(), &question("nobody"));
    assert!(all.len() > 3_000 && all.last() == Some(&text(count)), "{} messages are kept", all.len());
    let gone = everything(folder.path(), &question("1"));
    assert!(!gone.contains(&text(1)));
}

#[test]
fn files_of_earlier_builds_are_brought_over_once_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("conversations/anna");
    std::fs::create_dir_all(&kept).unwrap();
    let lines = "{\"at\":1,\"from\":\"anna\",\"text\":\"hi\"}\n{\"at\":2,\"from\":\"Bobby\",\"text\":\"ho\"}\n\n{\"at\":3,\"fro";
    let file = kept.join(format!("{BOBBY}.jsonl"));
    std::fs::write(&file, lines).unwrap();
    std::fs::write(kept.join("notes.txt"), "no talk").unwrap();
    let history = open(folder.path());
    let with_bobby = Question { place: In::Named(name("bobby")), ..Question::default() };
    assert_eq!(found(&history, &with_bobby), ["hi", "ho"]);
    assert!(!folder.path().join("conversations").exists());
    // The next lines stand for a client that was killed before it removed the file, and then for an older build that
    // began another file.
    std::fs::create_dir_all(&kept).unwrap();
    std::fs::write(&file, lines).unwrap();
    drop(history);
    let history = open(folder.path());
    assert_eq!(found(&history, &with_bobby), ["hi", "ho"]);
    std::fs::create_dir_all(&kept).unwrap();
    std::fs::write(&file, "{\"at\":9,\"from\":\"bobby\",\"text\":\"later\"}\n").unwrap();
    drop(history);
    assert_eq!(found(&open(folder.path()), &with_bobby), ["hi", "ho", "later"]);
}

#[test]
fn no_file_is_brought_over_if_one_of_them_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("conversations/anna");
    std::fs::create_dir_all(kept.join(format!("{ANNA}.jsonl"))).unwrap();
    let file = kept.join(format!("{BOBBY}.jsonl"));
    std::fs::write(&file, "{\"at\":1,\"from\":\"bobby\",\"text\":\"hi\"}\n").unwrap();
    let (history, trouble) = History::open(folder.path(), &name("anna"), DEFAULT_SIZE).unwrap();
    assert!(trouble.unwrap().contains(&ANNA.to_string()));
    assert!(file.exists() && found(&history, &question("")).is_empty());
}

#[test]
fn forgetting_a_key_removes_only_its_private_messages() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    history.keep(said(&private(BOBBY, "bobby", 1), 1, "bobby", "one"));
    history.keep(said(&private(PublicKey::new([5; 32]), "carol", 2), 1, "carol", "two"));
    history.forget(BOBBY);
    assert_eq!(found(&history, &question("")), ["two"]);
    assert!(found(&history, &question("one")).is_empty());
}

#[test]
fn a_file_that_is_not_a_history_is_refused_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    std::fs::write(&path, "no database at all, and long enough to be looked at".repeat(40)).unwrap();
    let refused = History::open(folder.path(), &name("anna"), DEFAULT_SIZE).unwrap_err().to_string();
    assert!(refused.contains("move it"), "{refused}");
    std::fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE other (x)").unwrap();
    let refused = History::open(folder.path(), &name("anna"), DEFAULT_SIZE).unwrap_err().to_string();
    assert!(refused.contains("no history"), "{refused}");
}

#[test]
fn a_failure_to_write_is_reported_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    let talk = lobby();
    // The missing table stands in for a full disk, because the writer cannot write without it.
    let other = file::open(folder.path()).unwrap();
    other.execute_batch("DROP TABLE words").unwrap();
    history.keep(said(&talk, 1, "bobby", "lost"));
    assert!(found(&history, &Question::default()).is_empty());
    assert!(history.take_trouble().is_some());
    history.keep(said(&talk, 2, "bobby", "lost, too"));
    assert!(found(&history, &Question::default()).is_empty());
    assert_eq!(history.take_trouble(), None);
}
