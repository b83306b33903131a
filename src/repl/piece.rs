//! Finds out what the bytes of a terminal begin with: a character, a key, the mark of a paste, or an answer of the
//! terminal. It remembers nothing from one call to the next.

pub(super) const PASTE_BEGINS: &[u8] = b"\x1b[200~";

/// What some bytes begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A character or a key with this many bytes.
    Key(usize),
    /// This many bytes that are thrown away, because the editor has no use for them.
    Answer(usize),
    /// The key Escape, which has one byte. What follows it is read by itself.
    Escape,
    /// A byte that is not UTF-8.
    Bad,
    /// The mark that begins a paste.
    PasteBegins,
    /// More bytes are needed to tell.
    Unfinished,
}

/// Returns what `bytes` begin with. There must be at least one byte.
pub(super) fn piece(bytes: &[u8]) -> Piece {
    match bytes {
        [0x1b] => Piece::Unfinished,
        [0x1b, rest @ ..] => after_escape(rest),
        _ => character(bytes).map_or_else(|piece| piece, Piece::Key),
    }
}

/// Returns the length of the character at the beginning, or what is there instead of a character.
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
        [b'O', body @ ..] => single_shift(body).plus(2),
        // A digit or a certain sign after these bytes shows that this is an answer. Otherwise it is Alt with a key.
        [b']', first, ..] if first.is_ascii_digit() => string(rest),
        [b'P', first, ..] if first.is_ascii_digit() || b"!>$+|".contains(first) => string(rest),
        [b'_', b'G', ..] => string(rest),
        [b']' | b'P' | b'_'] => Piece::Unfinished,
        // Some terminals send Alt with an arrow key in this way.
        [0x1b] => Piece::Unfinished,
        [0x1b, b'[', body @ ..] => match control(body) {
            piece @ (Piece::Key(_) | Piece::Unfinished) => piece.plus(3),
            _ => Piece::Escape,
        },
        [0x1b, ..] => Piece::Escape,
        // The editor would repeat the next key or take its opposite.
        [b'0'..=b'9' | b'-', ..] => Piece::Answer(2),
        // The editor knows no such key with Alt, and would throw away a sign with which a command begins.
        [first, ..] if is_sign(*first) => Piece::Escape,
        [0x80..=0xff, ..] => match character(rest) {
            Ok(length) if is_letter(&rest[..length]) => Piece::Key(1 + length),
            Err(Piece::Unfinished) => Piece::Unfinished,
            _ => Piece::Escape,
        },
        _ => Piece::Key(2),
    }
}

/// Whether this character is a letter or a digit, and not the sign that another keyboard has in the place of a `\`.
fn is_letter(character: &[u8]) -> bool {
    std::str::from_utf8(character).is_ok_and(|text| text.chars().all(char::is_alphanumeric))
}

/// Whether a command begins with this byte. No sequence that a terminal sends has one of them where it is looked for
/// here, so a sequence breaks off before it.
fn is_sign(byte: u8) -> bool {
    matches!(byte, b'\\' | b'/')
}

impl Piece {
    /// Returns the same piece with this many bytes before it.
    fn plus(self, before: usize) -> Self {
        match self {
            Self::Key(length) => Self::Key(length + before),
            Self::Answer(length) => Self::Answer(length + before),
            other => other,
        }
    }
}

/// Reads what follows `ESC O`. Old terminals put a digit before the last byte if Ctrl or Shift is pressed.
fn single_shift(body: &[u8]) -> Piece {
    match body {
        [] | [b'0'..=b'9'] => Piece::Unfinished,
        [key, ..] if key.is_ascii_alphabetic() => Piece::Key(1),
        [b'0'..=b'9', key, ..] if key.is_ascii_alphabetic() => Piece::Answer(2),
        // It was Alt with an O, and something else follows.
        [b'0'..=b'9', ..] => Piece::Answer(1),
        _ => Piece::Answer(0),
    }
}

/// Reads what follows `ESC [`, up to its last byte (ECMA-48, 5.4).
fn control(body: &[u8]) -> Piece {
    match body {
        // These are the function keys of the Linux console.
        [b'['] => return Piece::Unfinished,
        [b'[', b'A'..=b'Z', ..] => return Piece::Key(2),
        [b'[', key, ..] => {
            return Piece::Answer(if key.is_ascii_graphic() && !is_sign(*key) { 2 } else { 1 });
        }
        // The oldest form of mouse reports has three more bytes.
        [b'M', button, ..] if is_sign(*button) => return Piece::Answer(1),
        [b'M', ..] => return if body.len() < 4 { Piece::Unfinished } else { Piece::Answer(4) },
        _ => {}
    }
    // rxvt ends some of its keys with a byte that does not end a sequence on other terminals.
    if let [b'2' | b'3' | b'5'..=b'8', b'$' | b'^' | b'@', ..] = body {
        return Piece::Key(2);
    }
    let Some(end) = body.iter().position(|byte| !matches!(byte, 0x20..=0x3f) || is_sign(*byte)) else {
        return Piece::Unfinished;
    };
    let (parameters, last) = (&body[..end], body[end]);
    if !matches!(last, 0x40..=0x7e) || is_sign(last) {
        // The sequence breaks off here, and something else follows.
        return Piece::Answer(end);
    }
    match (parameters, last) {
        (b"200", b'~') => Piece::PasteBegins,
        _ if is_key(parameters, last) => Piece::Key(end + 1),
        _ => Piece::Answer(end + 1),
    }
}

/// Whether this is a key that the editor may know, and not an answer, a report or a mark.
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
                // Two of these have a special meaning for the editor; see `NUDGE` and `ESCAPE`.
                && !(parameters == b"1;8" && matches!(last, b'x' | b'y'))
        }
        _ => false,
    }
}

/// Reads a sequence that ends with `ESC \` or a bell. Its first byte is its kind.
fn string(rest: &[u8]) -> Piece {
    for (at, byte) in rest.iter().enumerate().skip(1) {
        match byte {
            0x07 => return Piece::Answer(at + 2),
            // It was Alt with a key, and a command follows. An answer has a `\` only at its end.
            b'\\' => return Piece::Answer(at + 1),
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

/// A key that the bytes of a terminal never become. It makes the editor repaint (see `keyboard`).
pub(super) const NUDGE: &[u8] = b"\x1b[1;8y";

/// What the editor gets for the key Escape. A single `ESC` before other bytes would make a key with Alt of them, however
/// long before them it was typed.
pub(super) const ESCAPE: &[u8] = b"\x1b[1;8x";
