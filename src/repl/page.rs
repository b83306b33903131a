//! What the editor shows at this moment: prompt, text, cursor and hint, and what stands on the terminal
//! of them.
//!
//! Written by the painter, which sees every repaint; read when the editor is interrupted, to save the
//! draft. Also holds the search, since the line shown is its query, and the line that Ctrl-C cleared.
//! Knows no thread and writes nothing.

use rustyline::GraphemeClusterMode;
use unicode_segmentation::UnicodeSegmentation;

use super::canvas::{Canvas, Size};
use super::continuation::Joins;
use super::prompt::{Draft, Prompt};
use super::search::{Line, Search};

/// What stands on the screen since the last repaint.
#[derive(Debug)]
pub(super) struct Page {
    /// The terminal's size at the last repaint.
    pub(super) size: Size,
    pub(super) widths: GraphemeClusterMode,
    prompt: Prompt,
    text: String,
    cursor: usize,
    /// What stands behind the text while that and the cursor are these.
    hint: Option<(String, usize, String)>,
    /// Shown behind the text as long as that is as it came.
    note: Option<(String, String)>,
    pub(super) joins: Joins,
    pub(super) search: Search,
    /// What was drawn.
    pub(super) canvas: Canvas,
    /// The screen is to be emptied at the next repaint.
    pub(super) clears: bool,
    /// The words Tab found, to be shown at the next repaint.
    pub(super) found: Vec<String>,
    /// The text that is left on the screen was said, and addresses in it are links.
    pub(super) links: bool,
    /// The line Ctrl-C cleared, as long as nothing was cut since.
    pub(super) cleared: Option<String>,
}

#[derive(Clone, Copy, Default)]
struct Position {
    column: usize,
}

impl Page {
    pub(super) fn new(widths: GraphemeClusterMode) -> Self {
        Self {
            size: Size { columns: 80, rows: 24 },
            widths,
            prompt: Prompt::default(),
            text: String::new(),
            cursor: 0,
            hint: None,
            note: None,
            joins: Joins::default(),
            search: Search::default(),
            canvas: Canvas::default(),
            clears: false,
            found: Vec::new(),
            links: false,
            cleared: None,
        }
    }

    /// A new line begins under `prompt`, on a terminal of `size`. A search goes on.
    pub(super) fn begin(&mut self, prompt: Prompt, size: Size) {
        let (search, cleared) = (std::mem::take(&mut self.search), self.cleared.take());
        let canvas = std::mem::take(&mut self.canvas);
        *self = Self { size, prompt, search, cleared, canvas, ..Self::new(self.widths) };
    }

    /// `note` is to stand behind `text` until that is edited.
    pub(super) fn note(&mut self, text: String, note: String) {
        self.note = Some((text, note));
    }

    /// What stands behind `text`, if it is as it came.
    pub(super) fn note_on(&self, text: &str) -> Option<&str> {
        self.note.as_ref().filter(|(noted, _)| noted == text).map(|(_, note)| note.as_str())
    }

    /// From now on `prompt` stands before the text.
    pub(super) fn show_prompt(&mut self, prompt: Prompt) {
        self.prompt = prompt;
    }

    /// What stands before the text.
    pub(super) fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// What stands before the cursor, and from it on.
    pub(super) fn halves(&self) -> (&str, &str) {
        self.text.split_at_checked(self.cursor).unwrap_or((&self.text, ""))
    }

    /// A repaint shows the text.
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

    /// `hint` stands behind this text as long as it and the cursor stay.
    pub(super) fn keep_hint(&mut self, text: &str, cursor: usize, hint: Option<&str>) {
        self.hint = hint.map(|hint| (text.to_owned(), cursor, hint.to_owned()));
    }

    /// What stands behind the text now.
    pub(super) fn hint(&self) -> Option<&str> {
        let (text, cursor, hint) = self.hint.as_ref()?;
        (*text == self.text && *cursor == self.cursor).then_some(hint)
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
        let end = self.advance(line, self.advance(self.prompt.raw(), Position::default()));
        usize::from(self.size.columns).saturating_sub(end.column + 1)
    }

    /// The columns `text` takes.
    pub(super) fn width(&self, text: &str) -> usize {
        text.graphemes(true).map(|grapheme| usize::from(self.widths.width(grapheme))).sum()
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
                at = Position { column: 0 };
                continue;
            }
            let width = match grapheme {
                "\t" => TAB - at.column % TAB,
                _ => usize::from(self.widths.width(grapheme)),
            };
            at.column += width;
            if at.column > columns {
                at = Position { column: width };
            }
        }
        if at.column == columns {
            at = Position { column: 0 };
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(prompt: &str, text: &str, cursor: usize) -> Page {
        let mut page = Page::new(GraphemeClusterMode::WcWidth);
        page.begin(Prompt::plain(prompt), Size { columns: 10, rows: 24 });
        page.show_text(text, cursor);
        page
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
