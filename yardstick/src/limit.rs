//! The limit: the least that a machine has to do to deliver every line to everybody, encrypted. One thread, one epoll,
//! and one TLS 1.3 connection with a checked key for each client; no protocol, no names, no store. What arrived since
//! the last turn is sent as one write to each client. When it has to store, that is one more write and a sync for each
//! turn, and nothing else changes.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use hobnob_protocol::LOBBY_ALPN;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::transport::{self, KeyPolicy};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use rustls::{ServerConfig, ServerConnection};
use socket2::{Domain, Socket, Type};

const LISTENER: Token = Token(usize::MAX);

/// The line that a client gets when its handshake is done.
pub(crate) const GREETING: &[u8] = b"in\n";

/// Serves until the process is killed. If there is a `store`, every text is written to it before anybody hears it.
pub(crate) fn run(store: Option<&Path>) -> anyhow::Result<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let identity = Identity::generate()?;
    let config = transport::server_config(&identity, KeyPolicy::Any, LOBBY_ALPN);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(4096)?;
    let mut listener = TcpListener::from_std(socket.into());
    writeln!(io::stdout(), "limit listening on {}", listener.local_addr()?)?;
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let store = store.map(File::create).transpose()?;
    let (clients, arrived, scratch) = (Vec::new(), Vec::new(), vec![0; 64 * 1024]);
    Limit { poll, listener, config, clients, arrived, scratch, store }.serve()
}

struct Limit {
    poll: Poll,
    listener: TcpListener,
    config: Arc<ServerConfig>,
    clients: Vec<Option<Client>>,
    /// Whole lines that came since the last turn.
    arrived: Vec<u8>,
    scratch: Vec<u8>,
    store: Option<File>,
}

struct Client {
    socket: TcpStream,
    tls: ServerConnection,
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    greeted: bool,
}

impl Limit {
    fn serve(mut self) -> anyhow::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            self.poll.poll(&mut events, None)?;
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    Token(index) => self.turn(index, event.is_readable()),
                }
            }
            self.store()?;
            self.fan_out();
        }
    }

    fn store(&mut self) -> io::Result<()> {
        let Some(file) = self.store.as_mut().filter(|_| !self.arrived.is_empty()) else { return Ok(()) };
        file.write_all(&self.arrived)?;
        file.sync_data()
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let mut socket = match self.listener.accept() {
                Ok((socket, _from)) => socket,
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(err) => return Err(err),
            };
            socket.set_nodelay(true)?;
            let token = Token(self.clients.len());
            self.poll.registry().register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
            let mut tls = ServerConnection::new(Arc::clone(&self.config)).map_err(io::Error::other)?;
            tls.set_buffer_limit(None);
            self.clients.push(Some(Client { socket, tls, partial: Vec::new(), greeted: false }));
        }
    }

    fn turn(&mut self, index: usize, readable: bool) {
        let Some(client) = &mut self.clients[index] else { return };
        let done = if readable { client.read(&mut self.scratch, &mut self.arrived) } else { Ok(true) };
        if !matches!(done.and_then(|open| client.flush().map(|()| open)), Ok(true)) {
            self.clients[index] = None;
        }
    }

    fn fan_out(&mut self) {
        if self.arrived.is_empty() {
            return;
        }
        for slot in &mut self.clients {
            let Some(client) = slot.as_mut().filter(|client| client.greeted) else { continue };
            if client.tls.writer().write_all(&self.arrived).and_then(|()| client.flush()).is_err() {
                *slot = None;
            }
        }
        self.arrived.clear();
    }
}

impl Client {
    /// Reads everything that there is, and moves whole lines to `arrived`; false at the end of the stream.
    fn read(&mut self, scratch: &mut [u8], arrived: &mut Vec<u8>) -> io::Result<bool> {
        loop {
            let count = match self.socket.read(scratch) {
                Ok(0) => return Ok(false),
                Ok(count) => count,
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(err) => return Err(err),
            };
            let mut rest = &scratch[..count];
            while !rest.is_empty() {
                self.tls.read_tls(&mut rest)?;
                let state = self.tls.process_new_packets().map_err(io::Error::other)?;
                let plain = state.plaintext_bytes_to_read();
                if plain > 0 {
                    let start = self.partial.len();
                    self.partial.resize(start + plain, 0);
                    self.tls.reader().read_exact(&mut self.partial[start..])?;
                }
            }
            if let Some(end) = memchr::memrchr(b'\n', &self.partial) {
                arrived.extend(self.partial.drain(..=end));
            }
            if !self.greeted && !self.tls.is_handshaking() {
                self.greeted = true;
                self.tls.writer().write_all(GREETING)?;
            }
            // Less was read than there was room for, so the socket is empty; epoll reports when it no longer is.
            if count < scratch.len() {
                if self.partial.is_empty() {
                    self.partial = Vec::new();
                }
                return Ok(true);
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => break,
                Err(err) => return Err(err),
            }
        }
        Ok(())
    }
}
