//! Which private messages a person has not read, over several runs.

use super::*;

fn unread(history: &History) -> Vec<(String, u64)> {
    let talks = history.unread_talks().unwrap();
    talks.into_iter().map(|talk| (talk.name.to_string(), talk.count)).collect()
}

#[test]
fn private_messages_of_others_are_unread_until_a_person_has_read_them() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    let (first, second) = (private(BOBBY, "bobby", 1), private(BOBBY, "bobby", 2));
    let carol = private(SERVER, "carol", 3);
    history.keep(said(&lobby(), 1, "bobby", "to all"));
    for number in 1..=3 {
        history.keep(said(&first, number, "bobby", "psst"));
        history.keep(said(&first, number, "anna", "what"));
    }
    assert_eq!(unread(&history), [("bobby".to_owned(), 3)]);
    history.read_talk(BOBBY, ReadUntil::Number(PairToken::new([1; 16]), 2));
    history.keep(said(&carol, 1, "carol", "hi"));
    assert_eq!(unread(&history), [("carol".to_owned(), 1), ("bobby".to_owned(), 1)]);
    history.keep(said(&second, 1, "bobby", "again"));
    assert_eq!(unread(&history), [("bobby".to_owned(), 2), ("carol".to_owned(), 1)]);
    history.read_talk(BOBBY, ReadUntil::Now);
    history.read_talk(BOBBY, ReadUntil::Number(PairToken::new([1; 16]), 1));
    drop(history);
    let history = open(folder.path());
    assert_eq!(unread(&history), [("carol".to_owned(), 1)], "marks are kept and never move back");
    history.forget(SERVER);
    history.forget(BOBBY);
    assert_eq!(unread(&history), []);
    history.keep(said(&first, 9, "bobby", "anew"));
    assert_eq!(unread(&history), [("bobby".to_owned(), 1)], "a forgotten talk begins anew");
}

#[test]
fn private_messages_that_were_kept_before_there_were_marks_count_as_read() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    let talk = private(BOBBY, "bobby", 1);
    history.keep(said(&talk, 1, "bobby", "of old"));
    drop(history);
    let conn = Connection::open(folder.path().join("history.sqlite")).unwrap();
    conn.execute_batch("DROP TABLE private_marks").unwrap();
    drop(conn);
    let history = open(folder.path());
    assert_eq!(unread(&history), []);
    history.keep(said(&talk, 2, "bobby", "new"));
    assert_eq!(unread(&history), [("bobby".to_owned(), 1)]);
}

#[test]
fn after_a_talk_was_removed_what_others_say_next_is_unread() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    let (bobby, carol) = (private(BOBBY, "bobby", 1), private(SERVER, "carol", 2));
    history.keep(said(&bobby, 1, "bobby", "of old"));
    (1..=3).for_each(|number| history.keep(said(&carol, number, "carol", "of old")));
    drop(history);
    // All of it was kept before there were marks.
    let conn = Connection::open(folder.path().join("history.sqlite")).unwrap();
    conn.execute_batch("DROP TABLE private_marks").unwrap();
    drop(conn);
    let history = open(folder.path());
    history.forget(SERVER);
    assert_eq!(unread(&history), []);
    history.keep(said(&bobby, 2, "bobby", "new"));
    history.keep(said(&carol, 4, "carol", "anew"));
    assert_eq!(unread(&history), [("carol".to_owned(), 1), ("bobby".to_owned(), 1)]);
}

#[test]
fn of_two_users_who_had_one_name_each_is_found_by_the_fingerprint() {
    let folder = tempfile::tempdir().unwrap();
    let history = open(folder.path());
    history.keep(said(&private(BOBBY, "bobby", 1), 1, "bobby", "hi"));
    history.keep(said(&private(SERVER, "Bobby", 2), 1, "Bobby", "hello"));
    history.keep(said(&private(ANNA, "carol", 3), 1, "anna", "hey"));
    history.forget(ANNA);
    assert_eq!(unread(&history), [("Bobby".to_owned(), 1), ("bobby".to_owned(), 1)]);
    assert_eq!(history.key_of(&name("bobby")).unwrap(), Some(SERVER));
    let found = |beginning: &str| history.talk_with_key(beginning).unwrap();
    let begins = |key: PublicKey| key.fingerprint().to_string()[..15].to_owned();
    assert_eq!(found(&begins(BOBBY)), Some((BOBBY, name("bobby"))));
    assert_eq!(found(&SERVER.fingerprint().to_string()), Some((SERVER, name("bobby"))));
    assert_eq!(found("SHA256:"), Some((SERVER, name("bobby"))), "the newest of several");
    assert_eq!((found(&begins(ANNA)), found("bobby")), (None, None));
}
