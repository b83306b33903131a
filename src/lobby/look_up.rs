//! Looks up the host names of the lobby's servers. A server may tell names whose look-up never ends, and each look-up
//! holds a thread until it does, also when nobody waits for it any more. This file owns how many there may be at once.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// How many look-ups may be under way at once. Any further one waits for its turn.
const AT_ONCE: usize = 16;

/// The look-ups that are under way.
#[derive(Debug, Clone)]
pub(super) struct LookUps(Arc<Semaphore>);

impl Default for LookUps {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl LookUps {
    /// Returns the addresses for which `HOST:PORT` stands. An IP address is not looked up.
    ///
    /// # Errors
    /// Fails if there are none.
    pub(super) async fn addresses(&self, address: &str) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = address.parse() {
            return Ok(vec![address]);
        }
        let name = address.to_owned();
        self.run(async move { Ok(tokio::net::lookup_host(name).await?.collect()) }).await
    }

    /// Runs a look-up to its end, even if the caller stops waiting for it.
    async fn run<T: Send + 'static>(
        &self,
        look_up: impl Future<Output = io::Result<T>> + Send + 'static,
    ) -> io::Result<T> {
        let turn = Arc::clone(&self.0).acquire_owned().await.map_err(io::Error::other)?;
        let looked_up = tokio::spawn(async move {
            let found = look_up.await;
            drop(turn);
            found
        });
        looked_up.await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn look_ups_that_never_end_are_few_however_often_they_are_given_up() {
        let (look_ups, begun) = (LookUps::default(), Arc::new(AtomicUsize::new(0)));
        for _ in 0..10 * AT_ONCE {
            let begun = Arc::clone(&begun);
            let never = async move {
                begun.fetch_add(1, Ordering::Relaxed);
                std::future::pending::<io::Result<()>>().await
            };
            assert!(timeout(Duration::from_secs(3), look_ups.run(never)).await.is_err());
        }
        assert_eq!(begun.load(Ordering::Relaxed), AT_ONCE);
        let address = "127.0.0.1:5".parse().unwrap();
        assert_eq!(
            look_ups.addresses("127.0.0.1:5").await.unwrap(),
            [address],
            "an address is not looked up"
        );
    }
}
