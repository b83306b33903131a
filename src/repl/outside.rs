//! Lets the user edit a text in a text editor of their choice. The terminal is lent to that editor and taken back. This
//! file owns the file with the text, which nobody else may read. Only the thread of the line editor calls it.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use thiserror::Error;

use super::printer::SharedTerminal;
use super::prompt::Edit;
use super::terminal;
use crate::input::invisible::without_mark;

/// How long to wait between two checks whether the editor has ended. A thread cannot be woken both by the end of the
/// editor and by the end of this program.
const LOOK_AGAIN: Duration = Duration::from_millis(30);

/// How many bytes of an edited text are taken back: four times as many as a message may have, so that a text that is
/// too long comes back complete and can be shortened. An even longer text stays in its file.
const MOST: u64 = 64 * 1024;

/// Why a text could not be edited, or could not be taken back from the editor.
#[derive(Debug, Error)]
pub(super) enum NotEdited {
    /// The file for the text could not be made.
    #[error("there is no file to edit in: {0}")]
    NoFile(io::Error),
    /// The text could not be written to the file.
    #[error("the text cannot be written: {0}")]
    NotWritten(io::Error),
    /// The terminal could not be given to the editor.
    #[error("the terminal cannot be lent: {0}")]
    NotLent(io::Error),
    /// The shell that runs the editor could not be started.
    #[error("{editor} does not start: {error}")]
    NotStarted {
        /// The command of the editor.
        editor: String,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The shell could not find the editor.
    #[error("there is no {editor} here; set EDITOR to an editor")]
    NoEditor {
        /// The command of the editor.
        editor: String,
    },
    /// The editor ended with an error.
    #[error("{editor} failed ({status}); the text is as it was")]
    Failed {
        /// The command of the editor.
        editor: String,
        /// The exit status of the editor.
        status: ExitStatus,
    },
    /// It could not be found out whether the editor has ended.
    #[error("{editor} cannot be waited for: {error}")]
    NotWaitedFor {
        /// The command of the editor.
        editor: String,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The program is ending while the editor runs.
    #[error("the program is leaving")]
    Leaving,
    /// The file could not be read after the editor had ended.
    #[error("the edited text cannot be read: {0}")]
    NotRead(io::Error),
    /// The file does not hold a text that can be said. It is not removed.
    #[error("the edited text {wrong}; nothing of it was taken, it is kept in {}", path.display())]
    NoText {
        /// What is wrong with the text.
        wrong: NoText,
        /// The path of the file.
        path: PathBuf,
    },
    /// The file does not hold a text that can be said, and it could not be kept.
    #[error("the edited text {wrong}, and is lost: {error}")]
    Lost {
        /// What is wrong with the text.
        wrong: NoText,
        /// The error of the operating system.
        error: io::Error,
    },
}

/// What is wrong with the bytes that an editor left, as the end of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum NoText {
    /// There are far more bytes than a message may have.
    #[error("has more than {MOST} bytes, far more than a message may have")]
    TooLong,
    /// The bytes are not UTF-8.
    #[error("is not UTF-8 in line {line}; have your editor save it as UTF-8")]
    NotUtf8 {
        /// The number of the first line that is not UTF-8, counted from 1.
        line: usize,
    },
}

/// Runs the editor until it ends or this program does. Returns the edited text without the newlines at its end. A text
/// that cannot be taken back stays in its file, and the error names the file.
pub(super) fn run(edit: &Edit, screen: &SharedTerminal) -> Result<String, NotEdited> {
    // The file is made with mode 0600, and is removed when it is dropped.
    let mut file =
        tempfile::Builder::new().prefix("hobnob-").suffix(".txt").tempfile().map_err(NotEdited::NoFile)?;
    // A text file ends with a newline. If it is missing, some editors complain and others add it.
    let end = if edit.text.is_empty() || edit.text.ends_with('\n') { "" } else { "\n" };
    file.write_all(format!("{}{end}", edit.text).as_bytes()).map_err(NotEdited::NotWritten)?;
    terminal::lend();
    let ended = wait(edit, file.path(), screen);
    terminal::take_back();
    ended?;
    // The file is opened by its path, because most editors write a new file and rename it.
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
    // The editor is run by a shell, as other programs do, because the variable may contain options.
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
            // The editor may have ended by itself.
            let _gone = child.kill();
            let _ended = child.wait();
            return Err(NotEdited::Leaving);
        }
    }
}

fn lent(terminal: io::Result<std::os::fd::OwnedFd>) -> Result<Stdio, NotEdited> {
    terminal.map(Stdio::from).map_err(NotEdited::NotLent)
}

/// Reads the text in a file, or finds out what is wrong with it.
fn read(mut file: std::fs::File) -> io::Result<Result<String, NoText>> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes)?;
    Ok(text_of(&bytes))
}

/// Makes a message of what an editor left. The byte-order mark at the beginning and the newlines at the end are
/// removed, and all ends of lines are made the same.
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
    fn byte_order_marks_and_line_ends_of_other_systems_are_removed() {
        assert_eq!(text_of(b"\xef\xbb\xbf\\fork bobby\r\n").unwrap(), "\\fork bobby");
        assert_eq!(text_of(b"one\r\ntwo\r\n\r\n").unwrap(), "one\ntwo");
        assert_eq!(text_of(b"").unwrap(), "");
    }

    #[test]
    fn an_edited_file_that_is_not_a_valid_text_is_refused() {
        assert!(text_of(b"one\ncaf\xe9 noir\n").unwrap_err().to_string().contains("line 2"));
        // If it were cut in the middle of a character, it would not be a text either.
        let long = "ü".repeat(MOST as usize / 2 + 1);
        assert!(text_of(long.as_bytes()).unwrap_err().to_string().contains("more than 65536 bytes"));
    }
}
