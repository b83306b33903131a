//! The message of the day: a text file that newcomers are shown. This file owns its limits and how it is read; it knows
//! nothing of joining.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use hobnob_protocol::text::Text;
use thiserror::Error;

/// The longest message of the day: about as much as a terminal can show at once. Clients show its first rows.
const MAX_MOTD_BYTES: usize = 4096;

/// Why the file cannot be used.
#[derive(Debug, Error)]
pub enum MotdError {
    /// The system cannot read it.
    #[error("cannot read the message of the day {}", path.display())]
    Read {
        /// The path of the file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file is too long, or is not UTF-8.
    #[error("the message of the day {} has more than {MAX_MOTD_BYTES} bytes or is not UTF-8", path.display())]
    NotShortText {
        /// The path of the file.
        path: PathBuf,
    },
}

/// Reads the message; `None` if the file contains only blanks. A byte order mark, the carriage returns of Windows
/// lines, and blanks at the end are removed.
///
/// # Errors
/// Fails when the file cannot be read, is not UTF-8 or is too long.
pub(crate) fn read(path: &Path) -> Result<Option<Text>, MotdError> {
    let unreadable = |source| MotdError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_MOTD_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let text = String::from_utf8(bytes).ok().filter(|text| text.len() <= MAX_MOTD_BYTES);
    let text = text.ok_or_else(|| MotdError::NotShortText { path: path.to_owned() })?;
    let text = text.trim_start_matches('\u{feff}').trim_end().replace("\r\n", "\n");
    // It is shorter than the longest text, so it is a text unless it is empty.
    Ok(Text::new(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn motd(content: &[u8]) -> Result<Option<Text>, MotdError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("motd");
        std::fs::write(&path, content).unwrap();
        read(&path)
    }

    #[test]
    fn a_short_text_is_the_message_and_a_blank_file_means_no_message() {
        assert_eq!(
            motd("\u{feff}be kind\r\nno spam\r\n\r\n".as_bytes()).unwrap(),
            Text::new("be kind\nno spam").ok()
        );
        assert_eq!(motd(b" \n\n").unwrap(), None);
    }

    #[test]
    fn a_file_that_is_too_long_or_no_text_or_missing_is_refused() {
        assert!(matches!(motd(&vec![b'x'; MAX_MOTD_BYTES + 1]), Err(MotdError::NotShortText { .. })));
        assert!(motd(&vec![b'x'; MAX_MOTD_BYTES]).is_ok());
        assert!(matches!(motd(&[0xff]), Err(MotdError::NotShortText { .. })));
        assert!(matches!(read(Path::new("/nowhere/motd")), Err(MotdError::Read { .. })));
    }
}
