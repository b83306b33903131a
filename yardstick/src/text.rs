//! The texts that are said. A text contains its author, its number and its time, and is filled up to a fixed length. So
//! a receiver knows from the text alone whether it is late, lost or came twice.

use std::io::Write;

/// The length of a text, in bytes.
pub(crate) const TEXT_BYTES: usize = 128;

/// What a text contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The index of its author.
    pub(crate) sender: u32,
    /// The number of the text; it counts up from 0 for each author.
    pub(crate) number: u32,
    /// When it was said, in nanoseconds since the beginning of the run.
    pub(crate) at: u64,
}

impl Stamp {
    /// Returns the text that this stamp becomes, filled up to [`TEXT_BYTES`].
    pub(crate) fn text(self) -> String {
        let mut text = Vec::with_capacity(TEXT_BYTES);
        let Self { sender, number, at } = self;
        write!(text, "{sender:06} {number:010} {at:015} ").expect("writing to memory cannot fail");
        text.resize(TEXT_BYTES, b'x');
        String::from_utf8(text).expect("it is ASCII")
    }

    /// Reads a text at the beginning of `text`.
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        let sender = digits(text.get(..6)?)? as u32;
        let number = digits(text.get(7..17)?)? as u32;
        let at = digits(text.get(18..33)?)?;
        Some(Self { sender, number, at })
    }
}

fn digits(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then_some(value * 10 + u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_contains_what_it_was_given() {
        let stamp = Stamp { sender: 17, number: 4_000_000, at: 123_456_789_012 };
        let text = stamp.text();
        assert_eq!(text.len(), TEXT_BYTES);
        assert_eq!(Stamp::read(text.as_bytes()), Some(stamp));
        assert_eq!(Stamp::read(b"hello"), None);
    }
}
