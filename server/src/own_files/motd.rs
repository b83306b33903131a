//! The message of the day: a text file that whoever joins is shown. Owns its bounds and how it is read; knows nothing of
//! joining.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use hobnob_protocol::name::Text;
use thiserror::Error;

/// The longest message of the day: what a terminal can show at once. Clients show the first rows of it.
const MAX_MOTD_BYTES: usize = 4096;

/// Why the file cannot be used.
#[derive(Debug, Error)]
pub enum MotdError {
    /// The system does not give it.
    #[error("cannot read the message of the day {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is too long, or not text.
    #[error("the message of the day {} has more than {MAX_MOTD_BYTES} bytes or is not UTF-8", path.display())]
    NotShortText {
        /// Which file.
        path: PathBuf,
    },
}

/// Reads the message; `None` where the file has nothing but blanks. What ends its lines on other systems is taken
/// out, and so are blank lines at its end.
///
/// # Errors
/// When it cannot be read, is not UTF-8 or too long.
pub(crate) fn read(path: &Path) -> Result<Option<Text>, MotdError> {
    let unreadable = |source| MotdError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_MOTD_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let text = String::from_utf8(bytes).ok().filter(|text| text.len() <= MAX_MOTD_BYTES);
    let text = text.ok_or_else(|| MotdError::NotShortText { path: path.to_owned() })?;
    let text = text.trim_start_matches('\u{feff}').trim_end().replace("\r\n", "\n");
    // Shorter than the longest text and, if it is not blank, not empty: so it is a text.
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
    fn a_short_text_is_the_message_and_a_blank_file_is_none() {
        assert_eq!(
            motd("\u{feff}be kind\r\nno spam\r\n\r\n".as_bytes()).unwrap(),
            Text::new("be kind\nno spam").ok()
        );
        assert_eq!(motd(b" \n\n").unwrap(), None);
    }

    #[test]
    fn a_long_file_one_that_is_no_text_and_one_that_is_not_there_are_refused() {
        assert!(matches!(motd(&vec![b'x'; MAX_MOTD_BYTES + 1]), Err(MotdError::NotShortText { .. })));
        assert!(motd(&vec![b'x'; MAX_MOTD_BYTES]).is_ok());
        assert!(matches!(motd(&[0xff]), Err(MotdError::NotShortText { .. })));
        assert!(matches!(read(Path::new("/nowhere/motd")), Err(MotdError::Read { .. })));
    }
}
