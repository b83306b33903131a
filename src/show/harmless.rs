//! Makes text from strangers harmless on a terminal and honest in a line-oriented file: whatever
//! could move a cursor, change a title, reverse a reading direction or hide is replaced by something
//! visible. Owns the list of such characters; both output forms read it.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character must never reach a terminal from outside: C0, DEL, C1, the bidirectional
/// controls, invisible format characters, line separators and tags. Newline and tab are among them;
/// [`harmless`] gives them a form of their own. The joiners U+200C and U+200D stay: scripts and emoji
/// need them.
#[must_use]
pub const fn is_hostile(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` for a screen or a plain file. Control characters become their pictures (`␛`), others
/// U+FFFD; a tab becomes spaces; a line after the first is indented by `indent`, so that no message
/// can look like two.
#[must_use]
pub fn harmless<'a>(text: &'a str, indent: &str) -> Cow<'a, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' => {
                out.push('\n');
                out.push_str(indent);
            }
            // A line that ends the way Windows ends it is a line end, not an attempt to overwrite.
            '\r' if rest.peek() == Some(&'\n') => {}
            '\t' => out.push_str("    "),
            '\0'..='\u{1f}' => out.push(picture(c)),
            '\u{7f}' => out.push('\u{2421}'),
            c if is_hostile(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// `text` on one line: as [`harmless`], with newlines shown as `␤`.
#[must_use]
pub fn harmless_line(text: &str) -> Cow<'_, str> {
    match harmless(text, "") {
        Cow::Borrowed(text) => Cow::Borrowed(text),
        Cow::Owned(text) => Cow::Owned(text.replace('\n', "\u{2424}")),
    }
}

/// A hostile character as a JSON escape: `\u001b`, or a surrogate pair.
pub fn write_json_escape(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing to a String cannot fail.
        let _infallible = write!(out, "\\u{unit:04x}");
    }
}

/// The visible form of a C0 control: U+2400 onwards.
fn picture(c: char) -> char {
    char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escape_sequences_become_pictures() {
        assert_eq!(harmless("\u{1b}[2J\u{7}\u{7f}", ""), "␛[2J␇␡");
        assert_eq!(harmless("\u{9b}31m", ""), "\u{fffd}31m");
        assert_eq!(harmless("a\u{202e}b\u{2066}c", ""), "a\u{fffd}b\u{fffd}c");
        assert_eq!(harmless("over\rwrite", ""), "over␍write");
    }

    #[test]
    fn lines_after_the_first_are_indented() {
        assert_eq!(harmless("one\r\ntwo\nthree", "    "), "one\n    two\n    three");
        assert_eq!(harmless_line("one\ntwo"), "one␤two");
    }

    #[test]
    fn ordinary_text_of_every_script_is_untouched() {
        for text in ["hello", "नमस्ते", "👩‍👩‍👧", "日本", "a\u{200c}b"] {
            assert!(matches!(harmless(text, "  "), Cow::Borrowed(same) if same == text));
        }
    }

    proptest! {
        #[test]
        fn nothing_hostile_survives(text in "\\PC*|.*") {
            let shown = harmless(&text, "").into_owned();
            prop_assert!(shown.chars().all(|c| c == '\n' || !is_hostile(c)));
            prop_assert!(!harmless_line(&text).chars().any(is_hostile));
        }
    }
}
