//! Rooms on the rendered screen: which room a line is for, what is unread in each room, and what comes back in the next
//! run.

use serde_json::json;

use crate::person::{Person, WIDTHS};
use crate::pty::last_row;
use crate::support::home::Home;
use crate::support::server::Server;

/// The key that switches to the previous session, by number.
const ALT_UP: &[u8] = b"\x1b[1;3A";

/// The key that switches to the next session.
const ALT_DOWN: &[u8] = b"\x1b[1;3B";

#[test]
fn prompt_texts_and_lists_name_the_room() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        let mut anna = Person::join(&server, "anna", (columns, 40));
        anna.enter("\\join tea");
        anna.sees("you are in #tea: session 1");
        anna.sees_last("1 #tea>");
        bobby.enter("tea");
        anna.sees("bobby joined #tea");
        anna.enter("who wants tea?");
        anna.sees_row("* #tea anna: who wants tea?");
        bobby.wait(json!({"event": "message", "room": "tea", "text": "who wants tea?"}));
        bobby.say("me, anna");
        anna.sees_row("*!#tea bobby: me, anna");
        bobby.ask("\\topic Green, mostly", json!({"event": "topic"}));
        anna.sees("#tea: Green, mostly (set by bobby)");
        anna.enter("\\users");
        anna.sees("in #tea (2): anna bobby");
        anna.enter("\\ss");
        anna.sees("* 1 #tea (up)");
        anna.enter("\\rooms");
        anna.sees("#tea (2): Green, mostly");
        anna.enter("\\leave");
        anna.sees("session 1 with #tea is over: you left it");
        anna.sees_last("lobby>");
    }
}

#[test]
fn unread_messages_of_a_room_are_counted_and_shown_when_the_user_goes_there() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let bobby = server.join("bobby");
        bobby.enter("tea");
        let mut anna = Person::join(&server, "anna", (columns, 40));
        anna.enter("\\join #tea");
        // The prompt names the room at once. What is said before she is there is no unread message.
        anna.sees("you are in #tea: session 1");
        anna.sees_last("1 #tea>");
        anna.enter("\\lobby");
        anna.sees_last("lobby>");
        (1..=3).for_each(|number| drop(bobby.say(&format!("number {number}"))));
        anna.sees_last("lobby (1:3)>");
        anna.enter("\\clear");
        anna.sees_last("lobby (1:3)>");
        anna.enter("\\sw tea");
        anna.sees("3 unread in #tea");
        anna.sees("#tea bobby: number 1");
        anna.sees_last("1 #tea>");
    }
}

#[test]
fn a_draft_waits_in_its_room() {
    let server = Server::start(&[]);
    let mut anna = Person::join(&server, "anna", (80, 24));
    anna.enter("\\join tea");
    anna.sees_last("1 #tea>");
    anna.terminal.type_text("half a thought");
    anna.sees_last("1 #tea> half a thought");
    anna.terminal.keys(ALT_UP);
    anna.sees_last("lobby>");
    anna.terminal.type_text("for all");
    anna.sees_last("lobby> for all");
    anna.terminal.keys(ALT_DOWN);
    anna.sees_last("1 #tea> half a thought");
    anna.terminal.keys(ALT_UP);
    anna.sees_last("lobby> for all");
}

#[test]
fn the_next_run_rejoins_the_rooms_and_tells_what_was_missed_in_each() {
    for columns in WIDTHS {
        let server = Server::start(&[]);
        let home = Home::new();
        let bobby = server.join("bobby");
        let mut anna = Person::join_with(&server, "anna", (columns, 40), &[], &home);
        for (room, number) in [("tea", 1), ("dev", 2)] {
            anna.speaks_in(number, room);
        }
        anna.enter("\\quit");
        anna.terminal.wait_for_end();
        bobby.enter("tea");
        for number in 1..=30 {
            bobby.say(&if number == 7 { "ask anna".to_owned() } else { format!("number {number}") });
        }
        let mut anna = Person::join_with(&server, "anna", (columns, 40), &[], &home);
        anna.sees("you are in #tea: session 1");
        anna.sees("you are in #dev: session 2");
        anna.sees("30 messages in #tea since ");
        anna.sees(", 1 names you: \\missed");
        anna.sees_last("lobby (1:30!)>");
        assert!(
            !anna.terminal.screen().contains("number 30"),
            "the message is only counted until the user goes to the room"
        );
        anna.enter("\\sw tea");
        anna.sees("30 unread, the newest 20 of them; \\missed reads all");
        anna.sees("#tea bobby: number 30");
        anna.enter("\\missed");
        anna.sees("#tea bobby: ask anna");
        anna.enter("here I am");
        bobby.wait(json!({"event": "message", "room": "tea", "from": "anna", "text": "here I am"}));
        anna.enter("\\sw dev");
        anna.sees_last("2 #dev>");
        anna.enter("\\leave");
        anna.sees("session 2 with #dev is over: you left it");
        anna.enter("\\quit");
        anna.terminal.wait_for_end();
        let mut anna = Person::join_with(&server, "anna", (columns, 40), &[], &home);
        anna.sees("you are in #tea: session 1");
        anna.enter("\\ss");
        anna.sees("1 #tea (up)");
        assert!(!anna.terminal.screen().contains("#dev"), "{}", anna.terminal.screen());
        assert!(!anna.terminal.screen().contains("messages in"), "{}", anna.terminal.screen());
    }
}

#[test]
fn the_user_may_switch_to_a_room_while_the_lobby_is_down_and_lines_wait_there() {
    let mut server = Server::start(&[]);
    let bobby = server.join("bobby");
    bobby.enter("tea");
    bobby.say("the room stays, for somebody has spoken in it");
    let mut anna = Person::join(&server, "anna", (80, 40));
    anna.enter("\\join tea");
    anna.sees_last("1 #tea>");
    anna.sees("you are in #tea: session 1");
    anna.enter("\\lobby");
    anna.sees_last("lobby>");
    server.kill();
    anna.sees("the lobby is down");
    anna.enter("\\sw tea");
    anna.sees_last("1 #tea>");
    anna.enter("held");
    anna.sees("the lobby is down: this waits");
    server.restart();
    anna.sees("the lobby is back");
    bobby.wait(json!({"event": "message", "room": "tea", "from": "anna", "text": "held"}));
    bobby.has_no(json!({"event": "message", "kind": "lobby", "from": "anna"}));
}

#[test]
fn tab_completes_rooms() {
    for columns in WIDTHS {
        completes_rooms(columns);
    }
}

fn completes_rooms(columns: u16) {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    let mut anna = Person::join(&server, "anna", (columns, 24));
    // This room was made after anna joined, and nobody has told her of it.
    bobby.enter("teahouse");
    while !last_row(&anna.terminal.screen()).ends_with("\\join teahouse") {
        anna.terminal.type_text("\x15\\join te");
        anna.terminal.wait_until("what is typed", |screen| last_row(screen).ends_with("\\join te"));
        // The character typed after Tab shows that the key was taken, whatever it did.
        anna.terminal.type_text("\tx");
        anna.terminal.wait_until("the key", |screen| last_row(screen).ends_with('x'));
        anna.terminal.type_text("\x7f");
        anna.terminal.wait_until("the word", |screen| !last_row(screen).ends_with('x'));
    }
    anna.sees_last("lobby> \\join teahouse");
    assert!(!anna.terminal.screen().contains("(1)"), "asking for the rooms prints nothing");
    anna.terminal.keys(b"\r");
    anna.sees_last("1 #teahouse>");
    anna.terminal.type_text("\\sw lo\t");
    anna.sees_last("1 #teahouse> \\sw lobby");
    anna.terminal.keys(b"\r");
    anna.sees_last("lobby>");
    anna.terminal.type_text("\\sw #t\t");
    anna.sees_last("lobby> \\sw #teahouse");
    anna.terminal.keys(b"\r");
    anna.sees_last("1 #teahouse>");
}

#[test]
fn messages_from_before_a_user_joined_a_room_are_not_unread_there() {
    let server = Server::start(&[]);
    let bobby = server.join("bobby");
    bobby.enter("dev");
    (1..=30).for_each(|number| drop(bobby.say(&format!("number {number}"))));
    let mut anna = Person::join(&server, "anna", (80, 40));
    // The commands are typed ahead, so the fork is done before the room has told what was said there.
    anna.terminal.type_text("\\j dev\r\\fork bobby\r");
    anna.sees("#dev bobby: number 30");
    anna.sees("session 2 with bobby is open");
    anna.sees_last("2 P-> bobby>");
    bobby.send("\\sw dev");
    bobby.say("this one is new, anna");
    anna.sees_last("2 P-> bobby (1:1!)>");
    anna.enter("\\ss");
    anna.sees("1 #dev (up, 1 unread, 1 names you)");
}

#[test]
fn the_summary_of_what_was_missed_in_many_rooms_takes_only_a_few_rows() {
    for columns in WIDTHS {
        let server = Server::start(&["--rate", "100000"]);
        let home = Home::new();
        let bobby = server.join("bobby");
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        for number in 1..=5 {
            anna.speaks_in(number, &format!("room{number}"));
        }
        anna.enter("\\quit");
        anna.terminal.wait_for_end();
        (1..=30).for_each(|number| drop(bobby.say(&format!("number {number}"))));
        for number in 1..=5 {
            bobby.enter(&format!("room{number}"));
            bobby.say(if number == 4 { "anna, the fourth" } else { "one" });
        }
        let mut anna = Person::join_with(&server, "anna", (columns, 24), &[], &home);
        anna.sees("30 messages since ");
        anna.sees("1 message in #room4 since ");
        anna.sees("3 messages in 3 more rooms");
        anna.sees("\\missed mentions shows what names you");
        anna.enter("\\missed mentions");
        anna.sees("#room4 bobby: anna, the fourth");
        // If all unread messages are shown when the user goes there, they are read and not shown once more.
        anna.enter("\\sw room4");
        anna.sees("1 unread in #room4");
        anna.sees_last("4 #room4 (1:1 2:1 3:1 …)>");
        anna.enter("\\missed");
        anna.sees("10 more: \\missed");
        assert_eq!(anna.terminal.transcript().matches("anna, the fourth").count(), 2);
    }
}
