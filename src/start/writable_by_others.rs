//! What of this user's folders and files others may write. What was there before is told of at the start and left as
//! it is, since somebody may mean it so. Knows which files there are, nothing of what is in them. (Keys are not among
//! them: one that others can read is refused.)

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::data::whole_file::folder_of;

/// Whoever may write in a folder may replace what is in it, whoever that belongs to.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// What lies in the data directory and decides whom this user is and trusts.
const IN_DATA: [&str; 3] = ["identities", "known_keys.toml", "own_commands.toml"];

/// The folder beside the config file that this user's own commands are looked for in.
const COMMANDS: &str = "commands";

/// A folder or file that others may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exposed {
    path: PathBuf,
    mode: u32,
    is_folder: bool,
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, mode, is_folder } = self;
        let path = path.display();
        let what = match is_folder {
            true => format!("others may write in {path} (mode {mode:03o}), and so replace what is in it"),
            false => format!("others may write {path} (mode {mode:03o})"),
        };
        write!(f, "{what}; make it yours alone with: chmod go-w {path}")
    }
}

/// What others may write of the data directory, and of the config file and its folder.
pub(crate) fn exposed(data_dir: &Path, config_file: Option<&Path>) -> Vec<Exposed> {
    let in_data = IN_DATA.iter().map(|name| data_dir.join(name));
    let mut paths: Vec<PathBuf> = std::iter::once(data_dir.to_owned()).chain(in_data).collect();
    if let Some(file) = config_file {
        let folder = folder_of(file);
        paths.extend([folder.to_owned(), folder.join(COMMANDS), file.to_owned()]);
    }
    paths.into_iter().filter_map(look).collect()
}

fn look(path: PathBuf) -> Option<Exposed> {
    // What cannot be looked at is told of by whoever needs it.
    let file = std::fs::metadata(&path).ok()?;
    let mode = file.permissions().mode() & 0o7777;
    (mode & WRITABLE_BY_OTHERS != 0).then_some(Exposed { path, mode, is_folder: file.is_dir() })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_others_may_write_is_told_with_what_to_do() {
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
        let told = || exposed(&data, Some(&file)).iter().map(ToString::to_string).collect::<Vec<_>>();
        paths.iter().for_each(|path| set(path, 0o755));
        assert_eq!(told(), [""; 0], "what others may only look into");
        for path in &paths {
            for mode in [0o777, 0o720, 0o702, 0o1777] {
                set(path, mode);
                let [told] = &told()[..] else { panic!("{path:?} {mode:o}: {:?}", told()) };
                assert!(told.contains(&format!("{} (mode {mode:o})", path.display())), "{told}");
                assert!(told.contains("chmod go-w"), "{told}");
            }
            set(path, 0o700);
        }
        assert_eq!(exposed(Path::new("/nowhere"), None), []);
    }
}
