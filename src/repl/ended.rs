//! The keys that end a line without handing it over: Ctrl-C and the keys that the user's terminal has for interrupting,
//! Ctrl-D, and the keys that lead to another session.
//!
//! rustyline reads ahead, and throws away what it has read ahead when it returns an error. The beginning of the next
//! line would be lost then, and what is left of a private line would be said to everybody. Therefore these keys end a
//! line as Enter does, and [`Ended`] says that the line is not to be handed over. A signal does return an error, but
//! rustyline notices one only while it waits for a key, when it has read nothing ahead. This file knows no session and
//! no thread.

use nix::sys::termios::{SpecialCharacterIndices, Termios};
use rustyline::{KeyCode, KeyEvent, Modifiers};

use super::terminal;

/// Why a line ended that is not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The user pressed Ctrl-C.
    Interrupted,
    /// The user goes to the next session, or else to the previous one.
    Stepped {
        /// Whether it is the next session.
        forward: bool,
    },
    /// The user pressed Ctrl-D on an empty line.
    EndOfInput,
}

/// The keys that end a line without handing it over.
#[derive(Debug)]
pub(super) struct EndKeys {
    interrupts: Vec<KeyEvent>,
    ends_input: Vec<KeyEvent>,
}

impl EndKeys {
    /// Returns the keys for the user's terminal.
    pub(super) fn of_terminal() -> Self {
        // Without settings there are the keys that every terminal has.
        Self::of(terminal::found().ok().as_ref())
    }

    fn of(settings: Option<&Termios>) -> Self {
        use SpecialCharacterIndices::{VEOF, VINTR, VQUIT};
        // A zero stands for no key.
        let byte = |at| settings.map(|it| it.control_chars[at as usize]).filter(|byte| *byte != 0);
        let key = |at| byte(at).map(|byte| KeyEvent::from(char::from(byte)));
        let control = |c| KeyEvent(KeyCode::Char(c), Modifiers::CTRL);
        Self {
            interrupts: [Some(control('C')), key(VINTR), key(VQUIT)].into_iter().flatten().collect(),
            ends_input: [Some(control('D')), key(VEOF)].into_iter().flatten().collect(),
        }
    }

    /// Whether this key interrupts.
    pub(super) fn interrupt(&self, key: KeyEvent) -> bool {
        self.interrupts.contains(&key)
    }

    /// Returns how this key ends `line`; `None` if the line goes on.
    pub(super) fn end(&self, key: KeyEvent, line: &str) -> Option<Ended> {
        match key {
            KeyEvent(KeyCode::Down, Modifiers::ALT) => Some(Ended::Stepped { forward: true }),
            KeyEvent(KeyCode::Up, Modifiers::ALT) => Some(Ended::Stepped { forward: false }),
            key if self.interrupt(key) => Some(Ended::Interrupted),
            key if line.is_empty() && self.ends_input.contains(&key) => Some(Ended::EndOfInput),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_ended_by_the_keys_of_every_terminal_and_by_those_of_this_one() {
        let any = EndKeys::of(None);
        let key = |c: char| KeyEvent::from(c);
        assert_eq!(any.end(key('\x03'), "draft"), Some(Ended::Interrupted));
        assert_eq!(any.end(key('\x04'), ""), Some(Ended::EndOfInput));
        assert_eq!(any.end(key('\x04'), "draft"), None);
        assert_eq!(any.end(key('\x1c'), "draft"), None);
        let up = KeyEvent(KeyCode::Up, Modifiers::ALT);
        assert_eq!(any.end(up, "draft"), Some(Ended::Stepped { forward: false }));
        assert_eq!(any.end(KeyEvent(KeyCode::Up, Modifiers::NONE), "draft"), None);
        let own = nix::pty::openpty(None, None).unwrap();
        let mut settings = nix::sys::termios::tcgetattr(&own.slave).unwrap();
        settings.control_chars[SpecialCharacterIndices::VINTR as usize] = 0x18;
        settings.control_chars[SpecialCharacterIndices::VEOF as usize] = 0;
        let own = EndKeys::of(Some(&settings));
        assert_eq!(own.end(key('\x18'), "draft"), Some(Ended::Interrupted));
        assert_eq!(own.end(key('\x1c'), "draft"), Some(Ended::Interrupted));
        assert_eq!(own.end(key('\x03'), "draft"), Some(Ended::Interrupted));
        assert_eq!(own.end(key('\0'), ""), None);
    }
}
