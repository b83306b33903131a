//! One program under test: its pipes, everything it wrote so far, signals, and its end. The program is killed when this
//! is dropped.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::home::Home;

/// What a program wrote so far, and whether it has ended.
#[derive(Default)]
pub(crate) struct Seen {
    /// Lines of standard output, without their newlines; bytes that are not UTF-8 replaced.
    pub(crate) stdout: Vec<String>,
    /// Lines of standard error, in the same form.
    pub(crate) stderr: Vec<String>,
    /// How many pipes have not been read to their end.
    open_pipes: usize,
    /// Set once the process has been waited for.
    status: Option<ExitStatus>,
}

impl Seen {
    /// Returns the exit status, if the process has ended and both its outputs were read to the end.
    fn finished(&self) -> Option<ExitStatus> {
        self.status.filter(|_| self.open_pipes == 0)
    }
}

type Shared = Arc<(Mutex<Seen>, Condvar)>;

/// Locks the shared state even if a test has panicked with the lock, because `Drop` still has to kill the program.
fn lock(seen: &Shared) -> MutexGuard<'_, Seen> {
    seen.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program that runs, with threads that read its outputs.
pub(crate) struct Process {
    label: String,
    pid: Pid,
    seen: Shared,
    /// The way to a thread that writes to the program's standard input; dropping it closes the input.
    input: Option<mpsc::Sender<Vec<u8>>>,
    /// Keeps the home from being removed while the program runs.
    _home: Option<Home>,
}

impl Process {
    /// Starts `command` with pipes at all three ends. `label` names it in failures; `home` is kept for
    /// as long as the program may use it.
    #[track_caller]
    #[must_use]
    pub(crate) fn start(label: &str, mut command: Command, home: Option<Home>) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|err| panic!("cannot start {label}: {err}"));
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let seen = Shared::default();
        lock(&seen).open_pipes = 2;
        read_lines(child.stdout.take().unwrap(), &seen, |seen| &mut seen.stdout);
        read_lines(child.stderr.take().unwrap(), &seen, |seen| &mut seen.stderr);
        let input = write_input(child.stdin.take().unwrap());
        await_end(child, &seen);
        Self { label: label.to_owned(), pid, seen, input: Some(input), _home: home }
    }

    /// Returns the id of the process.
    #[must_use]
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Hands bytes to the program's standard input. This never blocks, even if the program does not read.
    #[track_caller]
    pub(crate) fn write(&self, bytes: impl Into<Vec<u8>>) {
        let input = self.input.as_ref().expect("standard input is closed already");
        // If the program has ended, the bytes are lost; the test that waits for their effect then fails.
        let _ended = input.send(bytes.into());
    }

    /// Ends the program's standard input, after everything that was written.
    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    /// Sends a signal, unless the process has ended.
    pub(crate) fn signal(&self, signal: Signal) {
        let seen = lock(&self.seen);
        if seen.status.is_none() {
            // The process may be ending at this moment.
            let _ended = kill(self.pid, signal);
        }
    }

    /// Kills the process without a warning, and waits until it is gone.
    #[track_caller]
    pub(crate) fn kill_hard(&mut self) {
        self.signal(Signal::SIGKILL);
        self.wait_end(super::DEADLINE);
    }

    /// Waits until `look` finds something in what was seen. `what` says what is awaited.
    #[track_caller]
    pub(crate) fn wait_for<T>(
        &self,
        what: &str,
        deadline: Duration,
        mut look: impl FnMut(&Seen) -> Option<T>,
    ) -> T {
        let until = Instant::now() + deadline;
        let mut seen = lock(&self.seen);
        loop {
            if let Some(found) = look(&seen) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            let ended = seen.finished();
            if left.is_zero() || ended.is_some() {
                let why = match ended {
                    Some(status) => format!("ended with {status}"),
                    None => format!("did not in {deadline:?}"),
                };
                let report = self.report(&seen);
                panic!("{} {why}; awaited: {what}\n{report}", self.label);
            }
            seen = self.seen.1.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Calls `look` with what was seen so far.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&lock(&self.seen))
    }

    /// Waits until the process has ended and its outputs were read to the end.
    #[track_caller]
    pub(crate) fn wait_end(&mut self, deadline: Duration) -> ExitStatus {
        self.wait_for("its end", deadline, Seen::finished)
    }

    /// Returns everything that the program wrote, for the message of a failed test.
    #[must_use]
    pub(crate) fn story(&self) -> String {
        self.look(|seen| self.report(seen))
    }

    fn report(&self, seen: &Seen) -> String {
        format!(
            "--- {}: standard output\n{}\n--- {}: standard error\n{}\n---",
            self.label,
            shorten(&seen.stdout),
            self.label,
            shorten(&seen.stderr)
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        // A frozen process obeys SIGKILL, too. Its home is removed next, so the process must be gone by then.
        let seen = lock(&self.seen);
        let _gone = self.seen.1.wait_timeout_while(seen, super::DEADLINE, |seen| seen.status.is_none());
    }
}

/// Joins lines; of long outputs the middle is left out.
fn shorten(lines: &[String]) -> String {
    const KEPT: usize = 60;
    let cut = |line: &String| if line.len() > 400 { line.chars().take(400).collect() } else { line.clone() };
    let mut shown: Vec<String> = lines.iter().take(KEPT).map(cut).collect();
    if lines.len() > 2 * KEPT {
        shown.push(format!("… {} lines left out …", lines.len() - 2 * KEPT));
    }
    shown.extend(lines.iter().skip(KEPT.max(lines.len().saturating_sub(KEPT))).map(cut));
    shown.join("\n")
}

fn read_lines(pipe: impl Read + Send + 'static, seen: &Shared, lines: fn(&mut Seen) -> &mut Vec<String>) {
    let seen = Arc::clone(seen);
    thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        // An error counts as the end, because nothing more will come.
        while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            lines(&mut lock(&seen)).push(String::from_utf8_lossy(&line).into_owned());
            seen.1.notify_all();
            line.clear();
        }
        lock(&seen).open_pipes -= 1;
        seen.1.notify_all();
    });
}

fn write_input(mut pipe: impl Write + Send + 'static) -> mpsc::Sender<Vec<u8>> {
    let (input, chunks) = mpsc::channel::<Vec<u8>>();
    thread::spawn(move || {
        for chunk in chunks {
            // A program that has ended reads no more; the test sees its end in another way.
            if pipe.write_all(&chunk).and_then(|()| pipe.flush()).is_err() {
                return;
            }
        }
    });
    input
}

fn await_end(mut child: Child, seen: &Shared) {
    let seen = Arc::clone(seen);
    thread::spawn(move || {
        let status = child.wait().expect("a child can be waited for");
        lock(&seen).status = Some(status);
        seen.1.notify_all();
    });
}
