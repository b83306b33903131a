//! What the editor shows at this moment: prompt, text, cursor, hint, and how many rows they take.
//!
//! Written by the highlighter, which sees every repaint; read when the editor is interrupted, to
//! save the draft and to wipe the rows it took. Also holds the search, since the line shown is its
//! query. Knows no thread and writes nothing.

use rustyline::GraphemeClusterMode;
use unicode_segmentation::UnicodeSegmentation;

use super::continuation::Joins;
use super::prompt::Draft;
use super::search::{Line, Search};

/// Columns and rows of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: u16,
    pub(super) rows: u16,
}

/// What stands on the screen since the last repaint.
#[derive(Debug)]
pub(super) struct Page {
    /// The terminal's size when the line was begun; a resize shows from the next line on.
    pub(super) size: Size,
    pub(super) widths: GraphemeClusterMode,
    prompt: String,
    text: String,
    cursor: usize,
    hint: String,
    /// Shown behind the text as long as that is as it came.
    note: Option<(String, String)>,
    pub(super) joins: Joins,
    pub(super) search: Search,
}

/// The rows below the prompt's first, of the cursor and of the last thing shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    pub(super) cursor: usize,
    pub(super) end: usize,
}

#[derive(Clone, Copy, Default)]
struct Position {
    row: usize,
    column: usize,
}

impl Page {
    pub(super) fn new(widths: GraphemeClusterMode) -> Self {
        Self {
            size: Size { columns: 80, rows: 24 },
            widths,
            prompt: String::new(),
            text: String::new(),
            cursor: 0,
            hint: String::new(),
            note: None,
            joins: Joins::default(),
            search: Search::default(),
        }
    }

    /// A new line begins under `prompt`, on a terminal of `size`. A search goes on.
    pub(super) fn begin(&mut self, prompt: &str, size: Size) {
        let search = std::mem::take(&mut self.search);
        *self = Self { size, search, ..Self::new(self.widths) };
        prompt.clone_into(&mut self.prompt);
    }

    /// `note` is to stand behind `text` until that is edited.
    pub(super) fn note(&mut self, text: String, note: String) {
        self.note = Some((text, note));
    }

    /// What stands behind `text`, if it is as it came.
    pub(super) fn note_on(&self, text: &str) -> Option<&str> {
        self.note.as_ref().filter(|(noted, _)| noted == text).map(|(_, note)| note.as_str())
    }

    /// A repaint begins: `prompt` (without colour) is shown, and no hint yet.
    pub(super) fn show_prompt(&mut self, prompt: &str) {
        if self.prompt != prompt {
            prompt.clone_into(&mut self.prompt);
        }
        self.hint.clear();
    }

    /// The repaint goes on with the text.
    pub(super) fn show_text(&mut self, text: &str, cursor: usize) {
        if self.text != text {
            self.joins.follow(&self.text, text);
            text.clone_into(&mut self.text);
        }
        self.cursor = cursor;
    }

    /// The line is another one now, with its own continuations; gives the text and the cursor.
    pub(super) fn exchange(&mut self) -> Option<(String, usize)> {
        let Line { text, cursor, joins } = self.search.take_exchange()?;
        self.joins = joins;
        text.clone_into(&mut self.text);
        self.cursor = cursor;
        Some((text, cursor))
    }

    /// The repaint ends with a hint.
    pub(super) fn show_hint(&mut self, hint: &str) {
        hint.clone_into(&mut self.hint);
    }

    /// The text and the cursor, with what only continued a line left out. A query is no draft: while
    /// a search is open it is what was there before.
    pub(super) fn draft(&self) -> Draft {
        if let Some(kept) = self.search.kept() {
            return kept;
        }
        let (left, right) = self.joins.resolve(&self.text, self.cursor);
        Draft { left, right }
    }

    /// How many columns are free behind the text `line` on its last row, one kept for the cursor.
    pub(super) fn room_after(&self, line: &str) -> usize {
        let end = self.advance(line, self.advance(&self.prompt, Position::default()));
        usize::from(self.size.columns).saturating_sub(end.column + 1)
    }

    /// The columns `text` takes.
    pub(super) fn width(&self, text: &str) -> usize {
        text.graphemes(true).map(|grapheme| usize::from(self.widths.width(grapheme))).sum()
    }

    /// Where the editor's cursor and end are on a terminal of `columns`. Counts as rustyline
    /// does, in the same three pieces, since what it believes is where it puts things.
    pub(super) fn rows(&self, columns: u16) -> Rows {
        let page = Self { size: Size { columns, ..self.size }, ..Self::new(self.widths) };
        let (left, right) = self.text.split_at(self.cursor.min(self.text.len()));
        let prompt = page.advance(&self.prompt, Position::default());
        let cursor = page.advance(left, prompt);
        let text_end = if right.is_empty() { cursor } else { page.advance(right, cursor) };
        let end = if self.hint.is_empty() { text_end } else { page.advance(&self.hint, text_end) };
        Rows { cursor: cursor.row, end: end.row }
    }

    /// At most `room` columns of `text`: what wraps behind the line would push the prompt about.
    pub(super) fn cut(&self, text: &str, room: usize) -> String {
        if self.width(text) <= room {
            return text.to_owned();
        }
        let mut shown = String::new();
        for c in text.chars() {
            shown.push(c);
            if self.width(&shown) >= room {
                shown.pop();
                return shown.trim_end().to_owned() + if room > 1 { "…" } else { "" };
            }
        }
        shown
    }

    fn advance(&self, text: &str, from: Position) -> Position {
        /// rustyline's own default; a tab reaches the text through a paste only.
        const TAB: usize = 8;
        let columns = usize::from(self.size.columns).max(1);
        let mut at = from;
        for grapheme in text.graphemes(true) {
            if grapheme == "\n" {
                at = Position { row: at.row + 1, column: 0 };
                continue;
            }
            let width = match grapheme {
                "\t" => TAB - at.column % TAB,
                _ => usize::from(self.widths.width(grapheme)),
            };
            at.column += width;
            if at.column > columns {
                at = Position { row: at.row + 1, column: width };
            }
        }
        if at.column == columns {
            at = Position { row: at.row + 1, column: 0 };
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(prompt: &str, text: &str, cursor: usize) -> Page {
        let mut page = Page::new(GraphemeClusterMode::WcWidth);
        page.begin(prompt, Size { columns: 10, rows: 24 });
        page.show_text(text, cursor);
        page
    }

    #[test]
    fn rows_count_wrapping_newlines_and_wide_characters() {
        assert_eq!(page("> ", "abc", 3).rows(10), Rows { cursor: 0, end: 0 });
        assert_eq!(page("> ", "12345678", 8).rows(10), Rows { cursor: 1, end: 1 });
        assert_eq!(page("> ", "123456789", 0).rows(10), Rows { cursor: 0, end: 1 });
        assert_eq!(page("> ", "a\nb\nc", 1).rows(10), Rows { cursor: 0, end: 2 });
        assert_eq!(page("> ", "日本語日本", 15).rows(10), Rows { cursor: 1, end: 1 });
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let page = page("> ", "", 0);
        assert_eq!(page.cut("private session", 20), "private session");
        assert_eq!(page.cut("private session", 9), "private…");
        assert_eq!(page.cut("private session", 0), "");
    }

    #[test]
    fn room_is_what_the_last_row_leaves() {
        assert_eq!(page("> ", "", 0).room_after("abc"), 4);
        assert_eq!(page("> ", "", 0).room_after("abcdefgh"), 9);
    }
}
