//! The certificate as a carrier of a key: reads the Ed25519 key out of one, and names the
//! cryptography all of hobnob uses. Knows nothing of connections.

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use thiserror::Error;

use crate::name::PublicKey;

/// What precedes the 32 key bytes in the SubjectPublicKeyInfo of an Ed25519 key (RFC 8410).
const ED25519_SPKI_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A certificate without an Ed25519 key, or something that is no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("it shows no Ed25519 key")]
pub struct NoKey;

/// The one cryptography provider: aws-lc-rs, X25519MLKEM768 first.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())))
}

/// The Ed25519 key in a certificate.
///
/// # Errors
/// When it is no certificate or carries another kind of key.
pub fn key_of_certificate(certificate: &CertificateDer<'_>) -> Result<PublicKey, NoKey> {
    let parsed = webpki::EndEntityCert::try_from(certificate).map_err(|_| NoKey)?;
    let spki = parsed.subject_public_key_info();
    let key = spki.as_ref().strip_prefix(&ED25519_SPKI_PREFIX).ok_or(NoKey)?;
    PublicKey::from_slice(key).map_err(|_| NoKey)
}
