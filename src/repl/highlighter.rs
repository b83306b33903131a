//! Colours what is typed, and puts what the app prints in front of the prompt.
//!
//! rustyline asks for the prompt at every repaint, at a moment when the cursor stands at the left of
//! a cleared row where the prompt is to go. Text returned before the prompt therefore lands above
//! it, whatever the repaint was for. Never changes the width of what is shown: where a character
//! must not reach the terminal, something of the width rustyline counts for it takes its place.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};

use nu_ansi_term::{Color, Style};
use rustyline::CompletionType;
use rustyline::highlight::{CmdKind, Highlighter};

use super::page::Page;
use super::printer::SharedTerminal;
use super::{Watched, words::Words};
use crate::input::line::{self, Habit, Line, Source};

/// Colours the line, shows what waits, and notes what stands on the screen.
pub(super) struct Painter {
    pub(super) color: bool,
    pub(super) words: Watched,
    pub(super) page: Arc<Mutex<Page>>,
    pub(super) screen: Arc<SharedTerminal>,
    /// Whether the next repaint was announced. rustyline announces every one but that of an
    /// external message, which has just moved the cursor one row down.
    pub(super) announced: Cell<bool>,
    /// Whether another prompt stands in the place of the granted one: that of Alt and a digit.
    pub(super) replaced: Cell<bool>,
    /// The prompt without colour, as it was granted.
    pub(super) prompt: String,
}

impl Highlighter for Painter {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, default: bool) -> Cow<'b, str> {
        self.page().show_prompt(if default { &self.prompt } else { prompt });
        self.replaced.set(!default);
        let by_bell = !self.announced.take();
        let back = if by_bell { "\x1b[A" } else { "" };
        match self.screen.repaint(by_bell) {
            Some(waiting) => Cow::Owned(format!("{back}{waiting}{prompt}")),
            None if by_bell => Cow::Owned(format!("{back}{prompt}")),
            None => Cow::Borrowed(prompt),
        }
    }

    fn highlight<'l>(&self, line: &'l str, pos: usize) -> Cow<'l, str> {
        let mut page = self.page();
        page.show_text(line, pos);
        let searching = page.search.is_open();
        self.screen.note_blank(line.is_empty() && !self.replaced.get() && !searching);
        // A query is no command, whatever it begins with.
        if !self.color || searching {
            return harmless(line, &page);
        }
        let mut shown = String::with_capacity(line.len() + 32);
        let words = self.words.borrow();
        let head = command_style(line, &words).map_or(0, |(length, style)| {
            shown.push_str(&style.paint(harmless(&line[..length], &page)).to_string());
            length
        });
        let mut plain = head;
        for (offset, _) in line.match_indices("\\\n").filter(|(offset, _)| page.joins.contains(*offset)) {
            if offset >= plain {
                shown.push_str(&harmless(&line[plain..offset], &page));
                shown.push_str(&Color::DarkGray.paint("\\").to_string());
                plain = offset + 1;
            }
        }
        shown.push_str(&harmless(&line[plain..], &page));
        Cow::Owned(shown)
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        self.page().show_hint(hint);
        if self.color { Cow::Owned(Color::DarkGray.paint(hint).to_string()) } else { hint.into() }
    }

    fn highlight_candidate<'c>(&self, candidate: &'c str, _: CompletionType) -> Cow<'c, str> {
        self.announced.set(true);
        Cow::Borrowed(candidate)
    }

    fn highlight_char(&self, _line: &str, _pos: usize, _kind: CmdKind) -> bool {
        // Always repaint: then each announcement is followed by its repaint, and `highlight` sees
        // every change of text and cursor.
        self.announced.set(true);
        true
    }
}

impl Painter {
    fn page(&self) -> std::sync::MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The length and style of the command a line begins with: one that exists, or is still being
/// typed, or is wrong. What only marks the line as a text is dim.
fn command_style(line: &str, words: &Words) -> Option<(usize, Style)> {
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
        Line::Hidden { head } => Some((head.end, Color::Red.normal())),
        _ => None,
    }
}

/// Leaves out what would move the cursor, ring or turn the writing round, as a paste may hold it.
/// The text itself keeps it; what is sent is the app's to clean.
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
    fn what_breaks_the_screen_is_not_shown() {
        let page = Page::new(GraphemeClusterMode::WcWidth);
        assert_eq!(harmless("a\x07\u{9b}b\x1b\u{202e}c\n\td\r", &page), "abc\n\td");
        let page = Page::new(GraphemeClusterMode::Unicode);
        assert_eq!(harmless("a\x07b", &page), "a·b");
        assert_eq!(harmless("日本👩‍🚀", &page), "日本👩‍🚀");
    }
}
