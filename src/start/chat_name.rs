//! Where the chat name comes from if it was not given: a user at a terminal is asked, and on a pipe it is the first
//! line of the input. This file knows nothing of what a name is used for.

use std::io::{self, BufRead, Write};

use hobnob_protocol::name::{NameError, UserName};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinError;

use crate::app::event::Signal;
use crate::input::invisible::without_mark;
use crate::input::script::ScriptLine;

/// Why there is no valid name.
#[derive(Debug, Error)]
pub enum BadName {
    /// The given text is not a valid name.
    #[error("{0}")]
    NotAName(NameError),
    /// The first line of a script cannot be read as text.
    #[error("the first line is no name; give one with --name")]
    FirstLine,
    /// A script ended before its first line.
    #[error("no name: give one with --name, or as the first line of the input")]
    NoLine,
    /// The user was asked and gave no name.
    #[error("no name was given")]
    NotGiven,
    /// The terminal cannot be read or written.
    #[error("no name: {0}")]
    Terminal(io::Error),
    /// The task that asks for the name ended without an answer.
    #[error("no name: {0}")]
    NotAsked(JoinError),
}

/// Reads a name as somebody gave it.
///
/// # Errors
/// Fails if the text is not a valid name.
pub fn parse(text: &str) -> Result<UserName, BadName> {
    without_mark(text).trim().parse().map_err(BadName::NotAName)
}

/// The question that asks for the name.
const QUESTION: &str = "Please input chat name: ";

/// Asks for the name at a terminal on which nothing can be drawn, or whose output goes elsewhere. The first line that
/// is a valid name is taken. The question is written to standard error, so that it is not part of the output.
///
/// # Errors
/// Fails if the input ends before there is a valid name.
pub async fn ask_plainly(lines: &mut mpsc::Receiver<ScriptLine>) -> Result<UserName, BadName> {
    // If standard error is closed, nobody reads the question, but the answer is still awaited.
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

/// Takes the name from the first line of a script.
///
/// # Errors
/// Fails if there is no line, or if it is not a valid name.
pub async fn from_script(lines: &mut mpsc::Receiver<ScriptLine>) -> Result<UserName, BadName> {
    match lines.recv().await {
        Some(ScriptLine::Line(name)) => parse(&name),
        Some(_) => Err(BadName::FirstLine),
        None => Err(BadName::NoLine),
    }
}

/// Asks at the terminal until a valid name is given, or until a signal asks the program to end.
///
/// # Errors
/// Fails if the input ends, if a signal arrives, or if the terminal fails.
pub async fn ask(signals: &mut mpsc::Receiver<Signal>) -> Result<UserName, BadName> {
    // A thread that reads the keyboard cannot be woken. After a signal it ends with the process.
    let asked = tokio::task::spawn_blocking(ask_and_wait);
    tokio::select! {
        asked = asked => asked.unwrap_or_else(|err| Err(BadName::NotAsked(err))),
        Some(_) = signals.recv() => Err(none_given(&mut io::stdout())),
    }
}

/// Ends the row of the question, so that what is shown next begins in a new row.
fn none_given(output: &mut impl Write) -> BadName {
    // An error means that the terminal is gone, and then nobody reads this.
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
