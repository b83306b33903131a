//! A fast path for lines in the form that nearly every client writes. It reads the parts of a line directly, without
//! serde. For a line in any other form these functions return `None`; serde then reads the line, and also reports what
//! is wrong with it. Whatever is read here has the same value that serde would read.

use crate::text::Text;

/// Reads a number as JSON writes it. Returns the number and the bytes after it.
#[must_use]
pub fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (digits, rest) = bytes.split_at(bytes.iter().position(|byte| !byte.is_ascii_digit())?);
    let has_leading_zero = digits.len() > 1 && digits.starts_with(b"0");
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (!has_leading_zero).then_some((number, rest))
}

/// Reads the inside of a JSON string as the text of a message, if nothing in it is escaped.
#[must_use]
pub fn text(bytes: &[u8]) -> Option<Text> {
    if !is_plain(bytes) {
        return None;
    }
    Text::new(std::str::from_utf8(bytes).ok()?).ok()
}

/// Whether `text` can stand in a JSON string unchanged, which means that it has no quote, no backslash and no control
/// character. This makes two passes, because each pass is a single comparison that is made on many bytes at once.
#[must_use]
pub fn is_plain(text: &[u8]) -> bool {
    memchr::memchr2(b'"', b'\\', text).is_none()
        && text.chunks(256).all(|block| block.iter().fold(u8::MAX, |least, &byte| least.min(byte)) >= b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_only_in_the_form_that_json_allows() {
        assert_eq!(number(b"0,"), Some((0, &b","[..])));
        assert_eq!(number(b"18446744073709551615}"), Some((u64::MAX, &b"}"[..])));
        for bad in ["", "7", ",", "-1,", "01,", "18446744073709551616,", " 1,"] {
            assert_eq!(number(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_text_is_read_only_if_it_needs_no_escape() {
        let long = "y".repeat(1000);
        for good in ["plain", "ünïcode 🦀", "\u{7f}", "\u{85}", &long] {
            assert_eq!(text(good.as_bytes()).unwrap().as_str(), good);
        }
        for bad in ["", "a\"b", "a\\b", "a\nb", "\u{1b}[0m", &format!("{long}\0"), &"x".repeat(16_385)] {
            assert_eq!(text(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(text(b"a\xff"), None);
    }
}
