//! Breaks text into rows of a terminal: between words if possible, and otherwise between characters. This file owns how
//! wide a character counts; it does not know what is shown.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns how many columns `text` takes at most. Terminals disagree about characters that are joined to one emoji: if
/// a terminal draws fewer columns than were counted, there is a gap, and if it drew more, the row would break.
pub(super) fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.graphemes(true).map(grapheme_width).sum()
}

fn grapheme_width(grapheme: &str) -> usize {
    let parts: usize = grapheme.chars().map(|c| c.width().unwrap_or(0)).sum();
    parts.max(grapheme.width())
}

/// Breaks one line of text into rows. The first row has `first` columns, the others have `rest`. There is always at
/// least one row. Spaces at a break are left out.
#[must_use]
pub fn wrap(line: &str, first: usize, rest: usize) -> Vec<String> {
    broken(pieces(line, grapheme_width), first, rest)
}

/// Breaks one line into rows of `room` columns, in any script only at its spaces, so that nothing that fits into a row
/// is cut in two.
#[must_use]
pub fn words(line: &str, room: usize) -> Vec<String> {
    broken(pieces(line, |_| 1), room, room)
}

fn broken<'t>(pieces: impl Iterator<Item = &'t str>, first: usize, rest: usize) -> Vec<String> {
    let mut rows = Rows { done: Vec::new(), row: String::new(), used: 0, room: first, rest };
    for piece in pieces {
        let wide = width(piece);
        if rows.used + wide <= rows.room {
            rows.push(piece, wide);
        } else if piece.starts_with(' ') {
            rows.next();
        } else if wide <= rest && (rows.used > 0 || rows.room < rest) {
            rows.next();
            rows.push(piece, wide);
        } else {
            rows.push_broken(piece);
        }
    }
    rows.next();
    rows.done
}

/// Returns words and the spaces between them, in turn. Scripts of wide characters have no spaces, so a row may end
/// after each character that `width` counts as wide.
fn pieces(line: &str, width: impl Fn(&str) -> usize) -> impl Iterator<Item = &str> {
    let mut left = line;
    std::iter::from_fn(move || {
        let spaces = left.starts_with(' ');
        let mut end = left.find(|c| (c == ' ') != spaces).unwrap_or(left.len());
        if !left[..end].is_ascii() {
            let wide = left[..end].grapheme_indices(true).find(|(_, grapheme)| width(grapheme) > 1);
            end = match wide {
                Some((0, grapheme)) => grapheme.len(),
                Some((at, _)) => at,
                None => end,
            };
        }
        let (piece, after) = left.split_at(end);
        left = after;
        (!piece.is_empty()).then_some(piece)
    })
}

struct Rows {
    done: Vec<String>,
    row: String,
    used: usize,
    room: usize,
    rest: usize,
}

impl Rows {
    fn push(&mut self, piece: &str, wide: usize) {
        self.row.push_str(piece);
        self.used += wide;
    }

    fn push_broken(&mut self, word: &str) {
        for grapheme in word.graphemes(true) {
            let wide = grapheme_width(grapheme);
            if self.used + wide > self.room && self.used > 0 {
                self.next();
            }
            self.push(grapheme, wide);
        }
    }

    fn next(&mut self) {
        let row = std::mem::take(&mut self.row);
        self.done.push(row.trim_end_matches(' ').to_owned());
        self.used = 0;
        self.room = self.rest;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(line: &str, first: usize, rest: usize, rows: &[&str]) {
        assert_eq!(wrap(line, first, rest), rows);
    }

    #[test]
    fn rows_break_between_words_and_inside_words_that_are_too_long() {
        check("one two three", 20, 20, &["one two three"]);
        check("one two three", 8, 8, &["one two", "three"]);
        check("one two three", 3, 9, &["one", "two three"]);
        check("abcdefghij", 4, 4, &["abcd", "efgh", "ij"]);
        check("word", 2, 8, &["", "word"]);
        check("", 5, 5, &[""]);
        check("  code", 8, 8, &["  code"]);
    }

    #[test]
    fn wide_characters_count_two_columns_and_are_never_split() {
        check("日本語日本語", 5, 5, &["日本", "語日", "本語"]);
        check("a日 本", 4, 4, &["a日", "本"]);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(width("👍"), 2);
    }

    #[test]
    fn a_list_breaks_only_between_its_names() {
        let names = "in the lobby (3): 山田太郎 佐藤花子 bobby";
        assert_eq!(words(names, 30), ["in the lobby (3): 山田太郎", "佐藤花子 bobby"]);
        assert_eq!(words("日本語日本語", 5), ["日本", "語日", "本語"]);
    }

    proptest! {
        #[test]
        fn no_row_is_too_wide_and_nothing_but_spaces_is_lost(text in "[a-z日é👍 ]{0,60}", room in 2_usize..20) {
            let rows = wrap(&text, room, room);
            prop_assert!(rows.iter().all(|row| width(row) <= room), "{rows:?}");
            let bare = |text: &str| text.replace(' ', "");
            prop_assert_eq!(bare(&rows.concat()), bare(&text));
        }
    }
}
