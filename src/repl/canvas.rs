//! Draws the prompt and the draft on the terminal, in the place of what was drawn before. If the draft has more rows
//! than fit, only a window around the cursor is drawn, so that messages can still appear above it and no part of it is
//! drawn twice. This is plain data: it makes the text that the editor's thread writes.

use std::fmt::Write;

use rustyline::GraphemeClusterMode;
use unicode_segmentation::UnicodeSegmentation;

use super::sheet::{Place, Row, Sheet};

/// How many rows of the screen a long draft leaves free for messages that arrive meanwhile.
const LEFT_ABOVE: usize = 3;

/// If the window has fewer rows than this, none of them is used to say how many rows are hidden.
const TELLS_HIDDEN: usize = 3;

/// The size of the terminal, in columns and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: u16,
    pub(super) rows: u16,
}

/// What was drawn last and is on the terminal now.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    drawn: Option<Drawn>,
    /// The index of the first row that the window shows.
    top: usize,
}

#[derive(Debug)]
struct Drawn {
    /// How many columns each drawn row takes.
    widths: Vec<usize>,
    cursor: Place,
}

/// How the rows look that say how many rows are hidden.
#[derive(Debug)]
pub(super) struct Edges<'t> {
    /// The prompt, which is shown before the number of rows that are hidden above.
    pub(super) before: &'t str,
    /// The sequence that begins the colour of these rows.
    pub(super) colour: &'t str,
}

impl Canvas {
    /// Returns the sequence that erases what was drawn. If the terminal has become narrower, it has broken those rows
    /// anew, which is taken into account.
    pub(super) fn wipe(&mut self, size: Size) -> String {
        let Some(Drawn { widths, cursor }) = self.drawn.take() else { return String::new() };
        let columns = usize::from(size.columns).max(1);
        let above: usize = widths[..cursor.row].iter().map(|width| width.div_ceil(columns).max(1)).sum();
        // A cursor behind the last column is shown in the last column.
        let up = above + cursor.column.saturating_sub(1) / columns;
        match up.min(usize::from(size.rows)) {
            0 => "\r\x1b[J".to_owned(),
            up => format!("\r\x1b[{up}A\x1b[J"),
        }
    }

    /// Forgets what was drawn, because the screen was cleared.
    pub(super) fn forget(&mut self) {
        self.drawn = None;
    }

    /// Returns the text that replaces what was drawn: first `above`, which must be whole lines, and below it the rows
    /// of the sheet, or those that fit.
    pub(super) fn draw(&mut self, sheet: &Sheet, size: Size, above: &str, edges: &Edges<'_>) -> String {
        let mut out = self.wipe(size);
        out.push_str(above);
        let (rows, cursor) = self.window(sheet, size, edges);
        let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
        out.push_str(&texts.join("\r\n"));
        move_back(&mut out, rows.len() - 1 - cursor.row, cursor.column);
        self.drawn = Some(Drawn { widths: rows.iter().map(|row| row.width).collect(), cursor });
        out
    }

    /// Returns the text that replaces what was drawn by the whole sheet, with the cursor below. The sheet then stays on
    /// the screen.
    pub(super) fn finish(&mut self, sheet: &Sheet, size: Size) -> String {
        let mut out = self.wipe(size);
        self.top = 0;
        for row in &sheet.rows {
            out.push_str(&row.text);
            out.push_str("\r\n");
        }
        out
    }

    /// Returns the rows that are shown, and where the cursor is among them.
    fn window(&mut self, sheet: &Sheet, size: Size, edges: &Edges<'_>) -> (Vec<Row>, Place) {
        let most = usize::from(size.rows).saturating_sub(LEFT_ABOVE).max(1);
        let count = sheet.rows.len();
        if count <= most {
            self.top = 0;
            return (sheet.rows.clone(), sheet.cursor);
        }
        let tells = most >= TELLS_HIDDEN;
        let shown = if tells { most - 2 } else { most };
        // Near the end, everything that follows is shown, including the rest of a hint.
        let near = count - 1 - sheet.cursor.row < shown / 2;
        let last = if near { count - 1 } else { sheet.cursor.row };
        let least = (last + 1).saturating_sub(shown);
        self.top = self.top.clamp(least, sheet.cursor.row).min(count - shown);
        let (mut from, mut to) = (self.top, self.top + shown);
        if tells {
            // At the beginning and at the end, only one side is hidden, so one row is enough to say so.
            if from <= 1 {
                (from, to) = (0, most - 1);
            } else if to + 1 >= count {
                (from, to) = (count - (most - 1), count);
            }
        }
        let mut rows = Vec::with_capacity(most);
        if tells && from > 0 {
            rows.push(edges.row(edges.before, from, "above", size));
        }
        let cursor = Place { row: sheet.cursor.row - from + rows.len(), ..sheet.cursor };
        rows.extend_from_slice(&sheet.rows[from..to]);
        if tells && to < count {
            rows.push(edges.row("", count - to, "below", size));
        }
        (rows, cursor)
    }
}

impl Edges<'_> {
    fn row(&self, before: &str, hidden: usize, place: &str, size: Size) -> Row {
        let unit = if hidden == 1 { "row" } else { "rows" };
        let text: String = format!("{before}… {hidden} {unit} {place}");
        let mut row = Row::default();
        row.paint(self.colour);
        for grapheme in text.graphemes(true) {
            let width = usize::from(GraphemeClusterMode::WcWidth.width(grapheme));
            if row.width + width >= usize::from(size.columns) {
                break;
            }
            row.text.push_str(grapheme);
            row.width += width;
        }
        row.close();
        row
    }
}

fn move_back(out: &mut String, up: usize, column: usize) {
    if up > 0 {
        // Writing to a `String` cannot fail.
        let _ = write!(out, "\x1b[{up}A");
    }
    out.push('\r');
    if column > 0 {
        let _ = write!(out, "\x1b[{column}C");
    }
}
#[cfg(test)]
mod tests {
    use super::super::sheet::tests::sheet;
    use super::*;

    const EDGES: Edges<'static> = Edges { before: "> ", colour: "" };

    /// Returns the rows that a terminal of this size shows after these writes.
    fn screen(writes: &[String], columns: u16, rows: u16) -> Vec<String> {
        let cells = |count| std::num::NonZeroU16::new(count).unwrap();
        let mut parser = vt100::Parser::new(cells(rows), cells(columns), 1000);
        for write in writes {
            parser.process(write.replace('\n', "\r\n").as_bytes());
        }
        let shown = parser.screen().contents();
        shown.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_draft_with_too_many_rows_is_shown_in_a_window_and_never_twice() {
        let size = Size { columns: 20, rows: 10 };
        let lines: Vec<String> = (0..26).map(|n| format!("line {n}")).collect();
        let mut canvas = Canvas::default();
        let mut writes = Vec::new();
        for count in 1..=26 {
            let sheet = sheet(&lines[..count].join("\n"), "", 20);
            writes.push(canvas.draw(&sheet, size, "", &EDGES));
        }
        let sheet = sheet(&lines.join("\n"), "", 20);
        writes.push(canvas.draw(&sheet, size, "bobby: hi\n", &EDGES));
        let shown = screen(&writes, 20, 10);
        assert_eq!(shown[..2], ["bobby: hi", "> … 20 rows above"], "{shown:?}");
        assert_eq!(shown.last().unwrap(), "line 25");
        assert_eq!(shown.len(), 8);
        writes.push(canvas.finish(&sheet, size));
        let all = screen(&writes, 20, 60);
        assert_eq!(all.iter().filter(|row| row.ends_with("line 3")).count(), 1);
        assert_eq!(all.len(), 27);
    }

    #[test]
    fn the_window_of_a_long_draft_follows_the_cursor() {
        let size = Size { columns: 20, rows: 10 };
        let lines: Vec<String> = (0..26).map(|n| format!("line {n}")).collect();
        let mut canvas = Canvas::default();
        canvas.draw(&sheet(&lines.join("\n"), "", 20), size, "", &EDGES);
        let middle = sheet(&lines[..10].join("\n"), &format!("\n{}", lines[10..].join("\n")), 20);
        let shown = screen(&[canvas.draw(&middle, size, "", &EDGES)], 20, 10);
        assert_eq!(shown.first().unwrap(), "> … 9 rows above");
        assert_eq!(shown[1], "line 9");
        assert_eq!(shown.last().unwrap(), "… 12 rows below");
        let start = sheet("", &lines.join("\n"), 20);
        let shown = screen(&[canvas.draw(&start, size, "", &EDGES)], 20, 10);
        assert_eq!(shown.first().unwrap(), "> line 0");
        assert_eq!(shown.last().unwrap(), "… 20 rows below");
        let small = Size { columns: 20, rows: 3 };
        assert_eq!(screen(&[canvas.draw(&start, small, "", &EDGES)], 20, 3), ["> line 0"]);
    }

    #[test]
    fn wiping_on_a_narrower_terminal_erases_all_rows() {
        let mut canvas = Canvas::default();
        canvas.draw(&sheet(&"x".repeat(50), "", 80), Size { columns: 80, rows: 24 }, "", &EDGES);
        // The 52 columns have become three rows of 20, and the cursor is in the third.
        assert_eq!(canvas.wipe(Size { columns: 20, rows: 24 }), "\r\x1b[2A\x1b[J");
        assert_eq!(canvas.wipe(Size { columns: 20, rows: 24 }), "");
    }
}
