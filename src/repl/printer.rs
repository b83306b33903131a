//! Who may write to the terminal, and when.
//!
//! One thread writes: the editor's. What the app prints goes into a bounded backlog. While no line
//! is being read the editor's thread writes it straight out. While one is read, the backlog is put
//! above the prompt at the next repaint (see [`Painter`](super::painter)), and a
//! second thread, the bell, makes rustyline repaint: it sends an *empty* message through
//! rustyline's external printer. So there is one queue and one order; nothing is ever on its way
//! inside rustyline, whose own queue loses the order when a line ends just then; and that the
//! external printer is not looked at while rustyline waits for the second of two keys stops the bell
//! alone, never a caller. `keys` begins no such wait; the one that cannot be bound (Alt with a digit)
//! is ended by a signal when the bell is not answered, and the line begins again as it was.
//!
//! Also kept here: the grant, and whether the line being read is to be given up. Every method is
//! short and takes the lock for a few lines; none blocks but [`SharedTerminal::next_job`].

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::pthread::{Pthread, pthread_kill, pthread_self};
use nix::sys::signal::Signal;
use rustyline::ExternalPrinter;

use super::backlog::Backlog;
use super::prompt::{Edit, Grant, Prompt};

/// A signal to the editor is sent again after this time: one that arrives just before it sleeps
/// until a second key comes is seen at that key only.
const SIGNAL_AGAIN: Duration = Duration::from_millis(100);

/// A bell that is not answered for so long was not heard: no busy machine is that late. A person who
/// has struck the first of two keys has had time for the second.
const UNHEARD: Duration = Duration::from_secs(1);

/// What the editor's thread does next.
#[derive(Debug)]
pub(super) enum Job {
    /// Write this.
    Write(String),
    /// Read one line.
    Read(Grant),
    /// Give the terminal to an editor.
    Edit(Edit),
    /// The program is leaving and all is written.
    Stop,
}

/// How far the reading of a line has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No grant is being worked on: this is the time to write straight out.
    Idle,
    /// A grant was taken; rustyline has not painted yet, so a signal would not reach it.
    Granted,
    /// rustyline reads keys.
    Reading,
    /// The line is complete; rustyline is on its way back.
    Leaving,
    /// The terminal is lent to another program.
    Lent,
    /// The editor's thread has ended.
    Gone,
}

#[derive(Debug)]
struct State {
    backlog: Backlog,
    grant: Option<Grant>,
    /// Another prompt for the line being read.
    prompt: Option<Prompt>,
    edit: Option<Edit>,
    phase: Phase,
    /// The line was left for the next session, or the one before.
    step: Option<bool>,
    /// The line being read, or granted, is to be given up.
    cancel: bool,
    closing: bool,
    /// Since when an empty message is on its way that was not seen yet.
    rung: Option<Instant>,
    /// The line being read is interrupted only to be read on.
    roused: bool,
    /// The bell for which it was.
    unheard: Option<Instant>,
    /// A paste has begun and was not shown yet.
    pasting: bool,
    signalled: Option<Instant>,
    editor: Option<Pthread>,
}

/// The state the two threads and the handle share. The lock is a plain one: it is held for a few
/// lines and never while anything is written or read.
#[derive(Debug)]
pub(super) struct SharedTerminal {
    state: Mutex<State>,
    changed: Condvar,
}

impl SharedTerminal {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                backlog: Backlog::default(),
                grant: None,
                prompt: None,
                edit: None,
                phase: Phase::Idle,
                step: None,
                cancel: false,
                closing: false,
                rung: None,
                roused: false,
                unheard: None,
                pasting: false,
                signalled: None,
                editor: None,
            }),
            changed: Condvar::new(),
        }
    }

    /// Queues a message. Never blocks on the terminal.
    pub(super) fn print(&self, text: String) {
        self.lock().backlog.push(text);
        self.changed.notify_all();
    }

    /// Queues what shows no text.
    pub(super) fn signal(&self, sequence: String) {
        self.lock().backlog.push_signal(sequence);
        self.changed.notify_all();
    }

    /// Allows one line to be read. A grant that nobody took yet is replaced.
    pub(super) fn grant(&self, grant: Grant) {
        self.lock().grant = Some(grant);
        self.changed.notify_all();
    }

    /// Shows another prompt before the line being read, or the next one if it was not begun.
    pub(super) fn set_prompt(&self, prompt: Prompt) {
        let mut state = self.lock();
        match &mut state.grant {
            Some(grant) => grant.prompt = prompt,
            None => state.prompt = Some(prompt),
        }
        self.changed.notify_all();
    }

    /// The other prompt, if there is one.
    pub(super) fn take_prompt(&self) -> Option<Prompt> {
        self.lock().prompt.take()
    }

    /// Lends the terminal to an editor, in the place of a grant.
    pub(super) fn edit(&self, edit: Edit) {
        self.lock().edit = Some(edit);
        self.changed.notify_all();
    }

    /// Empties the screen, and forgets what was to be shown on it.
    pub(super) fn clear(&self) {
        self.lock().backlog.clear();
        self.changed.notify_all();
    }

    /// Notes that a paste has begun. It ends with the repaint that shows it.
    pub(super) fn note_paste(&self) {
        self.lock().pasting = true;
    }

    /// Notes that the line is left for the next session, or the one before.
    pub(super) fn note_step(&self, forward: bool) {
        self.lock().step = Some(forward);
    }

    /// Whether the line was left for another session, and in which direction.
    pub(super) fn take_step(&self) -> Option<bool> {
        self.lock().step.take()
    }

    /// Whether the program is leaving, looked at again after a moment.
    pub(super) fn is_closing_after(&self, moment: Duration) -> bool {
        let state = self.lock();
        let waited = self.changed.wait_timeout_while(state, moment, |state| !state.closing);
        waited.unwrap_or_else(PoisonError::into_inner).0.closing
    }

    /// Gives up the line being read or granted; without one does nothing.
    pub(super) fn cancel(&self) {
        let mut state = self.lock();
        let lent = state.edit.is_some() || state.phase == Phase::Lent;
        if !lent && (state.grant.is_some() || state.phase != Phase::Idle) {
            state.cancel = true;
            state.signal();
        }
        self.changed.notify_all();
    }

    /// Ends both threads once everything is written.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        state.signal();
        self.changed.notify_all();
    }

    /// Waits for something to do. Called by the editor's thread between two lines.
    pub(super) fn next_job(&self) -> Job {
        let mut state = self.lock();
        state.editor = Some(pthread_self());
        loop {
            if !state.closing
                && let Some(grant) = state.grant.take()
            {
                state.phase = Phase::Granted;
                state.prompt = None;
                state.step = None;
                return Job::Read(grant);
            }
            if !state.closing
                && let Some(edit) = state.edit.take()
            {
                state.phase = Phase::Lent;
                return Job::Edit(edit);
            }
            if let Some(text) = state.backlog.take_chunk() {
                return Job::Write(text);
            }
            if state.closing {
                return Job::Stop;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// rustyline repaints. Returns what is to be written above the prompt.
    pub(super) fn repaint(&self, by_bell: bool) -> Option<String> {
        let mut state = self.lock();
        if state.phase == Phase::Granted {
            // From here on rustyline's signal handler stands.
            state.phase = Phase::Reading;
            // A bell rung in the middle of the last line may have gone nowhere. The one that was not
            // heard is in rustyline's queue still, and a second one would wait behind it.
            state.rung = state.unheard.take();
            state.signalled = None;
        }
        if by_bell {
            state.rung = None;
        }
        state.pasting = false;
        if state.cancel || state.closing {
            state.signal();
        }
        let chunk = state.backlog.take_chunk();
        self.changed.notify_all();
        chunk
    }

    /// The line is complete: from here on a signal would come too late.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Reading {
            state.phase = Phase::Leaving;
        }
    }

    /// rustyline has returned without a line. Returns whether the line is to be given up.
    pub(super) fn interrupted(&self) -> bool {
        let mut state = self.lock();
        state.phase = Phase::Granted;
        state.cancel || state.closing
    }

    /// Whether the line was interrupted only to be read on.
    pub(super) fn take_roused(&self) -> bool {
        let mut state = self.lock();
        let roused = std::mem::take(&mut state.roused);
        state.unheard = state.rung.filter(|_| roused).map(|_| Instant::now());
        roused
    }

    /// The grant is answered.
    pub(super) fn answered(&self) {
        let mut state = self.lock();
        state.phase = Phase::Idle;
        state.cancel = false;
        state.roused = false;
        self.changed.notify_all();
    }

    /// The editor's thread ends.
    pub(super) fn gone(&self) {
        let mut state = self.lock();
        state.phase = Phase::Gone;
        state.editor = None;
        self.changed.notify_all();
    }

    /// Waits until the editor's thread has ended; says whether it did in time.
    pub(super) fn wait_until_gone(&self, patience: Duration) -> bool {
        let (_state, late) = self
            .changed
            .wait_timeout_while(self.lock(), patience, |state| state.phase != Phase::Gone)
            .unwrap_or_else(PoisonError::into_inner);
        !late.timed_out()
    }

    /// The bell: rings whenever something waits while a line is read. Ends with the editor.
    pub(super) fn ring(&self, mut bell: impl ExternalPrinter) {
        while self.wait_to_ring() {
            // Blocks while one is on its way. Outside raw mode it writes nothing at all.
            if bell.print(String::new()).is_err() {
                return;
            }
        }
    }

    fn wait_to_ring(&self) -> bool {
        let mut state = self.lock();
        loop {
            if state.phase == Phase::Gone {
                return false;
            }
            let reading = state.phase == Phase::Reading;
            let waiting = reading && (state.prompt.is_some() || !state.backlog.is_empty());
            if waiting && state.rung.is_none() {
                state.rung = Some(Instant::now());
                return true;
            }
            let patience = if reading && (state.cancel || state.closing) {
                state.signal();
                Some(SIGNAL_AGAIN)
            } else if waiting {
                Some(state.rouse())
            } else {
                None
            };
            state = match patience {
                Some(patience) => {
                    let waited = self.changed.wait_timeout(state, patience);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole after every statement; a panic elsewhere is no reason to go silent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Interrupts rustyline if it has not heard the bell. Returns how long to wait for that.
    fn rouse(&mut self) -> Duration {
        let rung = self.rung.map_or(Duration::ZERO, |rung| rung.elapsed());
        if rung < UNHEARD {
            return UNHEARD - rung;
        }
        self.roused = true;
        self.signal();
        SIGNAL_AGAIN
    }

    /// Interrupts rustyline, if it reads and was not interrupted a moment ago. rustyline's handler
    /// for SIGINT stands in exactly the phase `Reading`. Not in the middle of a paste: its beginning
    /// would be lost, and the rest taken for keys, with an Enter after each line.
    fn signal(&mut self) {
        let recent = self.signalled.is_some_and(|sent| sent.elapsed() < SIGNAL_AGAIN);
        if self.phase != Phase::Reading || self.pasting || recent {
            return;
        }
        if let Some(editor) = self.editor {
            self.signalled = Some(Instant::now());
            // Fails only for a thread that has ended, and `editor` is forgotten before that.
            let _ = pthread_kill(editor, Signal::SIGINT);
        }
    }
}
