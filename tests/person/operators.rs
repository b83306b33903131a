//! Operators on the rendered screen: what is shown of them when a user joins and later, a text that comes back, and the
//! end of a run whose user is sent out.

use serde_json::json;

use crate::person::{Person, WIDTHS};
use crate::support::LONG_DEADLINE;
use crate::support::home::Home;
use crate::support::ruled::Ruled;

const UP: &[u8] = b"\x1b[A";

#[test]
fn a_text_that_is_not_said_is_brought_back_by_the_up_key_and_is_not_glued_to_the_next_line() {
    for columns in WIDTHS {
        let ruled = Ruled::start();
        let boss = ruled.boss();
        let mut anna = Person::join(&ruled.server, "anna", (columns, 30));
        boss.ask("\\mute anna 10m", json!({"event": "act", "kind": "mute"}));
        anna.sees("boss muted anna until");
        anna.enter("hello there");
        anna.sees("you are muted by boss until");
        anna.sees("the Up key brings it back): hello there");
        anna.sees_last("lobby>");
        anna.enter("\\msg boss a secret");
        boss.wait(json!({"event": "message", "kind": "peer", "text": "a secret"}));
        boss.ask("\\unmute anna", json!({"event": "act", "kind": "unmute"}));
        anna.sees("boss unmuted anna");
        anna.terminal.keys(UP);
        anna.sees_last("lobby> \\msg boss a secret");
        anna.terminal.keys(UP);
        anna.sees_last("lobby> hello there");
        anna.enter(", boss");
        boss.wait(json!({"event": "message", "session": 0, "text": "hello there, boss"}));
        assert_eq!(boss.lobby_texts(), ["hello there, boss"]);
    }
}

#[test]
fn several_texts_that_are_not_said_are_brought_back_the_newest_first() {
    let ruled = Ruled::start();
    let boss = ruled.boss();
    let mut anna = Person::join(&ruled.server, "anna", (140, 40));
    boss.ask("\\mute anna 10m", json!({"event": "act", "kind": "mute"}));
    anna.sees("boss muted anna until");
    anna.terminal.keys(b"one\r\\me waves\r//three\r four\r");
    let told = "the Up key brings it back";
    anna.terminal.wait_until("each refusal", |screen| screen.matches(told).count() == 4);
    for line in ["lobby>  four", "lobby> //three", "lobby> \\me waves", "lobby> one"] {
        anna.terminal.keys(UP);
        anna.terminal.wait_until(line, |screen| crate::pty::last_row(screen).starts_with(line));
    }
    assert!(boss.lobby_texts().is_empty());
}

#[test]
fn the_message_of_the_day_takes_three_rows_at_most_and_what_is_cut_off_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let motd = dir.path().join("motd");
    let long = "Be kind to one another, say what you mean, and read before you write. ".repeat(8);
    std::fs::write(&motd, format!("{long}\nthe last line\n")).unwrap();
    let ruled = Ruled::start_with(&["--motd", motd.to_str().unwrap()]);
    for columns in WIDTHS {
        let anna = Person::join(&ruled.server, "anna", (columns, 30));
        anna.sees("Be kind to one another");
        let rows = anna.rows();
        let first = rows.iter().position(|row| row.contains("Be kind to one another")).unwrap();
        assert!(rows[first + 2].trim_end().ends_with('…'), "{rows:#?}");
        assert!(rows.iter().all(|row| !row.contains("the last line")), "{rows:#?}");
    }
}

#[test]
fn a_user_who_is_sent_out_reads_by_whom_and_why_and_exits_with_3() {
    let ruled = Ruled::start();
    let boss = ruled.boss();
    let mut anna = Person::join(&ruled.server, "anna", (80, 30));
    boss.ask("\\ban anna 2h spam", json!({"event": "act", "kind": "ban"}));
    anna.sees("boss banned you from the lobby until");
    anna.sees("\\quit, and start hobnob again when the ban is over");
    anna.enter("is anybody there?");
    anna.sees("not sent (you were sent out of the lobby)");
    anna.enter("\\lobby");
    anna.sees("you are banned from the lobby until");
    for promise in ["reconnecting", "this waits", "comes back by itself"] {
        assert!(anna.rows().iter().all(|row| !row.contains(promise)), "{:#?}", anna.rows());
    }
    anna.enter("\\quit");
    assert_eq!(anna.terminal.wait_for_end().exit_code(), 3);
}

#[test]
fn a_relayed_session_of_a_banned_user_pauses_and_goes_on_when_the_ban_is_taken_back() {
    let ruled = Ruled::start();
    let (boss, home) = (ruled.boss(), Home::new());
    let anna = ruled.server.client("anna").args(["--path", "relay"]).join();
    let mut bobby = Person::join_with(&ruled.server, "bobby", (80, 30), &[("HOBNOB_PATH", "relay")], &home);
    anna.send("\\fork bobby");
    anna.wait(json!({"event": "opened", "peer": "bobby", "path": "relay"}));
    bobby.sees("anna opened private session 1 with you");
    let link_is = |state: &str| json!({"event": "link", "session": 1, "state": state});
    boss.ask("\\ban bobby 2h spam", json!({"event": "act", "kind": "ban"}));
    anna.wait(link_is("down"));
    bobby.sees("boss banned you from the lobby until");
    bobby.enter("\\sw 1");
    bobby.enter("can you hear me?");
    boss.ask("\\unban bobby", json!({"event": "act", "kind": "unban"}));
    anna.has_no(link_is("up"));
    anna.has_no(json!({"event": "message", "kind": "peer"}));
    anna.wait_within(LONG_DEADLINE, link_is("up"));
    anna.wait(json!({"event": "message", "kind": "peer", "text": "can you hear me?"}));
}

#[test]
fn operators_are_shown_their_commands_and_others_are_not() {
    let ruled = Ruled::start();
    let boss = ruled.boss();
    let mut anna = Person::join(&ruled.server, "anna", (80, 60));
    anna.enter("\\help");
    anna.sees(">>> hobnob");
    assert!(anna.rows().iter().all(|row| !row.contains("\\kick")));
    boss.ask("\\op anna", json!({"event": "act", "kind": "op"}));
    anna.sees("you are an operator now");
    anna.enter("\\clear");
    anna.enter("\\help");
    anna.sees("\\kick NAME [REASON]");
}

#[test]
fn an_operator_is_told_at_the_start_that_he_is_one_and_others_are_not() {
    for columns in WIDTHS {
        let ruled = Ruled::start();
        let told = "you are an operator here: \\help lists what operators do";
        let mut boss = Person::join_with(&ruled.server, "boss", (columns, 30), &[], ruled.boss_home());
        boss.sees(told);
        let mut anna = Person::join(&ruled.server, "anna", (columns, 30));
        // The server answers this after it has said everything that it says at the start.
        anna.enter("\\ops");
        anna.sees("by the server's settings");
        assert!(!anna.terminal.screen().contains("you are an operator"), "{}", anna.terminal.screen());
        // A user who comes back after a lost link is not told again.
        boss.enter("\\ops");
        boss.sees("by the server's settings");
        assert_eq!(boss.terminal.transcript().matches("you are an").count(), 1);
    }
}

#[test]
fn times_in_sentences_are_in_the_time_zone_of_the_reader() {
    let ruled = Ruled::start();
    let boss = ruled.boss();
    // This zone is nine hours ahead the whole year.
    let (zone, home) = ([("TZ", "Asia/Tokyo")], Home::new());
    let mut anna = Person::join_with(&ruled.server, "anna", (200, 30), &zone, &home);
    let act = boss.ask("\\ban 192.0.2.7 2h spam", json!({"event": "act", "kind": "ban"}));
    let until: jiff::Timestamp = act["until"].as_str().unwrap().parse().unwrap();
    let here = until.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(9)));
    let until = format!("until {}: spam", here.strftime("%Y-%m-%d %H:%M"));
    anna.sees(&format!("boss banned address 192.0.2.7 {until}"));
    boss.ask("\\op anna", json!({"event": "act", "kind": "op"}));
    anna.sees("you are an operator now");
    anna.enter("\\bans");
    anna.sees_row(&format!(">>> address 192.0.2.7: banned by boss at {} {until}", here_before(&here, 2)));
    anna.enter("\\mutes");
    anna.sees_row(">>> nobody is muted");
    let carl = ruled.server.join("carl");
    boss.ask("\\mute carl 2h loud", json!({"event": "act", "kind": "mute", "name": "carl"}));
    anna.sees("boss muted carl until");
    anna.enter("\\mutes");
    anna.sees(&format!(
        "carl, {}: muted by boss at {}",
        carl.fingerprint().as_str().unwrap(),
        here.strftime("%Y-")
    ));
    anna.enter("\\whois boss");
    anna.sees(&format!("in the lobby since {}", here_before(&here, 2).split(' ').next().unwrap()));
}

/// Returns the time this many hours earlier, to the minute.
fn here_before(at: &jiff::Zoned, hours: i64) -> String {
    use jiff::ToSpan;
    at.checked_sub(hours.hours()).unwrap().strftime("%Y-%m-%d %H:%M").to_string()
}
