//! An editor of the user's choice on a text: the terminal is lent to it and taken back. Owns the
//! file the text is in, which nobody else may read. Called by the editor's thread alone.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use thiserror::Error;

use super::printer::SharedTerminal;
use super::prompt::Edit;
use super::terminal;
use crate::input::invisible::without_mark;

/// Between two looks whether the editor has ended. Nothing wakes a thread for that and for the
/// program's own end at once.
const LOOK_AGAIN: Duration = Duration::from_millis(30);

/// The most of an edited text that is taken back, in bytes: four times what a message may have, so
/// that one that is too long comes back whole to be shortened. A longer one stays in its file.
const MOST: u64 = 64 * 1024;

/// Why a text is as it was before the editor was called, or cannot be taken back from it.
#[derive(Debug, Error)]
pub(super) enum NotEdited {
    /// No file can be made that the text could be edited in.
    #[error("there is no file to edit in: {0}")]
    NoFile(io::Error),
    /// The text cannot be written into the file.
    #[error("the text cannot be written: {0}")]
    NotWritten(io::Error),
    /// The terminal cannot be given to the editor.
    #[error("the terminal cannot be lent: {0}")]
    NotLent(io::Error),
    /// The shell that starts the editor does not start.
    #[error("{editor} does not start: {error}")]
    NotStarted {
        /// The command of the editor.
        editor: String,
        /// What the system said.
        error: io::Error,
    },
    /// The shell finds no such editor.
    #[error("there is no {editor} here; set EDITOR to an editor")]
    NoEditor {
        /// The command of the editor.
        editor: String,
    },
    /// The editor says of itself that it failed.
    #[error("{editor} failed ({status}); the text is as it was")]
    Failed {
        /// The command of the editor.
        editor: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// It cannot be found out whether the editor has ended.
    #[error("{editor} cannot be waited for: {error}")]
    NotWaitedFor {
        /// The command of the editor.
        editor: String,
        /// What the system said.
        error: io::Error,
    },
    /// The program ends while the editor runs.
    #[error("the program is leaving")]
    Leaving,
    /// The file cannot be read after the editor has ended.
    #[error("the edited text cannot be read: {0}")]
    NotRead(io::Error),
    /// What the editor left is no text that can be said; it stays in its file.
    #[error("the edited text {wrong}; nothing of it was taken, it is kept in {}", path.display())]
    NoText {
        /// What is wrong with it.
        wrong: NoText,
        /// The file it is kept in.
        path: PathBuf,
    },
    /// What the editor left is no text that can be said, and its file could not be kept.
    #[error("the edited text {wrong}, and is lost: {error}")]
    Lost {
        /// What is wrong with it.
        wrong: NoText,
        /// What the system said.
        error: io::Error,
    },
}

/// What is wrong with the bytes an editor left, as the end of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum NoText {
    /// They are far more than a message may have.
    #[error("has more than {MOST} bytes, far more than a message may have")]
    TooLong,
    /// They are not UTF-8.
    #[error("is not UTF-8 in line {line}; have your editor save it as UTF-8")]
    NotUtf8 {
        /// The first such line, counted from 1.
        line: usize,
    },
}

/// Runs the editor until it ends, or the program does. Gives the text as it was left, without the
/// newlines at its end. A text that cannot be taken back as it is stays in its file, which the error
/// names.
pub(super) fn run(edit: &Edit, screen: &SharedTerminal) -> Result<String, NotEdited> {
    // Made with mode 0600, and removed when dropped.
    let mut file =
        tempfile::Builder::new().prefix("hobnob-").suffix(".txt").tempfile().map_err(NotEdited::NoFile)?;
    // A text file ends with a newline; without one some editors complain and others add it.
    let end = if edit.text.is_empty() || edit.text.ends_with('\n') { "" } else { "\n" };
    file.write_all(format!("{}{end}", edit.text).as_bytes()).map_err(NotEdited::NotWritten)?;
    terminal::lend();
    let ended = wait(edit, file.path(), screen);
    terminal::take_back();
    ended?;
    // By its path: most editors write a new file and rename it.
    let edited = std::fs::File::open(file.path()).and_then(read);
    match edited.map_err(NotEdited::NotRead)? {
        Ok(text) => Ok(text),
        Err(wrong) => match file.keep() {
            Ok((_file, path)) => Err(NotEdited::NoText { wrong, path }),
            Err(err) => Err(NotEdited::Lost { wrong, error: err.error }),
        },
    }
}

fn wait(edit: &Edit, path: &Path, screen: &SharedTerminal) -> Result<(), NotEdited> {
    let editor = &edit.editor;
    let named = || editor.clone();
    // As other programs do: the variable may hold options.
    let mut child = Command::new("sh")
        .args(["-c", &format!("exec {editor} \"$1\""), "sh"])
        .arg(path)
        .stdin(lent(terminal::input())?)
        .stdout(lent(terminal::output())?)
        .spawn()
        .map_err(|error| NotEdited::NotStarted { editor: named(), error })?;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) if status.code() == Some(127) => {
                return Err(NotEdited::NoEditor { editor: named() });
            }
            Ok(Some(status)) => return Err(NotEdited::Failed { editor: named(), status }),
            Ok(None) => {}
            Err(error) => return Err(NotEdited::NotWaitedFor { editor: named(), error }),
        }
        if screen.is_closing_after(LOOK_AGAIN) {
            // It may have ended by itself.
            let _gone = child.kill();
            let _ended = child.wait();
            return Err(NotEdited::Leaving);
        }
    }
}

fn lent(terminal: io::Result<std::os::fd::OwnedFd>) -> Result<Stdio, NotEdited> {
    terminal.map(Stdio::from).map_err(NotEdited::NotLent)
}

/// The text in a file, or what is wrong with it.
fn read(mut file: std::fs::File) -> io::Result<Result<String, NoText>> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes)?;
    Ok(text_of(&bytes))
}

/// What an editor left, as a message: without the byte-order mark at its start and the newlines at its
/// end, and with line ends of one kind.
fn text_of(bytes: &[u8]) -> Result<String, NoText> {
    if bytes.len() as u64 > MOST {
        return Err(NoText::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|err| {
        let line = bytes[..err.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count() + 1;
        NoText::NotUtf8 { line }
    })?;
    Ok(without_mark(text).trim_end_matches(['\n', '\r']).replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_line_ends_of_other_systems_are_no_part_of_the_text() {
        assert_eq!(text_of(b"\xef\xbb\xbf\\fork bobby\r\n").unwrap(), "\\fork bobby");
        assert_eq!(text_of(b"one\r\ntwo\r\n\r\n").unwrap(), "one\ntwo");
        assert_eq!(text_of(b"").unwrap(), "");
    }

    #[test]
    fn what_is_no_text_is_refused_rather_than_changed() {
        assert!(text_of(b"one\ncaf\xe9 noir\n").unwrap_err().to_string().contains("line 2"));
        // Cut in the middle of a character it would be no text either.
        let long = "ü".repeat(MOST as usize / 2 + 1);
        assert!(text_of(long.as_bytes()).unwrap_err().to_string().contains("more than 65536 bytes"));
    }
}
