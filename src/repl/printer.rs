//! Decides who may write to the terminal, and when.
//!
//! Only the editor's thread writes. What the app prints goes into a backlog with a limit. While no line is being read,
//! the editor's thread writes the backlog directly. While a line is being read, the backlog is put above the prompt at
//! the next repaint (see [`Painter`](super::painter)). A second thread, the bell, makes rustyline repaint by sending an
//! *empty* message through rustyline's external printer. Therefore there is a single queue with a single order. No
//! message is ever inside rustyline's own queue, which loses the order if a line ends at that moment. rustyline does
//! not look at the external printer while it waits for the second of two keys; that delays only the bell and never a
//! caller. `keys` begins no such wait, and `piece` keeps from rustyline the keys that begin one before they can be bound
//! (Alt with a digit). If the bell is nevertheless not answered, a signal ends the wait, and the line begins again as it
//! was.
//!
//! The terminal may take no output for any time. While the editor's thread writes to it, that thread can answer neither
//! a bell nor a signal, so it gets none (see [`SharedTerminal::while_drawing`]). Signals are sent and the phase is
//! changed only under the lock, so a signal is never sent to a thread that has begun to write. The number of signals
//! for one line is limited (see [`Interrupts`]).
//!
//! The grant is also kept here, and whether the line that is being read has to be given up. Every method holds the lock
//! for a few lines. Only [`SharedTerminal::next_job`], [`SharedTerminal::while_drawing`], [`SharedTerminal::ring`] and
//! those whose names say that they wait may block.

mod bell;
mod handed_over;

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::pthread::{Pthread, pthread_self};
use rustyline::ExternalPrinter;

use super::backlog::Backlog;
use super::brought_back::BroughtBack;
use super::interrupts::Interrupts;
use super::prompt::{Edit, Grant, Prompt, Stays};
use crate::peer::Receipt;
use bell::Bell;

/// After how much time a bell without an answer counts as not heard. No busy machine takes that long, and a user who
/// has pressed the first of two keys has had time for the second.
const UNHEARD: Duration = Duration::from_secs(1);

/// What the editor's thread has to do next.
#[derive(Debug)]
pub(super) enum Job {
    /// Write this text to the terminal.
    Write(String),
    /// Write this text above the line that was handed over and is not judged yet.
    WriteAbove(String),
    /// Finish the line that was handed over, of which this stays.
    Finish(Stays),
    /// Read one line for this grant.
    Read(Grant),
    /// Lend the terminal to a text editor.
    Edit(Edit),
    /// End, because the program is ending and everything is written.
    Stop,
}

/// How far the reading of a line has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// There is no grant, so the backlog can be written directly.
    Idle,
    /// A grant was taken, but rustyline has not painted yet, so a signal would not reach it.
    Granted,
    /// rustyline is reading keys.
    Reading,
    /// rustyline is reading keys, but now its thread writes to the terminal, which may block it.
    Drawing,
    /// The line is complete, and rustyline is returning it.
    Leaving,
    /// The line is handed over, and the app has not told yet what stays of it (see `handed_over`).
    HandedOver,
    /// The terminal is lent to another program.
    Lent,
    /// The editor's thread has ended.
    Gone,
}

#[derive(Debug)]
struct State {
    backlog: Backlog,
    grant: Option<Grant>,
    /// Another prompt for the line that is being read.
    prompt: Option<Prompt>,
    edit: Option<Edit>,
    phase: Phase,
    /// What stays of the line that was handed over.
    stays: Option<Stays>,
    /// Whether the line that is being read or was granted has to be given up.
    cancel: bool,
    closing: bool,
    /// Since when an empty message has been on its way to rustyline without an answer.
    rung: Option<Instant>,
    /// Whether the line was interrupted only to be read on.
    roused: bool,
    /// When the line was interrupted because the bell was not heard; `None` if it was interrupted for another reason.
    unheard: Option<Instant>,
    /// Whether a paste has begun that was not shown yet.
    pasting: bool,
    interrupts: Interrupts,
    /// The lines that the app brings back among those that were typed before.
    brought_back: BroughtBack,
    editor: Option<Pthread>,
}

/// The state that the two threads and the handle share. Its lock is an ordinary one: it is held for a few lines, and
/// never while something is written or read.
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
                stays: None,
                cancel: false,
                closing: false,
                rung: None,
                roused: false,
                unheard: None,
                pasting: false,
                interrupts: Interrupts::default(),
                brought_back: BroughtBack::default(),
                editor: None,
            }),
            changed: Condvar::new(),
        }
    }

    /// Queues a message. This never waits for the terminal.
    pub(super) fn print(&self, text: String) {
        self.lock().backlog.push(text);
        self.changed.notify_all();
    }

    /// Gives a receipt when everything that was queued so far is on the terminal.
    pub(super) fn then_give(&self, receipt: Receipt) {
        let due = self.lock().backlog.push_receipt(receipt);
        due.into_iter().for_each(Receipt::give);
    }

    /// Notes that what was taken from the queue was written, and whether the terminal has taken it.
    pub(super) fn written(&self, is_taken: bool) {
        let due = self.lock().backlog.written();
        if is_taken {
            due.into_iter().for_each(Receipt::give);
        }
    }

    /// Queues a sequence that shows no text.
    pub(super) fn signal(&self, sequence: String) {
        self.lock().backlog.push_signal(sequence);
        self.changed.notify_all();
    }

    /// Allows one line to be read. A grant that nobody has taken yet is replaced.
    pub(super) fn grant(&self, grant: Grant) {
        self.lock().grant = Some(grant);
        self.changed.notify_all();
    }

    /// Shows another prompt before the line that is being read, or before the next line if it was not begun.
    pub(super) fn set_prompt(&self, prompt: Prompt) {
        let mut state = self.lock();
        match &mut state.grant {
            Some(grant) => grant.prompt = prompt,
            None => state.prompt = Some(prompt),
        }
        self.changed.notify_all();
    }

    /// Returns the other prompt, if there is one, and forgets it.
    pub(super) fn take_prompt(&self) -> Option<Prompt> {
        self.lock().prompt.take()
    }

    /// Makes `line` the newest of those that were typed before. If a line is being read, it is read on as it was.
    pub(super) fn bring_back(&self, line: String) {
        let mut state = self.lock();
        state.brought_back.push(line);
        state.rouse_to_bring_back();
        self.changed.notify_all();
    }

    /// Runs `make_newest` with the lines that were brought back since the last call; it returns the newest line.
    pub(super) fn take_brought_back(&self, make_newest: impl FnOnce(&[String]) -> Option<String>) {
        let lines = self.lock().brought_back.take();
        let newest = make_newest(&lines);
        self.lock().brought_back.note_newest(newest);
    }

    /// Returns the lines that wait to be brought back.
    #[cfg(test)]
    pub(super) fn brought_back(&self) -> Vec<String> {
        self.lock().brought_back.waiting().to_vec()
    }

    /// Lends the terminal to a text editor, instead of granting a line.
    pub(super) fn edit(&self, edit: Edit) {
        self.lock().edit = Some(edit);
        self.changed.notify_all();
    }

    /// Clears the screen, and drops what was to be shown on it.
    pub(super) fn clear(&self) {
        self.lock().backlog.clear();
        self.changed.notify_all();
    }

    /// Notes that a paste has begun. It ends with the repaint that shows it.
    pub(super) fn note_paste(&self) {
        self.lock().pasting = true;
    }

    /// Waits for `moment`, or less if the program is ending. Returns whether the program is ending.
    pub(super) fn is_closing_after(&self, moment: Duration) -> bool {
        let state = self.lock();
        let waited = self.changed.wait_timeout_while(state, moment, |state| !state.closing);
        waited.unwrap_or_else(PoisonError::into_inner).0.closing
    }

    /// Gives up the line that is being read or was granted. If there is none, this does nothing.
    pub(super) fn cancel(&self) {
        let mut state = self.lock();
        let lent = state.edit.is_some() || state.phase == Phase::Lent;
        let is_idle = matches!(state.phase, Phase::Idle | Phase::HandedOver);
        if !lent && (state.grant.is_some() || !is_idle) {
            state.cancel = true;
            state.signal();
        }
        self.changed.notify_all();
    }

    /// Ends both threads as soon as everything is written.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        state.signal();
        self.changed.notify_all();
    }

    /// Waits until there is something to do. The editor's thread calls this between two lines.
    pub(super) fn next_job(&self) -> Job {
        let mut state = self.lock();
        state.editor = Some(pthread_self());
        loop {
            if state.phase == Phase::HandedOver {
                if let Some(job) = state.job_for_handed_over() {
                    return job;
                }
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if !state.closing
                && let Some(grant) = state.grant.take()
            {
                state.phase = Phase::Granted;
                state.prompt = None;
                return Job::Read(grant);
            }
            if !state.closing
                && let Some(edit) = state.edit.take()
            {
                state.phase = Phase::Lent;
                return Job::Edit(edit);
            }
            if let Some(text) = state.backlog.take_portion() {
                return Job::Write(text);
            }
            if state.closing {
                return Job::Stop;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Notes that rustyline repaints. Returns the text that has to be written above the prompt.
    pub(super) fn repaint(&self, by_bell: bool) -> Option<String> {
        let mut state = self.lock();
        if state.phase == Phase::Granted {
            // From this moment on, rustyline's signal handler is installed.
            state.phase = Phase::Reading;
            // A bell from the end of the previous line may be lost, so it counts as not rung. Only one that is noted as
            // unheard is still in rustyline's queue, and a second one would wait behind it.
            state.rung = state.unheard.take();
            state.interrupts = Interrupts::default();
        }
        if by_bell {
            state.rung = None;
        }
        state.pasting = false;
        let portion = state.backlog.take_portion();
        self.changed.notify_all();
        portion
    }

    /// Runs `draw`, which writes to the terminal, perhaps while a line is being read. This blocks as long as the terminal
    /// takes no output. If the line has to be given up, the editor is interrupted afterwards.
    pub(super) fn while_drawing(&self, draw: impl FnOnce()) {
        let mut state = self.lock();
        if state.phase == Phase::Reading {
            state.phase = Phase::Drawing;
        }
        drop(state);
        draw();
        let mut state = self.lock();
        if state.phase == Phase::Drawing {
            state.phase = Phase::Reading;
            // The editor could not answer the bell while it drew, so its time for the answer begins now.
            state.rung = state.rung.map(|_| Instant::now());
            if state.cancel || state.closing {
                state.signal();
            }
            self.changed.notify_all();
        }
    }

    /// Notes that the line is complete. From now on a signal would come too late.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Reading {
            state.phase = Phase::Leaving;
        }
    }

    /// Notes that rustyline has returned without a line. Returns whether the line has to be given up.
    pub(super) fn interrupted(&self) -> bool {
        let mut state = self.lock();
        state.phase = Phase::Granted;
        state.cancel || state.closing
    }

    /// Returns whether the line was interrupted only to be read on, and forgets it.
    pub(super) fn take_roused(&self) -> bool {
        let mut state = self.lock();
        let roused = std::mem::take(&mut state.roused);
        state.unheard = state.rung.filter(|_| roused).map(|_| Instant::now());
        roused
    }

    /// Notes that the grant is answered.
    pub(super) fn answered(&self) {
        self.answered_in(Phase::Idle);
    }

    fn answered_in(&self, phase: Phase) {
        let mut state = self.lock();
        state.phase = phase;
        state.cancel = false;
        state.roused = false;
        self.changed.notify_all();
    }

    /// Notes that the editor's thread ends.
    pub(super) fn gone(&self) {
        let mut state = self.lock();
        state.phase = Phase::Gone;
        state.editor = None;
        self.changed.notify_all();
    }

    /// Waits until the editor's thread has ended. Returns whether it ended in time.
    pub(super) fn wait_until_gone(&self, patience: Duration) -> bool {
        let (_state, late) = self
            .changed
            .wait_timeout_while(self.lock(), patience, |state| state.phase != Phase::Gone)
            .unwrap_or_else(PoisonError::into_inner);
        !late.timed_out()
    }

    /// Runs the bell: it rings whenever something waits while a line is being read. It ends with the editor.
    pub(super) fn ring(&self, mut bell: impl ExternalPrinter) {
        while self.wait_to_ring() {
            // This blocks while another empty message is on its way. Outside raw mode it writes nothing.
            if bell.print(String::new()).is_err() {
                return;
            }
        }
    }

    /// Waits until the bell has to ring. Returns false if it never has to again.
    fn wait_to_ring(&self) -> bool {
        let mut state = self.lock();
        loop {
            state = match state.bell() {
                Bell::Rings => return true,
                Bell::Ends => return false,
                Bell::Waits(Some(patience)) => {
                    let waited = self.changed.wait_timeout(state, patience);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                Bell::Waits(None) => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is complete after every statement, so a panic in another thread does not make it unusable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
