//! Reads the Ed25519 key out of a certificate; hobnob uses certificates only to carry keys. This file also chooses the
//! cryptography that all of hobnob uses. It knows nothing of connections.

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use thiserror::Error;

use crate::key::PublicKey;

/// The bytes that come before the 32 bytes of the key in the SubjectPublicKeyInfo of an Ed25519 key (RFC 8410).
const ED25519_SPKI_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The error for a certificate without an Ed25519 key, and for bytes that are not a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("it shows no Ed25519 key")]
pub struct NoKey;

/// Returns the cryptography provider that all of hobnob shares: aws-lc-rs, which prefers X25519MLKEM768 for the key
/// exchange.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())))
}

/// Returns the Ed25519 key that `certificate` carries.
///
/// # Errors
/// Fails if the bytes are not a certificate, or if it carries another kind of key.
pub fn key_of_certificate(certificate: &CertificateDer<'_>) -> Result<PublicKey, NoKey> {
    let parsed = webpki::EndEntityCert::try_from(certificate).map_err(|_| NoKey)?;
    let spki = parsed.subject_public_key_info();
    let key = spki.as_ref().strip_prefix(&ED25519_SPKI_PREFIX).ok_or(NoKey)?;
    PublicKey::from_slice(key).map_err(|_| NoKey)
}
