//! Draws the prompt, the typed text and the hint in the place of what was drawn before, and above them what the app
//! prints.
//!
//! rustyline asks for colours at every repaint, and this is when the painter draws. What rustyline itself draws is not
//! shown (see `keyboard`). Only the thread of the line editor calls this.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nu_ansi_term::{Color, Style};
use rustyline::CompletionType;
use rustyline::highlight::{CmdKind, Highlighter};

use super::canvas::Edges;
use super::page::Page;
use super::printer::SharedTerminal;
use super::sheet::{Sheet, Span};
use super::{Watched, terminal, words::EditorWords};
use crate::input::line::{self, Habit, Line, Source};
use crate::show::terminal::links;

/// The sequence that moves the cursor to the top and clears the screen.
const EMPTY_SCREEN: &str = "\x1b[H\x1b[2J";

/// How many blanks are between two words that Tab found.
const BETWEEN: usize = 2;

/// Draws the line and the waiting messages, and notes what is on the screen.
pub(super) struct Painter {
    pub(super) color: bool,
    pub(super) words: Watched,
    pub(super) page: Arc<Mutex<Page>>,
    pub(super) screen: Arc<SharedTerminal>,
    /// Whether the next repaint was announced. rustyline announces every repaint except that for an external message,
    /// which comes from the bell.
    pub(super) announced: Cell<bool>,
}

impl Highlighter for Painter {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, _prompt: &'p str, _default: bool) -> Cow<'b, str> {
        Cow::Borrowed("")
    }

    fn highlight<'l>(&self, line: &'l str, pos: usize) -> Cow<'l, str> {
        let by_bell = !self.announced.take();
        let mut page = self.page();
        page.show_text(line, pos);
        let waiting = self.screen.repaint(by_bell);
        if let Some(prompt) = self.screen.take_prompt() {
            page.show_prompt(prompt);
        }
        let out = self.draw(&mut page, waiting);
        drop(page);
        self.screen.while_drawing(|| terminal::write(&out));
        Cow::Borrowed("")
    }

    fn highlight_hint<'h>(&self, _hint: &'h str) -> Cow<'h, str> {
        Cow::Borrowed("")
    }

    fn highlight_candidate<'c>(&self, candidate: &'c str, _: CompletionType) -> Cow<'c, str> {
        self.announced.set(true);
        self.page().found.push(candidate.to_owned());
        Cow::Borrowed("")
    }

    fn highlight_char(&self, _line: &str, _pos: usize, _kind: CmdKind) -> bool {
        // Always ask for a repaint. Then each announcement is followed by its repaint, and `highlight` sees every
        // change of the text and the cursor.
        self.announced.set(true);
        true
    }
}

impl Painter {
    /// Erases the prompt and the typed text from the screen.
    pub(super) fn wipe(&self) {
        let mut page = self.page();
        let size = terminal::size().unwrap_or(page.size);
        let out = page.canvas.wipe(size);
        drop(page);
        terminal::write(&out);
    }

    /// Shows `text`, which must be whole lines, above the line while no key is read.
    pub(super) fn write_above(&self, text: String) {
        let mut page = self.page();
        let out = self.draw(&mut page, Some(text));
        drop(page);
        terminal::write(&out);
    }

    /// Leaves the whole prompt and text on the screen, without a hint. What follows appears below.
    pub(super) fn leave(&self) {
        let mut page = self.page();
        let size = terminal::size().unwrap_or(page.size);
        let mut sheet = Sheet::new(&self.spans(&page, None, &[]), columns(&page), page.widths);
        if page.links && sheet.height() > 1 {
            let (left, right) = page.halves();
            let addresses = addresses(&format!("{left}{right}"));
            sheet = Sheet::new(&self.spans(&page, None, &addresses), columns(&page), page.widths);
        }
        let out = page.canvas.finish(&sheet, size);
        drop(page);
        terminal::write(&out);
    }

    fn draw(&self, page: &mut Page, waiting: Option<String>) -> String {
        page.size = terminal::size().unwrap_or(page.size);
        let mut out = String::new();
        if std::mem::take(&mut page.clears) {
            page.canvas.forget();
            out.push_str(EMPTY_SCREEN);
        }
        let mut above = waiting.unwrap_or_default();
        above.push_str(&listed(&std::mem::take(&mut page.found), page));
        let sheet = Sheet::new(&self.spans(page, page.hint(), &[]), columns(page), page.widths);
        let before = page.prompt().raw().to_owned();
        let colour = self.prefix(Color::DarkGray.normal());
        let size = page.size;
        let edges = Edges { before: &before, colour: &colour };
        out + &page.canvas.draw(&sheet, size, &above, &edges)
    }

    /// Returns the prompt, the text and the hint in pieces, each with its colour. The `addresses` in the text get the
    /// sequence that begins their link.
    fn spans<'p>(
        &self,
        page: &'p Page,
        hint: Option<&str>,
        addresses: &[(Range<usize>, String)],
    ) -> Vec<Span<'p>> {
        let plain = |text: Cow<'p, str>| Span { text, ..Span::default() };
        let prompt = page.prompt().pieces(self.color).into_iter();
        let mut spans: Vec<Span<'p>> =
            prompt.map(|(colour, text)| Span { colour, ..plain(text.into()) }).collect();
        let (left, right) = page.halves();
        let styles = self.styles(page);
        let mut offset = 0;
        for (half, at_cursor) in [(left, false), (right, true)] {
            // The cursor is before the first piece of the right half, even if that half is empty.
            spans.push(Span { at_cursor, ..Span::default() });
            for (text, style) in pieces(half, offset, &styles) {
                let colour = style.map(|style| self.prefix(style)).unwrap_or_default();
                for (text, link) in pieces(text, offset, addresses) {
                    let (colour, link) = (colour.clone(), link.unwrap_or_default());
                    spans.push(Span { colour, link, ..plain(harmless(text, page)) });
                }
                offset += text.len();
            }
        }
        if let Some(hint) = hint {
            let colour = self.prefix(Color::DarkGray.normal());
            spans.push(Span { colour, ..plain(hint.to_owned().into()) });
        }
        spans
    }

    /// Returns the ranges of the text that have a colour, in order.
    fn styles(&self, page: &Page) -> Vec<(Range<usize>, Style)> {
        // A query is never a command, whatever it begins with, and neither is a text that was said.
        if !self.color || page.search.is_open() || page.is_said {
            return Vec::new();
        }
        let (left, right) = page.halves();
        let line = format!("{left}{right}");
        let command = command_style(&line, &self.words.borrow()).map(|(length, style)| (0..length, style));
        let plain = command.as_ref().map_or(0, |(range, _)| range.end);
        let joins = line
            .match_indices("\\\n")
            .map(|(offset, _)| offset)
            .filter(|offset| *offset >= plain && page.joins.contains(*offset))
            .map(|offset| (offset..offset + 1, Color::DarkGray.normal()));
        command.into_iter().chain(joins).collect()
    }

    fn prefix(&self, style: Style) -> String {
        if self.color { style.prefix().to_string() } else { String::new() }
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn columns(page: &Page) -> usize {
    usize::from(page.size.columns).max(2)
}

/// Returns the web addresses in a text, each with the sequence that begins a link to it.
fn addresses(text: &str) -> Vec<(Range<usize>, String)> {
    links::find(text).into_iter().map(|place| (place.clone(), links::begin(&text[place]))).collect()
}

/// Splits `text`, which begins at `offset` of the line, into pieces with the same mark.
fn pieces<'t, T: Clone>(
    text: &'t str,
    offset: usize,
    marks: &[(Range<usize>, T)],
) -> Vec<(&'t str, Option<T>)> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    for (range, mark) in marks {
        let start = range.start.saturating_sub(offset).clamp(from, text.len());
        let end = range.end.saturating_sub(offset).clamp(start, text.len());
        pieces.push((&text[from..start], None));
        pieces.push((&text[start..end], Some(mark.clone())));
        from = end;
    }
    pieces.push((&text[from..], None));
    pieces.retain(|(text, _)| !text.is_empty());
    pieces
}

/// Lists the words that Tab found in columns.
fn listed(found: &[String], page: &Page) -> String {
    let width = found.iter().map(|word| page.width(word)).max().unwrap_or_default() + BETWEEN;
    let across = (columns(page) / width).max(1);
    let down = found.len().div_ceil(across).max(1);
    let mut shown = String::new();
    for row in 0..down.min(found.len()) {
        let words = found.iter().skip(row).step_by(down);
        let row: String =
            words.map(|word| format!("{word}{}", " ".repeat(width - page.width(word)))).collect();
        shown.push_str(row.trim_end());
        shown.push('\n');
    }
    shown
}

/// Returns the length and style of the command at the beginning of a line: a command that exists, one that is still
/// being typed, or a wrong one. A character that only marks the line as a text is dim.
fn command_style(line: &str, words: &EditorWords) -> Option<(usize, Style)> {
    match line::parse(line, Source::Terminal(words)) {
        Line::Text { escape: Some(escape), .. } => Some((escape.end, Color::DarkGray.normal())),
        Line::Command(call) if !call.word.is_empty() => {
            let unfinished = call.argument.is_none() && words.commands_from(call.word).next().is_some();
            let style = if words.command(call.word).is_some() {
                Color::Cyan.bold()
            } else if unfinished {
                Color::Cyan.normal()
            } else {
                Color::Red.normal()
            };
            Some((call.head.end, style))
        }
        Line::Slash(call, Habit::Same(_)) => Some((call.head.end, Color::Cyan.bold())),
        Line::Slash(call, Habit::Other(_)) => Some((call.head.end, Color::Red.normal())),
        Line::Hidden { head } | Line::OtherSign { head, .. } => Some((head.end, Color::Red.normal())),
        _ => None,
    }
}

/// Leaves out characters that would move the cursor, ring the bell or reverse the reading direction, which a paste may
/// contain. The text itself keeps them; the app has to clean what is sent.
fn harmless<'t>(text: &'t str, page: &Page) -> Cow<'t, str> {
    let harmful = |c: char| (c.is_control() && c != '\n' && c != '\t') || is_bidi(c);
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut buffer = [0; 4];
    for c in text.chars() {
        if !harmful(c) {
            shown.push(c);
        } else if page.width(c.encode_utf8(&mut buffer)) == 1 {
            shown.push('·');
        }
    }
    Cow::Owned(shown)
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use rustyline::GraphemeClusterMode;

    use super::*;

    #[test]
    fn characters_that_would_disturb_the_screen_are_not_drawn() {
        let page = Page::new(GraphemeClusterMode::WcWidth);
        assert_eq!(harmless("a\x07\u{9b}b\x1b\u{202e}c\n\td\r", &page), "abc\n\td");
        let page = Page::new(GraphemeClusterMode::Unicode);
        assert_eq!(harmless("a\x07b", &page), "a·b");
        assert_eq!(harmless("日本👩‍🚀", &page), "日本👩‍🚀");
    }

    #[test]
    fn an_address_is_one_link_wherever_the_cursor_is() {
        let text = "see http://a.example/long, and";
        let link = "\u{1b}]8;id=";
        let addresses = addresses(text);
        assert_eq!(addresses.len(), 1);
        assert!(addresses[0].1.starts_with(link) && addresses[0].1.contains(";http://a.example/long\u{1b}"));
        for cursor in 0..text.len() {
            let (left, right) = text.split_at(cursor);
            let mut linked = String::new();
            for (half, offset) in [(left, 0), (right, left.len())] {
                for (piece, link) in pieces(half, offset, &addresses) {
                    if link.is_some() {
                        linked.push_str(piece);
                    }
                }
            }
            assert_eq!(linked, "http://a.example/long", "cursor at {cursor}");
        }
    }
}
