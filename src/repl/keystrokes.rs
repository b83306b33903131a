//! Turns the bytes that a terminal sends into what the line editor can handle: whole characters, whole keys and whole
//! pastes. This is plain data that is told the time; it reads and writes nothing.
//!
//! Besides keys, a terminal sends three other things. A *paste* stands between two marks, of which the second may never
//! come. The paste is held back here until it is complete, so that the editor never waits in the middle of it. If it
//! pauses, the editor gets what has come as a paste of its own, so that the user sees it, but the paste goes on: no end of
//! a line in it sends what was pasted. It ends with its mark, with Ctrl-C or after a long silence. An
//! *answer* of the terminal (what kind it is, its colours, the mouse, the focus) may come late and is not a key; all of
//! it is thrown away. A *byte that is not UTF-8* becomes U+FFFD, which the user can see.

use std::time::{Duration, Instant};

use super::piece::{self, PASTE_BEGINS, Piece, piece};

/// After how much time an Escape counts as a key of its own, if nothing follows it.
const ESCAPE: Duration = Duration::from_millis(50);

/// After how much silence an answer of the terminal counts as ended without its end mark, and the beginning of a paste is
/// shown.
const QUIET: Duration = Duration::from_secs(1);

/// After how much silence a paste counts as ended without its end mark. A bad connection may pause for some seconds in the
/// middle of a paste. If the mark is lost, keys are keys again after this time; Ctrl-C ends the paste at once.
const SILENCE: Duration = Duration::from_secs(10);

/// For how long after such a silence the rest of the paste may still come.
const REST: Duration = Duration::from_secs(60);

/// How many bytes of one paste are taken. This is far more than a message may have, so that the user is told the size
/// of a paste that is too long, and can shorten it.
const MOST_PASTED: usize = 1024 * 1024;

/// How many lines of one paste are taken. The editor counts its rows in sixteen bits.
const MOST_LINES: usize = 60_000;

/// How many bytes an answer of a terminal may have. The name of a colour or a font is far shorter.
const MOST_ANSWERED: usize = 4096;

/// If this many bytes arrive at once with an end of line among them, they were not typed. A connection may hand over a
/// few typed keys at once.
const BURST: usize = 16;

/// The same number for the time after a silence in a paste. A hand is hardly so fast, and what is kept by mistake is not
/// lost: it stands in the line.
const SMALL_BURST: usize = 2;

const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// The byte that Ctrl-C sends.
const INTERRUPT: u8 = 0x03;

/// The bytes that the terminal has sent and that the editor has not got yet.
#[derive(Debug, Default)]
pub(super) struct Keystrokes {
    held: Held,
    /// When the last bytes arrived.
    last: Option<Instant>,
    /// How a paste ended without its end mark, so that the rest of it may still arrive.
    torn: Option<Torn>,
    /// Whether the editor has got what has come of the paste that is held.
    shown: bool,
    /// The first byte that was not UTF-8, until somebody has asked for it.
    bad: Option<u8>,
}

/// How a paste ended without its end mark.
#[derive(Clone, Copy, Debug)]
enum Torn {
    /// The user has pressed Ctrl-C.
    Interrupted,
    /// Nothing was heard of it for a long time. The rest of it is expected until the given moment.
    Silent(Instant),
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
        self.shown = false;
        let mut out = Vec::new();
        if matches!(self.held, Held::Nothing) && self.is_rest(came, now) {
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
            Held::Begun(begun) if matches!(begun.as_slice(), [_] | [0x1b, 0x1b]) => ESCAPE,
            Held::Pasted(_) if self.shown => SILENCE,
            Held::Begun(_) | Held::Pasted(_) => QUIET,
        };
        self.last.map(|last| last + patience)
    }

    /// Returns the bytes that were held back, because nothing has arrived until the deadline and they will not be
    /// completed soon.
    pub(super) fn late(&mut self, now: Instant) -> Vec<u8> {
        let mut out = Vec::new();
        match std::mem::take(&mut self.held) {
            Held::Nothing => {}
            Held::Begun(begun) => match begun.as_slice() {
                [0x1b] | [0x1b, 0x1b] => out.extend_from_slice(piece::ESCAPE),
                // It is an answer that was cut short, or a key after which the editor would wait.
                [0x1b, ..] => {}
                _ => begun.iter().for_each(|byte| self.replace(*byte, &mut out)),
            },
            Held::Pasted(mut pasted) => {
                if self.last.is_none_or(|last| last + SILENCE <= now) {
                    self.torn = Some(Torn::Silent(now + REST));
                    self.deliver(&pasted, &mut out);
                } else {
                    let begun = pasted.split_off(whole(&pasted));
                    self.deliver(&pasted, &mut out);
                    self.held = Held::Pasted(begun);
                    self.shown = true;
                }
            }
        }
        out
    }

    /// Whether these bytes are the late rest of a paste, whose ends of lines send no messages.
    fn is_rest(&self, came: &[u8], now: Instant) -> bool {
        let burst = match self.torn {
            Some(Torn::Silent(until)) if now < until => SMALL_BURST,
            Some(_) => BURST,
            None => return false,
        };
        let has_lines = came.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
        came.len() >= burst && has_lines && !came.starts_with(b"\x1b")
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
            self.torn = Some(Torn::Interrupted);
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
        self.torn = None;
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
                Piece::Escape => 1,
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
                Piece::Escape => {
                    out.extend_from_slice(piece::ESCAPE);
                    1
                }
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

/// Returns how many of these bytes are whole: what follows them may go on in the next bytes of the paste.
fn whole(pasted: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = pasted.get(at..).filter(|rest| !rest.is_empty()) {
        at += match piece(rest) {
            // The next byte may belong to the same end of a line.
            Piece::Unfinished => return at,
            Piece::Key(1) if rest == b"\r" => return at,
            Piece::Key(length) | Piece::Answer(length) => length,
            Piece::PasteBegins => PASTE_BEGINS.len(),
            Piece::Escape | Piece::Bad => 1,
        };
    }
    at
}

fn ends_of_lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &u8)> {
    bytes.iter().enumerate().filter(|(_, byte)| matches!(byte, b'\r' | b'\n'))
}

#[cfg(test)]
mod tests;
