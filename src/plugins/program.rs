//! Runs one program in a process group of its own, with limits on its time and its output. At the end, however it ends,
//! the whole group is killed, and so are processes that have left it ([`super::strays`]). The program has pipes of its
//! own; the input and output of hobnob are not touched. This file knows nothing of what the lines mean.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::strays;

/// How many bytes of the program's standard error are read for the error message.
const MAX_COMPLAINT: u64 = 4096;

/// How long to wait for its standard error after it is dead. A process that it left behind may still hold the pipe.
const COMPLAINT_PATIENCE: Duration = Duration::from_millis(200);

/// How long to wait between two attempts to start a program whose file is busy. There is no signal for the moment when
/// it no longer is.
const BUSY_PATIENCE: Duration = Duration::from_millis(2);

/// The limits of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long the program may run.
    pub time: Duration,
    /// How many bytes the program may write to standard output.
    pub bytes: usize,
}

/// Why a run has to end. Whoever holds a sender of the channel can end the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// The program has closed its output.
    Closed,
    /// The program wrote more than allowed.
    TooMuch,
    /// The program ran for longer than allowed.
    TooLong,
    /// The result is no longer wanted.
    Stopped,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The reason why the run ended.
    pub over: Over,
    /// The exit status of the program. It was killed, unless it was already ending by itself.
    pub status: ExitStatus,
    /// The first line that the program wrote to standard error; empty if it wrote none.
    pub complaint: String,
}

/// Runs a program to its end, and blocks the calling thread until then. A thread hands each line of its output to
/// `each`; if `each` returns false, the run is stopped.
///
/// # Errors
/// Fails if the program cannot be started.
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

/// Returns the value of the variable that marks everything this command starts.
fn mark_of(command: &Command) -> Option<OsString> {
    command.get_envs().find(|(name, _)| *name == strays::MARK)?.1.map(OsStr::to_owned)
}

/// Starts the program. A file that was just written is busy while another thread of this process is starting another
/// program: between fork and exec, the new process holds all open files of this process.
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

/// Kills what is left of the process group, and then waits for the program. Until it is waited for, its process id
/// cannot belong to another process. A program that is already ending keeps its own exit code. Processes that left the
/// group are killed last, when no process is left that could start others.
fn kill(child: &mut Child, mark: Option<&OsStr>) -> io::Result<ExitStatus> {
    if let Ok(pid) = i32::try_from(child.id()) {
        // An error means that the group is already gone.
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
    // The program need not read its input, so an error is ignored.
    thread("own-input").spawn(move || drop(stdin.write_all(&input)))?;
    thread("own-output").spawn(move || {
        // The thread that waits for the end may have stopped waiting.
        let _over = over.send(read_lines(stdout, bytes, &mut each));
    })?;
    let (complaint_tx, complaint) = mpsc::channel();
    thread("own-errors").spawn(move || {
        let mut stderr = stderr;
        let mut text = Vec::new();
        let _unread = (&mut stderr).take(MAX_COMPLAINT).read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text);
        let _over = complaint_tx.send(text.lines().next().unwrap_or_default().to_owned());
        // The rest is read and dropped, so that the program never has to wait for the pipe.
        let _rest = io::copy(&mut stderr, &mut io::sink());
    })?;
    Ok(complaint)
}

fn read_lines(output: impl Read, bytes: usize, each: &mut impl FnMut(String) -> bool) -> Over {
    let mut lines = BufReader::new(output.take(bytes as u64 + 1));
    let (mut line, mut total) = (Vec::new(), 0);
    loop {
        line.clear();
        // A pipe that cannot be read counts as closed.
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
        // Each run has another mark, because tests run at the same time.
        command.args(["-c", script]).env(strays::MARK, format!("{:?}", std::thread::current().id()));
        let ended = run(command, input.as_bytes().to_vec(), limits, (over_tx, &over), move |line| {
            kept.lock().unwrap().push(line);
            true
        });
        let lines = lines.lock().unwrap().clone();
        (ended.unwrap(), lines)
    }

    #[test]
    fn a_program_reads_its_input_and_each_line_that_it_writes_is_handed_on() {
        let (ended, lines) = shell("read x; echo got $x; printf last; echo oops >&2; exit 3", "it\n", LIMITS);
        assert_eq!(lines, ["got it", "last"]);
        assert_eq!((ended.over, ended.status.code()), (Over::Closed, Some(3)));
        assert_eq!(ended.complaint, "oops");
    }

    #[test]
    fn a_program_need_not_read_its_input() {
        let (ended, lines) = shell("echo ok", &"x".repeat(1_000_000), LIMITS);
        assert_eq!((ended.over, lines.len()), (Over::Closed, 1));
    }

    #[test]
    fn a_program_that_takes_too_long_is_killed_with_its_children() {
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
            assert!(begun.elapsed() < Duration::from_secs(10), "the child of the program is still alive");
            std::thread::yield_now();
        }
    }

    #[test]
    fn processes_in_other_sessions_are_killed_with_the_program() {
        // The first process is in a session of its own. The second also is, and its parent has ended.
        let script = "setsid sleep 1000 >/dev/null 2>&1 </dev/null & echo $!
                      (setsid sh -c 'echo $$; exec sleep 1000 >/dev/null 2>&1 </dev/null' 2>/dev/null </dev/null &)";
        let (ended, lines) = shell(script, "", LIMITS);
        assert_eq!((ended.over, ended.status.code(), lines.len()), (Over::Closed, Some(0), 2));
        lines.iter().for_each(|pid| dies(pid));
    }

    #[test]
    fn a_program_that_writes_too_much_is_stopped() {
        let (ended, lines) = shell("while :; do echo 123456789; done", "", LIMITS);
        assert_eq!(ended.over, Over::TooMuch);
        assert!(lines.len() <= 100);
        let (ended, lines) = shell("head -c 5000 /dev/zero", "", LIMITS);
        assert_eq!((ended.over, lines.len()), (Over::TooMuch, 0));
    }
}
