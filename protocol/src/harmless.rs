//! Makes text from strangers harmless on a terminal and honest in a line-oriented file: whatever
//! could move a cursor, change a title, reverse a reading direction or hide is replaced by something
//! visible. Owns the list of such characters; whatever client and server show reads it.

use std::borrow::Cow;
use std::fmt::Write;

use crate::invisible::is_invisible;

/// Whether a character must never reach a terminal from outside: C0, DEL, C1, line separators, and
/// whatever Unicode makes invisible (bidirectional controls, fillers, tags, …). Newline and tab are
/// among them; [`harmless`] gives them a form of their own. Joiners and variation selectors are not:
/// scripts and emoji need them, where they stand after something ([`harmless`] looks).
#[must_use]
pub const fn is_hostile(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}'..='\u{2029}' | '\u{fff9}'..='\u{fffb}')
        || (is_invisible(c) && !is_joiner_or_selector(c))
}

/// The invisible characters that change how a character before them is drawn.
const fn is_joiner_or_selector(c: char) -> bool {
    matches!(c,
        '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{180b}'..='\u{180d}' | '\u{180f}'
        | '\u{e0100}'..='\u{e01ef}')
}

/// Whether a joiner or selector after `before` has something to act on. Nothing acts on a Latin letter
/// or a blank; an emoji may have a selector and then a joiner. Keycaps (`1️⃣`) are the exception in ASCII.
fn is_at_work(c: char, before: Option<char>) -> bool {
    match before {
        Some('0'..='9' | '#' | '*') => c == '\u{fe0f}',
        Some('\u{fe0e}' | '\u{fe0f}') => c == '\u{200d}',
        Some(before) => {
            !before.is_ascii() && !before.is_whitespace() && !is_invisible(before) && !is_hostile(before)
        }
        None => false,
    }
}

fn needs_a_look(c: char) -> bool {
    is_hostile(c) || is_joiner_or_selector(c)
}

/// `text` for a screen or a plain file. Control characters become their pictures (`␛`), others
/// U+FFFD; a tab becomes spaces; a line after the first is indented by `indent`, so that no message
/// can look like two.
#[must_use]
pub fn harmless<'a>(text: &'a str, indent: &str) -> Cow<'a, str> {
    if !text.chars().any(needs_a_look) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    let mut before = None;
    while let Some(c) = rest.next() {
        let last = before.replace(c);
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
            c if is_joiner_or_selector(c) && !is_at_work(c, last) => out.push('\u{fffd}'),
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
        for text in ["hello", "नमस्ते", "👩‍👩‍👧", "日本", "می\u{200c}خواهم"]
        {
            assert_eq!(harmless(text, "  "), text);
        }
    }

    #[test]
    fn selectors_and_joiners_stay_where_they_do_something() {
        for text in ["❤\u{fe0f}\u{200d}🔥", "1\u{fe0f}\u{20e3}", "葛\u{e0100}城", "ᠠ\u{180b}", "क्\u{200d}ष"]
        {
            assert_eq!(harmless(text, ""), text);
        }
    }

    #[test]
    fn what_is_made_to_be_invisible_is_shown() {
        let shown = |text: &str| harmless(text, "").into_owned();
        for c in
            ['\u{34f}', '\u{115f}', '\u{3164}', '\u{ffa0}', '\u{fe00}', '\u{200d}', '\u{e0100}', '\u{e0041}']
        {
            assert_eq!(shown(&format!("anna{c}")), "anna\u{fffd}", "{c:?}");
            assert_eq!(shown(&c.to_string()), "\u{fffd}", "{c:?}");
        }
        assert_eq!(shown("日\u{fe00}\u{fe01}"), "日\u{fe00}\u{fffd}", "one selector, not a message in them");
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
