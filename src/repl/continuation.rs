//! A `\` that is typed at the end of a line continues the message on the next line.
//!
//! The editor leaves both the `\` and the newline in its text. This file remembers which of them were typed in this
//! way, and follows them through later edits. A `\` before a newline in pasted code belongs to the code and stays. This
//! is plain data; the editor tells it how its text changes.

/// The places in the edited text at which a typed `\` continues the line, as byte offsets in rising order.
#[derive(Clone, Debug, Default)]
pub(super) struct Joins(Vec<usize>);

impl Joins {
    /// Notes that Enter was pressed after a `\` at `offset`, at the end of the text.
    pub(super) fn mark(&mut self, offset: usize) {
        if self.0.last() != Some(&offset) {
            self.0.push(offset);
        }
    }

    /// Follows a change of the text from `old` to `new`. Places behind the change are moved, and places in it are
    /// dropped.
    pub(super) fn follow(&mut self, old: &str, new: &str) {
        if self.0.is_empty() || old == new {
            return;
        }
        let (old, new) = (old.as_bytes(), new.as_bytes());
        let same = |pairs: &mut dyn Iterator<Item = (&u8, &u8)>| pairs.take_while(|(a, b)| a == b).count();
        let head = same(&mut old.iter().zip(new));
        let tail = same(&mut old[head..].iter().rev().zip(new[head..].iter().rev()));
        self.0.retain_mut(|offset| {
            if *offset >= old.len() - tail {
                *offset = *offset + new.len() - old.len();
                true
            } else {
                *offset < head
            }
        });
    }

    /// Whether the `\` at `offset` continues the line.
    pub(super) fn contains(&self, offset: usize) -> bool {
        self.0.binary_search(&offset).is_ok()
    }

    /// Splits `text` at `cursor`, and leaves out every `\` that only continues a line.
    pub(super) fn resolve(&self, text: &str, cursor: usize) -> (String, String) {
        let (mut left, mut right) = (String::with_capacity(text.len()), String::new());
        for (offset, c) in text.char_indices() {
            if self.contains(offset) && text[offset..].starts_with("\\\n") {
                continue;
            }
            if offset < cursor { left.push(c) } else { right.push(c) }
        }
        (left, right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_backslash_joins_lines_and_a_pasted_one_stays() {
        let mut joins = Joins::default();
        joins.mark(3);
        joins.follow("abc\\", "abc\\\n");
        joins.follow("abc\\\n", "abc\\\nmake \\\n  all");
        assert_eq!(
            joins.resolve("abc\\\nmake \\\n  all", 5),
            ("abc\n".to_owned(), "make \\\n  all".to_owned())
        );
    }

    #[test]
    fn a_typed_backslash_is_followed_through_edits_before_and_behind_it() {
        let mut joins = Joins::default();
        joins.mark(1);
        joins.follow("a\\\nb", "xyza\\\nb");
        assert!(joins.contains(4));
        joins.follow("xyza\\\nb", "xyza\\\nbc");
        assert!(joins.contains(4));
        joins.follow("xyza\\\nbc", "xy");
        assert!(!joins.contains(4));
        assert_eq!(joins.resolve("xy", 1), ("x".to_owned(), "y".to_owned()));
    }

    #[test]
    fn a_backslash_whose_newline_was_deleted_stays() {
        let mut joins = Joins::default();
        joins.mark(1);
        joins.follow("a\\\nb", "a\\b");
        assert_eq!(joins.resolve("a\\b", 3).0, "a\\b");
    }
}
