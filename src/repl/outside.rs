//! An editor of the user's choice on a text: the terminal is lent to it and taken back. Owns the
//! file the text is in, which nobody else may read. Called by the editor's thread alone.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::printer::SharedTerminal;
use super::prompt::Edit;
use super::terminal;

/// Between two looks whether the editor has ended. Nothing wakes a thread for that and for the
/// program's own end at once.
const LOOK_AGAIN: Duration = Duration::from_millis(30);

/// The most of an edited text that is taken back, in bytes: four times what a message may have, so
/// that one that is too long comes back whole to be shortened.
const MOST: u64 = 64 * 1024;

/// Runs the editor until it ends, or the program does. Gives the text as it was left, without the
/// newlines at its end.
pub(super) fn run(edit: &Edit, screen: &SharedTerminal) -> Result<String, String> {
    // Made with mode 0600, and removed when dropped.
    let mut file = tempfile::Builder::new()
        .prefix("hobnob-")
        .suffix(".txt")
        .tempfile()
        .map_err(|err| format!("there is no file to edit in: {err}"))?;
    file.write_all(edit.text.as_bytes()).map_err(|err| format!("the text cannot be written: {err}"))?;
    terminal::lend();
    let ended = wait(edit, file.path(), screen);
    terminal::take_back();
    ended?;
    // By its path: most editors write a new file and rename it.
    let edited = std::fs::File::open(file.path()).and_then(read);
    edited.map_err(|err| format!("the edited text cannot be read: {err}"))
}

fn wait(edit: &Edit, path: &std::path::Path, screen: &SharedTerminal) -> Result<(), String> {
    let Edit { editor, .. } = edit;
    // As other programs do: the variable may hold options.
    let mut child = Command::new("sh")
        .args(["-c", &format!("exec {editor} \"$1\""), "sh"])
        .arg(path)
        .stdin(Stdio::inherit())
        .spawn()
        .map_err(|err| format!("{editor} does not start: {err}"))?;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) if status.code() == Some(127) => {
                return Err(format!("there is no {editor} here; set EDITOR to an editor"));
            }
            Ok(Some(status)) => return Err(format!("{editor} failed ({status}); the text is as it was")),
            Ok(None) => {}
            Err(err) => return Err(format!("{editor} cannot be waited for: {err}")),
        }
        if screen.is_closing_after(LOOK_AGAIN) {
            // It may have ended by itself.
            let _gone = child.kill();
            let _ended = child.wait();
            return Err("the program is leaving".to_owned());
        }
    }
}

fn read(mut file: std::fs::File) -> io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}
