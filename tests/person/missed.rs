//! A person who was away: the program says how much was missed, shows it under a separating line, and lets it be read a
//! screen at a time.

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
        anna.sees("40 messages since ");
        anna.sees(", 1 names you: \\missed");
        anna.sees("unread");
        anna.sees("bobby: number 40");
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
