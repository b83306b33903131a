//! What a person sees, row by row, at three widths.

use hobnob_protocol::name::PublicKey;

use super::*;
use crate::config::preferences::Notify;
use crate::session::{Mode, SessionId};
use crate::timestamp::Timestamp;

/// 2026-11-22 12:34:56 UTC.
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
fn a_message_has_its_time_and_its_text_hangs_beside_its_name() {
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
fn a_message_of_another_day_begins_with_that_day_once() {
    let mut form = form(false);
    let day = 86_400_000;
    let old = |at| Notice::Message(Message { replayed: true, at: Timestamp(at), ..said("bobby", "x") });
    assert_eq!(text(form.show(&old(NOON - day), 80)), "── Saturday, 21 November 2026 ──\n12:34│bobby: x\n");
    assert_eq!(text(form.show(&old(NOON - day), 80)), "12:34│bobby: x\n");
    let new = Notice::Message(said("bobby", "x"));
    assert_eq!(text(form.show(&new, 80)), "── Sunday, 22 November 2026 ──\n12:34 bobby: x\n");
}

#[test]
fn times_are_as_the_user_wants_them_and_never_make_one_message_two() {
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
fn only_what_is_new_and_meant_for_the_reader_asks_for_attention() {
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
fn what_somebody_does_is_told_without_a_colon_and_only_in_their_own_name() {
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
        let shown = text(form(false).show(&Notice::say(long.as_str()), columns));
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
    assert_eq!(shown.lines().count(), count + groups.len() + 1, "{shown}");
}

#[test]
fn without_color_no_sequence_is_written() {
    let mut form = form(false);
    for notice in [
        Notice::Message(privately("anna")),
        Notice::say("x"),
        Notice::error(crate::show::ErrorCode::Usage, "y"),
    ] {
        assert!(!text(form.show(&notice, 80)).contains('\u{1b}'));
    }
}
