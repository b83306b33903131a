//! Which key belongs to which name on this machine: `identities/NAME.key` in the data directory.
//! Knows nothing of TLS or links.

use std::path::{Path, PathBuf};

use hobnob_protocol::identity::{Identity, IdentityError};
use hobnob_protocol::name::{PublicKey, UserName};

/// The key of this name, made at its first use.
///
/// # Errors
/// When its file cannot be read or made, or is open to others.
pub(crate) fn of(data_dir: &Path, name: &UserName) -> Result<Identity, IdentityError> {
    Identity::load_or_create(&file(&data_dir.join("identities"), name))
}

/// The public key of this name, where it has one that can be read. Makes none.
pub(crate) fn known(data_dir: &Path, name: &UserName) -> Option<PublicKey> {
    let file = file(&data_dir.join("identities"), name);
    file.exists().then(|| Identity::load_or_create(&file).ok())?.map(|identity| identity.public())
}

/// The file of this name: one that is there already in another case or composition, or a new one.
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
    fn one_name_has_one_key_however_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let key = |name: &str| of(folder.path(), &name.parse().unwrap()).unwrap().public();
        assert_eq!(key("Anna"), key("anna"));
        assert_eq!(key("a.b"), key("A.B"));
        assert_ne!(key("anna"), key("bobby"));
        assert!(folder.path().join("identities/Anna.key").exists());
    }
}
