//! What a key does where rustyline's own meaning will not do: while a search is open, and where
//! rustyline would wait for a second key.
//!
//! rustyline shows no message while it reads a key in a loop of its own: in its search, after Ctrl-V,
//! Ctrl-X or Ctrl-]. No such loop is entered from here; what the first key began is remembered until
//! the second one comes. (Alt with a digit is read before anything can be bound; see `printer`.)
//!
//! While a search is open only the keys listed here do anything, so that no key can send a query.
//! Knows no history, no command and no session.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustyline::{
    CharSearch, Cmd, ConditionalEventHandler, Event, EventContext, KeyCode, KeyEvent, Modifiers, Movement,
    RepeatCount,
};

use super::page::Page;
use super::printer::SharedTerminal;
use super::search::{At, Line, Step};
use super::terminal;

/// The keys of the editor; bound to all of them.
pub(super) struct Keys {
    page: Arc<Mutex<Page>>,
    screen: Arc<SharedTerminal>,
    first: Mutex<Option<First>>,
}

/// What the keyboard's own key becomes (see `keystrokes`).
const REPAINT: KeyEvent = KeyEvent(KeyCode::Char('9'), Modifiers::CTRL_ALT_SHIFT);

/// The first of two keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    /// Ctrl-V: the next key is text, whatever it is.
    Quote,
    /// Ctrl-X: Ctrl-U undoes, Backspace deletes to the left.
    Extended,
    /// Ctrl-]: to the character that is typed next.
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
        let key = *event.get(0)?;
        if key == REPAINT {
            return Some(Cmd::Repaint);
        }
        if key.0 == KeyCode::BracketedPasteStart {
            self.screen.note_paste();
        }
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        match first {
            Some(first) => second(first, key),
            None if self.page().search.is_open() => self.searching(key),
            None => self.editing(key, positive, context),
        }
    }
}

impl Keys {
    pub(super) fn new(page: Arc<Mutex<Page>>, screen: Arc<SharedTerminal>) -> Self {
        Self { page, screen, first: Mutex::new(None) }
    }

    fn editing(&self, key: KeyEvent, positive: bool, context: &EventContext<'_>) -> Option<Cmd> {
        if cuts(key) {
            // What is cut now is what Ctrl-Y gives back.
            self.page().cleared = None;
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
            KeyEvent(KeyCode::Enter, Modifiers::ALT) => Some(Cmd::Newline),
            KeyEvent(KeyCode::Down, Modifiers::ALT) => Some(self.leave(true)),
            KeyEvent(KeyCode::Up, Modifiers::ALT) => Some(self.leave(false)),
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
            // The query is edited as any line is.
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

    /// Empties the screen at the next repaint, which is now.
    fn clear(&self) -> Cmd {
        self.page().clears = true;
        Cmd::Repaint
    }

    /// Ctrl-Z. rustyline would leave the shell with the settings it found, which are the hushed ones.
    fn suspend(&self) -> Cmd {
        terminal::suspend();
        // What was drawn is somewhere above what the shell has written since.
        self.page().canvas.forget();
        Cmd::Repaint
    }

    fn step(&self, step: Step) -> Cmd {
        self.page().search.step(step);
        // Looks for the hint again.
        Cmd::Repaint
    }

    fn take(&self, at: At) -> Cmd {
        if self.page().search.take(at) { EXCHANGE } else { Cmd::Noop }
    }

    /// The line is left as it is, for the next session or the one before.
    fn leave(&self, forward: bool) -> Cmd {
        self.screen.note_step(forward);
        Cmd::Interrupt
    }

    fn wait_after(&self, first: First) -> Cmd {
        *self.first.lock().unwrap_or_else(PoisonError::into_inner) = Some(first);
        Cmd::Noop
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Replaces the whole line and its cursor at once, as `completer` is told by the search. No other
/// command of rustyline does.
const EXCHANGE: Cmd = Cmd::Complete;

/// Whether this key puts what it deletes where Ctrl-Y finds it.
fn cuts(key: KeyEvent) -> bool {
    matches!(
        key,
        KeyEvent(KeyCode::Char('U' | 'K' | 'W'), Modifiers::CTRL)
            | KeyEvent(KeyCode::Char('d' | 'D') | KeyCode::Backspace, Modifiers::ALT)
    )
}

/// What two keys do together.
fn second(first: First, key: KeyEvent) -> Option<Cmd> {
    match (first, key) {
        // A paste is more than a key.
        (_, KeyEvent(KeyCode::BracketedPasteStart, _)) => None,
        (First::Quote, key) => Some(quoted(key).map_or(Cmd::Noop, |c| Cmd::Insert(1, c.to_string()))),
        (_, KeyEvent(KeyCode::Char('C'), Modifiers::CTRL)) => None,
        (First::Extended, KeyEvent(KeyCode::Char('U'), Modifiers::CTRL)) => Some(Cmd::Undo(1)),
        (First::Extended, KeyEvent(KeyCode::Backspace, Modifiers::NONE)) => {
            Some(Cmd::Kill(Movement::BeginningOfLine))
        }
        (First::Find { back }, KeyEvent(KeyCode::Char(c), Modifiers::NONE)) => {
            let search = if back { CharSearch::Backward(c) } else { CharSearch::ForwardBefore(c) };
            Some(Cmd::Move(Movement::ViCharSearch(1, search)))
        }
        _ => Some(Cmd::Noop),
    }
}

/// The character a key stands for.
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
    fn a_quoted_key_is_the_character_it_sends() {
        assert_eq!(quoted(KeyEvent::from('a')), Some('a'));
        assert_eq!(quoted(KeyEvent::from('\t')), Some('\t'));
        assert_eq!(quoted(KeyEvent::from('\x01')), Some('\x01'));
        assert_eq!(quoted(KeyEvent::from('\x1d')), Some('\x1d'));
        assert_eq!(quoted(KeyEvent(KeyCode::Up, Modifiers::NONE)), None);
    }
}
