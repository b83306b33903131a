//! When the bell rings for the editor, and when the editor is interrupted instead. This file owns the rule that the
//! editor gets a signal only while it reads keys; it writes nothing to the terminal.

use std::time::{Duration, Instant};

use nix::sys::pthread::pthread_kill;
use nix::sys::signal::Signal;

use super::{Phase, State, UNHEARD};

/// What the bell does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bell {
    /// The bell interrupts the editor now, so that the editor draws what waits.
    Rings,
    /// It waits until something changes, or at most for this time.
    Waits(Option<Duration>),
    /// It never rings again.
    Ends,
}

impl State {
    /// Decides what the bell does next, and interrupts the editor if that has to be done now.
    pub(super) fn bell(&mut self) -> Bell {
        match self.phase {
            Phase::Gone => return Bell::Ends,
            Phase::Reading => {}
            _ => return Bell::Waits(None),
        }
        let waiting = self.prompt.is_some() || !self.backlog.is_empty();
        if waiting && self.rung.is_none() {
            self.rung = Some(Instant::now());
            return Bell::Rings;
        }
        Bell::Waits(if self.cancel || self.closing {
            self.signal()
        } else if !self.brought_back.is_empty() {
            self.rouse_to_bring_back()
        } else if waiting {
            self.rouse()
        } else {
            None
        })
    }

    /// Interrupts rustyline if it has not heard the bell. Returns after how long to look again.
    fn rouse(&mut self) -> Option<Duration> {
        let rung = self.rung.map_or(Duration::ZERO, |rung| rung.elapsed());
        if rung < UNHEARD {
            return Some(UNHEARD - rung);
        }
        self.interrupt_to_read_on()
    }

    /// Interrupts the editor if lines were brought back, because they are put among the lines that were typed before
    /// while no line is read. Returns after how long to look again.
    pub(super) fn rouse_to_bring_back(&mut self) -> Option<Duration> {
        if self.brought_back.is_empty() { None } else { self.interrupt_to_read_on() }
    }

    fn interrupt_to_read_on(&mut self) -> Option<Duration> {
        // Without a signal, the next interrupt is one by the user.
        self.roused |= self.phase == Phase::Reading && !self.pasting;
        self.signal()
    }

    /// Interrupts rustyline, if it is reading and was not interrupted a moment ago. Returns after how long it may be
    /// interrupted again. rustyline's handler for SIGINT is installed only in the phases `Reading` and `Drawing`. A
    /// paste is not interrupted, because its beginning would be lost and the rest would be taken for keys, with an Enter
    /// after each line.
    pub(super) fn signal(&mut self) -> Option<Duration> {
        if self.phase != Phase::Reading || self.pasting {
            return None;
        }
        let (editor, now) = (self.editor?, Instant::now());
        if self.interrupts.take(now) {
            // This fails only for a thread that has ended, and `editor` is forgotten before that.
            let _ = pthread_kill(editor, Signal::SIGINT);
        }
        self.interrupts.next(now)
    }
}
