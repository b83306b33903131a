//! What the editor shows at this moment: the prompt, the text, the cursor and the hint, and which of them are already
//! on the terminal.
//!
//! The painter writes this, because it sees every repaint. It is read when the editor is interrupted, to save the
//! draft. It holds the search, whose query may be the line that is shown, and the line that Ctrl-C cleared.
//! It knows no thread and writes nothing to the terminal.

use rustyline::{GraphemeClusterMode, KeyEvent};
use tokio::time::Instant;
use unicode_segmentation::UnicodeSegmentation;

use super::canvas::{Canvas, Size};
use super::continuation::Joins;
use super::ended::Ended;
use super::prompt::{AsSaid, Draft, Prompt};
use super::search::{Line, Search};
use super::typing::Keyed;

/// The content of the line editor since the last repaint.
#[derive(Debug)]
pub(super) struct Page {
    /// The size of the terminal at the last repaint.
    pub(super) size: Size,
    pub(super) widths: GraphemeClusterMode,
    prompt: Prompt,
    text: String,
    cursor: usize,
    /// The text and the cursor to which a hint belongs, and the hint.
    hint: Option<(String, usize, String)>,
    /// The text to which a note belongs, and the note. The note is shown behind the text until the text is edited.
    note: Option<(String, String)>,
    pub(super) joins: Joins,
    pub(super) search: Search,
    /// What was drawn last.
    pub(super) canvas: Canvas,
    /// Whether the screen has to be cleared at the next repaint.
    pub(super) clears: bool,
    /// The words that Tab found, which are shown at the next repaint.
    pub(super) found: Vec<String>,
    /// Whether the text was said, so that nothing in it is a command or a mark of the editor.
    pub(super) is_said: bool,
    /// Whether web addresses in the text are links.
    pub(super) links: bool,
    /// The line that Ctrl-C cleared. It is dropped when something is cut.
    pub(super) cleared: Option<String>,
    /// How the line comes about.
    pub(super) keyed: Keyed,
    /// Why the line ended, and what was typed until then, if it is not to be handed over.
    pub(super) ended: Option<(Ended, Draft)>,
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
            is_said: false,
            links: false,
            cleared: None,
            keyed: Keyed::default(),
            ended: None,
        }
    }

    /// Begins a new line with this prompt, on a terminal of this size. An open search goes on, and
    /// so does what is known of how the line comes about.
    pub(super) fn begin(&mut self, prompt: Prompt, size: Size) {
        let (search, cleared) = (std::mem::take(&mut self.search), self.cleared.take());
        let (canvas, keyed) = (std::mem::take(&mut self.canvas), std::mem::take(&mut self.keyed));
        *self = Self { size, prompt, search, cleared, canvas, keyed, ..Self::new(self.widths) };
    }

    /// Shows `note` behind `text` until the text is edited.
    pub(super) fn note(&mut self, text: String, note: String) {
        self.note = Some((text, note));
    }

    /// Returns the note that belongs to this text.
    pub(super) fn note_on(&self, text: &str) -> Option<&str> {
        self.note.as_ref().filter(|(noted, _)| noted == text).map(|(_, note)| note.as_str())
    }

    /// Shows another prompt before the text from now on.
    pub(super) fn show_prompt(&mut self, prompt: Prompt) {
        self.prompt = prompt;
    }

    /// Shows a text as it is said, in the place of the line that said it.
    pub(super) fn show_said(&mut self, AsSaid { before, text, links }: AsSaid) {
        self.prompt = before;
        self.cursor = text.len();
        self.text = text;
        self.joins = Joins::default();
        self.is_said = true;
        self.links = links;
    }

    /// Returns the prompt before the text.
    pub(super) fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// Returns the text before the cursor, and the text from the cursor on.
    pub(super) fn halves(&self) -> (&str, &str) {
        self.text.split_at_checked(self.cursor).unwrap_or((&self.text, ""))
    }

    /// Notes the text that a repaint shows.
    pub(super) fn show_text(&mut self, text: &str, cursor: usize) {
        if self.text != text {
            self.joins.follow(&self.text, text);
            text.clone_into(&mut self.text);
        }
        self.cursor = cursor;
    }

    /// Replaces the line by another one with its own continuations. Returns the new text and the cursor.
    pub(super) fn exchange(&mut self) -> Option<(String, usize)> {
        let Line { text, cursor, joins } = self.search.take_exchange()?;
        self.joins = joins;
        text.clone_into(&mut self.text);
        self.cursor = cursor;
        Some((text, cursor))
    }

    /// Notes the hint that belongs to this text and cursor.
    pub(super) fn keep_hint(&mut self, text: &str, cursor: usize, hint: Option<&str>) {
        self.hint = hint.map(|hint| (text.to_owned(), cursor, hint.to_owned()));
    }

    /// Returns the hint that belongs to the current text and cursor.
    pub(super) fn hint(&self) -> Option<&str> {
        let (text, cursor, hint) = self.hint.as_ref()?;
        (*text == self.text && *cursor == self.cursor).then_some(hint)
    }

    /// Returns the text and the cursor without each `\` that only continued a line. While a search is open, this is the
    /// draft from before the search, because a query is not a draft.
    pub(super) fn draft(&self) -> Draft {
        if let Some(kept) = self.search.kept() {
            return kept;
        }
        let (left, right) = self.joins.resolve(&self.text, self.cursor);
        Draft { left, right }
    }

    /// Notes that a key is pressed while the line has this text and cursor.
    pub(super) fn note_key(&mut self, key: KeyEvent, text: &str, cursor: usize) {
        let (left, right) = self.joins.resolve(text, cursor);
        self.keyed.note(key, Draft { left, right }, self.search.is_open(), Instant::now());
    }

    /// Notes that a key has ended the line, which is not to be handed over.
    pub(super) fn end(&mut self, ended: Ended) {
        self.ended = Some((ended, self.draft()));
    }

    /// Returns how many columns are free behind the text `line` in its last row. One column is kept for the cursor.
    pub(super) fn room_after(&self, line: &str) -> usize {
        let end = self.advance(line, self.advance(self.prompt.raw(), Position::default()));
        usize::from(self.size.columns).saturating_sub(end.column + 1)
    }

    /// Returns how many columns `text` takes.
    pub(super) fn width(&self, text: &str) -> usize {
        text.graphemes(true).map(|grapheme| usize::from(self.widths.width(grapheme))).sum()
    }

    /// Cuts `text` to at most `room` columns. Text that wraps behind the line would move the prompt.
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
        /// The width of a tab, which is rustyline's default. A tab can get into the text only by a paste.
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
    fn a_text_that_is_too_wide_is_cut() {
        let page = page("> ", "", 0);
        assert_eq!(page.cut("private session", 20), "private session");
        assert_eq!(page.cut("private session", 9), "private…");
        assert_eq!(page.cut("private session", 0), "");
    }

    #[test]
    fn the_room_after_a_line_is_the_rest_of_its_last_row() {
        assert_eq!(page("> ", "", 0).room_after("abc"), 4);
        assert_eq!(page("> ", "", 0).room_after("abcdefgh"), 9);
    }
}
