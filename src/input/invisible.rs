//! Which characters of a typed line show nothing, or nothing that could be told from a blank: more than
//! those that names must not hold. Knows nothing of lines.

/// The byte-order mark, which editors of some systems put at the start of a file.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// Whether a character shows nothing: Unicode's `White_Space` and `Default_Ignorable_Code_Point`, control
/// characters, the marks of annotations, and the blank of Braille.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || hobnob_protocol::invisible::is_invisible(c)
        || matches!(c, '\u{2800}' | '\u{fff9}'..='\u{fffb}')
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
    fn one_mark_is_dropped_and_only_at_the_start() {
        assert_eq!(without_mark("\u{feff}a\u{feff}"), "a\u{feff}");
        assert_eq!(without_mark("\u{feff}\u{feff}"), "\u{feff}");
        assert_eq!(without_mark("a"), "a");
    }
}
