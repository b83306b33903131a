//! A message from the history as rows: the line of [`crate::show::kept`], wrapped, with its words marked.

use nu_ansi_term::Style;

use super::wrap::width;
use super::{TerminalForm, names};
use crate::show::kept::{KeptMessage, find_word_beginnings};

/// How far the rows after the first are indented.
const HANG: usize = 4;

impl TerminalForm {
    pub(super) fn kept(&self, kept: &KeptMessage, columns: usize) -> String {
        let head = kept.head(&self.zone);
        let name = kept.from.to_string();
        let text = kept.text("");
        let mut first = columns.saturating_sub(width(&head) + width(&name) + 2);
        let mut shown = String::new();
        let mut is_first = true;
        for line in text.split('\n') {
            for row in self.rows(line, first, columns - HANG) {
                if std::mem::take(&mut is_first) {
                    let style = match self.preferences.names_colour {
                        true => names::color(&kept.from, kept.key.as_ref()).normal(),
                        false => Style::new(),
                    };
                    shown.push_str(&self.paint(Style::new().dimmed(), &head));
                    shown.push_str(&self.paint(style, &name));
                    shown.push_str(": ");
                } else {
                    shown.push_str(&" ".repeat(HANG));
                }
                shown.push_str(&self.marked(&row, &kept.words));
                shown.push('\n');
            }
            first = columns - HANG;
        }
        shown
    }

    fn marked(&self, row: &str, words: &[String]) -> String {
        if !self.color || words.is_empty() {
            return row.to_owned();
        }
        let mut shown = String::new();
        let mut from = 0;
        for place in find_word_beginnings(row, words) {
            shown.push_str(&row[from..place.start]);
            shown.push_str(&self.paint(Style::new().bold().reverse(), &row[place.clone()]));
            from = place.end;
        }
        shown + &row[from..]
    }
}
