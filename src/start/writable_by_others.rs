//! Finds those of this user's folders and files that other users of this machine can write to. The user is told about
//! them at the start, and they are not changed, because it may be intended. This file knows which files there are, and
//! nothing of what is in them. Keys are not among them, because a key that others can read is refused.

use std::path::{Path, PathBuf};

use hobnob_server::exposed::{Exposed, writable_by_others};

use crate::data::whole_file::folder_of;

/// The entries of the data directory that decide who this user is, whom this user trusts, and which programs may run.
const IN_DATA: [&str; 3] = ["identities", "known_keys.toml", "own_commands.toml"];

/// The folder beside the config file with the user's own commands.
const PROGRAMS_FOLDER: &str = "commands";

/// Returns what other users can write to: in the data directory, and of the config file and its folder.
pub(super) fn find(data_dir: &Path, config_file: Option<&Path>) -> Vec<Exposed> {
    let in_data = IN_DATA.iter().map(|name| data_dir.join(name));
    let mut paths: Vec<PathBuf> = std::iter::once(data_dir.to_owned()).chain(in_data).collect();
    if let Some(file) = config_file {
        let folder = folder_of(file);
        paths.extend([folder.to_owned(), folder.join(PROGRAMS_FOLDER), file.to_owned()]);
    }
    paths.into_iter().filter_map(writable_by_others).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn files_that_others_can_write_to_are_found_with_their_modes() {
        let root = tempfile::tempdir().unwrap();
        let (data, config) = (root.path().join("data"), root.path().join("config"));
        let file = config.join("config.toml");
        let paths = [
            data.clone(),
            data.join("identities"),
            config.clone(),
            config.join("commands"),
            file.clone(),
            data.join("known_keys.toml"),
        ];
        paths[..4].iter().for_each(|folder| fs::create_dir(folder).unwrap());
        paths[4..].iter().for_each(|file| fs::write(file, "").unwrap());
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let found = || find(&data, Some(&file));
        paths.iter().for_each(|path| set(path, 0o755));
        assert_eq!(found(), [], "a folder that others may only read is not found");
        for path in &paths {
            for mode in [0o777, 0o720, 0o702, 0o1777] {
                set(path, mode);
                assert_eq!(found(), [Exposed { path: path.clone(), mode, is_folder: path.is_dir() }]);
            }
            set(path, 0o700);
        }
        assert_eq!(find(Path::new("/nowhere"), None), []);
    }
}
