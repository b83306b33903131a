//! The line editor on a pseudo-terminal: what a person types, and what is on the screen.

// A failed test is a panic. Clippy allows that in test functions, and not in the functions that they call.
#![allow(clippy::unwrap_used)]

mod driver;
#[path = "../pty/mod.rs"]
mod pty;

mod blocked;
mod cancelling;
mod colours;
mod ending;
mod history;
mod messages;
mod pasting;
mod signs;
mod tall_drafts;
mod typing;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use pty::Terminal;
use tempfile::TempDir;

const UP: &[u8] = b"\x1b[A";
const LEFT: &[u8] = b"\x1b[D";
const RIGHT: &[u8] = b"\x1b[C";

/// This is not a test: it is the program that the tests run, when one of them starts this binary.
#[test]
fn driver() {
    driver::run();
}

/// The driver and its terminal.
struct Repl {
    terminal: Terminal,
    orders: BufReader<UnixStream>,
    directory: TempDir,
}

impl Repl {
    #[track_caller]
    fn start() -> Self {
        Self::start_with((80, 24), &[])
    }

    #[track_caller]
    fn start_with(size: (u16, u16), environment: &[(&str, &str)]) -> Self {
        Self::launch(size, environment, None)
    }

    /// Starts the driver, or a shell in which the test starts the driver itself.
    #[track_caller]
    fn launch(size: (u16, u16), environment: &[(&str, &str)], shell: Option<&[&str]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("orders");
        let listener = UnixListener::bind(&socket).unwrap();
        let program = std::env::current_exe().unwrap();
        let program = program.to_str().unwrap();
        let mut environment = environment.to_vec();
        environment.push((driver::SOCKET, socket.to_str().unwrap()));
        let arguments = ["driver", "--exact", "--nocapture", "-q"];
        let terminal = match shell {
            None => Terminal::spawn(program, &arguments, &environment, size),
            Some(shell) => {
                let mut terminal = Terminal::spawn(shell[0], &shell[1..], &environment, size);
                terminal.enter(&format!("{program} {}", arguments.join(" ")));
                terminal
            }
        };
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let repl = Self { terminal, orders: BufReader::new(stream), directory };
        repl.terminal.wait_for_last("[lobby]");
        repl
    }

    /// Gives an order and waits until it is done; returns how many microseconds that took.
    #[track_caller]
    fn tell(&mut self, order: &str) -> u64 {
        self.send(order);
        let mut answer = String::new();
        self.orders.read_line(&mut answer).unwrap();
        answer.trim().strip_prefix("done ").unwrap().parse().unwrap()
    }

    fn send(&mut self, order: &str) {
        writeln!(self.orders.get_mut(), "{order}").unwrap();
    }

    /// Returns the rows of the whole transcript that begin with `start`, without `start`.
    fn rows_after(&self, start: &str) -> Vec<String> {
        let transcript = self.terminal.transcript();
        transcript.lines().filter_map(|row| row.strip_prefix(start)).map(str::to_owned).collect()
    }

    /// Waits until a row of the whole transcript is `row`.
    #[track_caller]
    fn wait_for_row(&self, row: &str) {
        self.terminal
            .wait_while_polling(row, |terminal| terminal.transcript().lines().any(|line| line == row));
    }

    #[track_caller]
    fn assert_flood(&self, count: usize) {
        let rows: Vec<_> = self.rows_after("m");
        let expected: Vec<_> = (0..count).map(|n| n.to_string()).collect();
        assert!(rows == expected, "{} rows of {count}, or not in order", rows.len());
    }
}
