//! Which characters of a typed line are invisible or look like a blank. These are more characters than those that names
//! must not contain. This file knows nothing of lines.

/// The byte-order mark, which the editors of some systems write at the beginning of a file.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// Whether a character is invisible. These are Unicode's `White_Space` and `Default_Ignorable_Code_Point`, control
/// characters, the marks of annotations, blank glyphs such as that of Braille, and code points that are not characters
/// (for example U+FFFE, which is a byte-order mark that was read in the wrong byte order).
#[must_use]
pub fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || hobnob_protocol::invisible::is_invisible(c)
        || hobnob_protocol::invisible::is_blank(c)
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// Returns `text` from its first visible character on. In addition to the characters of [`is_invisible`], this skips
/// escape sequences (colours, the marks around a paste), marks that are drawn together with the next character, and
/// U+FFFD, which stands for bytes that could not be read.
#[must_use]
pub fn from_first_visible(text: &str) -> &str {
    let mut rest = text;
    loop {
        // Escape sequences are tried first, because the ESC character alone is invisible too.
        let hidden =
            without_escape_sequence(rest).or_else(|| rest.strip_prefix(|c| is_invisible(c) || is_no_base(c)));
        match hidden {
            Some(shorter) => rest = shorter,
            None => return rest,
        }
    }
}

/// Whether a character cannot be the first visible one, because it is drawn together with another or stands for bytes
/// that could not be read.
fn is_no_base(c: char) -> bool {
    c == char::REPLACEMENT_CHARACTER || hobnob_protocol::invisible::is_combining_mark(c)
}

/// How far the end of a string in an escape sequence is looked for, in bytes. It is more than links and titles need,
/// and short enough that a line full of such beginnings does not cost much time.
const MAX_STRING: usize = 4096;

/// Returns `text` without the escape sequence at its beginning, or `None` if it does not begin with one. A control
/// sequence (`ESC [`) ends with its final byte, and a string (`ESC ]`, `ESC P` and others) ends with BEL or ST. If the
/// end is missing, only the beginning of the sequence is removed. A backslash does not end a control sequence, so that
/// no command can hide behind one.
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

/// Returns `text` without one byte-order mark at its beginning.
#[must_use]
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_distinguished_from_visible_ones() {
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
    fn everything_before_the_first_visible_character_is_skipped() {
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
    fn one_byte_order_mark_is_removed_only_at_the_beginning() {
        assert_eq!(without_mark("\u{feff}a\u{feff}"), "a\u{feff}");
        assert_eq!(without_mark("\u{feff}\u{feff}"), "\u{feff}");
        assert_eq!(without_mark("a"), "a");
    }
}
