//! Turns the bytes that a terminal sends into what the line editor can handle: whole characters, whole keys and whole
//! pastes. This is plain data that is told the time; it reads and writes nothing.
//!
//! Besides keys, a terminal sends three other things. A *paste* stands between two marks, of which the second may never
//! come. The paste is held back here until it is complete, so that the editor never waits in the middle of it. An
//! *answer* of the terminal (what kind it is, its colours, the mouse, the focus) may come late and is not a key; all of
//! it is thrown away. A *byte that is not UTF-8* becomes U+FFFD, which the user can see.

use std::time::{Duration, Instant};

use super::piece::{PASTE_BEGINS, Piece, piece};

/// After how much time an Escape counts as a key of its own, if nothing follows it.
const ESCAPE: Duration = Duration::from_millis(50);

/// After how much silence a paste or an answer of the terminal counts as ended without its end mark. A slow connection
/// pauses for less than this in the middle of a paste.
const QUIET: Duration = Duration::from_secs(1);

/// How many bytes of one paste are taken. This is far more than a message may have, so that the user is told the size
/// of a paste that is too long, and can shorten it.
const MOST_PASTED: usize = 1024 * 1024;

/// How many lines of one paste are taken. The editor counts its rows in sixteen bits.
const MOST_LINES: usize = 60_000;

/// How many bytes an answer of a terminal may have. The name of a colour or a font is far shorter.
const MOST_ANSWERED: usize = 4096;

/// If this many bytes arrive at once with an end of line among them, they were not typed.
const BURST: usize = 16;

const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// The byte that Ctrl-C sends.
const INTERRUPT: u8 = 0x03;

/// The bytes that the terminal has sent and that the editor has not got yet.
#[derive(Debug, Default)]
pub(super) struct Keystrokes {
    held: Held,
    /// When the last bytes arrived.
    last: Option<Instant>,
    /// Whether a paste ended without its end mark, so that the rest of it may still arrive.
    torn: bool,
    /// The first byte that was not UTF-8, until somebody has asked for it.
    bad: Option<u8>,
}

/// The bytes that are held back because they are not complete.
#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    /// The beginning of a character or of a key.
    Begun(Vec<u8>),
    /// A paste, without the mark that began it.
    Pasted(Vec<u8>),
}

impl Keystrokes {
    /// Takes the bytes that arrived, and returns those that the editor gets now.
    pub(super) fn take(&mut self, came: &[u8], now: Instant) -> Vec<u8> {
        self.last = Some(now);
        let mut out = Vec::new();
        // The late rest of a paste is still treated as a paste, so that its ends of lines do not send messages.
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

    /// Returns when [`late`](Self::late) has to be called if no more bytes arrive.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let patience = match &self.held {
            Held::Nothing => return None,
            Held::Begun(begun) if begun.len() == 1 => ESCAPE,
            Held::Begun(_) | Held::Pasted(_) => QUIET,
        };
        self.last.map(|last| last + patience)
    }

    /// Returns the bytes that were held back, because nothing has arrived until the deadline and they will not be
    /// completed.
    pub(super) fn late(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        match std::mem::take(&mut self.held) {
            Held::Nothing => {}
            Held::Begun(begun) => match begun.as_slice() {
                [0x1b] | [0x1b, 0x1b] => out.push(0x1b),
                // It is an answer that was cut short, or a key after which the editor would wait.
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

    /// Returns the first byte that was not UTF-8 since the last call.
    pub(super) fn take_bad(&mut self) -> Option<u8> {
        self.bad.take()
    }

    /// Adds bytes to a paste. If the paste has ended, returns the bytes after it.
    fn paste(&mut self, mut pasted: Vec<u8>, came: &[u8], out: &mut Vec<u8>) -> Option<Vec<u8>> {
        if let [text @ .., INTERRUPT] = came {
            // A Ctrl-C with nothing after it was pressed and not pasted, by a user who sees a line that does not react
            // to keys.
            self.torn = true;
            pasted.extend_from_slice(text);
            self.deliver(&pasted, out);
            return Some(vec![INTERRUPT]);
        }
        // The end mark may have arrived in two parts.
        let from = pasted.len().saturating_sub(PASTE_ENDS.len());
        pasted.extend_from_slice(came);
        let end = pasted[from..].windows(PASTE_ENDS.len()).position(|window| window == PASTE_ENDS);
        let Some(end) = end.map(|end| from + end) else {
            if pasted.len() > MOST_PASTED + PASTE_ENDS.len() {
                // Bytes beyond the limit are dropped. The last bytes are kept, because they may be the beginning of the
                // end mark.
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

    /// Hands over a whole paste, without marks and other sequences in it.
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

    /// Hands over keys until the end, or until a paste begins. In the second case, returns the bytes after its mark.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks what the editor gets for these bytes if nothing follows them. They are read in these parts, all at once,
    /// and byte by byte.
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
    fn characters_and_keys_are_handed_on_whole() {
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
        assert_eq!(keys.late(), b"");
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
    fn a_paste_without_an_end_mark_ends_after_a_while() {
        let (mut keys, now) = (Keystrokes::default(), Instant::now());
        assert_eq!(keys.take(b"\x1b[200~half\r", now), b"");
        assert_eq!(keys.deadline(), Some(now + QUIET));
        assert_eq!(keys.late(), b"\x1b[200~half\r\x1b[201~");
        // Keys are keys again, but a burst of lines is the rest of the paste.
        assert_eq!(keys.take(b"x\r", now), b"x\r");
        assert_eq!(
            keys.take(b"the rest of it\rand more\x1b[201~", now),
            b"\x1b[200~the rest of it\rand more\x1b[201~"
        );
        assert_eq!(keys.take(b"typed ahead, one\rtwo\r", now), b"typed ahead, one\rtwo\r");
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
}
