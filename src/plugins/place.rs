//! Where the programs are. It finds the program `hobnob-NAME` for a name, or all programs, and runs none of them.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// What the file name of a program has before the name of the command.
const PREFIX: &str = "hobnob-";

/// Programs of hobnob itself, which are not commands.
const NOT_COMMANDS: [&str; 1] = ["server"];

/// The longest name of a command, in bytes.
const MAX_NAME: usize = 32;

/// How many programs are found at most. Nobody has more; a folder with a thousand of them is a mistake.
const MAX_FOUND: usize = 100;

/// Whether a word may be the name of a program. It must not be a path or contain anything that a terminal reacts to.
#[must_use]
pub(crate) fn is_name(word: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=MAX_NAME).contains(&word.len()) && word.chars().all(fits) && !NOT_COMMANDS.contains(&word)
}

/// Returns the path of the program with this name. The first folder that has it takes precedence.
#[must_use]
pub(crate) fn find(folders: &[PathBuf], name: &str) -> Option<PathBuf> {
    if !is_name(name) {
        return None;
    }
    folders.iter().map(|folder| folder.join(format!("{PREFIX}{name}"))).find(|path| is_program(path))
}

/// Returns the paths of all programs by name.
#[must_use]
pub(crate) fn all(folders: &[PathBuf]) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for folder in folders {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let file = entry.file_name();
            let Some(name) = file.to_str().and_then(|file| file.strip_prefix(PREFIX)) else { continue };
            if found.len() < MAX_FOUND && is_name(name) && is_program(&entry.path()) {
                found.entry(name.to_owned()).or_insert_with(|| entry.path());
            }
        }
    }
    found
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && is_executable(&metadata))
}

fn is_executable(metadata: &Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn make(folder: &Path, file: &str, mode: u32) {
        let path = folder.join(file);
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn programs_are_found_by_name_in_the_first_folder_that_has_them() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        make(first.path(), "hobnob-roll", 0o755);
        make(second.path(), "hobnob-roll", 0o755);
        make(second.path(), "hobnob-links", 0o700);
        make(second.path(), "hobnob-notes", 0o644);
        make(second.path(), "hobnob-server", 0o755);
        make(second.path(), "hobnob-a b", 0o755);
        let folders = [first.path().to_owned(), second.path().to_owned(), PathBuf::from("/nowhere")];
        assert_eq!(find(&folders, "roll"), Some(first.path().join("hobnob-roll")));
        assert_eq!(all(&folders).into_keys().collect::<Vec<_>>(), ["links", "roll"]);
        for none in ["notes", "server", "", "../hobnob-roll", "a b", "é"] {
            assert_eq!(find(&folders, none), None, "{none}");
        }
    }
}
