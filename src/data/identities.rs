//! Which key belongs to which name on this machine, in the files `identities/NAME.key` of the data directory. This file
//! knows nothing of TLS or links.

use std::path::{Path, PathBuf};

use hobnob_protocol::identity::{Identity, IdentityError};
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;

/// Returns the key of this name, which is made when the name is used for the first time.
///
/// # Errors
/// Fails if the key's file cannot be read or made, or if other users of this machine can read it.
pub(crate) fn of(data_dir: &Path, name: &UserName) -> Result<Identity, IdentityError> {
    Identity::load_or_create(&file(&data_dir.join("identities"), name))
}

/// Returns the public key of this name, or `None` if the name has no key that can be read. No key is made.
pub(crate) fn known(data_dir: &Path, name: &UserName) -> Option<PublicKey> {
    let file = file(&data_dir.join("identities"), name);
    file.exists().then(|| Identity::load_or_create(&file).ok())?.map(|identity| identity.public())
}

/// Returns the path for the key of this name. If there is a file for the same name with other capitals or in another
/// Unicode form, that file is used.
fn file(folder: &Path, name: &UserName) -> PathBuf {
    let exact = folder.join(format!("{name}.key"));
    if exact.exists() {
        return exact;
    }
    let others = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_same = |path: &PathBuf| {
        path.file_name()
            .and_then(|it| it.to_str())
            .and_then(|it| it.strip_suffix(".key"))
            .and_then(|stem| stem.parse::<UserName>().ok())
            .is_some_and(|other| other == *name)
    };
    others.into_iter().find(is_same).unwrap_or(exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_key_whatever_its_capitals_are() {
        let folder = tempfile::tempdir().unwrap();
        let key = |name: &str| of(folder.path(), &name.parse().unwrap()).unwrap().public();
        assert_eq!(key("Anna"), key("anna"));
        assert_eq!(key("a.b"), key("A.B"));
        assert_ne!(key("anna"), key("bobby"));
        assert!(folder.path().join("identities/Anna.key").exists());
    }
}
