//! The link to NATS. It is made once; from then on the NATS crate makes it again whenever it is lost, to any node that
//! answers. This file owns how long that may take; it knows nothing of the stream.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, rustls};
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout};

use crate::settings::Settings;

/// How often a node is asked for a sign of life. After two questions without an answer the link is given up.
const PING_INTERVAL: Duration = Duration::from_secs(1);

/// How long one node may take to answer at all. The other nodes are not tried meanwhile, so this time is short.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the server waits for an acknowledgement or an answer of JetStream. A batch that is not acknowledged in this
/// time is published again, so a lost acknowledgement costs this much time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// The time between two attempts to reach a node.
const RETRY: Duration = Duration::from_millis(200);

/// For how long the first link is tried. Machines that start together may take a while.
const FIRST_LINK: Duration = Duration::from_secs(10);

/// How many messages of one subscription may wait here. When the limit is reached, messages are dropped. The watchdog
/// in `following` notices that and reads them again.
const SUBSCRIPTION: usize = 16 * 1024;

/// How many batches may wait for an acknowledgement at once. A server publishes one at a time; a test publishes
/// several.
const UNACKNOWLEDGED: usize = 1024;

/// Why there is no link.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// No node has answered in the time for which the first link is tried.
    #[error("no NATS node answers at {urls}: {reason}")]
    Unreachable {
        /// The addresses of the nodes.
        urls: String,
        /// The error of the last attempt.
        reason: String,
    },
    /// A node answers, but does not let this server in.
    #[error("NATS at {urls} does not let this server in: {reason}; see --nats-creds")]
    Denied {
        /// The addresses of the nodes.
        urls: String,
        /// The error that the node gave.
        reason: String,
    },
    /// The link cannot be encrypted although it has to be.
    #[error("cannot speak TLS with NATS at {urls}: {reason}; see --nats-ca and --nats-cert")]
    Tls {
        /// The addresses of the nodes.
        urls: String,
        /// The error of TLS, with its causes.
        reason: String,
    },
    /// The credentials cannot be read.
    #[error("cannot read the credentials for NATS in {file}: {reason}")]
    Credentials {
        /// The file of the credentials.
        file: String,
        /// The error of the system, or why the file holds no credentials.
        reason: String,
    },
    /// A node answers, but has no JetStream.
    #[error(
        "NATS at {urls} runs without JetStream: start each node with -js, or with jetstream {{}} in its file"
    )]
    NoJetStream {
        /// The addresses of the nodes.
        urls: String,
    },
}

/// The connection to NATS; the NATS crate makes it again when it is lost.
#[derive(Clone, Debug)]
pub struct Link {
    pub(crate) client: Client,
    pub(crate) jetstream: Context,
    stands: Arc<AtomicBool>,
    urls: String,
}

impl Link {
    /// Connects to one of the nodes. If none answers, tries again for some seconds.
    ///
    /// # Errors
    /// Fails when no node lets this server in; see [`ConnectError`].
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        let urls = settings.urls.iter().map(|url| without_password(url)).collect::<Vec<_>>().join(",");
        let until = Instant::now() + FIRST_LINK;
        loop {
            let stands = Arc::new(AtomicBool::new(true));
            let options = options(settings, &stands).await?;
            let reason = match timeout(FIRST_LINK, options.connect(&settings.urls)).await {
                Ok(Ok(client)) => return Self::over(client, stands, urls),
                Ok(Err(err)) => match err.kind() {
                    ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                        return Err(ConnectError::Denied { urls, reason: err.to_string() });
                    }
                    ConnectErrorKind::Tls => return Err(ConnectError::Tls { urls, reason: chain(&err) }),
                    _ if is_of_tls(&err) => return Err(ConnectError::Tls { urls, reason: chain(&err) }),
                    ConnectErrorKind::ServerParse => {
                        return Err(ConnectError::Unreachable { urls, reason: chain(&err) });
                    }
                    _ => chain(&err),
                },
                Err(_elapsed) => "no answer".to_owned(),
            };
            if Instant::now() + RETRY >= until {
                return Err(ConnectError::Unreachable { urls, reason });
            }
            sleep(RETRY).await;
        }
    }

    fn over(client: Client, stands: Arc<AtomicBool>, urls: String) -> Result<Self, ConnectError> {
        if !client.server_info().jetstream {
            return Err(ConnectError::NoJetStream { urls });
        }
        let jetstream = jetstream::context::ContextBuilder::new()
            .timeout(ANSWER_TIMEOUT)
            .max_ack_inflight(UNACKNOWLEDGED)
            .build(client.clone());
        Ok(Self { client, jetstream, stands, urls })
    }

    /// Whether a node is connected now. While none is, a published batch would wait in the memory of this process.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.stands.load(Ordering::Relaxed)
    }

    /// Returns the name of the node that is connected, or was connected last.
    #[must_use]
    pub fn node(&self) -> String {
        self.client.server_info().server_name
    }

    /// Returns the version of the node that is connected, or was connected last.
    #[must_use]
    pub fn node_version(&self) -> String {
        self.client.server_info().version
    }

    pub(crate) fn urls(&self) -> &str {
        &self.urls
    }
}

async fn options(settings: &Settings, stands: &Arc<AtomicBool>) -> Result<ConnectOptions, ConnectError> {
    let mut options = ConnectOptions::new();
    if let Some(file) = &settings.credentials {
        let unreadable = |err: std::io::Error| ConnectError::Credentials {
            file: file.display().to_string(),
            reason: err.to_string(),
        };
        options = options.credentials_file(file).await.map_err(unreadable)?;
    }
    if let Some(ca) = &settings.ca {
        options = options.add_root_certificates(ca.clone()).require_tls(true);
    }
    if let Some((certificate, key)) = &settings.client_certificate {
        options = options.add_client_certificate(certificate.clone(), key.clone()).require_tls(true);
    }
    let stands = Arc::clone(stands);
    let options = options
        .name(format!("hobnob-server {}", settings.lobby.as_str()))
        .ping_interval(PING_INTERVAL)
        .connection_timeout(CONNECT_TIMEOUT)
        .request_timeout(Some(ANSWER_TIMEOUT))
        .subscription_capacity(SUBSCRIPTION)
        .max_reconnects(None)
        .reconnect_delay_callback(|attempts| if attempts <= 1 { Duration::ZERO } else { RETRY })
        .event_callback(move |event| {
            note(&event, &stands);
            std::future::ready(())
        });
    Ok(options)
}

fn note(event: &Event, stands: &AtomicBool) {
    match event {
        Event::Connected => {
            if !stands.swap(true, Ordering::Relaxed) {
                tracing::info!("NATS is reached again");
            }
        }
        Event::Disconnected => {
            stands.store(false, Ordering::Relaxed);
            tracing::warn!("the link to NATS is lost; another node is tried");
        }
        Event::Closed => stands.store(false, Ordering::Relaxed),
        event => tracing::debug!(%event, "NATS"),
    }
}

/// Whether TLS is what failed. Another attempt does not help against certificates that do not fit. The NATS crate
/// reports most of these errors in the same way as a socket that broke.
fn is_of_tls(err: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(err);
    while let Some(err) = cause {
        let within = err.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if err.is::<rustls::Error>() || within.is_some_and(|err| err.is::<rustls::Error>()) {
            return true;
        }
        cause = err.source();
    }
    false
}

/// Returns a node's address without its user and password, so that it may be shown and logged.
fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}{}", &url[..scheme + 3], &url[at + 1..]),
        (None, Some(at)) => url[at + 1..].to_owned(),
        _ => url.to_owned(),
    }
}

/// Returns the text of an error and of its causes. A cause that the text already contains is left out.
pub(crate) fn chain(err: &(dyn Error + 'static)) -> String {
    let mut text = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        let said = err.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = err.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (given, shown) in [
            ("nats://one:4222", "nats://one:4222"),
            ("tls://anna:p@ss@one:4222", "tls://one:4222"),
            ("anna:word@one:4222", "one:4222"),
            ("one", "one"),
        ] {
            assert_eq!(without_password(given), shown);
        }
    }

    #[test]
    fn a_tls_error_is_recognised_inside_a_socket_error() {
        let tls = || rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
        assert!(is_of_tls(&tls()) && is_of_tls(&std::io::Error::other(tls())));
        assert!(!is_of_tls(&std::io::Error::other("broken pipe")));
    }
}
