//! Runs one program, in a process group of its own, with bounds on its time and its output; the whole
//! group is killed at the end, whatever the end was, and so is what left it ([`super::strays`]). The pipes here are the program's; hobnob's own
//! input and output are not touched. Knows nothing of what the lines mean.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::strays;

/// How much of what it complains about is read, in bytes.
const MAX_COMPLAINT: u64 = 4096;

/// How long its complaint may take once it is dead: something it left behind may hold the pipe.
const COMPLAINT_PATIENCE: Duration = Duration::from_millis(200);

/// Between two tries to start a program that is busy; nothing tells when it is not any more.
const BUSY_PATIENCE: Duration = Duration::from_millis(2);

/// What a run may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Time.
    pub time: Duration,
    /// Bytes of output.
    pub bytes: usize,
}

/// Why a run is over. Whoever holds the sender may end one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// Its output is at its end.
    Closed,
    /// It wrote more than it may.
    TooMuch,
    /// Its time is over.
    TooLong,
    /// Nobody wants it any more.
    Stopped,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Why.
    pub over: Over,
    /// How the program ended; killed unless it was ending by itself.
    pub status: ExitStatus,
    /// The first line it complained with.
    pub complaint: String,
}

/// Runs a program to its end, from the calling thread. Each line it writes goes to `each`, from a
/// thread of its own; when that gives false the run is stopped.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn run(
    mut command: Command,
    input: Vec<u8>,
    limits: Limits,
    (over_tx, over): (mpsc::Sender<Over>, &mpsc::Receiver<Over>),
    each: impl FnMut(String) -> bool + Send + 'static,
) -> io::Result<Ended> {
    let deadline = Instant::now() + limits.time;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mark = mark_of(&command);
    let mut child = spawn(&mut command, deadline)?;
    let complaint = match start_threads(&mut child, input, limits.bytes, over_tx, each) {
        Ok(complaint) => complaint,
        Err(err) => {
            kill(&mut child, mark.as_deref())?;
            return Err(err);
        }
    };
    let left = deadline.saturating_duration_since(Instant::now());
    let over = over.recv_timeout(left).unwrap_or(Over::TooLong);
    let status = kill(&mut child, mark.as_deref())?;
    Ok(Ended { over, status, complaint: complaint.recv_timeout(COMPLAINT_PATIENCE).unwrap_or_default() })
}

/// The value that marks what this command starts.
fn mark_of(command: &Command) -> Option<OsString> {
    command.get_envs().find(|(name, _)| *name == strays::MARK)?.1.map(OsStr::to_owned)
}

/// Starts it. A program that was written just now is busy for as long as a process that was started beside it, by
/// another thread, has not yet become another program: until then it holds all files of this one.
fn spawn(command: &mut Command, deadline: Instant) -> io::Result<Child> {
    loop {
        match command.spawn() {
            Err(err) if err.kind() == io::ErrorKind::ExecutableFileBusy && Instant::now() < deadline => {
                std::thread::sleep(BUSY_PATIENCE);
            }
            started => return started,
        }
    }
}

/// Kills what is left of the group, then waits for the program: until it is waited for, its number
/// cannot have become somebody else's. One that is ending already keeps its own exit code. What left the group
/// comes last, when there is nobody any more who could start another.
fn kill(child: &mut Child, mark: Option<&OsStr>) -> io::Result<ExitStatus> {
    if let Ok(pid) = i32::try_from(child.id()) {
        // A group that is gone needs no killing.
        let _gone = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    }
    let status = child.wait();
    if let Some(mark) = mark {
        strays::kill(mark);
    }
    status
}

fn start_threads(
    child: &mut Child,
    input: Vec<u8>,
    bytes: usize,
    over: mpsc::Sender<Over>,
    mut each: impl FnMut(String) -> bool + Send + 'static,
) -> io::Result<mpsc::Receiver<String>> {
    let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
    let mut stdin = child.stdin.take().ok_or_else(gone)?;
    let stdout = child.stdout.take().ok_or_else(gone)?;
    let stderr = child.stderr.take().ok_or_else(gone)?;
    let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
    // A program need not read what it is given.
    thread("own-input").spawn(move || drop(stdin.write_all(&input)))?;
    thread("own-output").spawn(move || {
        // Whoever waits for the end may have stopped waiting.
        let _over = over.send(read_lines(stdout, bytes, &mut each));
    })?;
    let (complaint_tx, complaint) = mpsc::channel();
    thread("own-errors").spawn(move || {
        let mut stderr = stderr;
        let mut text = Vec::new();
        let _unread = (&mut stderr).take(MAX_COMPLAINT).read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text);
        let _over = complaint_tx.send(text.lines().next().unwrap_or_default().to_owned());
        // The rest is read and dropped, so that the program is not held up.
        let _rest = io::copy(&mut stderr, &mut io::sink());
    })?;
    Ok(complaint)
}

fn read_lines(output: impl Read, bytes: usize, each: &mut impl FnMut(String) -> bool) -> Over {
    let mut lines = BufReader::new(output.take(bytes as u64 + 1));
    let (mut line, mut total) = (Vec::new(), 0);
    loop {
        line.clear();
        // A pipe that cannot be read is at its end.
        total += lines.read_until(b'\n', &mut line).unwrap_or(0);
        if total > bytes {
            return Over::TooMuch;
        }
        if line.is_empty() {
            return Over::Closed;
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        if !each(String::from_utf8_lossy(&line).into_owned()) {
            return Over::Stopped;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    const LIMITS: Limits = Limits { time: Duration::from_secs(20), bytes: 1000 };

    fn shell(script: &str, input: &str, limits: Limits) -> (Ended, Vec<String>) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let (over_tx, over) = mpsc::channel();
        let mut command = Command::new("/bin/sh");
        // Another one for each run: tests run beside each other.
        command.args(["-c", script]).env(strays::MARK, format!("{:?}", std::thread::current().id()));
        let ended = run(command, input.as_bytes().to_vec(), limits, (over_tx, &over), move |line| {
            kept.lock().unwrap().push(line);
            true
        });
        let lines = lines.lock().unwrap().clone();
        (ended.unwrap(), lines)
    }

    #[test]
    fn a_program_reads_its_input_and_each_line_it_writes_is_heard() {
        let (ended, lines) = shell("read x; echo got $x; printf last; echo oops >&2; exit 3", "it\n", LIMITS);
        assert_eq!(lines, ["got it", "last"]);
        assert_eq!((ended.over, ended.status.code()), (Over::Closed, Some(3)));
        assert_eq!(ended.complaint, "oops");
    }

    #[test]
    fn a_program_that_does_not_read_is_not_waited_for() {
        let (ended, lines) = shell("echo ok", &"x".repeat(1_000_000), LIMITS);
        assert_eq!((ended.over, lines.len()), (Over::Closed, 1));
    }

    #[test]
    fn its_time_is_bounded_and_its_children_die_with_it() {
        let limits = Limits { time: Duration::from_millis(300), bytes: 1000 };
        let begun = Instant::now();
        let (ended, lines) = shell("sleep 1000 & echo $!; wait", "", limits);
        assert_eq!(ended.over, Over::TooLong);
        assert!(begun.elapsed() < Duration::from_secs(10));
        dies(&lines[0]);
    }

    /// Waits until a process is gone.
    #[track_caller]
    fn dies(pid: &str) {
        let begun = Instant::now();
        let gone = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        };
        while !gone() {
            assert!(begun.elapsed() < Duration::from_secs(10), "its child lives on");
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_left_its_session_and_its_family_dies_with_it() {
        // The first in a session of its own; the second besides with a parent that has ended.
        let script = "setsid sleep 1000 >/dev/null 2>&1 </dev/null & echo $!
                      (setsid sh -c 'echo $$; exec sleep 1000 >/dev/null 2>&1 </dev/null' 2>/dev/null </dev/null &)";
        let (ended, lines) = shell(script, "", LIMITS);
        assert_eq!((ended.over, ended.status.code(), lines.len()), (Over::Closed, Some(0), 2));
        lines.iter().for_each(|pid| dies(pid));
    }

    #[test]
    fn its_output_is_bounded() {
        let (ended, lines) = shell("while :; do echo 123456789; done", "", LIMITS);
        assert_eq!(ended.over, Over::TooMuch);
        assert!(lines.len() <= 100);
        let (ended, lines) = shell("head -c 5000 /dev/zero", "", LIMITS);
        assert_eq!((ended.over, lines.len()), (Over::TooMuch, 0));
    }
}
