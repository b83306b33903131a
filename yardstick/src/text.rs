//! The texts that are said: who said it, which one it is and when, filled up to a fixed length, so
//! that a receiver knows from the text alone whether it is late, lost or told twice.

use std::io::Write;

/// Bytes of one text.
pub(crate) const TEXT_BYTES: usize = 128;

/// What a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The index of its author.
    pub(crate) sender: u32,
    /// Counts up from 0 for each author.
    pub(crate) number: u32,
    /// Nanoseconds since the run's beginning.
    pub(crate) at: u64,
}

impl Stamp {
    /// The text.
    pub(crate) fn text(self) -> String {
        let mut text = Vec::with_capacity(TEXT_BYTES);
        let Self { sender, number, at } = self;
        write!(text, "{sender:06} {number:010} {at:015} ").expect("memory takes it");
        text.resize(TEXT_BYTES, b'x');
        String::from_utf8(text).expect("it is ASCII")
    }

    /// Reads a text that begins here.
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
    fn a_text_says_what_it_was_given() {
        let stamp = Stamp { sender: 17, number: 4_000_000, at: 123_456_789_012 };
        let text = stamp.text();
        assert_eq!(text.len(), TEXT_BYTES);
        assert_eq!(Stamp::read(text.as_bytes()), Some(stamp));
        assert_eq!(Stamp::read(b"hello"), None);
    }
}
