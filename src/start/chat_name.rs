//! Where the chat name comes from when it is not given: asked for on a terminal, the first line of
//! the input on a pipe. Knows nothing of what a name is used for.

use std::io::{self, BufRead, Write};

use hobnob_protocol::name::{NameError, UserName};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinError;

use crate::app::event::Signal;
use crate::input::invisible::without_mark;
use crate::input::script::ScriptLine;

/// No name was given, or something that is none.
#[derive(Debug, Error)]
pub enum BadName {
    /// What was given is no name.
    #[error("{0}")]
    NotAName(NameError),
    /// The first line of a script cannot be read as text.
    #[error("the first line is no name; give one with --name")]
    FirstLine,
    /// A script ends before its first line.
    #[error("no name: give one with --name, or as the first line of the input")]
    NoLine,
    /// A person gave none.
    #[error("no name was given")]
    NotGiven,
    /// The terminal cannot be read or written.
    #[error("no name: {0}")]
    Terminal(io::Error),
    /// The question for the name ended without an answer.
    #[error("no name: {0}")]
    NotAsked(JoinError),
}

/// A name as it was given.
///
/// # Errors
/// When it is none.
pub fn parse(text: &str) -> Result<UserName, BadName> {
    without_mark(text).trim().parse().map_err(BadName::NotAName)
}

/// The question for a name.
const QUESTION: &str = "Please input chat name: ";

/// The first line that is a name, from a person at a terminal on which nothing can be drawn, or whose
/// output goes elsewhere. The question is on standard error: that is not in what goes elsewhere.
///
/// # Errors
/// When the input ends before there is one.
pub async fn ask_plainly(lines: &mut mpsc::Receiver<ScriptLine>) -> Result<UserName, BadName> {
    // On a standard error that is closed nobody reads the question; the answer is still awaited.
    let tell = |text: String| drop(io::stderr().write_all(text.as_bytes()));
    loop {
        tell(QUESTION.to_owned());
        match lines.recv().await {
            Some(ScriptLine::Line(line)) => match parse(&line) {
                Ok(name) => return Ok(name),
                Err(err) => tell(format!(">>> {err}\n")),
            },
            Some(_) => tell(">>> that is no name\n".to_owned()),
            None => return Err(none_given(&mut io::stderr())),
        }
    }
}

/// The first line of a script.
///
/// # Errors
/// When there is none, or it is no name.
pub async fn from_script(lines: &mut mpsc::Receiver<ScriptLine>) -> Result<UserName, BadName> {
    match lines.recv().await {
        Some(ScriptLine::Line(name)) => parse(&name),
        Some(_) => Err(BadName::FirstLine),
        None => Err(BadName::NoLine),
    }
}

/// Asks at the terminal until a name is given, or the system asks to end.
///
/// # Errors
/// When the input ends, a signal comes, or the terminal fails.
pub async fn ask(signals: &mut mpsc::Receiver<Signal>) -> Result<UserName, BadName> {
    // A thread that reads the keyboard cannot be woken; after a signal it ends with the process.
    let asked = tokio::task::spawn_blocking(ask_and_wait);
    tokio::select! {
        asked = asked => asked.unwrap_or_else(|err| Err(BadName::NotAsked(err))),
        Some(_) = signals.recv() => Err(none_given(&mut io::stdout())),
    }
}

/// The question still stands on its row, which what is said next must not go on.
fn none_given(output: &mut impl Write) -> BadName {
    // Of a terminal that is gone nobody reads why.
    let _gone = writeln!(output);
    BadName::NotGiven
}

fn ask_and_wait() -> Result<UserName, BadName> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout());
    loop {
        write!(output, "{QUESTION}").and_then(|()| output.flush()).map_err(BadName::Terminal)?;
        let mut line = String::new();
        if input.read_line(&mut line).map_err(BadName::Terminal)? == 0 {
            return Err(none_given(&mut output));
        }
        match without_mark(&line).trim().parse() {
            Ok(name) => return Ok(name),
            Err(err) => writeln!(output, ">>> {err}").map_err(BadName::Terminal)?,
        }
    }
}
