//! Breaks the prompt and the draft into the rows of a terminal, each with its colours and links, and finds the cursor in
//! them. This is plain data: it does not know what is on the terminal.

use rustyline::GraphemeClusterMode;
use unicode_segmentation::UnicodeSegmentation;

use crate::show::terminal::links;

/// How many columns a tab takes at most. A tab can get into the text only by a paste.
const TAB: usize = 8;

/// A piece of text with one colour.
#[derive(Debug, Default)]
pub(super) struct Span<'t> {
    /// The sequence that begins the colour; empty for no colour.
    pub(super) colour: String,
    pub(super) text: std::borrow::Cow<'t, str>,
    /// The sequence that begins a link; empty if this is not part of a link.
    pub(super) link: String,
    /// Whether the cursor is directly before this piece.
    pub(super) at_cursor: bool,
}

/// All rows of a prompt with its draft, and where the cursor is in them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sheet {
    pub(super) rows: Vec<Row>,
    pub(super) cursor: Place,
}

/// One row, and how many columns it takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) text: String,
    pub(super) width: usize,
    colour: String,
    link: String,
}

/// A place on the terminal, counted from the first drawn row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) row: usize,
    pub(super) column: usize,
}

impl Sheet {
    /// Returns the number of rows.
    pub(super) fn height(&self) -> usize {
        self.rows.len()
    }

    /// Breaks the pieces of text into rows of at most `columns` columns.
    pub(super) fn new(spans: &[Span<'_>], columns: usize, widths: GraphemeClusterMode) -> Self {
        let mut sheet = Self { rows: vec![Row::default()], cursor: Place::default() };
        for span in spans {
            if span.at_cursor {
                sheet.cursor = sheet.end();
            }
            for grapheme in span.text.graphemes(true) {
                sheet.push(grapheme, span, columns, widths);
            }
        }
        if sheet.cursor.column >= columns {
            sheet.cursor = Place { row: sheet.cursor.row + 1, column: 0 };
            if sheet.cursor.row == sheet.rows.len() {
                sheet.break_row();
            }
        }
        if let Some(row) = sheet.rows.last_mut() {
            row.close();
        }
        sheet
    }

    fn end(&self) -> Place {
        let row = self.rows.len().saturating_sub(1);
        Place { row, column: self.rows.last().map_or(0, |row| row.width) }
    }

    fn push(&mut self, grapheme: &str, span: &Span<'_>, columns: usize, widths: GraphemeClusterMode) {
        if grapheme == "\n" || grapheme == "\r\n" {
            return self.break_row();
        }
        let used = self.end().column;
        let (text, width) = match grapheme {
            "\t" => (" ".repeat(TAB - used % TAB), TAB - used % TAB),
            _ => (grapheme.to_owned(), usize::from(widths.width(grapheme))),
        };
        if used + width > columns && used > 0 {
            self.break_row();
        }
        if let Some(row) = self.rows.last_mut() {
            row.paint(&span.colour);
            row.point(&span.link);
            row.text.push_str(&text);
            row.width += width;
        }
    }

    fn break_row(&mut self) {
        if let Some(row) = self.rows.last_mut() {
            row.close();
        }
        self.rows.push(Row::default());
    }
}

impl Row {
    /// Begins a colour, if it is another one than before.
    pub(super) fn paint(&mut self, colour: &str) {
        if self.colour != colour {
            self.close();
            self.text.push_str(colour);
            colour.clone_into(&mut self.colour);
        }
    }

    fn point(&mut self, link: &str) {
        if self.link != link {
            self.end_link();
            self.text.push_str(link);
            link.clone_into(&mut self.link);
        }
    }

    fn end_link(&mut self) {
        if !self.link.is_empty() {
            self.text.push_str(links::END);
            self.link.clear();
        }
    }

    /// Ends the colour and the link.
    pub(super) fn close(&mut self) {
        self.end_link();
        if !self.colour.is_empty() {
            self.text.push_str("\x1b[0m");
            self.colour.clear();
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns the rows of a draft with the cursor between these halves.
    pub(in crate::repl) fn sheet(left: &str, right: &str, columns: usize) -> Sheet {
        let span = |text: &'static str| Span { text: text.into(), ..Span::default() };
        let (left, right) = (left.to_owned(), right.to_owned());
        let spans = [
            span("> "),
            Span { text: left.into(), ..Span::default() },
            Span { text: right.into(), at_cursor: true, ..Span::default() },
        ];
        Sheet::new(&spans, columns, GraphemeClusterMode::WcWidth)
    }

    #[track_caller]
    fn check(left: &str, right: &str, rows: &[&str], cursor: (usize, usize)) {
        let sheet = sheet(left, right, 10);
        let texts: Vec<&str> = sheet.rows.iter().map(|row| row.text.as_str()).collect();
        assert_eq!((texts.as_slice(), (sheet.cursor.row, sheet.cursor.column)), (rows, cursor));
    }

    #[test]
    fn rows_are_broken_at_the_last_column_and_at_newlines() {
        check("abc", "", &["> abc"], (0, 5));
        check("12345678", "", &["> 12345678", ""], (1, 0));
        check("", "123456789", &["> 12345678", "9"], (0, 2));
        check("a\nb", "\nc", &["> a", "b", "c"], (1, 1));
        check("日本語日本", "", &["> 日本語日", "本"], (1, 2));
        check("a\tb", "", &["> a     b"], (0, 9));
    }

    #[test]
    fn colours_end_at_the_end_of_each_row() {
        let spans = [Span { colour: "\x1b[1m".into(), text: "abcd".into(), ..Span::default() }];
        let sheet = Sheet::new(&spans, 3, GraphemeClusterMode::WcWidth);
        let rows: Vec<&str> = sheet.rows.iter().map(|row| row.text.as_str()).collect();
        assert_eq!(rows, ["\x1b[1mabc\x1b[0m", "\x1b[1md\x1b[0m"]);
    }

    #[test]
    fn a_link_ends_with_each_row_and_begins_again_in_the_next() {
        let begin = links::begin("http://a.example");
        let before = Span { text: "x ".into(), ..Span::default() };
        let address = Span { link: begin.clone(), text: "http://a.example".into(), ..Span::default() };
        let after = Span { text: " y".into(), ..Span::default() };
        let sheet = Sheet::new(&[before, address, after], 12, GraphemeClusterMode::WcWidth);
        let rows: Vec<&str> = sheet.rows.iter().map(|row| row.text.as_str()).collect();
        let end = links::END;
        assert_eq!(rows, [format!("x {begin}http://a.e{end}"), format!("{begin}xample{end} y")]);
    }
}
