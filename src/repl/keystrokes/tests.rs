//! What the editor gets for the bytes of a terminal, however they are split: keys, answers, pastes, and commands behind keys.

use super::*;

const ESC: &str = "\x1b[1;8x";

/// Checks what the editor gets for these bytes if nothing follows them. They are read in these parts, all at once,
/// and byte by byte.
#[track_caller]
fn check(parts: &[&[u8]], expected: &str) {
    let whole = parts.concat();
    let single: Vec<&[u8]> = whole.chunks(1).collect();
    for parts in [parts, &[whole.as_slice()], &single] {
        let (mut keys, now) = (Keystrokes::default(), Instant::now());
        let mut got: Vec<u8> = parts.iter().flat_map(|part| keys.take(part, now)).collect();
        got.extend(keys.late(now));
        assert_eq!(String::from_utf8(got).unwrap(), expected, "{parts:?}");
        assert_eq!(keys.deadline(), None);
    }
}

#[test]
fn characters_and_keys_are_handed_on_whole() {
    check(&["caf\u{e9} 日".as_bytes(), b"\r\x03\x01"], "caf\u{e9} 日\r\x03\x01");
    for key in ["A", "[A", "[1;5C", "[3~", "[3;5~", "[15~", "OP", "OM", "[[A", "[7$", "[Z", "x", "\r"] {
        check(&[format!("\x1b{key}").as_bytes()], &format!("\x1b{key}"));
    }
    check(&[b"\x1b"], ESC);
    check(&[b"\x1b\x1b"], ESC);
    check(&["\x1b\u{e9}".as_bytes()], "\x1b\u{e9}");
    check(&["\x1b¥".as_bytes()], &format!("{ESC}¥"));
    check(&[b"\x1b\x1b[A"], "\x1b\x1b[A");
    check(&[b"\x1b]"], "");
    check(&[b"\x1b]a"], "\x1b]a");
}

#[test]
fn answers_of_the_terminal_are_thrown_away() {
    for answer in [
        "\x1b[?62;22c",
        "\x1b[>0;276;0c",
        "\x1b]11;rgb:0/0/0\x1b\\",
        "\x1b]10;rgb:ff/ff/ff\x07",
        "\x1b[12;40R",
        "\x1b[?2026;2$y",
        "\x1b[<0;10;20M",
        "\x1b[<0;10;20m",
        "\x1b[M !!",
        "\x1b[I",
        "\x1b[O",
        "\x1b[8;24;80t",
        "\x1bP1$r0m\x1b\\",
        "\x1bP>|xterm(380)\x1b\\",
        "\x1b[?1u",
        "\x1b[0n",
        "\x1b[27;5;13~",
        "\x1b[201~",
        "\x1b[1;8y",
        "\x1b[1;8x",
        "\x1bO5P",
        "\x1b[97;5u",
    ] {
        check(&[b"ab", answer.as_bytes(), b"cd\r"], "abcd\r");
    }
}

#[test]
fn an_answer_without_an_end_is_dropped_after_a_while() {
    let (mut keys, now) = (Keystrokes::default(), Instant::now());
    assert_eq!(keys.take(b"\x1b]11;rgb", now), b"");
    assert_eq!(keys.deadline(), Some(now + QUIET));
    assert_eq!(keys.late(now + QUIET), b"");
    assert_eq!(keys.take(b"x", now), b"x");
    keys.take(b"\x1b]11;", now);
    assert_eq!(keys.take(&[b'0'; MOST_ANSWERED + 1], now), b"");
    assert_eq!(keys.take(b"x", now), b"x");
}

#[test]
fn only_the_byte_that_is_not_utf8_is_replaced() {
    check(&[b"caf\xe9 noir ici"], "caf\u{fffd} noir ici");
    check(&[b"caf\xe9", b"\r"], "caf\u{fffd}\r");
    check(&[b"\xe9\xa8", b"x\xff"], "\u{fffd}\u{fffd}x\u{fffd}");
    let mut keys = Keystrokes::default();
    keys.take(b"\xe9x", Instant::now());
    assert_eq!((keys.take_bad(), keys.take_bad()), (Some(0xe9), None));
}

#[test]
fn a_paste_is_handed_on_whole_and_without_escape_sequences() {
    check(&[b"a\x1b[200~one\r", b"two\x1b[201~b"], "a\x1b[200~one\rtwo\x1b[201~b");
    check(&[b"\x1b[200~a\x1b[31mb\x1b[200~c\xe9\x1b[201~"], "\x1b[200~abc\u{fffd}\x1b[201~");
    check(&[b"\x1b[200~\x1b[201~x"], "x");
}

#[test]
fn no_key_takes_the_sign_from_a_command_behind_it() {
    let nothing = String::new();
    for (key, before) in [
        ("\x1b", ESC.to_owned()),
        ("\x1b\x1b", ESC.repeat(2)),
        ("\x1b2", nothing.clone()),
        ("\x1b0", nothing.clone()),
        ("\x1b-", nothing.clone()),
        ("\x1b1\x1b2", nothing.clone()),
        ("\x1b\x1b2", ESC.to_owned()),
        ("\x1bO", nothing.clone()),
        ("\x1bO5", nothing.clone()),
        ("\x1b[", nothing.clone()),
        ("\x1b[[", nothing.clone()),
        ("\x1b[M", nothing.clone()),
        ("\x1b[1;5", nothing.clone()),
        ("\x1b[?2026;2$", nothing.clone()),
        ("\x1b\x1b[", ESC.to_owned()),
        ("\x1b\x1b[1;", ESC.to_owned()),
        ("\x1b]", "\x1b]".to_owned()),
        ("\x1bP", "\x1bP".to_owned()),
        ("\x1b_", "\x1b_".to_owned()),
        ("\x1bx", "\x1bx".to_owned()),
        ("\x18", "\x18".to_owned()),
    ] {
        for command in ["\\msg bob x\r", "/msg bob x\r", "＼msg bob x\r"] {
            if (key, command) != ("\x1b[M", "＼msg bob x\r") {
                check(&[key.as_bytes(), command.as_bytes()], &format!("{before}{command}"));
            }
        }
    }
    check(&[b"\x1b]1", b"\\msg bob x\r"], "\\msg bob x\r");
}

#[test]
fn a_paste_that_pauses_is_shown_and_goes_on() {
    let (mut keys, now) = (Keystrokes::default(), Instant::now());
    assert_eq!(keys.take(b"\x1b[200~half\r", now), b"");
    assert_eq!(keys.deadline(), Some(now + QUIET));
    assert_eq!(keys.late(now + QUIET), b"\x1b[200~half\x1b[201~");
    assert_eq!(keys.deadline(), Some(now + SILENCE));
    // Neither a single end of a line nor a part of the end mark is typed, however slowly it comes.
    let now = now + 2 * QUIET;
    assert_eq!(keys.take(b"\n\\msg bob x\r", now), b"");
    assert_eq!(keys.late(now + QUIET), b"\x1b[200~\r\n\\msg bob x\x1b[201~");
    assert_eq!(keys.take(b"\xc3", now), b"");
    assert_eq!(keys.late(now + QUIET), b"\x1b[200~\r\x1b[201~");
    assert_eq!(keys.take(b"\xa9\x1b[20", now), b"");
    assert_eq!(keys.late(now + QUIET), "\x1b[200~\u{e9}\x1b[201~".as_bytes());
    assert_eq!(keys.take(b"1~x\r", now), b"x\r");
    assert_eq!(keys.deadline(), None);
    assert_eq!(keys.take(b"typed ahead, one\rtwo\r", now), b"typed ahead, one\rtwo\r");
}

#[test]
fn a_paste_without_an_end_mark_ends_after_a_long_silence() {
    let (mut keys, now) = (Keystrokes::default(), Instant::now());
    keys.take(b"\x1b[200~half\r", now);
    keys.late(now + QUIET);
    assert_eq!(keys.late(now + SILENCE), b"\x1b[200~\r\x1b[201~");
    assert_eq!(keys.deadline(), None);
    // Keys are keys again, but lines that arrive at once are the rest of the paste.
    let now = now + SILENCE;
    assert_eq!(keys.take(b"x", now), b"x");
    assert_eq!(keys.take(b"\r", now), b"\r");
    assert_eq!(keys.take(b"more\r", now), b"");
    assert_eq!(keys.take(b"the end\x1b[201~", now), b"\x1b[200~more\rthe end\x1b[201~");
    keys.take(b"\x1b[200~half\r", now);
    keys.late(now + SILENCE);
    let later = now + SILENCE + REST;
    assert_eq!(keys.take(b"typed\r", later), b"typed\r");
    assert_eq!(
        keys.take(b"the rest of it\rand more\x1b[201~", later),
        b"\x1b[200~the rest of it\rand more\x1b[201~"
    );
}

#[test]
fn ctrl_c_ends_a_paste_and_a_paste_that_is_too_long_is_cut() {
    let (mut keys, now) = (Keystrokes::default(), Instant::now());
    keys.take(b"\x1b[200~half", now);
    assert_eq!(keys.take(b"\x03", now), b"\x1b[200~half\x1b[201~\x03");
    assert_eq!(keys.take(b"\x1b[200~half\x03", now), b"\x1b[200~half\x1b[201~\x03");
    keys.take(b"\x1b[200~", now);
    for _ in 0..300 {
        assert_eq!(keys.take(&[b'a'; 4096], now), b"");
    }
    assert_eq!(keys.take(b"\x1b[20", now), b"");
    let got = keys.take(b"1~x", now);
    assert_eq!(got.len(), PASTE_BEGINS.len() + MOST_PASTED + PASTE_ENDS.len() + 1);
    assert!(got.ends_with(b"a\x1b[201~x"));
    keys.take(b"\x1b[200~", now);
    keys.take(&[b'\r'; 2 * MOST_LINES], now);
    assert_eq!(keys.take(PASTE_ENDS, now).len(), PASTE_BEGINS.len() + MOST_LINES + PASTE_ENDS.len());
}
