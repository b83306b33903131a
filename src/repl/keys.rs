//! What keys do if rustyline's own meaning is not suitable: while a search is open, and for keys after which rustyline
//! would wait for a second key.
//!
//! rustyline shows no messages while it reads keys in a loop of its own, which it does in its search and after Ctrl-V,
//! Ctrl-X or Ctrl-]. Here no such loop is entered: the meaning of the first key is remembered until the second key
//! arrives. (Alt with a digit is read before anything can be bound to it, so `piece` throws it away.)
//!
//! A key that waits for a second one takes no sign from a command. If the `\` of `\msg bob secret` was taken as a second
//! key, the rest would be a text for everybody. Therefore a second key that belongs to nothing is typed as it is.
//!
//! While a search is open, only the keys in the list below have an effect, so that no key can send a query. This file
//! knows no history, no command and no session.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustyline::{
    CharSearch, Cmd, ConditionalEventHandler, Event, EventContext, KeyCode, KeyEvent, Modifiers, Movement,
    RepeatCount,
};

use super::ended::{EndKeys, Ended};
use super::page::Page;
use super::printer::SharedTerminal;
use super::prompt::Draft;
use super::search::{At, Line, Step};
use super::terminal;

/// The handler of the editor's keys. It is bound to all keys.
pub(super) struct Keys {
    page: Arc<Mutex<Page>>,
    screen: Arc<SharedTerminal>,
    first: Mutex<Option<First>>,
    ends: EndKeys,
}

/// The key that rustyline makes of the bytes by which `keystrokes` asks for a repaint.
const REPAINT: KeyEvent = KeyEvent(KeyCode::Char('9'), Modifiers::CTRL_ALT_SHIFT);

/// The key that rustyline makes of the bytes by which `keystrokes` hands over Escape.
const ESCAPE: KeyEvent = KeyEvent(KeyCode::Char('8'), Modifiers::CTRL_ALT_SHIFT);

/// The first of two keys that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    /// Ctrl-V: the next key is inserted as text, whatever it is.
    Quote,
    /// Ctrl-X: the next key may be Ctrl-U, which undoes, or Backspace, which deletes everything to the left.
    Extended,
    /// Ctrl-]: moves to the character that is typed next.
    Find { back: bool },
}

impl ConditionalEventHandler for Keys {
    fn handle(
        &self,
        event: &Event,
        _: RepeatCount,
        positive: bool,
        context: &EventContext<'_>,
    ) -> Option<Cmd> {
        let key = match *event.get(0)? {
            REPAINT => return Some(Cmd::Repaint),
            ESCAPE => KeyEvent(KeyCode::Esc, Modifiers::NONE),
            key => key,
        };
        self.note_brought(key, context);
        if key.0 == KeyCode::BracketedPasteStart {
            self.screen.note_paste();
        }
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let first = first.filter(|first| *first == First::Quote || !self.ends.interrupt(key));
        match first.and_then(|first| second(first, key, context.line())) {
            Some(both) => Some(both),
            None if self.page().search.is_open() => self.searching(key),
            None => self.editing(key, positive, context),
        }
    }
}

impl Keys {
    pub(super) fn new(page: Arc<Mutex<Page>>, screen: Arc<SharedTerminal>) -> Self {
        Self { page, screen, first: Mutex::new(None), ends: EndKeys::of_terminal() }
    }

    /// Notes what the key before this one has brought into the line. A command that is typed behind it is no part of it.
    fn note_brought(&self, key: KeyEvent, context: &EventContext<'_>) {
        let mut page = self.page();
        if std::mem::take(&mut page.brings) {
            let (left, right) = context.line().split_at(context.pos());
            page.brought = Some(Draft { left: left.to_owned(), right: right.to_owned() });
        }
        page.brings = !page.search.is_open() && brings(key);
    }

    fn editing(&self, key: KeyEvent, positive: bool, context: &EventContext<'_>) -> Option<Cmd> {
        if cuts(key) {
            // From now on, Ctrl-Y returns the text that is cut now.
            self.page().cleared = None;
        }
        if let Some(ended) = self.ends.end(key, context.line()) {
            return Some(self.end(ended));
        }
        match key {
            KeyEvent(KeyCode::Char('Y'), Modifiers::CTRL) => {
                let cleared = self.page().cleared.take()?;
                Some(Cmd::Insert(1, cleared))
            }
            KeyEvent(KeyCode::Char('L'), Modifiers::CTRL) => Some(self.clear()),
            KeyEvent(KeyCode::Char('R'), Modifiers::CTRL) => {
                let mut page = self.page();
                let joins = page.joins.clone();
                page.search.begin(Line { text: context.line().to_owned(), cursor: context.pos(), joins });
                Some(EXCHANGE)
            }
            // It is not the key that rustyline got, for which it has no meaning either.
            KeyEvent(KeyCode::Esc, Modifiers::NONE) => Some(Cmd::Noop),
            KeyEvent(KeyCode::Enter, Modifiers::ALT) => Some(Cmd::Newline),
            KeyEvent(KeyCode::Char('Z'), Modifiers::CTRL) => Some(self.suspend()),
            KeyEvent(KeyCode::Char('V' | 'Q'), Modifiers::CTRL) => Some(self.wait_after(First::Quote)),
            KeyEvent(KeyCode::Char('X'), Modifiers::CTRL) => Some(self.wait_after(First::Extended)),
            KeyEvent(KeyCode::Char(']'), Modifiers::CTRL) => {
                Some(self.wait_after(First::Find { back: !positive }))
            }
            KeyEvent(KeyCode::Char(']'), Modifiers::CTRL_ALT) => {
                Some(self.wait_after(First::Find { back: positive }))
            }
            _ => None,
        }
    }

    fn searching(&self, key: KeyEvent) -> Option<Cmd> {
        match key {
            // These keys edit the query in the same way as any other line.
            KeyEvent(KeyCode::Char(_), Modifiers::NONE)
            | KeyEvent(KeyCode::Backspace, Modifiers::NONE | Modifiers::ALT)
            | KeyEvent(KeyCode::Char('U' | 'W'), Modifiers::CTRL)
            | KeyEvent(KeyCode::BracketedPasteStart, _) => None,
            KeyEvent(KeyCode::Char('L'), Modifiers::CTRL) => Some(self.clear()),
            KeyEvent(KeyCode::Up, Modifiers::NONE) | KeyEvent(KeyCode::Char('R' | 'P'), Modifiers::CTRL) => {
                Some(self.step(Step::Older))
            }
            KeyEvent(KeyCode::Down, Modifiers::NONE)
            | KeyEvent(KeyCode::Char('S' | 'N'), Modifiers::CTRL) => Some(self.step(Step::Newer)),
            KeyEvent(KeyCode::Enter | KeyCode::Tab | KeyCode::Right | KeyCode::End, Modifiers::NONE)
            | KeyEvent(KeyCode::Char('J' | 'E' | 'F'), Modifiers::CTRL) => Some(self.take(At::End)),
            KeyEvent(KeyCode::Left, Modifiers::NONE) | KeyEvent(KeyCode::Char('B'), Modifiers::CTRL) => {
                Some(self.take(At::Match))
            }
            KeyEvent(KeyCode::Home, Modifiers::NONE) | KeyEvent(KeyCode::Char('A'), Modifiers::CTRL) => {
                Some(self.take(At::Start))
            }
            KeyEvent(KeyCode::Esc, _) | KeyEvent(KeyCode::Char('G' | 'C'), Modifiers::CTRL) => {
                self.page().search.leave();
                Some(EXCHANGE)
            }
            KeyEvent(KeyCode::Char('Z'), Modifiers::CTRL) => Some(self.suspend()),
            _ => Some(Cmd::Noop),
        }
    }

    /// Clears the screen at the next repaint, which happens immediately.
    fn clear(&self) -> Cmd {
        self.page().clears = true;
        Cmd::Repaint
    }

    /// Suspends the program on Ctrl-Z. rustyline would leave the shell with the terminal settings that it found, and
    /// those are not the user's.
    fn suspend(&self) -> Cmd {
        self.screen.while_drawing(terminal::suspend);
        // What was drawn is now somewhere above what the shell has written.
        self.page().canvas.forget();
        Cmd::Repaint
    }

    fn step(&self, step: Step) -> Cmd {
        self.page().search.step(step);
        // A repaint also makes a new hint.
        Cmd::Repaint
    }

    fn take(&self, at: At) -> Cmd {
        let mut page = self.page();
        page.brings = page.search.take(at);
        if page.brings { EXCHANGE } else { Cmd::Noop }
    }

    /// Ends the line as it is. It ends as if it was complete, so that rustyline keeps what it has read ahead.
    fn end(&self, ended: Ended) -> Cmd {
        self.page().end(ended);
        Cmd::AcceptLine
    }

    fn wait_after(&self, first: First) -> Cmd {
        *self.first.lock().unwrap_or_else(PoisonError::into_inner) = Some(first);
        Cmd::Noop
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The command that replaces the whole line and its cursor at once: it calls `completer`, which asks the search. No
/// other command of rustyline can do this.
const EXCHANGE: Cmd = Cmd::Complete;

/// Whether this key brings a text into the line that was typed or cut before, perhaps without its user looking.
fn brings(key: KeyEvent) -> bool {
    matches!(
        key,
        KeyEvent(KeyCode::Up | KeyCode::Down, Modifiers::NONE)
            | KeyEvent(KeyCode::Char('P' | 'N' | 'Y' | '_'), Modifiers::CTRL)
            | KeyEvent(KeyCode::Char('<' | '>' | 'Y' | 'y'), Modifiers::ALT)
    )
}

/// Whether this key deletes text that Ctrl-Y can bring back.
fn cuts(key: KeyEvent) -> bool {
    matches!(
        key,
        KeyEvent(KeyCode::Char('U' | 'K' | 'W'), Modifiers::CTRL)
            | KeyEvent(KeyCode::Char('d' | 'D') | KeyCode::Backspace, Modifiers::ALT)
    )
}

/// Returns what two keys do together in this line. If the second one is to do what it does alone, returns `None`.
fn second(first: First, key: KeyEvent, line: &str) -> Option<Cmd> {
    match (first, key) {
        // A paste is not a single key, so the first key is forgotten.
        (_, KeyEvent(KeyCode::BracketedPasteStart, _)) => None,
        (First::Quote, key) => Some(quoted(key).map_or(Cmd::Noop, |c| Cmd::Insert(1, c.to_string()))),
        (First::Extended, KeyEvent(KeyCode::Char('U'), Modifiers::CTRL)) => Some(Cmd::Undo(1)),
        (First::Extended, KeyEvent(KeyCode::Backspace, Modifiers::NONE)) => {
            Some(Cmd::Kill(Movement::BeginningOfLine))
        }
        (First::Extended, KeyEvent(KeyCode::Char(_), Modifiers::NONE)) => None,
        (First::Find { .. }, KeyEvent(KeyCode::Char(c), Modifiers::NONE))
            if matches!(c, '\\' | '/') || !line.contains(c) =>
        {
            None
        }
        (First::Find { back }, KeyEvent(KeyCode::Char(c), Modifiers::NONE)) => {
            let search = if back { CharSearch::Backward(c) } else { CharSearch::ForwardBefore(c) };
            Some(Cmd::Move(Movement::ViCharSearch(1, search)))
        }
        _ => Some(Cmd::Noop),
    }
}

/// Returns the character that a key sends.
fn quoted(key: KeyEvent) -> Option<char> {
    match key {
        KeyEvent(KeyCode::Char(c), Modifiers::NONE) => Some(c),
        KeyEvent(KeyCode::Char(c @ '@'..='_'), Modifiers::CTRL) => {
            u8::try_from(c).ok().map(|byte| char::from(byte & 0x1f))
        }
        KeyEvent(KeyCode::Tab, Modifiers::NONE) => Some('\t'),
        KeyEvent(KeyCode::Enter, Modifiers::NONE) => Some('\n'),
        KeyEvent(KeyCode::Esc, Modifiers::NONE) => Some('\x1b'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_key_that_belongs_to_nothing_is_typed_as_it_is() {
        for first in [First::Extended, First::Find { back: false }, First::Find { back: true }] {
            for sign in ['\\', '/', '＼', '¥'] {
                assert_eq!(second(first, KeyEvent::from(sign), "a/b\\c"), None, "{first:?} {sign}");
            }
        }
        assert!(second(First::Find { back: false }, KeyEvent::from('b'), "abc").is_some());
        assert_eq!(second(First::Extended, KeyEvent::from('\x07'), ""), Some(Cmd::Noop));
    }

    #[test]
    fn a_quoted_key_gives_the_character_that_it_sends() {
        assert_eq!(quoted(KeyEvent::from('a')), Some('a'));
        assert_eq!(quoted(KeyEvent::from('\t')), Some('\t'));
        assert_eq!(quoted(KeyEvent::from('\x01')), Some('\x01'));
        assert_eq!(quoted(KeyEvent::from('\x1d')), Some('\x1d'));
        assert_eq!(quoted(KeyEvent(KeyCode::Up, Modifiers::NONE)), None);
    }
}
