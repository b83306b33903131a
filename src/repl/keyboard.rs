//! The terminal as the line editor sees it: a pseudo-terminal of our own, which stands in the place of
//! standard input and output while the program is at a terminal.
//!
//! rustyline reads and draws on whatever is there and can be told neither to read elsewhere nor to draw
//! less than the whole line. So what it reads are the real terminal's bytes, made whole first (see
//! `keystrokes`), and what it draws is thrown away but for its bell: `painter` draws. One thread, the
//! *keyboard*, moves bytes both ways. Knows no line, no prompt and no session.

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

use super::keystrokes::{Keystrokes, NUDGE};
use super::{Typed, terminal};

/// The columns the line editor believes in. So many that a line of any length is one row: it need not
/// scroll what nobody sees.
const COLUMNS: u16 = 60_000;

/// The rows it believes in: its lists of words are never paged.
const ROWS: u16 = 1000;

/// Bytes read at one go.
const READ: usize = 4096;

/// So many bytes wait for the editor, and the terminal is not read until it has taken some.
const MOST_WAITING: usize = 128 * 1024;

/// Steers the keyboard's thread.
#[derive(Debug)]
pub(super) struct Keyboard {
    gate: Mutex<Gate>,
    wake: UnixStream,
}

#[derive(Debug, Default)]
struct Gate {
    /// The terminal is lent: what is typed is for another program.
    lent: bool,
    /// The editor is to repaint.
    nudged: bool,
}

impl Keyboard {
    /// Puts the pseudo-terminal in the place of standard input and output, and begins.
    pub(super) fn start(typed: mpsc::Sender<Typed>) -> io::Result<Arc<Self>> {
        let OpenptyResult { master, slave } = open()?;
        // As every other descriptor, it is not for programs that are started.
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
        };
        terminal::stand_in(&slave)?;
        thread::Builder::new().name("keyboard".to_owned()).spawn(move || pump.run())?;
        let resized = keyboard.clone();
        thread::Builder::new().name("resize".to_owned()).spawn(move || resized.watch_size())?;
        Ok(keyboard)
    }

    /// Lends the keyboard to another program, from now on.
    pub(super) fn lend(&self) {
        self.gate().lent = true;
        self.wake();
    }

    /// Takes it back.
    pub(super) fn take_back(&self) {
        self.gate().lent = false;
        self.wake();
    }

    /// Makes the editor repaint, by a key that means nothing else.
    pub(super) fn nudge(&self) {
        self.gate().nudged = true;
        self.wake();
    }

    fn wake(&self) {
        // Where it is full already, the thread wakes anyway.
        let _full = (&self.wake).write(&[0]);
    }

    /// Waits for changes of the terminal's size, for as long as the program lives. `main` has blocked
    /// the signal for all threads; where it has not, none arrives here.
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
    // The keys that end, interrupt and stop are those of the terminal's user.
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
    /// What the editor has not taken yet.
    waiting: Vec<u8>,
    /// Who is told of a byte that is no UTF-8, once.
    told: Option<mpsc::Sender<Typed>>,
}

impl Pump {
    /// Runs until either side has gone. The editor sees the end of this side as that of its terminal.
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
            let late = self.keys.late();
            self.waiting.extend(late);
        }
        if std::mem::take(&mut self.keyboard.gate().nudged) {
            self.waiting.extend_from_slice(NUDGE);
        }
        if let Some(byte) = self.keys.take_bad()
            && let Some(told) = self.told.take()
        {
            // Where the app takes nothing it is on its way out.
            let _ = told.try_send(Typed::NotUtf8(byte));
        }
        self.hand_over()
    }

    /// Waits for something to do: typed, drawn, woken.
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

    /// Reads what was typed, unless the terminal has been lent meanwhile.
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

    /// Takes what the editor has drawn; its bell is rung.
    fn throw_away(&mut self) -> io::Result<()> {
        let mut buffer = [0; READ];
        match self.master.read(&mut buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                if buffer[..count].contains(&0x07) {
                    terminal::write("\x07");
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
