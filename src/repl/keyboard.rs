//! The terminal as the line editor sees it. It is a pseudo-terminal, which takes the place of standard input and output
//! while the program runs at a terminal.
//!
//! rustyline reads from standard input and draws on standard output. It can neither be told to read elsewhere, nor to
//! draw less than the whole line. Therefore rustyline gets the bytes of the real terminal only after `keystrokes` has
//! made whole keys of them, and what rustyline draws is thrown away except for its bell; `painter` draws instead. One
//! thread, the *keyboard*, moves the bytes in both directions. It knows no line, no prompt and no session.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::termios::cfmakeraw;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use tokio::sync::mpsc;

use super::keystrokes::Keystrokes;
use super::piece::NUDGE;
use super::printer::SharedTerminal;
use super::{Typed, terminal};

/// How many columns the line editor believes to have. There are so many that any line fits into one row, so that the
/// editor does not spend time on scrolling that nobody sees.
const COLUMNS: u16 = 60_000;

/// How many rows the line editor believes to have. There are so many that it never pages a list of words.
const ROWS: u16 = 1000;

/// How many bytes are read at once.
const READ: usize = 4096;

/// When this many bytes wait for the editor, the terminal is not read until the editor has taken some.
const MOST_WAITING: usize = 128 * 1024;

/// Controls the keyboard's thread.
#[derive(Debug)]
pub(super) struct Keyboard {
    gate: Mutex<Gate>,
    wake: UnixStream,
}

#[derive(Debug, Default)]
struct Gate {
    /// Whether the terminal is lent to another program, so that what is typed is meant for that program.
    lent: bool,
    /// Whether the editor has to repaint.
    nudged: bool,
}

impl Keyboard {
    /// Puts the pseudo-terminal in the place of standard input and output, and starts the thread.
    pub(super) fn start(typed: mpsc::Sender<Typed>, screen: Arc<SharedTerminal>) -> io::Result<Arc<Self>> {
        let OpenptyResult { master, slave } = open()?;
        // Like every other descriptor, this one is not inherited by programs that are started.
        let master = master.try_clone()?;
        fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
        let (wake, woken) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        let keyboard = Arc::new(Self { gate: Mutex::default(), wake });
        let pump = Pump {
            real: File::from(terminal::input()?),
            master: File::from(master),
            woken,
            keyboard: keyboard.clone(),
            keys: Keystrokes::default(),
            waiting: Vec::new(),
            told: Some(typed),
            screen,
        };
        terminal::stand_in(&slave)?;
        thread::Builder::new().name("keyboard".to_owned()).spawn(move || pump.run())?;
        let resized = keyboard.clone();
        thread::Builder::new().name("resize".to_owned()).spawn(move || resized.watch_size())?;
        Ok(keyboard)
    }

    /// Lends the keyboard to another program. From now on this thread reads nothing from it.
    pub(super) fn lend(&self) {
        self.gate().lent = true;
        self.wake();
    }

    /// Takes the keyboard back from the other program.
    pub(super) fn take_back(&self) {
        self.gate().lent = false;
        self.wake();
    }

    /// Makes the editor repaint, by sending it a key that has no other meaning.
    pub(super) fn nudge(&self) {
        self.gate().nudged = true;
        self.wake();
    }

    fn wake(&self) {
        // If the socket is full, the thread wakes up anyway.
        let _full = (&self.wake).write(&[0]);
    }

    /// Waits for changes of the terminal's size, as long as the program lives. This needs `main` to have blocked the
    /// signal for all threads; otherwise the signal does not arrive here.
    fn watch_size(&self) {
        let mut resizes = SigSet::empty();
        resizes.add(Signal::SIGWINCH);
        while resizes.wait().is_ok() {
            self.nudge();
        }
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open() -> io::Result<OpenptyResult> {
    let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
    // The keys that end, interrupt and stop are those that the user's terminal has.
    let mut settings = terminal::found()?;
    cfmakeraw(&mut settings);
    Ok(openpty(Some(&size), Some(&settings))?)
}

struct Pump {
    real: File,
    master: File,
    woken: UnixStream,
    keyboard: Arc<Keyboard>,
    keys: Keystrokes,
    /// The bytes that the editor has not taken yet.
    waiting: Vec<u8>,
    /// Who has to be told about a byte that is not UTF-8. It is told only once.
    told: Option<mpsc::Sender<Typed>>,
    /// Where the editor's bell is rung.
    screen: Arc<SharedTerminal>,
}

impl Pump {
    /// Runs until one side is closed. The editor then sees the end of its terminal.
    fn run(mut self) {
        while self.turn().is_ok() {}
    }

    fn turn(&mut self) -> io::Result<()> {
        let (typed, drawn, woken) = self.wait()?;
        if woken {
            let mut buffer = [0; 64];
            while matches!(self.woken.read(&mut buffer), Ok(count) if count > 0) {}
        }
        if drawn {
            self.throw_away()?;
        }
        if typed {
            self.read()?;
        }
        if self.keys.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
            let late = self.keys.late(Instant::now());
            self.waiting.extend(late);
        }
        if std::mem::take(&mut self.keyboard.gate().nudged) {
            self.waiting.extend_from_slice(NUDGE);
        }
        if let Some(byte) = self.keys.take_bad()
            && let Some(told) = self.told.take()
        {
            // An error means that the app receives nothing because it is ending.
            let _ = told.try_send(Typed::NotUtf8(byte));
        }
        self.hand_over()
    }

    /// Waits until there is something to do. Returns whether something was typed, whether something was drawn, and
    /// whether another thread woke this one.
    fn wait(&self) -> io::Result<(bool, bool, bool)> {
        let lent = self.keyboard.gate().lent;
        let takes = !lent && self.waiting.len() < MOST_WAITING;
        let timeout = self.keys.deadline().map(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() }
        });
        let to_master = if self.waiting.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
        let mut fds = vec![
            PollFd::from_borrowed_fd(self.master.as_fd(), to_master),
            PollFd::from_borrowed_fd(self.woken.as_fd(), PollFlags::IN),
        ];
        if takes {
            fds.push(PollFd::from_borrowed_fd(self.real.as_fd(), PollFlags::IN));
        }
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok((false, false, false)),
            Err(err) => return Err(err.into()),
        }
        let ready = |at: usize| fds.get(at).is_some_and(|fd| fd.revents().intersects(!PollFlags::OUT));
        Ok((ready(2), ready(0), ready(1)))
    }

    /// Reads what was typed, unless the terminal has been lent in the meantime.
    fn read(&mut self) -> io::Result<()> {
        let mut buffer = [0; READ];
        let gate = self.keyboard.gate();
        if gate.lent {
            return Ok(());
        }
        let count = match self.real.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(err) if matches!(err.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => return Ok(()),
            Err(err) => return Err(err),
        };
        drop(gate);
        let keys = self.keys.take(&buffer[..count], Instant::now());
        self.waiting.extend(keys);
        Ok(())
    }

    /// Reads what the editor has drawn, and throws it away. If there is a bell in it, the editor's thread will ring it:
    /// this thread must not write to the terminal, which may block.
    fn throw_away(&mut self) -> io::Result<()> {
        let mut buffer = [0; READ];
        match self.master.read(&mut buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                if buffer[..count].contains(&0x07) {
                    self.screen.signal("\x07".to_owned());
                }
                Ok(())
            }
            Err(err) if matches!(err.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => Ok(()),
            Err(err) => Err(err),
        }
    }

    fn hand_over(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            match self.master.write(&self.waiting) {
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(err) if err.kind() == ErrorKind::WouldBlock => break,
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
        Ok(())
    }
}
