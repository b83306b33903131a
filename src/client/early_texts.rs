//! The texts that one private session's user said before the session had a link. All that is taken here fits into the
//! outbox of the link that comes later. This file knows neither sessions nor links.

use hobnob_protocol::text::Text;
use thiserror::Error;

use crate::peer::{OUTBOX_BYTES, OUTBOX_TEXTS};

/// No more is taken before the session has a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{OUTBOX_TEXTS} messages or {} MiB wait for the session to open", OUTBOX_BYTES >> 20)]
pub struct TooMuchWaits;

/// A text that waits for a link.
#[derive(Debug)]
pub(super) struct EarlyText {
    /// The number of the text in the ledger.
    pub id: u64,
    /// What is said when the session is open.
    pub text: Text,
    /// When it was said.
    pub at: u64,
}

/// The texts that wait for a link, oldest first.
#[derive(Debug, Default)]
pub(super) struct EarlyTexts {
    texts: Vec<EarlyText>,
    bytes: usize,
}

impl EarlyTexts {
    /// Puts a text behind those that wait already.
    ///
    /// # Errors
    /// Returns an error if the outbox of a link would not take the text with those before it.
    pub(super) fn take(&mut self, early: EarlyText) -> Result<(), TooMuchWaits> {
        let bytes = early.text.as_str().len();
        if self.texts.len() >= OUTBOX_TEXTS || self.bytes + bytes > OUTBOX_BYTES {
            return Err(TooMuchWaits);
        }
        self.bytes += bytes;
        self.texts.push(early);
        Ok(())
    }

    /// Removes and returns all texts, oldest first.
    pub(super) fn drain(&mut self) -> Vec<EarlyText> {
        self.bytes = 0;
        std::mem::take(&mut self.texts)
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::MAX_TEXT_BYTES;

    use super::*;

    fn early(id: u64, text: &str) -> EarlyText {
        EarlyText { id, text: Text::new(text).unwrap(), at: 0 }
    }

    #[test]
    fn as_many_texts_and_bytes_wait_as_an_outbox_takes() {
        let mut texts = EarlyTexts::default();
        for id in 0..OUTBOX_TEXTS as u64 {
            texts.take(early(id, "x")).unwrap();
        }
        assert_eq!(texts.take(early(0, "x")), Err(TooMuchWaits));
        let drained: Vec<u64> = texts.drain().iter().map(|early| early.id).collect();
        assert!(drained.into_iter().eq(0..OUTBOX_TEXTS as u64), "the texts keep their order");
        let long = "x".repeat(MAX_TEXT_BYTES);
        let fit = (OUTBOX_BYTES / MAX_TEXT_BYTES) as u64;
        for id in 0..fit {
            texts.take(early(id, &long)).unwrap();
        }
        assert_eq!(texts.take(early(fit, "x")), Err(TooMuchWaits));
        assert_eq!(texts.drain().len() as u64, fit);
        texts.take(early(0, &long)).unwrap();
    }
}
