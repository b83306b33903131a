//! A program on a pseudo-terminal, and the screen that it draws.
//!
//! Tests type, and wait for what a person would see; nothing here sleeps and hopes. If a wait fails, it shows the
//! screen. This works for any program: see [`Terminal::spawn`].

// Each test binary uses only a part of this.
#![allow(dead_code)]

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::termios::LocalFlags;
use nix::unistd::Pid;
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// How long anything may take before it counts as failed. The limit is generous, because a busy machine is no bug.
const PATIENCE: Duration = Duration::from_secs(10);

/// A terminal with a program on it. The program is killed when the terminal is dropped.
pub(crate) struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Screen>,
}

/// What the thread that reads the program's output keeps.
struct Screen {
    state: Mutex<Drawn>,
    changed: Condvar,
}

struct Drawn {
    parser: vt100::Parser,
    raw: Vec<u8>,
    /// Whether the terminal takes no output for now.
    stopped: bool,
    ended: bool,
}

impl Terminal {
    /// Starts `program` on a terminal of the given columns and rows. `NO_COLOR` and `TERM_PROGRAM` are removed from the
    /// environment of the tests; `program` may set them again.
    pub(crate) fn spawn(
        program: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
        (columns, rows): (u16, u16),
    ) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        command.env_remove("NO_COLOR");
        command.env_remove("TERM_PROGRAM");
        for (key, value) in environment {
            command.env(key, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        // The program's side must be open only in the child, so that its end is noticed.
        drop(pair.slave);
        let screen = Arc::new(Screen {
            state: Mutex::new(Drawn {
                parser: vt100::Parser::new(cells(rows), cells(columns), 20_000),
                raw: Vec::new(),
                stopped: false,
                ended: false,
            }),
            changed: Condvar::new(),
        });
        let output = pair.master.try_clone_reader().unwrap();
        let drawing = screen.clone();
        thread::spawn(move || drawing.draw(output));
        let keys = pair.master.take_writer().unwrap();
        Self { master: pair.master, keys, child, screen }
    }

    /// Sends keys, as bytes.
    pub(crate) fn keys(&mut self, bytes: &[u8]) {
        self.keys.write_all(bytes).unwrap();
        self.keys.flush().unwrap();
    }

    /// Types a text without Enter.
    pub(crate) fn type_text(&mut self, text: &str) {
        self.keys(text.as_bytes());
    }

    /// Types `text` and presses Enter.
    pub(crate) fn enter(&mut self, text: &str) {
        self.keys(format!("{text}\r").as_bytes());
    }

    /// Pastes `text` as a terminal with bracketed paste does.
    pub(crate) fn paste(&mut self, text: &str) {
        self.keys(format!("\x1b[200~{text}\x1b[201~").as_bytes());
    }

    /// Changes the size of the window.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        let mut drawn = self.screen.state.lock().unwrap();
        drawn.parser.screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Stops reading what the program draws, as a terminal whose connection has stopped. What the system can hold of it
    /// is held, and then the program's writes block.
    pub(crate) fn stop_reading(&self) {
        self.screen.state.lock().unwrap().stopped = true;
    }

    /// Reads on what the program has drawn.
    pub(crate) fn read_on(&self) {
        self.screen.state.lock().unwrap().stopped = false;
        self.screen.changed.notify_all();
    }

    /// Returns the visible rows without trailing blanks.
    pub(crate) fn screen(&self) -> String {
        contents(&self.screen.state.lock().unwrap())
    }

    /// Returns the result of `look` on the screen with its colours.
    pub(crate) fn with_screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.screen.state.lock().unwrap().parser.screen())
    }

    /// Returns everything that was drawn so far, oldest row first, including the rows that were scrolled off.
    pub(crate) fn transcript(&self) -> String {
        let mut drawn = self.screen.state.lock().unwrap();
        let screen = drawn.parser.screen_mut();
        let (rows, columns) = screen.size();
        let all = screen.scrollback_len();
        let mut lines = Vec::new();
        for back in (1..=all).rev() {
            screen.set_scrollback(back);
            lines.extend(screen.rows(0, columns.get()).next());
        }
        screen.set_scrollback(0);
        lines.extend(screen.rows(0, columns.get()).take(usize::from(rows.get())));
        lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
    }

    /// Returns the bytes that were drawn so far.
    pub(crate) fn raw(&self) -> Vec<u8> {
        self.screen.state.lock().unwrap().raw.clone()
    }

    /// Returns the row and column of the cursor, counted from 0.
    pub(crate) fn cursor(&self) -> (u16, u16) {
        self.screen.state.lock().unwrap().parser.screen().cursor_position()
    }

    /// Whether the program asks for bracketed paste at this moment.
    pub(crate) fn brackets_paste(&self) -> bool {
        self.screen.state.lock().unwrap().parser.screen().bracketed_paste()
    }

    /// Whether the terminal is in the state in which a shell leaves it: it echoes and edits lines by itself.
    pub(crate) fn is_restored(&self) -> bool {
        let flags = self.master.get_termios().unwrap().local_flags.bits();
        let cooked = (LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG).bits();
        flags & cooked == cooked
    }

    /// Waits until `text` is on the screen.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_until(&format!("{text:?} on the screen"), |screen| screen.contains(text));
    }

    /// Waits until the last row that is not empty is `line`.
    #[track_caller]
    pub(crate) fn wait_for_last(&self, line: &str) {
        self.wait_until(&format!("{line:?} as the last row"), |screen| last_row(screen) == line);
    }

    /// Waits until `seen` accepts the visible screen.
    #[track_caller]
    pub(crate) fn wait_until(&self, wanted: &str, seen: impl Fn(&str) -> bool) {
        let drawn = self.screen.state.lock().unwrap();
        let (drawn, late) =
            self.screen.changed.wait_timeout_while(drawn, PATIENCE, |drawn| !seen(&contents(drawn))).unwrap();
        let screen = contents(&drawn);
        // The lock is released before a panic, so that the reader thread goes on.
        drop(drawn);
        assert!(!late.timed_out(), "waited for {wanted}; the screen:\n{screen}");
    }

    /// Waits until `seen` is true of this terminal, for things that are not drawn, such as modes and files.
    #[track_caller]
    pub(crate) fn wait_while_polling(&self, wanted: &str, seen: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !seen(self) {
            assert!(Instant::now() < deadline, "waited for {wanted}; the screen:\n{}", self.screen());
            thread::sleep(Duration::from_millis(2)); // a pause between two looks: modes and files tell nobody when they change
        }
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.process_id().unwrap();
        kill(Pid::from_raw(i32::try_from(id).unwrap()), signal).unwrap();
    }

    /// Waits until the program has ended, even if the terminal is not read.
    #[track_caller]
    pub(crate) fn wait_for_exit(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the program goes on; the screen:\n{}", self.screen());
            thread::sleep(Duration::from_millis(2)); // a pause between two looks: the wait for a child has no time limit
        }
    }

    /// Waits until the program has ended and its last output was read.
    #[track_caller]
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        let drawn = self.screen.state.lock().unwrap();
        let (drawn, late) =
            self.screen.changed.wait_timeout_while(drawn, PATIENCE, |drawn| !drawn.ended).unwrap();
        let screen = contents(&drawn);
        drop(drawn);
        assert!(!late.timed_out(), "the program goes on; the screen:\n{screen}");
        self.child.wait().unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The thread that reads ends only if it reads.
        if let Ok(mut drawn) = self.screen.state.lock() {
            drawn.stopped = false;
        }
        self.screen.changed.notify_all();
        // The program may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Screen {
    fn draw(&self, mut output: Box<dyn Read + Send>) {
        let mut bytes = [0; 16 * 1024];
        loop {
            // Reading from a pseudo-terminal fails when its program has gone.
            let count = output.read(&mut bytes).unwrap_or(0);
            let drawn = self.state.lock().unwrap();
            let mut drawn = self.changed.wait_while(drawn, |drawn| drawn.stopped).unwrap();
            drawn.parser.process(&bytes[..count]);
            drawn.raw.extend_from_slice(&bytes[..count]);
            drawn.ended = count == 0;
            self.changed.notify_all();
            if count == 0 {
                return;
            }
        }
    }
}

/// Returns the last row of `screen` that is not empty.
pub(crate) fn last_row(screen: &str) -> &str {
    screen.trim_end_matches('\n').rsplit('\n').next().unwrap_or("")
}

fn contents(drawn: &Drawn) -> String {
    let screen = drawn.parser.screen();
    let (_, columns) = screen.size();
    let rows: Vec<_> = screen.rows(0, columns.get()).map(|row| row.trim_end().to_owned()).collect();
    rows.join("\n").trim_end_matches('\n').to_owned()
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}
