//! Makes text from strangers harmless on a terminal and honest in a file of lines. Characters that could move the
//! cursor, change the title, reverse the reading direction or hide themselves are replaced by something visible. This
//! file owns the list of such characters; the client and the server use it for everything that they show.

use std::borrow::Cow;
use std::fmt::Write;

use crate::invisible::is_invisible;

/// Whether a character from outside must never reach a terminal. These are the control characters (C0, DEL and C1), the
/// line separators, and what Unicode makes invisible (bidirectional controls, fillers, tags and others). Newline and
/// tab are among them, but [`harmless`] writes them in a way of their own. Joiners and variation selectors are not
/// among them, because scripts and emoji need them; [`harmless`] checks that they stand after a character they can act
/// on.
#[must_use]
pub const fn is_hostile(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}'..='\u{2029}' | '\u{fff9}'..='\u{fffb}')
        || (is_invisible(c) && !is_joiner_or_selector(c))
}

/// Whether this is an invisible character that changes how the character before it is drawn.
const fn is_joiner_or_selector(c: char) -> bool {
    matches!(c,
        '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{180b}'..='\u{180d}' | '\u{180f}'
        | '\u{e0100}'..='\u{e01ef}')
}

/// Whether a joiner or selector `c` after the character `before` has something to act on. It never acts on a Latin
/// letter or a blank. An emoji may be followed by a selector and then a joiner. Keycaps (`1️⃣`) are the only case in
/// ASCII.
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

/// Returns `text` in a form for a screen or a plain file. Control characters become their pictures (`␛`), and other
/// hostile characters become U+FFFD. A tab becomes spaces. Every line after the first is indented by `indent`, so that
/// no message can look like two.
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
            // Windows ends lines with `\r\n`. Such a `\r` is part of the end of a line and not an attempt to overwrite
            // it.
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

/// Returns `text` on one line: like [`harmless`], with each newline shown as `␤`.
#[must_use]
pub fn harmless_line(text: &str) -> Cow<'_, str> {
    match harmless(text, "") {
        Cow::Borrowed(text) => Cow::Borrowed(text),
        Cow::Owned(text) => Cow::Owned(text.replace('\n', "\u{2424}")),
    }
}

/// Appends a hostile character as a JSON escape such as `\u001b`, or as two of them for a surrogate pair.
pub fn write_json_escape(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing to a `String` cannot fail.
        let _infallible = write!(out, "\\u{unit:04x}");
    }
}

/// Returns the visible picture of a C0 control character; these pictures begin at U+2400.
fn picture(c: char) -> char {
    char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escape_sequences_are_shown_as_pictures() {
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
    fn selectors_and_joiners_stay_after_a_character_that_they_change() {
        for text in ["❤\u{fe0f}\u{200d}🔥", "1\u{fe0f}\u{20e3}", "葛\u{e0100}城", "ᠠ\u{180b}", "क्\u{200d}ष"]
        {
            assert_eq!(harmless(text, ""), text);
        }
    }

    #[test]
    fn invisible_characters_are_replaced_by_a_visible_one() {
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
        fn no_hostile_character_is_left_in_harmless_text(text in "\\PC*|.*") {
            let shown = harmless(&text, "").into_owned();
            prop_assert!(shown.chars().all(|c| c == '\n' || !is_hostile(c)));
            prop_assert!(!harmless_line(&text).chars().any(is_hostile));
        }
    }
}
