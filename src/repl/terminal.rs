//! The terminal's own settings: kept at the start, given back on every way out.
//!
//! Knows nothing of lines or prompts. Between two lines the terminal is *hushed*: what is typed
//! meanwhile is neither echoed into the middle of a message nor edited by the terminal, and waits
//! for the next line as it was typed; Ctrl-C still is a signal.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, OnceLock, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::termios::{
    ControlFlags, InputFlags, LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
};
use nix::unistd::{getpgrp, tcgetpgrp};

use super::canvas::Size;
use super::title;
use crate::show;

/// Bracketed paste off, an open synchronised update closed, colours off, the cursor shown.
const PLAIN: &str = "\x1b[?2004l\x1b[?2026l\x1b[0m\x1b[?25h";

/// Bracketed paste on.
const PASTES: &str = "\x1b[?2004h";

/// How long a terminal that takes no output may hold up the way out.
const PATIENCE: Duration = Duration::from_millis(300);

/// The settings found at the start; nothing while the terminal is not ours to change.
static SAVED: Mutex<Option<Termios>> = Mutex::new(None);

/// The terminal itself, once something else stands in the place of standard input and output.
static REAL: OnceLock<Real> = OnceLock::new();

/// Whether a prompt stands on the screen, so that what follows needs a new row.
static PROMPTED: AtomicBool = AtomicBool::new(false);

/// Whether the way out was begun: from then on nothing but the found settings is set.
static GIVEN_BACK: AtomicBool = AtomicBool::new(false);

static HOOK: Once = Once::new();

#[derive(Debug)]
struct Real {
    input: File,
    output: File,
}

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
    put_back();
    let newline = if PROMPTED.swap(false, Ordering::SeqCst) { "\r\n" } else { "" };
    // On a thread of its own, since a terminal that takes no output would hold it for ever.
    let (done, wait) = mpsc::channel();
    let writing = thread::Builder::new().spawn(move || {
        write(&format!("{PLAIN}{}{newline}", title::give_back()));
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

/// Whether the environment names a terminal that takes links.
#[must_use]
pub fn takes_links() -> bool {
    std::env::var("TERM").is_ok_and(|term| show::terminal::links::are_taken_by(&term))
}

/// Whether the environment names a terminal that takes a title.
#[must_use]
pub fn takes_titles() -> bool {
    std::env::var("TERM").is_ok_and(|term| show::terminal::title::is_taken_by(&term))
}

/// How many columns the terminal has now: those it tells, or else [`show::COLUMNS`].
#[must_use]
pub fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(output_fd());
    size.ok().filter(|size| size.ws_col > 0).map_or(show::COLUMNS, |size| usize::from(size.ws_col))
}

/// How many rows the terminal has now: those it tells, or else [`show::ROWS`].
#[must_use]
pub fn rows() -> usize {
    size().map_or(show::ROWS, |size| usize::from(size.rows))
}

/// Columns and rows of the terminal now; `None` where it does not tell.
pub(super) fn size() -> Option<Size> {
    let size = rustix::termios::tcgetwinsize(output_fd()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some(Size { columns: size.ws_col, rows: size.ws_row })
}

/// Keeps the settings, if that was not done.
pub(super) fn save() {
    GIVEN_BACK.store(false, Ordering::SeqCst);
    let mut saved = saved();
    if saved.is_none() && input_fd().is_terminal() {
        *saved = tcgetattr(input_fd()).ok();
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

/// A line is about to be read: every key is the editor's, and what follows must begin on a new row.
/// Bracketed paste stays on between two lines, so that what is pasted then is one message too.
pub(super) fn begin_line() {
    PROMPTED.store(true, Ordering::SeqCst);
    let saved = saved();
    if let Some(found) = saved.as_ref()
        && !is_given_back()
    {
        let mut settings = found.clone();
        all_keys(&mut settings);
        // In the background the kernel stops the program here until it has the terminal again. Nothing is
        // to be done about a terminal that is gone; the next read shows it.
        let _ = tcsetattr(input_fd(), SetArg::TCSADRAIN, &settings);
        drop(saved);
        write(PASTES);
    }
}

/// A line was read.
pub(super) fn end_line() {
    PROMPTED.store(false, Ordering::SeqCst);
    hush();
}

fn all_keys(settings: &mut Termios) {
    settings.input_flags.remove(
        InputFlags::BRKINT | InputFlags::ICRNL | InputFlags::INPCK | InputFlags::ISTRIP | InputFlags::IXON,
    );
    settings.control_flags.insert(ControlFlags::CS8);
    settings
        .local_flags
        .remove(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::IEXTEN | LocalFlags::ISIG);
    settings.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
    settings.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
}

/// Keeps changes of the terminal's size from every thread that is started after this, so that they are
/// heard where they are waited for. rustyline would take them, and draw what nobody sees.
pub fn hold_resizes() {
    let mut resizes = SigSet::empty();
    resizes.add(Signal::SIGWINCH);
    // Without it a resize shows at the next key.
    let _ = resizes.thread_block();
}

/// The settings that were found.
pub(super) fn found() -> io::Result<Termios> {
    saved().clone().ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// A copy of what the terminal is read from.
pub(super) fn input() -> io::Result<OwnedFd> {
    input_fd().try_clone_to_owned()
}

/// A copy of what the terminal is written to.
pub(super) fn output() -> io::Result<OwnedFd> {
    output_fd().try_clone_to_owned()
}

/// Puts `other` in the place of standard input and output, until the terminal is given back.
pub(super) fn stand_in(other: impl AsFd) -> io::Result<()> {
    let real = Real { input: File::from(input()?), output: File::from(output()?) };
    // A second editor in one process finds the terminal kept.
    let _kept = REAL.set(real);
    rustix::stdio::dup2_stdin(&other)?;
    Ok(rustix::stdio::dup2_stdout(&other)?)
}

fn put_back() {
    if let Some(real) = REAL.get() {
        // What is not put back is read and written by nobody any more.
        let _ = rustix::stdio::dup2_stdin(&real.input);
        let _ = rustix::stdio::dup2_stdout(&real.output);
    }
}

fn input_fd() -> BorrowedFd<'static> {
    REAL.get().map_or_else(rustix::stdio::stdin, |real| real.input.as_fd())
}

fn output_fd() -> BorrowedFd<'static> {
    REAL.get().map_or_else(rustix::stdio::stdout, |real| real.output.as_fd())
}

/// Stops the program, as Ctrl-Z asks, with the terminal as its shell knows it; goes on where it
/// was when it is continued.
pub(super) fn suspend() {
    let Ok(editing) = tcgetattr(input_fd()) else { return };
    set(|_| ());
    write(&format!("{PLAIN}{}", title::give_back()));
    // To this thread, which is then sure to stop before it goes on; all others stop with it.
    let _ = raise(Signal::SIGTSTP);
    if !is_given_back() {
        apply(&editing);
        write(&format!("{PASTES}{}", title::again()));
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
        write(&format!("{PLAIN}{PASTES}{}", title::renew()));
    }
}

/// Writes straight to the terminal.
pub(super) fn write(text: &str) {
    // A terminal that is gone ends the editor, which reads from it.
    let _ = match REAL.get() {
        Some(real) => (&real.output).write_all(text.as_bytes()),
        None => io::stdout().write_all(text.as_bytes()),
    };
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
        let _ = tcsetattr(input_fd(), SetArg::TCSANOW, settings);
    }
}

/// A process in the background that changes the terminal's settings is stopped by the kernel.
fn is_foreground() -> bool {
    tcgetpgrp(input_fd()).is_ok_and(|foreground| foreground == getpgrp())
}

fn saved() -> MutexGuard<'static, Option<Termios>> {
    SAVED.lock().unwrap_or_else(PoisonError::into_inner)
}
