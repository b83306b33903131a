//! Which characters of a typed line show nothing, or nothing that could be told from a blank: more than
//! those that names must not hold. Knows nothing of lines.

/// The byte-order mark, which editors of some systems put at the start of a file.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// Whether a character shows nothing: Unicode's `White_Space` and `Default_Ignorable_Code_Point`, control
/// characters, the marks of annotations, blank glyphs such as that of Braille, and code points that are no characters
/// (U+FFFE is a byte-order mark that was read the wrong way round).
#[must_use]
pub fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || hobnob_protocol::invisible::is_invisible(c)
        || hobnob_protocol::invisible::is_blank(c)
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// `text` from its first visible character on. Besides what [`is_invisible`] tells, that passes over escape
/// sequences (colours, the marks of a paste), over marks that combine with what comes after them on a
/// screen, and over U+FFFD, which stands for bytes that could not be read.
#[must_use]
pub fn from_first_visible(text: &str) -> &str {
    let mut rest = text;
    loop {
        // A sequence first: its ESC alone is invisible, too.
        let hidden =
            without_escape_sequence(rest).or_else(|| rest.strip_prefix(|c| is_invisible(c) || is_no_base(c)));
        match hidden {
            Some(shorter) => rest = shorter,
            None => return rest,
        }
    }
}

/// Whether a character cannot be the first one seen: it is drawn with another, or stands for none.
fn is_no_base(c: char) -> bool {
    c == char::REPLACEMENT_CHARACTER || hobnob_protocol::invisible::is_combining_mark(c)
}

/// The longest string in an escape sequence whose end is looked for, in bytes: more than links and titles need,
/// and few enough for a line that is full of beginnings.
const MAX_STRING: usize = 4096;

/// `text` without the escape sequence it begins with, if it does: one of control (`ESC [`, to its final byte) or
/// of a string (`ESC ]`, `ESC P` and their like, to BEL or ST). One without an end loses only its beginning; a
/// backslash ends none of the first kind, so that no command hides behind one.
fn without_escape_sequence(text: &str) -> Option<&str> {
    if let Some(control) = text.strip_prefix("\u{1b}[").or_else(|| text.strip_prefix('\u{9b}')) {
        let last = control.trim_start_matches(|c| matches!(c, ' '..='?'));
        return Some(last.strip_prefix(|c| matches!(c, '@'..='[' | ']'..='~')).unwrap_or(last));
    }
    let string = text.strip_prefix('\u{1b}')?.strip_prefix([']', 'P', 'X', '^', '_'])?;
    let looked_at = &string[..string.floor_char_boundary(MAX_STRING)];
    let ends = ["\u{7}", "\u{1b}\\", "\u{9c}"];
    let end = ends.iter().filter_map(|end| looked_at.find(end).map(|at| at + end.len())).min();
    Some(end.map_or(string, |end| &string[end..]))
}

/// `text` without the one byte-order mark it may begin with.
#[must_use]
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_known_and_what_shows_something_is_not() {
        for c in
            [' ', '\t', '\0', '\u{a0}', '\u{200b}', '\u{feff}', '\u{2800}', '\u{3000}', '\u{e0020}', '\r']
        {
            assert!(is_invisible(c), "{c:?}");
        }
        for c in ['\\', '/', 'a', '日', '\u{301}', '\u{fffd}', '👩'] {
            assert!(!is_invisible(c), "{c:?}");
        }
    }

    #[test]
    fn a_line_is_seen_from_its_first_visible_character_on() {
        for before in [
            "",
            " ",
            "\u{feff}",
            "\u{fffe}",
            "\u{ffff}",
            "\u{fdd0}",
            "\u{1fffe}",
            "\u{fffd}",
            "\u{fffd}\u{fffd}\0",
            "\u{301}",
            "\u{20dd} ",
            "\u{1b}[0m",
            "\u{1b}[1;31m\u{1b}[K",
            "\u{1b}[200~",
            "\u{9b}1m",
            "\u{1b}",
            "\u{1b}]8;;http://example.org\u{1b}\\",
            "\u{1b}]0;title\u{7} \u{1b}[0m",
            "\u{1b}[",
            "\u{1b}]",
        ] {
            assert_eq!(from_first_visible(&format!("{before}\\fork bobby")), "\\fork bobby", "{before:?}");
        }
        for visible in ["fork", "日", "[0m\\fork", "m\\fork", "👩"] {
            assert_eq!(from_first_visible(visible), visible);
        }
        assert_eq!(from_first_visible("\u{1b}[0m \u{feff}"), "");
    }

    #[test]
    fn one_mark_is_dropped_and_only_at_the_start() {
        assert_eq!(without_mark("\u{feff}a\u{feff}"), "a\u{feff}");
        assert_eq!(without_mark("\u{feff}\u{feff}"), "\u{feff}");
        assert_eq!(without_mark("a"), "a");
    }
}
