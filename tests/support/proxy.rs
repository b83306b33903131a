//! A TCP relay between a client and its server. It can cut their link without harming either of them.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The relay; its listener lives as long as the test process.
pub(crate) struct Proxy {
    address: SocketAddr,
    links: Arc<Mutex<Links>>,
}

/// The sockets in use, and whether new connections are let through.
#[derive(Default)]
struct Links {
    cut: bool,
    sockets: Vec<TcpStream>,
}

impl Proxy {
    /// Starts a relay to `target`.
    #[must_use]
    pub(crate) fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { address: listener.local_addr().unwrap(), links: Arc::default() };
        let (links, target) = (Arc::clone(&proxy.links), target.to_owned());
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let mut links = links.lock().unwrap();
                if links.cut {
                    continue;
                }
                if let Ok(far) = TcpStream::connect(&target) {
                    relay(&near, &far);
                    relay(&far, &near);
                    links.sockets.extend([near, far]);
                }
            }
        });
        proxy
    }

    /// Returns the address `ADDR:PORT` at which the relay listens.
    #[must_use]
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Cuts every link through the relay, and each new one at once.
    pub(crate) fn cut(&self) {
        let mut links = self.links.lock().unwrap();
        links.cut = true;
        for socket in links.sockets.drain(..) {
            // The socket may be closed already.
            let _closed = socket.shutdown(Shutdown::Both);
        }
    }

    /// Lets links through again.
    pub(crate) fn mend(&self) {
        self.links.lock().unwrap().cut = false;
    }
}

fn relay(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    thread::spawn(move || {
        // However this direction ends, the other direction has to notice it.
        let _result = io::copy(&mut from, &mut to);
        let _closed = to.shutdown(Shutdown::Write);
    });
}
