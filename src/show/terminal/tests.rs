//! The rows that a person sees, at three widths.

use hobnob_protocol::key::PublicKey;

use super::*;
use crate::config::preferences::{Links, Notify};
use crate::session::{LinkState, Mode, SessionId};
use crate::timestamp::Timestamp;

/// The time of the messages: 2026-11-22 12:34:56 UTC.
const NOON: u64 = 1_795_350_896_000;

fn form(color: bool) -> TerminalForm {
    let now = jiff::Timestamp::from_millisecond(NOON as i64).unwrap();
    let mut form = TerminalForm::new(color, TimeZone::UTC, Preferences::default(), now);
    form.know_own(&"anna".parse().unwrap());
    form
}

fn said(from: &str, text: &str) -> Message {
    let message = Message::new(SessionId::LOBBY, None, from.parse().unwrap(), text, Timestamp(NOON));
    Message { key: Some(PublicKey::new([1; 32])), ..message }
}

fn privately(text: &str) -> Message {
    let message = Message::new(SessionId(1), Some(Mode::A), "bobby".parse().unwrap(), text, Timestamp(NOON));
    Message { key: Some(PublicKey::new([1; 32])), ..message }
}

fn text(shown: Shown) -> String {
    match shown {
        Shown::Out(text) | Shown::Err(text) => text,
        Shown::Nothing => String::new(),
    }
}

#[track_caller]
fn shows(message: Message, columns: usize, expected: &str) {
    assert_eq!(text(form(false).show(&Notice::Message(message), columns)), expected);
}

#[test]
fn a_message_begins_with_its_time_and_its_rows_are_aligned_behind_the_name() {
    shows(said("bobby", "hello"), 80, "12:34 bobby: hello\n");
    shows(
        said("bobby", "one two three four five six"),
        26,
        "12:34 bobby: one two three\n             four five six\n",
    );
    shows(said("bobby", "a\n\nb"), 80, "12:34 bobby: a\n\n             b\n");
    shows(privately("hi"), 40, "12:34 P-> <bobby> hi\n");
}

#[test]
fn wide_names_and_texts_stay_aligned() {
    shows(said("日本", "日本語 日本語"), 24, "12:34 日本: 日本語 日本\n            語\n");
    shows(said("bobby", "👍👍👍👍👍"), 20, "12:34 bobby: 👍👍👍\n        👍👍\n");
}

#[test]
fn a_replayed_message_carries_a_mark_on_every_row() {
    let old = Message { replayed: true, ..said("bobby", "a\nb") };
    shows(old, 80, "12:34│bobby: a\n     │       b\n");
}

#[test]
fn a_replayed_message_that_names_the_reader_is_marked_like_a_live_one() {
    let old = |from: &str, text: &str| Message { replayed: true, ..said(from, text) };
    shows(said("bobby", "anna: a"), 80, "12:34!bobby: anna: a\n");
    shows(old("bobby", "anna: a\nb"), 80, "12:34!bobby: anna: a\n     │       b\n");
    shows(old("anna", "I am anna"), 80, "12:34│anna: I am anna\n");
    let shown = text(form(true).show(&Notice::Message(old("bobby", "hi anna")), 80));
    assert!(shown.starts_with("\u{1b}[1;31m12:34!\u{1b}[0m"), "{shown:?}");
}

#[test]
fn the_first_message_of_another_day_follows_a_row_with_that_day() {
    let mut form = form(false);
    let day = 86_400_000;
    let old = |at| Notice::Message(Message { replayed: true, at: Timestamp(at), ..said("bobby", "x") });
    assert_eq!(text(form.show(&old(NOON - day), 80)), "── Saturday, 21 November 2026 ──\n12:34│bobby: x\n");
    assert_eq!(text(form.show(&old(NOON - day), 80)), "12:34│bobby: x\n");
    let new = Notice::Message(said("bobby", "x"));
    assert_eq!(text(form.show(&new, 80)), "── Sunday, 22 November 2026 ──\n12:34 bobby: x\n");
}

#[test]
fn times_follow_the_setting_and_one_message_never_looks_like_two() {
    let mut form = form(false);
    form.preferences.times = crate::config::preferences::Times::Off;
    let message = Notice::Message(said("bobby", "a\nbobby: b"));
    assert_eq!(text(form.show(&message, 80)), "bobby: a\n       bobby: b\n");
    form.preferences.times = crate::config::preferences::Times::Long;
    assert_eq!(text(form.show(&Notice::Message(said("bobby", "a")), 80)), "12:34:56 bobby: a\n");
}

#[test]
fn a_mention_is_marked_with_and_without_color() {
    shows(said("bobby", "hi Anna"), 80, "12:34!bobby: hi Anna\n");
    let colored = text(form(true).show(&Notice::Message(said("bobby", "hi Anna, joanna")), 80));
    assert!(colored.contains("\u{1b}[1;7mAnna\u{1b}[0m"), "{colored:?}");
    assert!(colored.contains(", joanna\n"), "{colored:?}");
}

#[test]
fn a_message_that_names_the_user_is_a_mention_for_the_second_client_too() {
    let mut form = form(false);
    form.know_own(&"anna_2".parse().unwrap());
    let message = said("bobby", "hi Anna");
    assert!(form.wants_attention(&message));
    assert_eq!(text(form.show(&Notice::Message(message), 80)), "12:34!bobby: hi Anna\n");
}

#[test]
fn only_new_messages_for_the_reader_ask_for_attention() {
    let form = form(false);
    assert!(form.wants_attention(&said("bobby", "anna?")));
    assert!(form.wants_attention(&privately("psst")));
    assert!(!form.wants_attention(&said("bobby", "hello")));
    assert!(!form.wants_attention(&said("anna", "I am anna")));
    assert!(!form.wants_attention(&Message { replayed: true, ..said("bobby", "anna?") }));
}

#[test]
fn a_notification_holds_no_sequence_of_a_stranger() {
    let mut form = form(false);
    let hostile = privately("a;b\u{7}\u{1b}]0;title\nx");
    assert_eq!(form.attention(&hostile), "\u{7}");
    form.preferences.notify = Notify::Osc777;
    let shown = form.attention(&hostile);
    assert_eq!(shown, "\u{1b}]777;notify;bobby in private;a,b␇␛]0,title␤x\u{7}");
    form.preferences.notify = Notify::Off;
    assert_eq!(form.attention(&hostile), "");
}

#[test]
fn an_action_is_shown_without_a_colon_and_only_in_the_name_of_its_author() {
    shows(said("bobby", "* bobby waves"), 80, "12:34 * bobby waves\n");
    shows(privately("* bobby waves"), 80, "12:34 P-> * bobby waves\n");
    shows(said("bobby", "* anna leaves"), 80, "12:34!bobby: * anna leaves\n");
}

#[test]
fn no_row_is_wider_than_the_terminal() {
    let long = "word ".repeat(100) + &"x".repeat(300) + "日本語".repeat(40).as_str();
    for columns in [40, 80, 200] {
        for message in [said("a-rather-long-name-of-32-letters", &long), privately(&long)] {
            let shown = text(form(false).show(&Notice::Message(message), columns));
            assert!(shown.lines().all(|row| wrap::width(row) <= columns), "{shown}");
        }
        let shown = text(form(false).show(&Notice::Notice { text: long.clone() }, columns));
        assert!(shown.lines().all(|row| wrap::width(row) <= columns && row.starts_with(">>> ")), "{shown}");
        let commands = crate::commands::help_rows(crate::commands::COMMANDS);
        let shown = text(form(false).show(&Notice::Help { commands }, columns));
        assert!(shown.lines().all(|row| wrap::width(row) <= columns), "{shown}");
    }
}

#[test]
fn help_has_one_row_for_each_command_on_80_columns() {
    let commands = crate::commands::help_rows(crate::commands::COMMANDS);
    let (count, mut groups): (usize, Vec<String>) =
        (commands.len(), commands.iter().map(|row| row.group.clone()).collect());
    groups.dedup();
    let shown = text(form(false).show(&Notice::Help { commands }, 80));
    assert_eq!(shown.lines().count(), count + groups.len() + 2, "{shown}");
}

#[test]
fn without_color_no_sequence_is_written() {
    let mut form = form(false);
    for notice in [
        Notice::Message(privately("anna")),
        Notice::Notice { text: "x".into() },
        Notice::Error(crate::show::Failure {
            code: crate::show::ErrorCode::Usage,
            text: "y".into(),
            command: None,
        }),
    ] {
        assert!(!text(form.show(&notice, 80)).contains('\u{1b}'));
    }
}

#[test]
fn a_message_of_very_many_rows_shows_the_first_rows_and_how_to_see_the_rest() {
    let long = "\n".repeat(16 * 1024);
    let shown = text(form(false).show(&Notice::Message(said("bobby", &long)), 80));
    assert_eq!(shown.lines().count(), 41);
    let told = "             … 16345 more rows: \\set rows 0, then \\history, shows all";
    assert_eq!(shown.lines().last().unwrap(), told);
    let mut form = form(false);
    form.preferences.rows = 0;
    assert_eq!(text(form.show(&Notice::Message(said("bobby", &long)), 80)).lines().count(), 16 * 1024 + 1);
    form.preferences.rows = 2;
    let three = Notice::Message(said("bobby", "a\nb\nc"));
    assert_eq!(
        text(form.show(&three, 80)).lines().count(),
        3,
        "a single hidden row is shown, because its note would take a row, too"
    );
}

#[test]
fn an_address_that_is_broken_into_rows_is_one_link() {
    let mut form = form(false);
    form.takes_links = true;
    let message = said("bobby", "see https://a.example/one/two/three, yes");
    let shown = text(form.show(&Notice::Message(message.clone()), 34));
    let rows: Vec<&str> = shown.lines().collect();
    let begin = "\u{1b}]8;id=";
    let address = ";https://a.example/one/two/three\u{1b}\\";
    let parts: Vec<&str> = shown.split(begin).skip(1).collect();
    assert!(parts.len() >= 2 && parts.iter().all(|part| part.contains(address)), "{rows:?}");
    assert_eq!(shown.matches("\u{1b}]8;;\u{1b}\\").count(), parts.len());
    let ids: std::collections::HashSet<&str> =
        parts.iter().filter_map(|part| part.split(';').next()).collect();
    assert_eq!(ids.len(), 1);
    // An address that is whole on its row needs no sequence. There is also none if the terminal does not accept it or
    // this user does not want it.
    assert!(!text(form.show(&Notice::Message(message.clone()), 80)).contains('\u{1b}'));
    form.preferences.links = Links::Off;
    assert!(!text(form.show(&Notice::Message(message.clone()), 34)).contains('\u{1b}'));
    form.preferences.links = Links::On;
    form.takes_links = false;
    assert!(text(form.show(&Notice::Message(message), 34)).contains(address));
}

#[test]
fn a_list_of_names_is_not_broken_inside_a_name() {
    let names = ["山田太郎", "佐藤花子", "鈴木一郎", "bobby"].map(|name| name.parse().unwrap());
    let users = Notice::Users { session: None, room: None, names: names.to_vec(), away: Vec::new() };
    let shown = text(form(false).show(&users, 34));
    for name in names {
        assert!(shown.lines().any(|row| row.contains(name.as_str())), "{shown}");
    }
}

#[test]
fn a_link_that_ended_for_good_is_not_said_to_reconnect() {
    let down = |for_good| Notice::Link { session: SessionId::LOBBY, state: LinkState::Down, for_good };
    let told = |for_good| form(false).show(&down(for_good), 80);
    assert_eq!(text(told(false)), ">>> the lobby is down; reconnecting\n");
    assert_eq!(told(true), Shown::Nothing);
}
