//! The settings of the terminal, which are remembered at the start and given back whenever the program ends.
//!
//! This file knows nothing of lines or prompts. Between two lines the terminal is *hushed*: what is typed then is
//! neither echoed into the middle of a message nor edited by the terminal, and waits unchanged for the next line. This
//! includes Ctrl-C, so that it clears what was typed before it and not what comes after.

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

/// Turns bracketed paste off, closes an open synchronised update, turns colours off and shows the cursor.
const PLAIN: &str = "\x1b[?2004l\x1b[?2026l\x1b[0m\x1b[?25h";

/// Turns bracketed paste on.
const PASTES: &str = "\x1b[?2004h";

/// How long the end of the program may wait for a terminal that accepts no output.
const PATIENCE: Duration = Duration::from_millis(300);

/// The settings that the terminal had at the start; `None` if this program may not change them.
static SAVED: Mutex<Option<Termios>> = Mutex::new(None);

/// The terminal itself, after something else has taken the place of standard input and output.
static REAL: OnceLock<Real> = OnceLock::new();

/// Whether the last row on the screen is unfinished, mostly because of a prompt, so that what follows needs a new row.
static PROMPTED: AtomicBool = AtomicBool::new(false);

/// Whether the program is ending. From then on only the original settings are set.
static GIVEN_BACK: AtomicBool = AtomicBool::new(false);

static HOOK: Once = Once::new();

#[derive(Debug)]
struct Real {
    input: File,
    output: File,
}

/// Gives the terminal back when it is dropped, also after a panic.
#[derive(Debug)]
#[must_use = "the terminal is given back when the guard is dropped"]
pub struct TerminalGuard(());

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore();
    }
}

/// Remembers the settings of the terminal, and makes sure that a panic gives them back before its message is shown.
///
/// `main` calls this once and keeps the guard. After a panic in any thread, the editor cannot be used any more, and the
/// program has to end.
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

/// Gives the terminal back as it was found. Any thread may call this, any number of times. If nothing was remembered,
/// it does nothing. It must be called before `process::exit`, and on SIGTERM and SIGHUP.
pub fn restore() {
    let Some(found) = saved().clone() else { return };
    GIVEN_BACK.store(true, Ordering::SeqCst);
    apply(&found);
    put_back();
    let newline = if PROMPTED.swap(false, Ordering::SeqCst) { "\r\n" } else { "" };
    // Another thread writes, because a terminal that accepts no output would block this one for ever.
    let (done, wait) = mpsc::channel();
    let writing = thread::Builder::new().spawn(move || {
        write(&format!("{PLAIN}{}{newline}", title::give_back()));
        // An error means that nobody is waiting any more.
        let _ = done.send(());
    });
    if writing.is_ok() {
        let _ = wait.recv_timeout(PATIENCE);
    }
}

/// Whether the environment says that nothing can be drawn on this terminal.
#[must_use]
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Whether the environment names a terminal that supports links.
#[must_use]
pub fn takes_links() -> bool {
    std::env::var("TERM").is_ok_and(|term| show::terminal::links::are_taken_by(&term))
}

/// Whether the environment names a terminal that supports a title.
#[must_use]
pub fn takes_titles() -> bool {
    std::env::var("TERM").is_ok_and(|term| show::terminal::title::is_taken_by(&term))
}

/// Returns how many columns the terminal has now. If it does not say, this is [`show::COLUMNS`].
#[must_use]
pub fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(output_fd());
    size.ok().filter(|size| size.ws_col > 0).map_or(show::COLUMNS, |size| usize::from(size.ws_col))
}

/// Returns how many rows the terminal has now. If it does not say, this is [`show::ROWS`].
#[must_use]
pub fn rows() -> usize {
    size().map_or(show::ROWS, |size| usize::from(size.rows))
}

/// Returns the current size of the terminal, or `None` if it does not say.
pub(super) fn size() -> Option<Size> {
    let size = rustix::termios::tcgetwinsize(output_fd()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some(Size { columns: size.ws_col, rows: size.ws_row })
}

/// Remembers the settings of the terminal, if that was not done before.
pub(super) fn save() {
    GIVEN_BACK.store(false, Ordering::SeqCst);
    let mut saved = saved();
    if saved.is_none() && input_fd().is_terminal() {
        *saved = tcgetattr(input_fd()).ok();
    }
}

/// Silences the terminal between two lines.
///
/// Every key keeps its place in what is typed ahead: the terminal makes no signal of Ctrl-C, Ctrl-\ or Ctrl-Z, so none of
/// them overtakes what was typed before it, or ends the program with these settings. The terminal never echoes, so what
/// is typed ahead is never garbled.
pub(super) fn hush() {
    set(all_keys);
}

/// Whether [`restore`] was called.
pub(super) fn is_given_back() -> bool {
    GIVEN_BACK.load(Ordering::SeqCst)
}

/// Prepares the terminal for reading a line. The editor gets every key, and what follows must begin in a new row.
/// Bracketed paste stays on between two lines, so that a paste at that time is also one message.
pub(super) fn begin_line() {
    PROMPTED.store(true, Ordering::SeqCst);
    let saved = saved();
    if let Some(found) = saved.as_ref()
        && !is_given_back()
    {
        let mut settings = found.clone();
        all_keys(&mut settings);
        // If the program is in the background, the kernel stops it here until it has the terminal again. If the
        // terminal is gone, nothing can be done here, and the next read fails. This must not wait until the terminal has
        // taken all output, because `restore` needs the lock, and no setting of the output is changed.
        let _ = tcsetattr(input_fd(), SetArg::TCSANOW, &settings);
        drop(saved);
        write(PASTES);
    }
}

/// Notes that a line was read, and silences the terminal again.
pub(super) fn end_line() {
    PROMPTED.store(false, Ordering::SeqCst);
    hush();
}

/// Notes whether the row with the cursor is unfinished although no line is read, so that what follows needs a new row.
pub(super) fn note_unfinished_row(is_unfinished: bool) {
    PROMPTED.store(is_unfinished, Ordering::SeqCst);
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

/// Blocks the signal for changes of the terminal's size in this thread and all threads that are started afterwards, so
/// that only the thread that waits for it gets it. Otherwise rustyline would get it, and would draw what nobody sees.
pub fn hold_resizes() {
    let mut resizes = SigSet::empty();
    resizes.add(Signal::SIGWINCH);
    // If this fails, a change of the size is noticed at the next key.
    let _ = resizes.thread_block();
}

/// Returns the settings that the terminal had at the start.
pub(super) fn found() -> io::Result<Termios> {
    saved().clone().ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Returns a copy of the descriptor from which the terminal is read.
pub(super) fn input() -> io::Result<OwnedFd> {
    input_fd().try_clone_to_owned()
}

/// Returns a copy of the descriptor to which the terminal is written.
pub(super) fn output() -> io::Result<OwnedFd> {
    output_fd().try_clone_to_owned()
}

/// Puts `other` in the place of standard input and output. When the terminal is given back, only standard input is put
/// back: the line editor may still be drawing then, and what it draws must not reach the terminal.
pub(super) fn stand_in(other: impl AsFd) -> io::Result<()> {
    let real = Real { input: File::from(input()?), output: File::from(output()?) };
    // If there is a second editor in this process, the terminal is already remembered.
    let _kept = REAL.set(real);
    rustix::stdio::dup2_stdin(&other)?;
    Ok(rustix::stdio::dup2_stdout(&other)?)
}

fn put_back() {
    if let Some(real) = REAL.get() {
        // If this fails, nobody reads this descriptor any more.
        let _ = rustix::stdio::dup2_stdin(&real.input);
    }
}

fn input_fd() -> BorrowedFd<'static> {
    REAL.get().map_or_else(rustix::stdio::stdin, |real| real.input.as_fd())
}

fn output_fd() -> BorrowedFd<'static> {
    REAL.get().map_or_else(rustix::stdio::stdout, |real| real.output.as_fd())
}

/// Stops the program, as Ctrl-Z asks, with the terminal settings that its shell expects. When the program is continued,
/// it goes on where it was.
pub(super) fn suspend() {
    let Ok(editing) = tcgetattr(input_fd()) else { return };
    set(|_| ());
    write(&format!("{PLAIN}{}", title::give_back()));
    // The signal goes to this thread, which therefore certainly stops before it goes on. All other threads stop too.
    let _ = raise(Signal::SIGTSTP);
    if !is_given_back() {
        apply(&editing);
        write(&format!("{PASTES}{}", title::again()));
    }
}

/// Gives the terminal to another program, with the settings that a shell would give it.
pub(super) fn lend() {
    set(|_| ());
    write(PLAIN);
}

/// Takes the terminal back between two lines, whatever the other program has done to it.
pub(super) fn take_back() {
    hush();
    if !is_given_back() {
        write(&format!("{PLAIN}{PASTES}{}", title::renew()));
    }
}

/// Writes directly to the terminal.
pub(super) fn write(text: &str) {
    // If the terminal is gone, this fails, and the editor ends because it reads from the terminal.
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
        // If the terminal is gone, nothing can be done here, and the next read fails.
        let _ = tcsetattr(input_fd(), SetArg::TCSANOW, settings);
    }
}

/// Whether this program is in the foreground. The kernel stops a program in the background that changes the terminal's
/// settings.
fn is_foreground() -> bool {
    tcgetpgrp(input_fd()).is_ok_and(|foreground| foreground == getpgrp())
}

fn saved() -> MutexGuard<'static, Option<Termios>> {
    SAVED.lock().unwrap_or_else(PoisonError::into_inner)
}
