//! A TCP proxy in front of a listener: it counts connections, cuts them, and can refuse to carry any.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(super) struct Proxy {
    pub(super) addr: SocketAddr,
    /// Connections taken so far.
    pub(super) taken: watch::Receiver<usize>,
    cuts: watch::Sender<usize>,
    blocked: Arc<AtomicBool>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub(super) async fn before(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (taken_tx, taken) = watch::channel(0);
        let (cuts, cut_rx) = watch::channel(0);
        let blocked = Arc::new(AtomicBool::new(false));
        let is_blocked = Arc::clone(&blocked);
        let accepting = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                taken_tx.send_modify(|taken| *taken += 1);
                if is_blocked.load(Ordering::SeqCst) {
                    continue;
                }
                let mut cut = cut_rx.clone();
                cut.mark_unchanged();
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(target).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { addr, taken, cuts, blocked, accepting }
    }

    /// Ends every connection; new ones are carried.
    pub(super) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Ends every connection, and each new one.
    pub(super) fn block(&self) {
        self.blocked.store(true, Ordering::SeqCst);
        self.cut();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
