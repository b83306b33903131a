//! TLS 1.3 between two Ed25519 keys. This file owns the rustls configurations, the verifier that decides by the key
//! alone, and what is read from a finished handshake. It knows nothing of names, files or messages.
//!
//! Each side shows a self-signed X.509 certificate. A side is known by the Ed25519 key in its certificate
//! (SubjectPublicKeyInfo), and the signature of the handshake proves that it has this key. The names and dates in the
//! certificate are ignored. There is no session resumption, because a resumed session would skip the verifier.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::verify_tls13_signature;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, CommonState, DigitallySignedStruct, DistinguishedName,
    Error as TlsError, SignatureScheme,
};
use thiserror::Error;

use crate::certificate::{NoKey, key_of_certificate, provider};
use crate::identity::Identity;
use crate::key::PublicKey;

/// Which keys the other side may have.
#[derive(Clone)]
pub enum KeyPolicy {
    /// Any key is accepted; the caller decides after the handshake.
    Any,
    /// Only this key is accepted.
    Only(PublicKey),
    /// A key is accepted if the function returns true for it.
    Allowed(Arc<dyn Fn(&PublicKey) -> bool + Send + Sync>),
}

impl KeyPolicy {
    fn allows(&self, key: &PublicKey) -> bool {
        match self {
            Self::Any => true,
            Self::Only(only) => only == key,
            Self::Allowed(allowed) => allowed(key),
        }
    }
}

impl fmt::Debug for KeyPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("Any"),
            Self::Only(key) => write!(f, "Only({key})"),
            Self::Allowed(_) => f.write_str("Allowed(..)"),
        }
    }
}

/// Why it cannot be told who is at the other end of a finished handshake.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TransportError {
    /// The other side showed no certificate, or one without an Ed25519 key.
    #[error("the other end shows no Ed25519 key")]
    NoKey(#[from] NoKey),
    /// The other side did not agree to an application protocol, or agreed to another one.
    #[error("the other end does not speak {expected}")]
    WrongProtocol {
        /// The ALPN name of the protocol that was expected.
        expected: String,
    },
}

/// Tells the caller which key the other side showed, even if the handshake was refused because of that key.
#[derive(Debug, Clone, Default)]
pub struct SeenKey(Arc<OnceLock<PublicKey>>);

impl SeenKey {
    /// Returns the key that the other side showed, or `None` if it has not shown one yet.
    #[must_use]
    pub fn get(&self) -> Option<PublicKey> {
        self.0.get().copied()
    }
}

/// Makes the configuration of the side that opens the connection. The second value tells which key the other side
/// showed.
///
/// # Panics
/// Never, because the provider supports TLS 1.3.
#[must_use]
pub fn client_config(identity: &Identity, policy: KeyPolicy, alpn: &[u8]) -> (Arc<ClientConfig>, SeenKey) {
    let seen = SeenKey::default();
    let verifier = Arc::new(KeyVerifier { policy, seen: seen.clone() });
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider does TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(OneKey(identity.certified_key())));
    config.alpn_protocols = vec![alpn.to_vec()];
    config.enable_sni = false;
    config.resumption = Resumption::disabled();
    (Arc::new(config), seen)
}

/// Makes the configuration of the side that accepts the connection. The other side must show a key that `policy`
/// allows.
///
/// # Panics
/// Never, because the provider supports TLS 1.3.
#[must_use]
pub fn server_config(identity: &Identity, policy: KeyPolicy, alpn: &[u8]) -> Arc<ServerConfig> {
    server_config_for(identity, policy, &[alpn])
}

/// Makes the same configuration for a side that speaks several protocols, one of which the other side chooses.
///
/// # Panics
/// Never, because the provider supports TLS 1.3.
#[must_use]
pub fn server_config_for(identity: &Identity, policy: KeyPolicy, alpns: &[&[u8]]) -> Arc<ServerConfig> {
    let verifier = Arc::new(KeyVerifier { policy, seen: SeenKey::default() });
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider does TLS 1.3")
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(OneKey(identity.certified_key())));
    config.alpn_protocols = alpns.iter().map(|alpn| alpn.to_vec()).collect();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Arc::new(config)
}

/// Returns the names of the cipher suites that both configurations offer and accept, in the order of preference.
#[must_use]
pub fn cipher_suites() -> Vec<String> {
    let name = |suite: &rustls::SupportedCipherSuite| format!("{:?}", suite.suite());
    let tls13 = |suite: &&rustls::SupportedCipherSuite| suite.tls13().is_some();
    // rustls has `13` in the names of the suites of TLS 1.3; the official registry does not.
    provider().cipher_suites.iter().filter(tls13).map(|suite| name(suite).replace("TLS13_", "TLS_")).collect()
}

/// Returns the name that the connecting side has to give to rustls. Nobody reads it.
///
/// # Panics
/// Never, because the name is valid.
#[must_use]
pub fn server_name() -> ServerName<'static> {
    ServerName::try_from("hobnob.invalid").expect("it is a valid DNS name")
}

/// Whether a handshake failed because the other end sent the TLS alert `access_denied`, by which it says that it
/// accepts no connection from this address. The alert is not authenticated: anybody on the way between the two ends can
/// send it.
#[must_use]
pub fn is_access_denied(err: &io::Error) -> bool {
    let reason = err.get_ref().and_then(|reason| reason.downcast_ref::<TlsError>());
    matches!(reason, Some(TlsError::AlertReceived(AlertDescription::AccessDenied)))
}

/// Returns the key of the other side of a finished handshake that agreed on `alpn`.
///
/// # Errors
/// Fails if the other side showed no key, or speaks another protocol.
pub fn authenticated_peer(state: &CommonState, alpn: &[u8]) -> Result<PublicKey, TransportError> {
    if state.alpn_protocol() != Some(alpn) {
        return Err(TransportError::WrongProtocol { expected: String::from_utf8_lossy(alpn).into_owned() });
    }
    let certificate = state.peer_certificates().and_then(<[_]>::first).ok_or(NoKey)?;
    Ok(key_of_certificate(certificate)?)
}

/// Returns the name of the key exchange of a finished handshake, such as `X25519MLKEM768` or `X25519`.
#[must_use]
pub fn key_exchange(state: &CommonState) -> String {
    match state.negotiated_key_exchange_group() {
        Some(group) => format!("{:?}", group.name()),
        None => "unknown".to_owned(),
    }
}

/// Accepts or refuses a certificate by its key alone, as the text at the top of this file explains.
struct KeyVerifier {
    policy: KeyPolicy,
    seen: SeenKey,
}

impl KeyVerifier {
    fn check(&self, certificate: &CertificateDer<'_>, rest: &[CertificateDer<'_>]) -> Result<(), TlsError> {
        if !rest.is_empty() {
            return Err(CertificateError::BadEncoding.into());
        }
        let key = key_of_certificate(certificate).map_err(|_| CertificateError::BadEncoding)?;
        // Only the connecting side reads this, and it has one verifier for each connection.
        let _already_set = self.seen.0.set(key);
        if self.policy.allows(&key) {
            Ok(())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn check_signature(
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signature, &provider().signature_verification_algorithms)
    }
}

impl fmt::Debug for KeyVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyVerifier({:?})", self.policy)
    }
}

const NO_TLS12: &str = "hobnob speaks TLS 1.3 only";

impl ServerCertVerifier for KeyVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        self.check(end_entity, intermediates).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(TlsError::General(NO_TLS12.to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Self::check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

impl ClientCertVerifier for KeyVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        self.check(end_entity, intermediates).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(TlsError::General(NO_TLS12.to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Self::check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// Always shows the one certificate of this side.
#[derive(Debug)]
struct OneKey(Arc<CertifiedKey>);

impl rustls::client::ResolvesClientCert for OneKey {
    fn resolve(&self, _hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        schemes.contains(&SignatureScheme::ED25519).then(|| Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl rustls::server::ResolvesServerCert for OneKey {
    fn resolve(&self, _hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;
    use crate::{LOBBY_ALPN, PEER_ALPN};

    struct Handshake {
        dialled: Result<(PublicKey, String), String>,
        accepted: Result<PublicKey, String>,
        seen: Option<PublicKey>,
    }

    async fn handshake(
        dial: (&Identity, KeyPolicy),
        accept: (&Identity, KeyPolicy),
        alpn: &'static [u8],
    ) -> Handshake {
        // The pipe is tiny, so that every flight of the handshake arrives in pieces.
        let (near, far) = tokio::io::duplex(64);
        let (config, seen) = client_config(dial.0, dial.1, alpn);
        let acceptor = TlsAcceptor::from(server_config(accept.0, accept.1, LOBBY_ALPN));
        let accepting = tokio::spawn(async move {
            let mut stream = acceptor.accept(far).await.map_err(|err| err.to_string())?;
            let key = authenticated_peer(stream.get_ref().1, LOBBY_ALPN).map_err(|err| err.to_string())?;
            stream.write_all(b"!").await.map_err(|err| err.to_string())?;
            Ok(key)
        });
        let dialled = async {
            let mut stream = TlsConnector::from(config)
                .connect(server_name(), near)
                .await
                .map_err(|err| err.to_string())?;
            // In TLS 1.3 a connecting side that was refused only learns it when it reads.
            stream.read_u8().await.map_err(|err| err.to_string())?;
            let state = stream.get_ref().1;
            let key = authenticated_peer(state, alpn).map_err(|err| err.to_string())?;
            Ok((key, key_exchange(state)))
        }
        .await;
        Handshake { dialled, accepted: accepting.await.unwrap(), seen: seen.get() }
    }

    #[tokio::test]
    async fn both_sides_learn_the_other_key_over_a_hybrid_key_exchange() {
        let (anna, bobby) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let done =
            handshake((&anna, KeyPolicy::Only(bobby.public())), (&bobby, KeyPolicy::Any), LOBBY_ALPN).await;
        assert_eq!(done.dialled, Ok((bobby.public(), "X25519MLKEM768".to_owned())));
        assert_eq!(done.accepted, Ok(anna.public()));
    }

    #[tokio::test]
    async fn a_server_with_another_key_is_refused_and_its_key_is_reported() {
        let (anna, bobby) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let expected = KeyPolicy::Only(anna.public());
        let done = handshake((&anna, expected), (&bobby, KeyPolicy::Any), LOBBY_ALPN).await;
        assert!(done.dialled.is_err() && done.accepted.is_err());
        assert_eq!(done.seen, Some(bobby.public()));
    }

    #[tokio::test]
    async fn a_client_whose_key_is_not_allowed_is_refused() {
        let (anna, bobby) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let nobody = KeyPolicy::Allowed(Arc::new(|_| false));
        let done = handshake((&anna, KeyPolicy::Any), (&bobby, nobody), LOBBY_ALPN).await;
        assert!(done.dialled.is_err() && done.accepted.is_err());
    }

    #[tokio::test]
    async fn a_client_that_speaks_another_protocol_is_refused() {
        let (anna, bobby) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let done = handshake((&anna, KeyPolicy::Any), (&bobby, KeyPolicy::Any), PEER_ALPN).await;
        assert!(done.dialled.is_err() && done.accepted.is_err());
    }

    #[test]
    fn a_certificate_with_another_kind_of_key_is_refused() {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let params = rcgen::CertificateParams::new(vec!["x.invalid".to_owned()]).unwrap();
        let certificate = params.self_signed(&pair).unwrap();
        assert_eq!(key_of_certificate(certificate.der()), Err(NoKey));
    }
}
