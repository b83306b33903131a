//! The file that lists the operators of a server: one fingerprint on each line. This file owns its form, its limits and
//! how it is read; it knows nothing of what operators may do.
//!
//! ```text
//! # Everything after a # is a comment.
//! SHA256:M7KPJY+dIfg2rmCK/Oq3ar+YAMuaz9IWhWH7M9yHGF4  # anna
//! ```

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use hobnob_protocol::key::{Fingerprint, NoFingerprint};
use thiserror::Error;

use crate::decide::MAX_OPERATORS;

/// The greatest size of the file. A longer file is not the one that was meant.
const MAX_BYTES: u64 = 64 * 1024;

/// Why the file cannot be used. The error text names the file and, if one line is at fault, its number.
#[derive(Debug, Error)]
pub enum OperatorsFileError {
    /// The system cannot read it.
    #[error("cannot read the operators' file {}", path.display())]
    Read {
        /// The path of the file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file is not text, or is longer than anybody would write by hand.
    #[error("the operators' file {} has more than {MAX_BYTES} bytes or is not UTF-8", path.display())]
    NotAList {
        /// The path of the file.
        path: PathBuf,
    },
    /// One line is neither a fingerprint nor a comment.
    #[error("line {line} of the operators' file {}", path.display())]
    Line {
        /// The path of the file.
        path: PathBuf,
        /// The number of the line, counted from 1.
        line: usize,
        /// Why the line is no fingerprint.
        source: NoFingerprint,
    },
    /// The file lists more operators than there may be.
    #[error("the operators' file {} lists more than {MAX_OPERATORS} operators", path.display())]
    TooMany {
        /// The path of the file.
        path: PathBuf,
    },
}

/// Reads the fingerprints in the file.
///
/// # Errors
/// Fails when the file cannot be read, is too long, lists too many, or has a faulty line: then no line of it counts.
pub(crate) fn read(path: &Path) -> Result<Vec<Fingerprint>, OperatorsFileError> {
    let unreadable = |source| OperatorsFileError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let text = String::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= MAX_BYTES);
    parse(&text.ok_or_else(|| OperatorsFileError::NotAList { path: path.to_owned() })?, path)
}

fn parse(text: &str, path: &Path) -> Result<Vec<Fingerprint>, OperatorsFileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, without_comment(line)));
    let listed = lines.filter(|(_, line)| !line.is_empty()).map(|(line, fingerprint)| {
        let wrong = |source| OperatorsFileError::Line { path: path.to_owned(), line, source };
        fingerprint.parse().map_err(wrong)
    });
    let listed = listed.collect::<Result<Vec<Fingerprint>, _>>()?;
    match listed.len() {
        0..=MAX_OPERATORS => Ok(listed),
        _ => Err(OperatorsFileError::TooMany { path: path.to_owned() }),
    }
}

fn without_comment(line: &str) -> &str {
    line.split_once('#').map_or(line, |(before, _)| before).trim()
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::key::PublicKey;

    use super::*;

    fn listed(text: &str) -> Result<usize, String> {
        let list = parse(text, Path::new("ops")).map_err(|err| {
            let cause = std::error::Error::source(&err).map(ToString::to_string).unwrap_or_default();
            format!("{err}: {cause}")
        });
        list.map(|list| list.len())
    }

    fn fingerprint(byte: u8) -> String {
        PublicKey::new([byte; 32]).fingerprint().to_string()
    }

    #[test]
    fn comments_blank_lines_and_windows_line_ends_are_ignored() {
        let text = format!("\u{feff}# ours\r\n\r\n{} # anna\r\n  {}\n", fingerprint(1), fingerprint(2));
        assert_eq!(listed(&text), Ok(2));
        assert_eq!(listed(""), Ok(0));
    }

    #[test]
    fn an_error_names_the_line_that_is_no_fingerprint_and_no_line_counts() {
        let wrong = listed(&format!("{}\n\nanna\n", fingerprint(1))).unwrap_err();
        assert!(wrong.starts_with("line 3 of the operators' file ops: expected the fingerprint"), "{wrong}");
        let cut = fingerprint(1);
        assert!(listed(&cut[..cut.len() - 1]).is_err());
        assert!(listed(&format!("{} {}", fingerprint(1), fingerprint(2))).is_err(), "two on one line");
    }

    #[test]
    fn a_file_that_is_no_list_or_lists_too_many_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ops");
        assert!(matches!(read(&path), Err(OperatorsFileError::Read { .. })));
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(read(&path), Err(OperatorsFileError::NotAList { .. })));
        std::fs::write(&path, "#".repeat(MAX_BYTES as usize + 1)).unwrap();
        assert!(matches!(read(&path), Err(OperatorsFileError::NotAList { .. })));
        let many: String = (0..=MAX_OPERATORS).map(|_| format!("{}\n", fingerprint(1))).collect();
        std::fs::write(&path, many).unwrap();
        assert!(matches!(read(&path), Err(OperatorsFileError::TooMany { .. })));
    }
}
