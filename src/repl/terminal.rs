//! The terminal's own settings: kept at the start, given back on every way out.
//!
//! Knows nothing of lines or prompts. Between two lines the terminal is *hushed*: what is typed
//! meanwhile is neither echoed into the middle of a message nor edited by the terminal, and waits
//! for the next line as it was typed; Ctrl-C still is a signal.

use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use nix::sys::termios::{
    InputFlags, LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
};
use nix::unistd::{getpgrp, tcgetpgrp};

use super::page::Size;
use crate::show;

/// Bracketed paste off, an open synchronised update closed, colours off, the cursor shown.
const PLAIN: &str = "\x1b[?2004l\x1b[?2026l\x1b[0m\x1b[?25h";

/// Bracketed paste on.
const PASTES: &str = "\x1b[?2004h";

/// How long a terminal that takes no output may hold up the way out.
const PATIENCE: Duration = Duration::from_millis(300);

/// The settings found at the start; nothing while the terminal is not ours to change.
static SAVED: Mutex<Option<Termios>> = Mutex::new(None);

/// Whether a prompt stands on the screen, so that what follows needs a new row.
static PROMPTED: AtomicBool = AtomicBool::new(false);

/// Whether the way out was begun: from then on nothing but the found settings is set.
static GIVEN_BACK: AtomicBool = AtomicBool::new(false);

static HOOK: Once = Once::new();

/// Gives the terminal back when dropped, also while unwinding.
#[derive(Debug)]
#[must_use = "the terminal is given back when the guard is dropped"]
pub struct TerminalGuard(());

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore();
    }
}

/// Keeps the terminal's settings and sees to it that a panic gives them back before it speaks.
///
/// `main` takes one and keeps it. After a panic, in whatever thread, the editor is unusable:
/// leave.
pub fn guard() -> TerminalGuard {
    save();
    HOOK.call_once(|| {
        let speak = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            restore();
            speak(info);
        }));
    });
    TerminalGuard(())
}

/// Gives the terminal back as it was found. May be called from any thread, any number of times;
/// does nothing where there was nothing to keep. Call it before `process::exit` and on SIGTERM and
/// SIGHUP.
pub fn restore() {
    let Some(found) = saved().clone() else { return };
    GIVEN_BACK.store(true, Ordering::SeqCst);
    apply(&found);
    let newline = if PROMPTED.swap(false, Ordering::SeqCst) { "\r\n" } else { "" };
    // On a thread of its own, since a terminal that takes no output would hold it for ever.
    let (done, wait) = mpsc::channel();
    let writing = thread::Builder::new().spawn(move || {
        write(&format!("{PLAIN}{newline}"));
        // Nobody waits any longer.
        let _ = done.send(());
    });
    if writing.is_ok() {
        let _ = wait.recv_timeout(PATIENCE);
    }
}

/// Whether the environment says that nothing can be drawn on the terminal.
#[must_use]
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// How many columns the terminal has now: those it tells, or else [`show::COLUMNS`].
#[must_use]
pub fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout());
    size.ok().filter(|size| size.ws_col > 0).map_or(show::COLUMNS, |size| usize::from(size.ws_col))
}

/// Columns and rows of the terminal now; `None` where it does not tell.
pub(super) fn size() -> Option<Size> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some(Size { columns: size.ws_col, rows: size.ws_row })
}

/// Keeps the settings, if that was not done.
pub(super) fn save() {
    GIVEN_BACK.store(false, Ordering::SeqCst);
    let mut saved = saved();
    if saved.is_none() && io::stdin().is_terminal() {
        *saved = tcgetattr(io::stdin()).ok();
    }
}

/// Silences the terminal between two lines.
///
/// These stay the settings under the editor's own, which it puts back after each line: at no moment
/// does the terminal echo, so that what is typed ahead is never mangled.
pub(super) fn hush() {
    set(|settings| {
        settings.local_flags.remove(LocalFlags::ECHO | LocalFlags::ICANON);
        settings.input_flags.remove(InputFlags::ICRNL | InputFlags::IXON);
        settings.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
        settings.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
    });
}

/// Whether [`restore`] was called.
pub(super) fn is_given_back() -> bool {
    GIVEN_BACK.load(Ordering::SeqCst)
}

/// A line is about to be read: what follows must begin on a new row.
pub(super) fn begin_line() {
    PROMPTED.store(true, Ordering::SeqCst);
}

/// A line was read. The editor has turned bracketed paste off; it stays on between two lines, so
/// that what is pasted then is one message too.
pub(super) fn end_line() {
    PROMPTED.store(false, Ordering::SeqCst);
    if !is_given_back() {
        write(PASTES);
    }
}

/// Stops the program, as Ctrl-Z asks, with the terminal as its shell knows it; goes on where it
/// was when it is continued.
pub(super) fn suspend() {
    let Ok(editing) = tcgetattr(io::stdin()) else { return };
    set(|_| ());
    write(PLAIN);
    // To this thread, which is then sure to stop before it goes on; all others stop with it.
    let _ = raise(Signal::SIGTSTP);
    if !is_given_back() {
        apply(&editing);
        write(PASTES);
    }
}

/// Gives the terminal to another program as a shell would.
pub(super) fn lend() {
    set(|_| ());
    write(PLAIN);
}

/// Takes it back between two lines, whatever the other program made of it.
pub(super) fn take_back() {
    hush();
    if !is_given_back() {
        write(&format!("{PLAIN}{PASTES}"));
    }
}

/// Writes straight to the terminal.
pub(super) fn write(text: &str) {
    let mut out = io::stdout().lock();
    // A terminal that is gone ends the editor, which reads from it.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn set(change: impl FnOnce(&mut Termios)) {
    let saved = saved();
    if let Some(found) = saved.as_ref()
        && !is_given_back()
    {
        let mut settings = found.clone();
        change(&mut settings);
        apply(&settings);
    }
}

fn apply(settings: &Termios) {
    if is_foreground() {
        // Nothing is to be done about a terminal that is gone; the next read shows it.
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, settings);
    }
}

/// A process in the background that changes the terminal's settings is stopped by the kernel.
fn is_foreground() -> bool {
    tcgetpgrp(io::stdin()).is_ok_and(|foreground| foreground == getpgrp())
}

fn saved() -> MutexGuard<'static, Option<Termios>> {
    SAVED.lock().unwrap_or_else(PoisonError::into_inner)
}
