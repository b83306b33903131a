//! A person who was away: the program says how much was missed, shows it under a separating line, and lets it be read a
//! screen at a time.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;

use crate::person::{Person, WIDTHS};
use crate::support::home::Home;
use crate::support::server::Server;

#[test]
fn missed_messages_are_announced_and_read_a_screen_at_a_time() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let home = Home::new();
        let bobby = server.join("bobby");
        bobby.say("before anna");
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        anna.sees("before anna");
        anna.enter("here I am");
        anna.enter("\\quit");
        anna.terminal.wait_for_end();
        for number in 1..=40 {
            bobby.say(&if number == 3 { "ask anna".to_owned() } else { format!("number {number}") });
        }
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        anna.sees("bobby: number 40");
        // The summary stands below the messages, where it is still seen when the prompt is there.
        anna.sees("40 messages since ");
        anna.sees(", 1 names you: \\missed");
        anna.sees("\\missed mentions shows what names you");
        let seen = anna.terminal.transcript();
        let [line, summary] = ["── unread ──", "40 messages since"].map(|part| seen.find(part).unwrap());
        assert!(line < summary, "{seen}");
        anna.enter("\\missed");
        anna.sees("bobby: ask anna");
        anna.sees("bobby: number 20");
        anna.sees("20 more: \\missed");
        // She leaves without another word: messages that she did not read are still there, and those that she read are
        // not.
        anna.enter("\\quit");
        anna.terminal.wait_for_end();
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        anna.sees("20 messages since ");
        anna.enter("\\missed");
        anna.sees("what follows was shown at the start, too");
        anna.sees("bobby: number 21");
        anna.sees("that is all you missed");
        anna.enter("\\missed");
        anna.sees("nothing that you missed is left");
        anna.enter("\\quit");
        anna.terminal.wait_for_end();
        bobby.say("one more");
        let anna = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        anna.sees("1 message since ");
        anna.sees("bobby: number 40");
        anna.sees("bobby: one more");
    }
}

#[test]
fn users_who_type_nothing_and_scripts_leave_messages_unread() {
    let server = Server::start(&[]);
    let home = Home::new();
    let bobby = server.join("bobby");
    let look = |home: &Home| {
        let anna = Person::join_with(&server, "anna", (80, 24), &[], home);
        anna.sees("in the lobby");
        anna
    };
    let mut first = look(&home);
    first.enter("\\quit");
    first.terminal.wait_for_end();
    bobby.say("one");
    bobby.say("two");
    for _ in 0..2 {
        let mut anna = look(&home);
        anna.sees("2 messages since ");
        anna.enter("\\quit");
        anna.terminal.wait_for_end();
    }
    server.client("anna").home(&home).run("from a script\n").ended_with(0);
    let mut anna = look(&home);
    anna.sees("2 messages since ");
    anna.enter("now I answer");
    anna.sees("now I answer");
    anna.enter("\\quit");
    anna.terminal.wait_for_end();
    bobby.say("three");
    look(&home).sees("1 message since ");
}

/// Waits until the history in this home has noted that a person has read the lobby up to this number.
#[track_caller]
fn wait_for_mark(anna: &Person, home: &Home, read: i64) {
    let history = rusqlite::Connection::open(home.data_dir().join("history.sqlite")).unwrap();
    let noted =
        || history.query_row("SELECT read FROM marks WHERE reader = 0", [], |row| row.get::<_, i64>(0));
    anna.terminal.wait_while_polling("the mark", |_| noted().is_ok_and(|noted| noted >= read));
}

#[test]
fn what_was_read_when_the_client_was_killed_is_not_missed() {
    let server = Server::start(&[]);
    let home = Home::new();
    let bobby = server.join("bobby");
    let mut anna = Person::join_with(&server, "anna", (80, 24), &[], &home);
    bobby.say("one");
    anna.sees("bobby: one");
    anna.enter("I read that");
    bobby.wait(json!({"event": "message", "text": "I read that"}));
    bobby.say("two");
    anna.sees("bobby: two");
    // This line is entered at once, so it is noted a second after the one before.
    anna.enter("and that");
    wait_for_mark(&anna, &home, 3);
    // A second client beside this one has nothing to tell either.
    let mut second = Person::join_with(&server, "anna", (80, 24), &[], &home);
    second.sees("bobby: two");
    assert!(!second.terminal.transcript().contains("since "), "{}", second.terminal.transcript());
    second.enter("\\missed");
    second.sees("nothing that you missed is left");
    second.enter("\\quit");
    second.terminal.wait_for_end();
    anna.terminal.signal(Signal::SIGKILL);
    anna.terminal.wait_for_exit(Duration::from_secs(20));
    bobby.say("three");
    let anna = Person::join_with(&server, "anna", (80, 24), &[], &home);
    anna.sees("1 message since ");
    anna.sees("bobby: three");
}

#[test]
fn private_messages_that_were_unread_when_the_client_was_killed_are_told_until_they_are_read() {
    let server = Server::start(&[]);
    let home = Home::new();
    let bobby = server.join("bobby");
    let mut anna = Person::join_with(&server, "anna", (80, 24), &[], &home);
    anna.enter("\\msg bobby are you there?");
    bobby.wait(json!({"event": "message", "text": "are you there?"}));
    bobby.send("\\sw 1");
    (1..=3).for_each(|number| drop(bobby.say(&format!("answer {number}"))));
    let history = rusqlite::Connection::open(home.data_dir().join("history.sqlite")).unwrap();
    let kept = || history.query_row("SELECT count(*) FROM messages WHERE side = 1", [], |row| row.get(0));
    anna.terminal.wait_while_polling("three answers", |_| kept() == Ok(3));
    anna.terminal.signal(Signal::SIGKILL);
    anna.terminal.wait_for_exit(Duration::from_secs(20));
    let mut anna = Person::join_with(&server, "anna", (80, 24), &[], &home);
    anna.sees("3 messages of bobby that you have not read: \\history ");
    // A part of them is not enough; what is told again says how many are.
    anna.enter("\\history 1 bobby");
    let told = "3 messages of bobby that you have not read";
    anna.terminal.wait_until("told twice", |screen| screen.matches(told).count() == 2);
    anna.enter("\\history 4 bobby");
    anna.sees("bobby: answer 3");
    anna.enter("\\quit");
    anna.terminal.wait_for_end();
    let anna = Person::join_with(&server, "anna", (80, 24), &[], &home);
    bobby.send("\\sw 0");
    bobby.say("are they read?");
    anna.sees("are they read?");
    assert!(!anna.terminal.transcript().contains("not read"), "{}", anna.terminal.transcript());
}

#[test]
fn a_session_shows_its_unread_messages() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 40));
        bobby.fork("anna");
        anna.sees("bobby opened private session 1");
        (1..=25).for_each(|number| drop(bobby.say(&format!("number {number}"))));
        anna.sees_last("lobby (1:25)>");
        anna.enter("\\clear");
        anna.sees_last("lobby (1:25)>");
        anna.enter("\\sw 1");
        anna.sees("25 unread, the newest 20 of them");
        anna.sees("<bobby> number 6");
        anna.sees("<bobby> number 25");
        assert!(!anna.terminal.screen().contains("number 5\n"), "{}", anna.terminal.screen());
        bobby.send("\\lobby");
        bobby.say("and here");
        anna.sees_last("1 P~> bobby (0:1)>");
        anna.enter("\\lobby");
        anna.sees("1 unread in the lobby");
    }
}

#[test]
fn a_user_who_names_or_forks_an_away_user_is_told_once() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let mut anna = Person::join(&server, "anna", (80, 24));
    bobby.ask("\\away lunch", json!({"event": "notice"}));
    bobby.say("off");
    anna.sees("bobby: off");
    anna.enter("see you, Bobby");
    anna.sees("bobby is away: lunch");
    anna.enter("\\fork bobby");
    anna.sees("session 1 with bobby is open");
    anna.enter("\\ss");
    anna.sees("P-> bobby");
    assert_eq!(anna.terminal.screen().matches("is away").count(), 1);
}

#[test]
fn mentions_are_read_page_by_page_and_walked_back() {
    for columns in WIDTHS {
        let server = Server::start(&["--rate", "100000"]);
        let home = Home::new();
        let bobby = server.join("bobby");
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        anna.speaks_in(1, "dev");
        anna.enter("\\quit");
        anna.terminal.wait_for_end();
        for number in 1..=200 {
            bobby.say(&match number {
                9 => "anna, the first".to_owned(),
                10 => "anna, the second".to_owned(),
                150 => "is anna back?".to_owned(),
                number => format!("number {number}"),
            });
        }
        bobby.enter("dev");
        bobby.say("dev one");
        bobby.say("anna: dev two");
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        anna.sees("200 messages since ");
        anna.sees(", 3 name you: \\missed");
        anna.sees("2 messages in #dev since ");
        anna.sees("\\missed mentions shows what names you");
        anna.sees_last("lobby (1:2!)>");
        anna.enter("\\missed m");
        anna.sees("bobby: anna, the second");
        anna.sees("bobby: is anna back?");
        anna.sees("#dev bobby: anna: dev two");
        anna.sees("the lines with ! name you, the others stand beside them");
        anna.sees("no further unread message names you; \\missed reads the rest");
        let shown = |number: u32| anna.terminal.screen().contains(&format!("bobby: number {number}\n"));
        let around: Vec<u32> = (1..=179).filter(|number| shown(*number)).collect();
        assert_eq!(around, [8, 11, 149, 151], "{}", anna.terminal.screen());
        anna.enter("\\clear");
        anna.enter("\\missed mentions");
        let mentions = ["anna, the second", "is anna back?", "dev two"];
        anna.terminal.wait_until("that none is left", |screen| {
            screen.contains("reads the") && !mentions.iter().any(|text| screen.contains(text))
        });
        // The mark has not moved, and all messages can still be read.
        anna.enter("\\clear");
        anna.enter("\\missed");
        anna.sees("bobby: number 1");
        anna.enter("\\clear");
        anna.enter("\\last");
        anna.sees("[#dev] bobby: anna: dev two");
        anna.sees("\\last once more goes further back");
        anna.enter("\\last");
        anna.sees("[lobby] bobby: is anna back?");
        anna.enter("\\last");
        anna.sees("[lobby] bobby: anna, the second");
        anna.enter("\\clear");
        anna.enter("\\last 2");
        anna.sees("[#dev] bobby: anna: dev two");
        anna.sees("[lobby] bobby: is anna back?");
        (0..3).for_each(|_| anna.enter("\\last"));
        anna.sees("nobody has mentioned you before that");
    }
}

#[test]
fn mentions_that_do_not_fit_follow_on_the_next_page() {
    for columns in WIDTHS {
        let server = Server::start(&["--rate", "100000"]);
        let home = Home::new();
        let bobby = server.join("bobby");
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        anna.enter("\\quit");
        anna.terminal.wait_for_end();
        for number in 1..=90 {
            bobby.say(&if number % 9 == 5 { format!("anna {number}") } else { format!("number {number}") });
        }
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        anna.sees(", 10 name you: \\missed");
        anna.enter("\\missed mentions");
        anna.sees("bobby: anna 41");
        anna.sees("the lines with ! name you");
        anna.sees("5 more name you: \\missed mentions");
        anna.enter("\\missed mentions");
        anna.sees("bobby: anna 50");
        anna.sees("bobby: anna 86");
        anna.sees("no further unread message names you; \\missed reads the rest");
        assert!(anna.terminal.screen().lines().count() <= 24 && !anna.terminal.screen().contains("anna 41"));
    }
}

#[test]
fn without_a_history_this_run_is_searched_and_nothing_is_told_as_missed() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let home = Home::new();
        let bobby = server.join("bobby");
        let arguments = ["--server", server.address(), "--name", "anna", "--no-history"];
        for run in 1..=2 {
            let mut anna = Person::start(&arguments, (columns, 24), &[], &home);
            anna.sees_last("lobby>");
            bobby.say(&format!("anna, run {run}"));
            bobby.say(&format!("and anna, once more in run {run}"));
            anna.sees(&format!("once more in run {run}"));
            assert!(!anna.terminal.transcript().contains("messages in"), "{}", anna.terminal.transcript());
            anna.enter("\\missed");
            anna.sees("\\missed: ");
            anna.enter(&format!("\\search {run}"));
            anna.sees(&format!("[lobby] bobby: anna, run {run}"));
            anna.sees(">>> 2 found");
            anna.enter("\\clear");
            anna.enter("\\last");
            anna.sees("[lobby] bobby: and anna, once more");
            anna.enter("\\last");
            anna.sees("[lobby] bobby: anna, run");
            anna.enter("\\quit");
            anna.terminal.wait_for_end();
        }
        assert!(!home.data_dir().join("history.sqlite").exists());
    }
}
