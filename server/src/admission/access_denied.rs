//! What whoever comes from a banned address is told without a handshake: the one word TLS has for it, in the clear, which a
//! client knows from every other end. Owns how little that costs; knows nothing of who is banned.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// A fatal alert, `access_denied` (RFC 8446, 6.2), as a record of TLS.
const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 49];

/// Connections that are waited for until they have read it, at once, and for how long. A further one is closed at once, and
/// may find that the connection was reset.
const AT_ONCE: usize = 64;
const PATIENCE: Duration = Duration::from_millis(500);

/// Bytes of such a client that are read: otherwise what it sent would reset the connection before it has read the word.
const MAX_UNHEARD: u64 = 16 * 1024;

/// Turns connections away.
#[derive(Debug, Clone)]
pub(crate) struct AccessDenied(Arc<Semaphore>);

impl Default for AccessDenied {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl AccessDenied {
    /// Says the word. What is left to do afterwards, if anything, is given back.
    pub(crate) fn tell(&self, mut stream: TcpStream) -> Option<impl Future<Output = ()> + use<>> {
        // A socket that was just opened has room.
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
