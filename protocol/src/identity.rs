//! An identity: an Ed25519 key and the file in which it is kept. This file owns how a key is made, loaded and
//! protected, and the self-signed certificate that carries it in TLS. It does not know whose key it is.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject};
use rustls::sign::CertifiedKey;
use thiserror::Error;

use crate::certificate::{key_of_certificate, provider};
use crate::key::PublicKey;

/// The key pair by which this side is known. The secret key inside is never shown.
#[derive(Clone)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    public: PublicKey,
}

/// Why a key could not be made or loaded.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// The file or its folder could not be read or written.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The path of the file or folder.
        path: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// Other users of this machine can read the file, so they may know the key.
    #[error(
        "{} can be read by others (mode {mode:03o}); make it yours alone with: chmod 600 {}",
        path.display(), path.display()
    )]
    NotPrivate {
        /// The file that others can read.
        path: PathBuf,
        /// The permission bits of the file.
        mode: u32,
    },
    /// The path is a symbolic link to a file that does not exist. The key may be on a disk that is not mounted. No new
    /// key is made in its place, because with a new key the user would be another person to everybody else.
    #[error("{} is a link to a file that is not there; bring that back, or remove the link to have a new key made", path.display())]
    LinkToNothing {
        /// The path of the symbolic link.
        path: PathBuf,
    },
    /// The file does not hold an Ed25519 key.
    #[error("{} holds no Ed25519 private key in PKCS#8 PEM; move it away to have a new one made", path.display())]
    NotAKey {
        /// The path of the file that holds no key.
        path: PathBuf,
    },
    /// The cryptography library failed; the text is its error.
    #[error("a key could not be made: {0}")]
    Crypto(String),
}

impl Identity {
    /// Makes a new key that is not kept in any file.
    ///
    /// # Errors
    /// Fails if the cryptography library fails.
    pub fn generate() -> Result<Self, IdentityError> {
        Self::from_pkcs8(&new_pkcs8()?)
    }

    /// Loads the key in `path`. If there is no such file, a new key is made and written there first. Several processes
    /// may do this at the same time: all of them end up with the same key.
    ///
    /// # Errors
    /// Fails if the file cannot be read or made, if other users can read it, or if it does not hold a key.
    pub fn load_or_create(path: &Path) -> Result<Self, IdentityError> {
        match Self::load(path) {
            Err(IdentityError::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
                if path.is_symlink() {
                    return Err(IdentityError::LinkToNothing { path: path.to_owned() });
                }
                create(path)?;
                Self::load(path)
            }
            loaded => loaded,
        }
    }

    /// Loads the key in `path`.
    ///
    /// # Errors
    /// Fails as [`load_or_create`](Self::load_or_create) does, and also if the file does not exist.
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        let io_error = |cause| IdentityError::Io { path: path.to_owned(), cause };
        require_private(path)?;
        let pem = std::fs::read(path).map_err(io_error)?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(&pem)
            .map_err(|_| IdentityError::NotAKey { path: path.to_owned() })?;
        Self::from_pkcs8(key.secret_pkcs8_der()).map_err(|_| IdentityError::NotAKey { path: path.to_owned() })
    }

    /// Returns the public key, by which others know this identity.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Returns the certificate and the secret key in the form that TLS uses.
    #[must_use]
    pub fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }

    /// Derives a secret from the key, for one `purpose`. Nobody without the key can know the secret, and it is the same
    /// wherever the key is used. It is the hash of a signature over `purpose`; that signature is used for nothing else
    /// and shown to nobody. Ed25519 signatures are not random. What TLS signs begins with 64 blanks, so no handshake
    /// ever shows this signature.
    ///
    /// # Panics
    /// Never, because an Ed25519 key can always sign with Ed25519.
    #[must_use]
    pub fn derived_secret(&self, purpose: &[u8]) -> [u8; 32] {
        let signer = self.certified.key.choose_scheme(&[rustls::SignatureScheme::ED25519]);
        let signed =
            signer.expect("it is an Ed25519 key").sign(purpose).expect("an Ed25519 key signs anything");
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &signed);
        hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, IdentityError> {
        let crypto = |err: &dyn fmt::Display| IdentityError::Crypto(err.to_string());
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.to_vec()));
        let pair =
            rcgen::KeyPair::from_der_and_sign_algo(&der, &rcgen::PKCS_ED25519).map_err(|err| crypto(&err))?;
        // hobnob ignores the names and dates of the certificate. Only its key matters.
        let params =
            rcgen::CertificateParams::new(vec!["hobnob.invalid".to_owned()]).map_err(|err| crypto(&err))?;
        let certificate = params.self_signed(&pair).map_err(|err| crypto(&err))?;
        let public = key_of_certificate(certificate.der()).map_err(|err| crypto(&err))?;
        let signing = provider().key_provider.load_private_key(der).map_err(|err| crypto(&err))?;
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        Ok(Self { certified: Arc::new(CertifiedKey::new(chain, signing)), public })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.public)
    }
}

fn new_pkcs8() -> Result<Vec<u8>, IdentityError> {
    // PKCS#8 version 1 is used because OpenSSL 3.0 cannot read version 2.
    let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())
        .map_err(|err| IdentityError::Crypto(err.to_string()))?;
    Ok(document.as_ref().to_vec())
}

/// Writes a new key to a temporary file beside `path` and then moves it to `path`, so that nobody ever sees half of a
/// key. If another process has made `path` at the same time, its key is kept.
fn create(path: &Path) -> Result<(), IdentityError> {
    let io_error = |cause| IdentityError::Io { path: path.to_owned(), cause };
    let folder = path.parent().unwrap_or(Path::new("."));
    create_private_dir(folder).map_err(io_error)?;
    let pem = pem_of(&new_pkcs8()?);
    // The `tempfile` crate makes its files with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io_error)?;
    file.write_all(pem.as_bytes()).map_err(io_error)?;
    file.as_file().sync_all().map_err(io_error)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(err) if err.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(err) => Err(io_error(err.error)),
    }
}

/// Makes a folder that only its owner may enter, and the folders above it.
///
/// # Errors
/// Fails if a folder cannot be made.
pub fn create_private_dir(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn pem_of(pkcs8: &[u8]) -> String {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(pkcs8);
    // The base64 form of an Ed25519 key in PKCS#8 has 64 characters, so it fits on one line.
    format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
}

#[cfg(unix)]
fn require_private(path: &Path) -> Result<(), IdentityError> {
    use std::os::unix::fs::PermissionsExt;
    let io_error = |cause| IdentityError::Io { path: path.to_owned(), cause };
    let mode = std::fs::metadata(path).map_err(io_error)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(IdentityError::NotPrivate { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn require_private(_path: &Path) -> Result<(), IdentityError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identities/anna.key");
        let made = Identity::load_or_create(&path).unwrap();
        let loaded = Identity::load_or_create(&path).unwrap();
        assert_eq!(made.public(), loaded.public());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(format!("{made:?}"), format!("Identity({})", made.public()));
    }

    #[test]
    fn processes_that_make_a_key_at_once_all_get_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anna.key");
        let keys: Vec<PublicKey> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Identity::load_or_create(&path).unwrap().public())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_symbolic_link_is_followed_and_no_key_is_made_for_one_to_a_missing_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, real) = (folder.path().join("anna.key"), folder.path().join("real"));
        std::os::unix::fs::symlink("real", &path).unwrap();
        let text = Identity::load_or_create(&path).unwrap_err().to_string();
        assert!(text.contains("anna.key is a link to a file that is not there"), "{text}");
        assert!(!real.exists());
        let key = Identity::load_or_create(&real).unwrap().public();
        assert_eq!(Identity::load_or_create(&path).unwrap().public(), key);
        assert!(path.is_symlink());
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_advice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anna.key");
        Identity::load_or_create(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let text = Identity::load_or_create(&path).unwrap_err().to_string();
        assert!(text.contains("640") && text.contains("chmod 600"), "{text}");
    }

    #[test]
    fn a_file_without_a_key_is_refused_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anna.key");
        std::fs::write(&path, "half a k").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(Identity::load_or_create(&path), Err(IdentityError::NotAKey { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"half a k");
    }
}
