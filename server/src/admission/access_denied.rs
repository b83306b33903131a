//! Tells a client from a banned address that it is not let in, without a handshake: the server sends the alert that TLS
//! has for this, unencrypted, which every TLS client understands. This file owns the limits that keep this cheap; it
//! knows nothing of who is banned.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// A fatal alert, `access_denied` (RFC 8446, 6.2), as a record of TLS.
const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 49];

/// How many clients are waited for at once until they have read the alert, and for how long each. A further client is
/// closed at once, and may find that the connection was reset before it has read the alert.
const AT_ONCE: usize = 64;
const PATIENCE: Duration = Duration::from_millis(500);

/// How many bytes of such a client are read. If they were not read, closing the socket would reset the connection
/// before the client has read the alert.
const MAX_UNHEARD: u64 = 16 * 1024;

/// Sends the alert to clients from banned addresses. Clones share the limit of clients that are waited for.
#[derive(Debug, Clone)]
pub(crate) struct AccessDenied(Arc<Semaphore>);

impl Default for AccessDenied {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl AccessDenied {
    /// Sends the alert. Returns a future that waits until the client has read it, or `None` if the client is not waited
    /// for.
    pub(crate) fn tell(&self, mut stream: TcpStream) -> Option<impl Future<Output = ()> + use<>> {
        // A socket that was just opened has room for the few bytes.
        stream.try_write(&ALERT).ok()?;
        let place = Arc::clone(&self.0).try_acquire_owned().ok()?;
        Some(async move {
            let _place = place;
            let read = async {
                stream.shutdown().await?;
                tokio::io::copy(&mut stream.take(MAX_UNHEARD), &mut tokio::io::sink()).await
            };
            let _gone = timeout(PATIENCE, read).await;
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use hobnob_protocol::LOBBY_ALPN;
    use hobnob_protocol::identity::Identity;
    use hobnob_protocol::transport::{KeyPolicy, client_config, is_access_denied, server_name};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsConnector;

    use super::*;

    #[tokio::test]
    async fn a_tls_client_understands_the_alert_even_if_it_speaks_first() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let access_denied = AccessDenied::default();
        for _ in 0..50 {
            let client = tokio::spawn(async move {
                let (config, _) = client_config(&Identity::generate().unwrap(), KeyPolicy::Any, LOBBY_ALPN);
                let stream = TcpStream::connect(addr).await.unwrap();
                TlsConnector::from(config).connect(server_name(), stream).await.map(drop)
            });
            let (stream, _) = listener.accept().await.unwrap();
            stream.readable().await.unwrap();
            let rest = access_denied.tell(stream).expect("there is a place for it");
            tokio::spawn(rest);
            let err: io::Error = client.await.unwrap().unwrap_err();
            assert!(is_access_denied(&err), "{err}");
        }
    }

    #[tokio::test]
    async fn the_number_of_clients_that_are_waited_for_is_bounded() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let access_denied = AccessDenied::default();
        let (mut clients, mut waiting) = (Vec::new(), Vec::new());
        for number in 0..AT_ONCE + 10 {
            clients.push(TcpStream::connect(addr).await.unwrap());
            let (stream, _) = listener.accept().await.unwrap();
            let rest = access_denied.tell(stream);
            assert_eq!(rest.is_some(), number < AT_ONCE);
            waiting.extend(rest);
        }
        for rest in waiting {
            rest.await;
        }
        assert_eq!(access_denied.0.available_permits(), AT_ONCE);
    }
}
