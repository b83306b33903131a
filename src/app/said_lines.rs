//! The lines whose texts the server has not answered for. If it refuses a text, its author gets back the line as it was
//! typed: `\me waves` and not `* anna waves`. This file does not know why a text is refused.

use std::collections::BTreeMap;

use crate::input::as_typed::as_typed;

/// Each line by the number of its text in the ledger.
#[derive(Debug, Default)]
pub(super) struct SaidLines(BTreeMap<u64, String>);

impl SaidLines {
    /// Notes that the text with this number was typed as `line`.
    pub(super) fn note(&mut self, id: u64, line: &str) {
        self.0.insert(id, line.to_owned());
    }

    /// Returns the line that says `text`, which has this number, and forgets it. A text that nobody typed is returned as
    /// it would be typed.
    pub(super) fn take(&mut self, id: u64, text: &str) -> String {
        self.0.remove(&id).unwrap_or_else(|| as_typed(text))
    }

    /// Forgets the oldest lines until one comes whose text is still open. Texts are answered for in nearly the order of
    /// their numbers, so only few others are kept with it.
    pub(super) fn forget_answered(&mut self, is_open: impl Fn(u64) -> bool) {
        while let Some(oldest) = self.0.first_entry()
            && !is_open(*oldest.key())
        {
            oldest.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_given_back_as_it_was_typed_or_would_be_typed() {
        let mut lines = SaidLines::default();
        lines.note(1, "\\me waves");
        lines.note(2, "/etc/hosts");
        assert_eq!(lines.take(2, "/etc/hosts"), "/etc/hosts");
        assert_eq!(lines.take(1, "* anna waves"), "\\me waves");
        assert_eq!(lines.take(3, "\\said by a program"), "\\\\said by a program");
    }

    #[test]
    fn the_lines_of_texts_that_were_answered_for_are_forgotten() {
        let mut lines = SaidLines::default();
        (1..=4).for_each(|id| lines.note(id, "a line"));
        lines.forget_answered(|id| id == 3);
        assert_eq!(lines.0.keys().collect::<Vec<_>>(), [&3, &4]);
        lines.forget_answered(|_| false);
        assert!(lines.0.is_empty());
    }
}
