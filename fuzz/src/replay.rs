//! Records of runs, as `hobnob replay FILE` shows them: what somebody may have sent with the words "look at this". The
//! first byte says in which form it is shown.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use hobnob::cli::{Cli, ColorChoice, Subcommands};
use hobnob::show::harmless::is_hostile;
use hobnob::subcommands::{self, Outputs};

/// Whatever the record holds, what is shown of it is text that moves no cursor.
///
/// # Panics
/// Where that does not hold.
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

/// What `hobnob replay` writes, to a pipe or on a terminal of so many columns.
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
    // A record that cannot be shown is told of, and what came before it was shown.
    let _told = subcommands::run(cli, &|_| None, &mut outputs);
    out
}

/// A file that holds `bytes` and is gone with the handle, also where a crash ends the program.
fn kept(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("there is room for a file");
    file.write_all(bytes).expect("there is room for the bytes");
    file
}

/// A path to a file that has no name.
fn path(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
