//! An identity: an Ed25519 key, and the file it lives in. Owns making, loading and guarding the
//! key, and the self-signed certificate that carries it into TLS. Knows nothing of whose it is.

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
use crate::name::PublicKey;

/// Who this side is. The secret key is inside and never shown.
#[derive(Clone)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    public: PublicKey,
}

/// Why a key could not be made or loaded.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// The file system said no.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it said.
        cause: io::Error,
    },
    /// Others can read it, so it may be known to others.
    #[error(
        "{} can be read by others (mode {mode:03o}); make it yours alone with: chmod 600 {}",
        path.display(), path.display()
    )]
    NotPrivate {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is a link, and what it points to is not there: the key may be on a disk that is not mounted. A new key in
    /// its place would be another person.
    #[error("{} is a link to a file that is not there; bring that back, or remove the link to have a new key made", path.display())]
    LinkToNothing {
        /// The link.
        path: PathBuf,
    },
    /// It holds no Ed25519 key.
    #[error("{} holds no Ed25519 private key in PKCS#8 PEM; move it away to have a new one made", path.display())]
    NotAKey {
        /// Which file.
        path: PathBuf,
    },
    /// The cryptography library refused.
    #[error("a key could not be made: {0}")]
    Crypto(String),
}

impl Identity {
    /// A new key that is kept nowhere.
    ///
    /// # Errors
    /// When the cryptography library refuses.
    pub fn generate() -> Result<Self, IdentityError> {
        Self::from_pkcs8(&new_pkcs8()?)
    }

    /// The key in `path`, made there first when there is none. Safe when several processes do so at
    /// once: all end up with the same key.
    ///
    /// # Errors
    /// When the file cannot be read or made, is open to others, or holds no key.
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

    /// The key in `path`.
    ///
    /// # Errors
    /// As for [`load_or_create`](Self::load_or_create), and when there is none.
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        let io_error = |cause| IdentityError::Io { path: path.to_owned(), cause };
        require_private(path)?;
        let pem = std::fs::read(path).map_err(io_error)?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(&pem)
            .map_err(|_| IdentityError::NotAKey { path: path.to_owned() })?;
        Self::from_pkcs8(key.secret_pkcs8_der()).map_err(|_| IdentityError::NotAKey { path: path.to_owned() })
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// The certificate and key as TLS uses them.
    #[must_use]
    pub fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }

    /// A secret that nobody without this key can know, the same wherever this key is: the hash of a signature
    /// that is made for nothing else and shown to nobody. Ed25519 signs without chance, and what TLS signs begins
    /// with 64 blanks, so no handshake ever shows it.
    ///
    /// # Panics
    /// Never: an Ed25519 key signs with Ed25519.
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
        // The names and dates of the certificate mean nothing to hobnob; only its key does.
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
    // PKCS#8 version 1: OpenSSL 3.0 cannot read version 2.
    let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())
        .map_err(|err| IdentityError::Crypto(err.to_string()))?;
    Ok(document.as_ref().to_vec())
}

/// Writes a new key beside `path` and links it there, so that nobody ever sees half of one and a
/// second process that does the same at once does not replace it.
fn create(path: &Path) -> Result<(), IdentityError> {
    let io_error = |cause| IdentityError::Io { path: path.to_owned(), cause };
    let folder = path.parent().unwrap_or(Path::new("."));
    create_private_dir(folder).map_err(io_error)?;
    let pem = pem_of(&new_pkcs8()?);
    // tempfile makes its files with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io_error)?;
    file.write_all(pem.as_bytes()).map_err(io_error)?;
    file.as_file().sync_all().map_err(io_error)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(err) if err.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(err) => Err(io_error(err.error)),
    }
}

/// A folder that only its owner may enter, with the folders above it.
///
/// # Errors
/// When it cannot be made.
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
    // An Ed25519 key in PKCS#8 is one line of 64 characters.
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
    fn many_at_once_end_with_one_key() {
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
    fn a_link_is_followed_and_one_to_nothing_gets_no_new_key() {
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
    fn a_key_others_can_read_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anna.key");
        Identity::load_or_create(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let text = Identity::load_or_create(&path).unwrap_err().to_string();
        assert!(text.contains("640") && text.contains("chmod 600"), "{text}");
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anna.key");
        std::fs::write(&path, "half a k").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(Identity::load_or_create(&path), Err(IdentityError::NotAKey { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"half a k");
    }
}
