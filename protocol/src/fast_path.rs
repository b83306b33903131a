//! The fast path for lines in the form nearly everybody writes: their parts are read where they stand, without
//! serde. A line in any other form gives `None` here and is left to serde, which also says what is wrong with
//! it. Whatever is read here, serde would read to the same value.

use crate::name::Text;

/// A number as JSON has it, and what follows.
#[must_use]
pub fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (digits, rest) = bytes.split_at(bytes.iter().position(|byte| !byte.is_ascii_digit())?);
    let has_leading_zero = digits.len() > 1 && digits.starts_with(b"0");
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (!has_leading_zero).then_some((number, rest))
}

/// The inside of a JSON string as a message's text.
#[must_use]
pub fn text(bytes: &[u8]) -> Option<Text> {
    if !is_plain(bytes) {
        return None;
    }
    Text::new(std::str::from_utf8(bytes).ok()?).ok()
}

/// Whether `text` stands in a JSON string as it is: it has no quote, no backslash and no control
/// character. Two passes, since each is one comparison for many bytes at once.
#[must_use]
pub fn is_plain(text: &[u8]) -> bool {
    memchr::memchr2(b'"', b'\\', text).is_none()
        && text.chunks(256).all(|block| block.iter().fold(u8::MAX, |least, &byte| least.min(byte)) >= b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_json() {
        assert_eq!(number(b"0,"), Some((0, &b","[..])));
        assert_eq!(number(b"18446744073709551615}"), Some((u64::MAX, &b"}"[..])));
        for bad in ["", "7", ",", "-1,", "01,", "18446744073709551616,", " 1,"] {
            assert_eq!(number(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn texts_are_those_that_need_no_escape() {
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
