//! Fuzzes `hobnob replay FILE`, which shows the record of a run. Such a file may come from a stranger who asks the user
//! to look at it. The first byte of an input says in which form the record is shown.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use hobnob::cli::{Cli, ColorChoice, Subcommands};
use hobnob::show::harmless::is_hostile;
use hobnob::subcommands::{self, Outputs};

/// Checks that whatever the record holds, it is shown as text that cannot move the cursor.
///
/// # Panics
/// Panics if this does not hold.
pub fn run(data: &[u8]) {
    let [form, record @ ..] = data else { return };
    let form = usize::from(*form);
    let columns = (form % 3 == 1).then_some(form);
    let json = form % 3 == 2;
    let shown = replay(record, json, columns);
    let shown = std::str::from_utf8(&shown).expect("what is shown is UTF-8");
    let hostile = shown.chars().find(|&c| is_hostile(c) && c != '\n' && !(json && c == '\t'));
    assert_eq!(hostile, None, "{shown:?}");
}

/// Returns what `hobnob replay` writes to a pipe, or to a terminal with this number of columns.
fn replay(record: &[u8], json: bool, columns: Option<usize>) -> Vec<u8> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let kept = kept(record);
    let cli = Cli {
        json,
        subcommand: Some(Subcommands::Replay { file: path(&kept) }),
        config: Some(PathBuf::from("/dev/null")),
        data_dir: Some(PathBuf::from("/nowhere")),
        color: Some(ColorChoice::Never),
        ..Cli::default()
    };
    let mut outputs = Outputs { out: &mut out, err: &mut err, color: false, columns };
    // If the record cannot be shown to its end, an error is shown after the part that could be shown.
    let _told = subcommands::run(cli, &|_| None, &mut outputs);
    out
}

/// Makes a file that holds `bytes`. The file is gone when its handle is closed, even if a crash ends the program.
fn kept(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("there is room for a file");
    file.write_all(bytes).expect("there is room for the bytes");
    file
}

/// Returns a path to a file that has no name of its own.
fn path(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
