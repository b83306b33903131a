//! What of this user's folders and files others may write. What was there before is told of at the start and left as
//! it is, since somebody may mean it so. Knows which files there are, nothing of what is in them. (Keys are not among
//! them: one that others can read is refused.)

use std::path::{Path, PathBuf};

use hobnob_server::exposed::{Exposed, writable_by_others};

use crate::data::whole_file::folder_of;

/// What lies in the data directory and decides whom this user is and trusts.
const IN_DATA: [&str; 3] = ["identities", "known_keys.toml", "own_commands.toml"];

/// The folder beside the config file that this user's own commands are looked for in.
const COMMANDS: &str = "commands";

/// What others may write of the data directory, and of the config file and its folder.
pub(super) fn find(data_dir: &Path, config_file: Option<&Path>) -> Vec<Exposed> {
    let in_data = IN_DATA.iter().map(|name| data_dir.join(name));
    let mut paths: Vec<PathBuf> = std::iter::once(data_dir.to_owned()).chain(in_data).collect();
    if let Some(file) = config_file {
        let folder = folder_of(file);
        paths.extend([folder.to_owned(), folder.join(COMMANDS), file.to_owned()]);
    }
    paths.into_iter().filter_map(writable_by_others).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_others_may_write_is_found_with_its_mode() {
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
        assert_eq!(found(), [], "what others may only look into");
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
