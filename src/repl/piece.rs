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
        [b'O', key, ..] if key.is_ascii_alphabetic() => Piece::Key(3),
        [b'O'] => Piece::Unfinished,
        // A digit or a certain sign after these bytes shows that this is an answer. Otherwise it is Alt with a key.
        [b']', first, ..] if first.is_ascii_digit() => string(rest),
        [b'P', first, ..] if first.is_ascii_digit() || b"!>$+|".contains(first) => string(rest),
        [b'_', b'G', ..] => string(rest),
        [b']' | b'P' | b'_'] => Piece::Unfinished,
        // Some terminals send Alt with an arrow key in this way.
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
    /// Returns the same piece with this many bytes before it.
    fn plus(self, before: usize) -> Self {
        match self {
            Self::Key(length) => Self::Key(length + before),
            Self::Answer(length) => Self::Answer(length + before),
            other => other,
        }
    }
}

/// Reads what follows `ESC [`, up to its last byte (ECMA-48, 5.4).
fn control(body: &[u8]) -> Piece {
    // These are the function keys of the Linux console.
    if let [b'[', key, ..] = body {
        return if key.is_ascii_uppercase() { Piece::Key(2) } else { Piece::Answer(2) };
    }
    if body == b"[" {
        return Piece::Unfinished;
    }
    // The oldest form of mouse reports has three more bytes.
    if body.first() == Some(&b'M') {
        return if body.len() < 4 { Piece::Unfinished } else { Piece::Answer(4) };
    }
    // rxvt ends some of its keys with a byte that does not end a sequence on other terminals.
    if let [b'2' | b'3' | b'5'..=b'8', b'$' | b'^' | b'@', ..] = body {
        return Piece::Key(2);
    }
    let Some(end) = body.iter().position(|byte| !matches!(byte, 0x20..=0x3f)) else {
        return Piece::Unfinished;
    };
    let (parameters, last) = (&body[..end], body[end]);
    if !matches!(last, 0x40..=0x7e) {
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
                // `ESC [ 1 ; 8 y` has a special meaning for the editor; see `NUDGE`.
                && !(parameters == b"1;8" && last == b'y')
        }
        _ => false,
    }
}

/// Reads a sequence that ends with `ESC \` or a bell. Its first byte is its kind.
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

/// A key that the bytes of a terminal never become. It makes the editor repaint (see `keyboard`).
pub(super) const NUDGE: &[u8] = b"\x1b[1;8y";
