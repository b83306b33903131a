//! Makes what an error repeats (arguments, the names of files) harmless on a terminal. Owns no text and
//! knows nothing of logs, which have a form of their own.

use hobnob_protocol::invisible::is_invisible;

/// `text` with nothing in it that could move a cursor, change a title, turn a reading direction or hide: control
/// characters but the newline become their pictures (`␛`), the others U+FFFD.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(shown).collect()
}

fn shown(c: char) -> char {
    match c {
        '\n' => '\n',
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\u{7f}' => '\u{2421}',
        '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}' => char::REPLACEMENT_CHARACTER,
        _ if c.is_control() || is_invisible(c) => char::REPLACEMENT_CHARACTER,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_a_cursor_or_hides_is_shown_and_lines_stay_lines() {
        assert_eq!(harmless("a\u{1b}[2J\tb\nc ü 日"), "a␛[2J␉b\nc ü 日");
        assert_eq!(harmless("\u{9b}2J\u{202e}\u{200b}\u{7f}"), "\u{fffd}2J\u{fffd}\u{fffd}␡");
    }
}
