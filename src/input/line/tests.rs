//! Which line is what. The words of these tests stand for the commands and for the words of other chats.

use super::*;

struct Words;

impl Vocabulary for Words {
    fn habit(&self, word: &str) -> Option<Habit> {
        match word {
            "me" => Some(Habit::Same("me".to_owned())),
            "nick" => Some(Habit::Other("start with --name".to_owned())),
            _ => None,
        }
    }
}

const TERMINAL: Source<'static> = Source::Terminal(&Words);

#[track_caller]
fn command(line: &str, word: &str, args: &str) {
    match parse(line, Source::Pipe) {
        Line::Command(call) => assert_eq!((call.word, call.args), (word, args), "{line:?}"),
        other => panic!("{line:?} is {other:?}"),
    }
}

#[track_caller]
fn text(line: &str, expected: &str) {
    for source in [Source::Pipe, TERMINAL] {
        match parse(line, source) {
            Line::Text { said, .. } => assert_eq!(said, expected, "{line:?}"),
            other => panic!("{line:?} is {other:?}"),
        }
    }
}

#[test]
fn a_backslash_begins_a_command_and_two_a_text() {
    command("\\fork bobby", "fork", "bobby");
    command("\\sw   2  ", "sw", "2");
    command("\\?", "?", "");
    command("\\", "", "");
    text("\\\\fork bobby", "\\fork bobby");
    text("plain", "plain");
    text("  plain ", "  plain ");
}

#[test]
fn a_command_name_followed_by_other_letters_is_another_word() {
    command("\\switchfoo", "switchfoo", "");
    command("\\forkx y", "forkx", "y");
}

#[test]
fn a_line_without_visible_text_is_blank() {
    for blank in ["", "  ", "\t", "\n\n", "\u{feff}", "\u{feff} "] {
        assert_eq!(parse(blank, TERMINAL), Line::Blank);
    }
}

#[test]
fn a_paste_that_begins_with_a_command_is_neither_a_command_nor_a_text() {
    assert_eq!(parse("\\quit\nsecret", Source::Pipe), Line::CommandAndMore);
    assert_eq!(parse("/nick x\nsecret", TERMINAL), Line::CommandAndMore);
    text("one\n\\quit", "one\n\\quit");
}

#[test]
fn a_byte_order_mark_at_the_beginning_is_ignored() {
    command("\u{feff}\\fork bobby", "fork", "bobby");
    text("\u{feff}hello", "hello");
    text("\u{feff}\\\\hello", "\\hello");
    text("hel\u{feff}lo", "hel\u{feff}lo");
}

#[test]
fn a_command_with_something_invisible_in_or_before_its_word_is_not_run_or_said() {
    for before in [" ", "\t", "\u{a0}", "\u{200b}", "\u{feff}\u{feff}", "\u{2060} ", "\0", "\u{3164}", "\n"] {
        for line in [format!("{before}\\fork bobby"), format!("{before}\\\\fork"), format!("{before}\\")] {
            for source in [Source::Pipe, TERMINAL] {
                assert!(matches!(parse(&line, source), Line::Hidden { .. }), "{line:?}");
            }
            assert!(!continues(&line), "{line:?}");
        }
    }
    assert!(matches!(parse("\\\u{200b}fork bobby", Source::Pipe), Line::Hidden { .. }));
    assert!(matches!(parse("\\fork\u{ad} bobby", Source::Pipe), Line::Hidden { .. }));
    assert!(matches!(parse(" /me waves", TERMINAL), Line::Hidden { .. }));
    text(" /etc/hosts", " /etc/hosts");
}

#[test]
fn the_ranges_of_a_command_are_right() {
    let spans = |line: &'static str| match parse(line, TERMINAL) {
        Line::Command(call) | Line::Slash(call, _) => (call.head, call.argument),
        other => panic!("{other:?}"),
    };
    assert_eq!(spans("\\fo"), (0..3, None));
    assert_eq!(spans("\\fork "), (0..5, Some(6..6)));
    assert_eq!(spans("\\fork  bo b "), (0..5, Some(7..12)));
    assert_eq!(spans("/me x"), (0..3, Some(4..5)));
    assert_eq!(spans("\u{feff}\\fork x"), (3..8, Some(9..10)));
    let Line::Hidden { head } = parse(" \\fork x", TERMINAL) else { panic!("hidden") };
    assert_eq!(head, 0..6);
}

#[test]
fn a_slash_has_a_meaning_only_at_a_terminal() {
    let habit = |line| match parse(line, TERMINAL) {
        Line::Slash(_, habit) => habit,
        other => panic!("{other:?}"),
    };
    assert_eq!(habit("/me waves"), Habit::Same("me".to_owned()));
    assert_eq!(habit("/nick anna"), Habit::Other("start with --name".to_owned()));
    text("/etc/hosts", "/etc/hosts");
    text("/", "/");
    let said = |line, source| match parse(line, source) {
        Line::Text { said, escape } => (said, escape),
        other => panic!("{other:?}"),
    };
    assert_eq!(said("//nick anna", TERMINAL), ("/nick anna", Some(0..1)));
    assert_eq!(said("//nick anna", Source::Pipe), ("//nick anna", None));
    assert_eq!(said("/nick anna", Source::Pipe), ("/nick anna", None));
}

#[test]
fn a_command_that_was_typed_behind_a_refused_one_is_not_said() {
    for line in [
        "/nick\\msg anna secret",
        "/nick/me waves",
        "/me\\x",
        "/nick/nick\\msg anna secret",
        "/nickname\\me waves",
        "/n\\me waves",
        "/nick,\\me waves",
        "/nick.\\me",
        "/nick/foo\\me waves",
        "/nick, \\x \\m\u{200b}e waves",
        "/etc\\me waves",
    ] {
        assert!(matches!(parse(line, TERMINAL), Line::Slash(_, Habit::Other(_))), "{line}");
    }
    for path in
        ["/nick/etc", "/etc/nick", "/etc\\x", "/etc\\\\x", "/etc\n\\me", "see \\me", "/etc is C:\\me\\x"]
    {
        text(path, path);
    }
}

#[test]
fn a_slash_command_with_something_invisible_in_its_word_is_not_said() {
    for line in ["/m\u{200b}e waves", "/\u{ad}me", " /m\u{200b}e waves", "/nic\u{2060}k x\nsecret"] {
        assert!(matches!(parse(line, TERMINAL), Line::Hidden { .. }), "{line:?}");
    }
    text("/et\u{200b}c", "/et\u{200b}c");
}

#[test]
fn a_command_with_the_sign_of_another_keyboard_is_not_said_at_a_terminal() {
    for sign in ["¥", "₩", "＼", "／"] {
        for line in [format!("{sign}me waves"), format!("{sign}nick x\nsecret"), format!("{sign}me")] {
            assert!(
                matches!(parse(&line, TERMINAL), Line::OtherSign { sign: it, .. } if it == sign),
                "{line}"
            );
            assert!(matches!(parse(&line, Source::Pipe), Line::Text { .. }), "{line}");
        }
        assert!(matches!(parse(&format!(" {sign}me waves"), TERMINAL), Line::Hidden { .. }));
        text(&format!("{sign}500"), &format!("{sign}500"));
    }
}

#[test]
fn a_backslash_at_the_end_continues_a_text_but_not_a_command() {
    for line in ["and then\\", "\\\\text\\", "//\\", "a\nb\\", "\u{feff}a\\"] {
        assert!(continues(line), "{line:?}");
    }
    for line in ["\\fork bobby\\", "\\", "\\\\", "plain", "", "end\\\\", "\\\\\\", " \\", "\u{feff}\\x\\"] {
        assert!(!continues(line), "{line:?}");
    }
}

#[test]
fn two_backslashes_at_the_end_stand_for_one() {
    text("C:\\dir\\\\", "C:\\dir\\");
    text("three\\\\\\", "three\\\\");
    text("\\\\", "\\");
    text("\\\\\\", "\\");
    text("\\\\\\\\", "\\\\");
    command("\\alias win C:\\\\", "alias", "win C:\\\\");
}

#[test]
fn programs_may_write_a_command_without_its_backslash() {
    for line in ["fork bobby ", "\\fork  bobby", "\u{feff}\\fork bobby\n"] {
        let call = bare_command(line).unwrap();
        assert_eq!((call.word, call.args), ("fork", "bobby"), "{line:?}");
    }
    for line in ["", " fork", "\\", "\\ fork", "quit\nsecret", "\u{200b}fork bobby"] {
        assert_eq!(bare_command(line), None, "{line:?}");
    }
}

proptest::proptest! {
    #[test]
    fn every_line_can_be_parsed(line in "[\\\\/ a\u{feff}\u{200b}\n]{0,8}|\\PC*") {
        for source in [Source::Pipe, TERMINAL] {
            match parse(&line, source) {
                Line::Command(call) | Line::Slash(call, _) => {
                    assert!(line[call.head.clone()].ends_with(call.word));
                    assert!(call.argument.is_none_or(|span| line[span].trim_end() == call.args));
                }
                Line::Hidden { head } | Line::OtherSign { head, .. } => assert!(line.get(head).is_some()),
                Line::Text { said, .. } => assert!(line.contains(said) && !said.is_empty()),
                Line::Blank | Line::CommandAndMore => {}
            }
        }
        let _any = continues(&line);
    }
}
