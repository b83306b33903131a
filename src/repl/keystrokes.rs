//! The bytes a terminal sends, made into what the line editor can be trusted with: whole characters,
//! whole keys, whole pastes. Pure data that is told the time; reads and writes nothing.
//!
//! Three things come over the same line as the keys. A *paste* stands between two marks, of which the
//! second may never come; it is kept here until it is whole, so that the editor never waits in the
//! middle of one. An *answer* of the terminal (what it is, its colours, the mouse, the focus) may come
//! late and is no key; it is swallowed whole. A *byte that is no UTF-8* becomes U+FFFD, which is seen.

use std::time::{Duration, Instant};

/// A lone Escape is a key of its own when nothing follows it for so long.
const ESCAPE: Duration = Duration::from_millis(50);

/// A paste, or an answer of the terminal, that is quiet for so long has lost its end. A slow line
/// stalls for less in the middle of one.
const QUIET: Duration = Duration::from_secs(1);

/// The most of one paste that is taken, in bytes: far more than a message may have, so that one that is
/// too long is told its size and can be shortened.
const MOST_PASTED: usize = 1024 * 1024;

/// The most lines of one paste. The editor counts its rows in sixteen bits.
const MOST_LINES: usize = 60_000;

/// The longest answer of a terminal, in bytes: a name of a colour or a font is far shorter.
const MOST_ANSWERED: usize = 4096;

/// So many bytes at once that hold an end of line were not typed.
const BURST: usize = 16;

const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// Ctrl-C.
const INTERRUPT: u8 = 0x03;

/// What the terminal has sent and the editor has not got yet.
#[derive(Debug, Default)]
pub(super) struct Keystrokes {
    held: Held,
    /// Since when nothing has come.
    last: Option<Instant>,
    /// A paste ended without its mark: the rest of it may still come.
    torn: bool,
    /// The first byte that was no UTF-8, until it is told.
    bad: Option<u8>,
}

/// What is not whole yet.
#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    /// The beginning of a character or of a key.
    Begun(Vec<u8>),
    /// A paste, without the mark before it.
    Pasted(Vec<u8>),
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    /// A character or a key of so many bytes.
    Key(usize),
    /// So many bytes that are nothing to the editor.
    Answer(usize),
    /// A byte that is no UTF-8.
    Bad,
    /// The mark before a paste.
    PasteBegins,
    /// More has to come to tell.
    Unfinished,
}

impl Keystrokes {
    /// Takes what came; returns what the editor gets.
    pub(super) fn take(&mut self, came: &[u8], now: Instant) -> Vec<u8> {
        self.last = Some(now);
        let mut out = Vec::new();
        // What is left of a paste whose end was late is still a paste: its ends of line send nothing.
        let typed = matches!(self.held, Held::Nothing);
        let lines = came.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
        if self.torn && typed && came.len() >= BURST && lines && !came.starts_with(b"\x1b") {
            self.held = Held::Pasted(Vec::new());
        }
        let mut came = came.to_vec();
        loop {
            match std::mem::take(&mut self.held) {
                Held::Pasted(pasted) => match self.paste(pasted, &came, &mut out) {
                    Some(rest) => came = rest,
                    None => return out,
                },
                Held::Nothing => {}
                Held::Begun(mut begun) => {
                    begun.append(&mut came);
                    came = begun;
                }
            }
            match self.keys(&came, &mut out) {
                Some(rest) => came = rest,
                None => return out,
            }
        }
    }

    /// When [`late`](Self::late) is to be called if nothing comes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let patience = match &self.held {
            Held::Nothing => return None,
            Held::Begun(begun) if begun.len() == 1 => ESCAPE,
            Held::Begun(_) | Held::Pasted(_) => QUIET,
        };
        self.last.map(|last| last + patience)
    }

    /// Nothing has come for as long as the deadline said: what is held is all there is.
    pub(super) fn late(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        match std::mem::take(&mut self.held) {
            Held::Nothing => {}
            Held::Begun(begun) => match begun.as_slice() {
                [0x1b] | [0x1b, 0x1b] => out.push(0x1b),
                // An answer that was cut short, or a key after which the editor would wait.
                [0x1b, ..] => {}
                _ => begun.iter().for_each(|byte| self.replace(*byte, &mut out)),
            },
            Held::Pasted(pasted) => {
                self.torn = true;
                self.deliver(&pasted, &mut out);
            }
        }
        out
    }

    /// A byte that was no UTF-8, the first time there was one since this was asked.
    pub(super) fn take_bad(&mut self) -> Option<u8> {
        self.bad.take()
    }

    /// Goes on with a paste. Returns what follows it, if it has ended.
    fn paste(&mut self, mut pasted: Vec<u8>, came: &[u8], out: &mut Vec<u8>) -> Option<Vec<u8>> {
        if let [text @ .., INTERRUPT] = came {
            // Struck, not pasted, where nothing follows: whoever strikes it sees a line that takes no keys.
            self.torn = true;
            pasted.extend_from_slice(text);
            self.deliver(&pasted, out);
            return Some(vec![INTERRUPT]);
        }
        // The mark may have come in two parts.
        let from = pasted.len().saturating_sub(PASTE_ENDS.len());
        pasted.extend_from_slice(came);
        let end = pasted[from..].windows(PASTE_ENDS.len()).position(|window| window == PASTE_ENDS);
        let Some(end) = end.map(|end| from + end) else {
            if pasted.len() > MOST_PASTED + PASTE_ENDS.len() {
                // What is past the bound is dropped; the end of it may be that of the mark.
                let tail = pasted.split_off(pasted.len() - PASTE_ENDS.len());
                pasted.truncate(MOST_PASTED);
                pasted.extend(tail);
            }
            self.held = Held::Pasted(pasted);
            return None;
        };
        let rest = pasted.split_off(end + PASTE_ENDS.len());
        pasted.truncate(end);
        self.torn = false;
        self.deliver(&pasted, out);
        Some(rest)
    }

    /// A whole paste, with no mark and no other sequence in it.
    fn deliver(&mut self, pasted: &[u8], out: &mut Vec<u8>) {
        let mut text = Vec::with_capacity(pasted.len());
        let mut rest = &pasted[..pasted.len().min(MOST_PASTED)];
        if let Some((end, _)) = ends_of_lines(rest).nth(MOST_LINES) {
            rest = &rest[..end];
        }
        while let Some(&first) = rest.first() {
            let length = match piece(rest) {
                Piece::Key(length) if first != 0x1b => {
                    text.extend_from_slice(&rest[..length]);
                    length
                }
                Piece::Key(length) | Piece::Answer(length) => length,
                Piece::PasteBegins => PASTE_BEGINS.len(),
                Piece::Bad => {
                    self.replace(first, &mut text);
                    1
                }
                Piece::Unfinished if first == 0x1b => 1,
                Piece::Unfinished => {
                    self.replace(first, &mut text);
                    1
                }
            };
            rest = &rest[length..];
        }
        if !text.is_empty() {
            out.extend_from_slice(PASTE_BEGINS);
            out.append(&mut text);
            out.extend_from_slice(PASTE_ENDS);
        }
    }

    /// Keys up to the end, or to the beginning of a paste: then what follows its mark is returned.
    fn keys(&mut self, came: &[u8], out: &mut Vec<u8>) -> Option<Vec<u8>> {
        let mut rest = came;
        while let Some(&first) = rest.first() {
            let length = match piece(rest) {
                Piece::Key(length) => {
                    out.extend_from_slice(&rest[..length]);
                    length
                }
                Piece::Answer(length) => length,
                Piece::Bad => {
                    self.replace(first, out);
                    1
                }
                Piece::PasteBegins => {
                    self.held = Held::Pasted(Vec::new());
                    return Some(rest[PASTE_BEGINS.len()..].to_vec());
                }
                Piece::Unfinished if rest.len() > MOST_ANSWERED => rest.len(),
                Piece::Unfinished => {
                    self.held = Held::Begun(rest.to_vec());
                    return None;
                }
            };
            rest = &rest[length..];
        }
        None
    }

    fn replace(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.bad.get_or_insert(byte);
        out.extend_from_slice("\u{fffd}".as_bytes());
    }
}

fn ends_of_lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &u8)> {
    bytes.iter().enumerate().filter(|(_, byte)| matches!(byte, b'\r' | b'\n'))
}

/// What `bytes` begin with; there is at least one.
fn piece(bytes: &[u8]) -> Piece {
    match bytes {
        [0x1b] => Piece::Unfinished,
        [0x1b, rest @ ..] => after_escape(rest),
        _ => character(bytes).map_or_else(|piece| piece, Piece::Key),
    }
}

/// The length of the character at the beginning, or what stands there instead.
fn character(bytes: &[u8]) -> Result<usize, Piece> {
    let begun = &bytes[..bytes.len().min(4)];
    let (valid, error) = match std::str::from_utf8(begun) {
        Ok(text) => (text, None),
        Err(err) => (std::str::from_utf8(&begun[..err.valid_up_to()]).unwrap_or_default(), Some(err)),
    };
    match (valid.chars().next(), error) {
        (Some(c), _) => Ok(c.len_utf8()),
        (None, Some(err)) if err.error_len().is_none() => Err(Piece::Unfinished),
        (None, _) => Err(Piece::Bad),
    }
}

fn after_escape(rest: &[u8]) -> Piece {
    match rest {
        [b'[', body @ ..] => control(body).plus(2),
        [b'O', key, ..] if key.is_ascii_alphabetic() => Piece::Key(3),
        [b'O'] => Piece::Unfinished,
        // A digit, or a sign of an answer, after what is Alt with a key otherwise.
        [b']', first, ..] if first.is_ascii_digit() => string(rest),
        [b'P', first, ..] if first.is_ascii_digit() || b"!>$+|".contains(first) => string(rest),
        [b'_', b'G', ..] => string(rest),
        [b']' | b'P' | b'_'] => Piece::Unfinished,
        // Some terminals send Alt with an arrow so.
        [0x1b] => Piece::Unfinished,
        [0x1b, b'[', body @ ..] => control(body).plus(3),
        [0x1b, ..] => Piece::Key(1),
        _ => match character(rest) {
            Ok(length) => Piece::Key(1 + length),
            Err(Piece::Bad) => Piece::Key(1),
            Err(piece) => piece,
        },
    }
}

impl Piece {
    /// The same, with so many bytes before it.
    fn plus(self, before: usize) -> Self {
        match self {
            Self::Key(length) => Self::Key(length + before),
            Self::Answer(length) => Self::Answer(length + before),
            other => other,
        }
    }
}

/// What follows `ESC [`, up to its last byte (ECMA-48, 5.4).
fn control(body: &[u8]) -> Piece {
    // The Linux console's function keys.
    if let [b'[', key, ..] = body {
        return if key.is_ascii_uppercase() { Piece::Key(2) } else { Piece::Answer(2) };
    }
    if body == b"[" {
        return Piece::Unfinished;
    }
    // The oldest report of the mouse: three bytes more.
    if body.first() == Some(&b'M') {
        return if body.len() < 4 { Piece::Unfinished } else { Piece::Answer(4) };
    }
    // rxvt ends some of its keys with a byte that ends nothing elsewhere.
    if let [b'2' | b'3' | b'5'..=b'8', b'$' | b'^' | b'@', ..] = body {
        return Piece::Key(2);
    }
    let Some(end) = body.iter().position(|byte| !matches!(byte, 0x20..=0x3f)) else {
        return Piece::Unfinished;
    };
    let (parameters, last) = (&body[..end], body[end]);
    if !matches!(last, 0x40..=0x7e) {
        // It breaks off; what follows is something else.
        return Piece::Answer(end);
    }
    match (parameters, last) {
        (b"200", b'~') => Piece::PasteBegins,
        _ if is_key(parameters, last) => Piece::Key(end + 1),
        _ => Piece::Answer(end + 1),
    }
}

/// Whether this is a key the editor may know, and no answer, report or mark.
fn is_key(parameters: &[u8], last: u8) -> bool {
    let modifier = |it: &[u8]| matches!(it, [b'2'..=b'9']);
    match last {
        b'~' => {
            let (number, rest) = match parameters.iter().position(|&byte| byte == b';') {
                Some(at) => (&parameters[..at], Some(&parameters[at + 1..])),
                None => (parameters, None),
            };
            let known = matches!(number, [b'1'..=b'8'] | [b'1' | b'2', b'0'..=b'9'] | [b'3', b'0'..=b'4']);
            known && rest.is_none_or(modifier)
        }
        b'A'..=b'D' | b'F' | b'H' | b'Z' | b'a'..=b'd' if parameters.is_empty() => true,
        b'A'..=b'D' | b'F' | b'H' | b'P' | b'Q' | b'S' | b'p'..=b'y' => {
            matches!(parameters, [b'1', b';', it] if modifier(&[*it]))
                // `ESC [ 1 ; 8 y` is the editor's own; see `NUDGE`.
                && !(parameters == b"1;8" && last == b'y')
        }
        _ => false,
    }
}

/// A sequence that goes up to `ESC \` or a bell: its kind first.
fn string(rest: &[u8]) -> Piece {
    for (at, byte) in rest.iter().enumerate().skip(1) {
        match byte {
            0x07 => return Piece::Answer(at + 2),
            0x1b => {
                return match rest.get(at + 1) {
                    Some(b'\\') => Piece::Answer(at + 3),
                    Some(_) => Piece::Answer(at + 1),
                    None => Piece::Unfinished,
                };
            }
            _ => {}
        }
    }
    Piece::Unfinished
}

/// A key no terminal's bytes become: it makes the editor repaint (see `keyboard`).
pub(super) const NUDGE: &[u8] = b"\x1b[1;8y";

#[cfg(test)]
mod tests {
    use super::*;

    /// What the editor gets of these bytes, read one after the other, with nothing after them.
    #[track_caller]
    fn check(parts: &[&[u8]], expected: &str) {
        let whole = parts.concat();
        let single: Vec<&[u8]> = whole.chunks(1).collect();
        for parts in [parts, &[whole.as_slice()], &single] {
            let (mut keys, now) = (Keystrokes::default(), Instant::now());
            let mut got: Vec<u8> = parts.iter().flat_map(|part| keys.take(part, now)).collect();
            got.extend(keys.late());
            assert_eq!(String::from_utf8(got).unwrap(), expected, "{parts:?}");
            assert_eq!(keys.deadline(), None);
        }
    }

    #[test]
    fn characters_and_keys_pass_whole() {
        check(&["caf\u{e9} 日".as_bytes(), b"\r\x03\x01"], "caf\u{e9} 日\r\x03\x01");
        for key in ["A", "[A", "[1;5C", "[3~", "[3;5~", "[15~", "OP", "OM", "[[A", "[7$", "[Z", "x", "\u{e9}"]
        {
            check(&[format!("\x1b{key}").as_bytes()], &format!("\x1b{key}"));
        }
        check(&[b"\x1b"], "\x1b");
        check(&[b"\x1b\x1b[A"], "\x1b\x1b[A");
        check(&[b"\x1b]"], "");
        check(&[b"\x1b]a"], "\x1b]a");
    }

    #[test]
    fn answers_of_the_terminal_are_swallowed_whole() {
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
            "\x1b[97;5u",
        ] {
            check(&[b"ab", answer.as_bytes(), b"cd\r"], "abcd\r");
        }
    }

    #[test]
    fn an_answer_without_an_end_is_given_up() {
        let (mut keys, now) = (Keystrokes::default(), Instant::now());
        assert_eq!(keys.take(b"\x1b]11;rgb", now), b"");
        assert_eq!(keys.deadline(), Some(now + QUIET));
        assert_eq!(keys.late(), b"");
        assert_eq!(keys.take(b"x", now), b"x");
        keys.take(b"\x1b]11;", now);
        assert_eq!(keys.take(&[b'0'; MOST_ANSWERED + 1], now), b"");
        assert_eq!(keys.take(b"x", now), b"x");
    }

    #[test]
    fn a_byte_that_is_no_utf8_takes_nothing_with_it() {
        check(&[b"caf\xe9 noir ici"], "caf\u{fffd} noir ici");
        check(&[b"caf\xe9", b"\r"], "caf\u{fffd}\r");
        check(&[b"\xe9\xa8", b"x\xff"], "\u{fffd}\u{fffd}x\u{fffd}");
        let mut keys = Keystrokes::default();
        keys.take(b"\xe9x", Instant::now());
        assert_eq!((keys.take_bad(), keys.take_bad()), (Some(0xe9), None));
    }

    #[test]
    fn a_paste_comes_whole_and_without_what_steers_a_terminal() {
        check(&[b"a\x1b[200~one\r", b"two\x1b[201~b"], "a\x1b[200~one\rtwo\x1b[201~b");
        check(&[b"\x1b[200~a\x1b[31mb\x1b[200~c\xe9\x1b[201~"], "\x1b[200~abc\u{fffd}\x1b[201~");
        check(&[b"\x1b[200~\x1b[201~x"], "x");
    }

    #[test]
    fn a_paste_without_an_end_ends_when_it_is_quiet() {
        let (mut keys, now) = (Keystrokes::default(), Instant::now());
        assert_eq!(keys.take(b"\x1b[200~half\r", now), b"");
        assert_eq!(keys.deadline(), Some(now + QUIET));
        assert_eq!(keys.late(), b"\x1b[200~half\r\x1b[201~");
        // Keys are keys again; a burst of lines is the rest of the paste.
        assert_eq!(keys.take(b"x\r", now), b"x\r");
        assert_eq!(
            keys.take(b"the rest of it\rand more\x1b[201~", now),
            b"\x1b[200~the rest of it\rand more\x1b[201~"
        );
        assert_eq!(keys.take(b"typed ahead, one\rtwo\r", now), b"typed ahead, one\rtwo\r");
    }

    #[test]
    fn ctrl_c_ends_a_paste_and_the_longest_is_cut() {
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
}
