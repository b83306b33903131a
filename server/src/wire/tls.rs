//! The encryption of one connection, without its socket: encrypted bytes come in and their contents go out, and the
//! other way round. This file owns the keys, and for both directions the bytes that are incomplete or not written yet.
//! It holds no buffer while no bytes are on their way, which is nearly all of a connection's life; a permanent buffer
//! would be a third of what an idle client costs.

use std::io;
use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, InsufficientSizeError, UnbufferedStatus,
    WriteTraffic,
};
use rustls::{CommonState, ServerConfig};

/// How many bytes may wait for the rest of a record or of a handshake message: the longest handshake message with its
/// records.
const MOST_INCOMING: usize = 96 * 1024;

/// How much one record holds at most, and how many bytes it needs besides.
const RECORD_BYTES: usize = 16 * 1024;
const RECORD_OVERHEAD: usize = 22;

/// What is to be encrypted.
#[derive(Clone, Copy)]
enum Sending<'a> {
    Nothing,
    Words(&'a [u8]),
    /// Tells the other side that nothing follows.
    Goodbye,
}

/// The encryption of one connection.
pub(super) struct Tls {
    connection: UnbufferedServerConnection,
    /// What came and is no whole record yet.
    incoming: Vec<u8>,
    /// Encrypted bytes on their way out.
    outgoing: Vec<u8>,
    /// How many bytes of `outgoing` are written.
    written: usize,
    peer_closed: bool,
}

impl Tls {
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        let connection = UnbufferedServerConnection::new(config)?;
        Ok(Self { connection, incoming: Vec::new(), outgoing: Vec::new(), written: 0, peer_closed: false })
    }

    /// Returns what was agreed on with the other side.
    pub(super) fn state(&self) -> &CommonState {
        &self.connection
    }

    /// Whether the other side said that it sends nothing more.
    pub(super) fn peer_has_closed(&self) -> bool {
        self.peer_closed
    }

    /// Encrypts `lines` in as few records as they fit in.
    pub(super) fn seal(&mut self, lines: &[Bytes]) -> io::Result<()> {
        match lines {
            [line] => self.send(Sending::Words(line)),
            lines => self.send(Sending::Words(&lines.concat())),
        }
    }

    /// Encrypts the notice that nothing follows. Does nothing before the handshake is done, because the other side
    /// could not be told.
    pub(super) fn say_goodbye(&mut self) -> io::Result<()> {
        self.send(Sending::Goodbye)
    }

    /// Returns the encrypted bytes that still have to be written.
    pub(super) fn unwritten(&self) -> &[u8] {
        &self.outgoing[self.written..]
    }

    /// Notes that this many of the encrypted bytes were written.
    pub(super) fn wrote(&mut self, count: usize) {
        self.written += count;
        if self.written >= self.outgoing.len() {
            self.outgoing = Vec::new();
            self.written = 0;
        }
    }

    /// Decrypts what came and hands its contents to `take`. Afterwards bytes for the other side may have to be written,
    /// as in a handshake; also after an error.
    ///
    /// # Errors
    /// Fails when the other side may not send what it sent.
    pub(super) fn open(&mut self, came: &mut [u8], take: impl FnMut(&[u8])) -> io::Result<()> {
        if self.incoming.is_empty() {
            let opened = self.advance(came, Sending::Nothing, take)?;
            self.keep(&came[opened..]);
            return Ok(());
        }
        let mut incoming = mem::take(&mut self.incoming);
        incoming.extend_from_slice(came);
        let opened = self.advance(&mut incoming, Sending::Nothing, take)?;
        if incoming.len() - opened > MOST_INCOMING {
            return Err(invalid("a record does not end"));
        }
        self.keep(&incoming[opened..]);
        Ok(())
    }

    fn keep(&mut self, rest: &[u8]) {
        // An empty vector holds no memory.
        self.incoming = if self.peer_closed { Vec::new() } else { rest.to_vec() };
    }

    fn send(&mut self, sending: Sending<'_>) -> io::Result<()> {
        let mut incoming = mem::take(&mut self.incoming);
        // Every whole record was decrypted when it came, so no contents come out here.
        let opened = self.advance(&mut incoming, sending, |_| ())?;
        incoming.drain(..opened);
        self.incoming = incoming;
        Ok(())
    }

    /// Processes records until more bytes have to come. Returns how many bytes of `incoming` are done with.
    fn advance(
        &mut self,
        incoming: &mut [u8],
        sending: Sending<'_>,
        mut take: impl FnMut(&[u8]),
    ) -> io::Result<usize> {
        let mut opened = 0;
        loop {
            let UnbufferedStatus { discard, state } =
                self.connection.process_tls_records(&mut incoming[opened..]);
            let mut is_done = false;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(invalid)?;
                        opened += record.discard;
                        take(record.payload);
                    }
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, &mut self.outgoing)?,
                // What is to be transmitted stands in `outgoing` already, which is written in order.
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.peer_closed = true,
                Ok(ConnectionState::WriteTraffic(traffic)) => {
                    write(traffic, sending, &mut self.outgoing)?;
                    is_done = true;
                }
                Ok(ConnectionState::BlockedHandshake | ConnectionState::Closed) => is_done = true,
                Ok(_) => return Err(invalid("data came before the handshake was done")),
                Err(err) => {
                    opened += discard;
                    self.explain(&mut incoming[opened..]);
                    return Err(invalid(err));
                }
            }
            opened += discard;
            if is_done {
                return Ok(opened);
            }
        }
    }

    /// Prepares the alert that tells the other side what was wrong.
    fn explain(&mut self, incoming: &mut [u8]) {
        while self.connection.wants_write() {
            let state = self.connection.process_tls_records(incoming).state;
            let Ok(ConnectionState::EncodeTlsData(alert)) = state else { break };
            if encode(alert, &mut self.outgoing).is_err() {
                break;
            }
        }
    }
}

/// Appends what a handshake sends.
fn encode(mut data: EncodeTlsData<'_, ServerConnectionData>, outgoing: &mut Vec<u8>) -> io::Result<()> {
    append(outgoing, 0, |room| {
        data.encode(room).map_err(|err| match err {
            EncodeError::InsufficientSize(InsufficientSizeError { required_size }) => Some(required_size),
            EncodeError::AlreadyEncoded => None,
        })
    })
}

/// Encrypts what is to be sent and appends it.
fn write(
    mut traffic: WriteTraffic<'_, ServerConnectionData>,
    sending: Sending<'_>,
    outgoing: &mut Vec<u8>,
) -> io::Result<()> {
    let expected = match sending {
        Sending::Nothing => return Ok(()),
        Sending::Words(words) => words.len() + (words.len() / RECORD_BYTES + 1) * RECORD_OVERHEAD,
        Sending::Goodbye => 2 + RECORD_OVERHEAD,
    };
    append(outgoing, expected, |room| {
        let sealed = match sending {
            Sending::Nothing => Ok(0),
            Sending::Words(words) => traffic.encrypt(words, room),
            Sending::Goodbye => traffic.queue_close_notify(room),
        };
        sealed.map_err(|err| match err {
            EncryptError::InsufficientSize(InsufficientSizeError { required_size }) => Some(required_size),
            EncryptError::EncryptExhausted => None,
        })
    })
}

/// Appends what `fill` writes. `fill` is given room for `expected` bytes. It answers how many bytes it wrote, or how
/// much room it needs instead, or that it cannot write anything.
fn append(
    outgoing: &mut Vec<u8>,
    expected: usize,
    mut fill: impl FnMut(&mut [u8]) -> Result<usize, Option<usize>>,
) -> io::Result<()> {
    let (begin, mut room) = (outgoing.len(), expected);
    loop {
        outgoing.resize(begin + room, 0);
        match fill(&mut outgoing[begin..]) {
            Ok(count) => {
                outgoing.truncate(begin + count);
                return Ok(());
            }
            Err(Some(required)) if required > room => room = required,
            Err(_) => {
                outgoing.truncate(begin);
                return Err(io::Error::other("nothing more can be sealed"));
            }
        }
    }
}

fn invalid(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use hobnob_protocol::LOBBY_ALPN;
    use hobnob_protocol::identity::Identity;
    use hobnob_protocol::transport::{
        KeyPolicy, authenticated_peer, client_config, server_config, server_name,
    };
    use rustls::ClientConnection;

    use super::*;

    /// Both sides of a connection, what the server received, and how many bytes cross at once.
    struct Pair {
        server: Tls,
        client: ClientConnection,
        heard: Vec<u8>,
        at_once: usize,
    }

    impl Pair {
        fn new(at_once: usize) -> Self {
            let server = server_config(&Identity::generate().unwrap(), KeyPolicy::Any, LOBBY_ALPN);
            let (client, _) = client_config(&Identity::generate().unwrap(), KeyPolicy::Any, LOBBY_ALPN);
            let mut client = ClientConnection::new(client, server_name()).unwrap();
            client.set_buffer_limit(None);
            Self { server: Tls::new(server).unwrap(), client, heard: Vec::new(), at_once }
        }

        /// Both sides after the handshake.
        fn open(at_once: usize) -> Self {
            let mut pair = Self::new(at_once);
            while pair.client.is_handshaking() || pair.server.state().is_handshaking() {
                pair.cross();
            }
            pair
        }

        /// Brings to both sides what is on its way. Returns what the client received.
        fn cross(&mut self) -> Vec<u8> {
            let mut sealed = Vec::new();
            while self.client.wants_write() {
                self.client.write_tls(&mut sealed).unwrap();
            }
            for came in sealed.chunks_mut(self.at_once) {
                self.server.open(came, |words| self.heard.extend_from_slice(words)).unwrap();
            }
            let mut heard = Vec::new();
            while !self.server.unwritten().is_empty() {
                let count = self.server.unwritten().len().min(self.at_once);
                let mut came = &self.server.unwritten()[..count];
                self.client.read_tls(&mut came).unwrap();
                let read = count - came.len();
                self.client.process_new_packets().unwrap();
                self.server.wrote(read);
                // `Read` reports the end of what there is so far as an error.
                let _so_far = self.client.reader().read_to_end(&mut heard);
            }
            heard
        }

        fn holds_bytes(&self) -> bool {
            self.server.incoming.capacity() + self.server.outgoing.capacity() > 0
        }
    }

    fn words(count: usize) -> Bytes {
        (0..count).map(|at| at as u8).collect()
    }

    #[test]
    fn bytes_cross_both_ways_in_pieces_of_any_size_and_no_buffer_is_held_afterwards() {
        for at_once in [1, 7, 1000, 100_000] {
            let mut pair = Pair::open(at_once);
            assert!(authenticated_peer(pair.server.state(), LOBBY_ALPN).is_ok());
            pair.client.writer().write_all(&words(40_000)).unwrap();
            pair.server.seal(&[words(3)]).unwrap();
            pair.server.seal(&[words(20_000), words(0), words(30_000)]).unwrap();
            let heard = pair.cross();
            assert_eq!(heard, [words(3), words(20_000), words(30_000)].concat(), "{at_once}");
            assert_eq!(pair.heard, words(40_000), "{at_once}");
            assert!(!pair.holds_bytes(), "{at_once}");
        }
    }

    #[test]
    fn bytes_are_encrypted_although_a_record_has_come_only_in_part() {
        let mut pair = Pair::open(1000);
        pair.client.writer().write_all(&words(100)).unwrap();
        let mut sealed = Vec::new();
        pair.client.write_tls(&mut sealed).unwrap();
        let (first, second) = sealed.split_at_mut(50);
        pair.server.open(first, |_| panic!("nothing is whole yet")).unwrap();
        pair.server.seal(&[words(5)]).unwrap();
        assert_eq!(pair.cross(), words(5));
        let mut heard = Vec::new();
        pair.server.open(second, |words| heard.extend_from_slice(words)).unwrap();
        assert_eq!(heard, words(100));
        assert!(!pair.holds_bytes());
    }

    #[test]
    fn the_server_follows_when_the_client_changes_its_traffic_keys() {
        let mut pair = Pair::open(1000);
        pair.client.refresh_traffic_keys().unwrap();
        pair.client.writer().write_all(&words(10)).unwrap();
        pair.cross();
        pair.server.seal(&[words(20)]).unwrap();
        assert_eq!(pair.cross(), words(20));
        assert_eq!(pair.heard, words(10));
    }

    #[test]
    fn each_side_tells_the_other_that_nothing_follows() {
        let mut pair = Pair::open(1000);
        pair.server.seal(&[words(4)]).unwrap();
        pair.server.say_goodbye().unwrap();
        assert_eq!(pair.cross(), words(4));
        assert!(pair.client.process_new_packets().unwrap().peer_has_closed());
        assert!(!pair.server.peer_has_closed());
        pair.client.writer().write_all(&words(6)).unwrap();
        pair.client.send_close_notify();
        pair.cross();
        assert!(pair.server.peer_has_closed());
        assert_eq!(pair.heard, words(6), "what came before the goodbye is heard");
    }

    #[test]
    fn no_goodbye_is_sent_before_the_handshake_is_done() {
        let mut pair = Pair::new(1000);
        pair.server.say_goodbye().unwrap();
        assert_eq!(pair.server.unwritten(), b"");
    }

    #[test]
    fn bytes_that_are_no_record_and_a_changed_record_are_refused_with_an_answer() {
        const ALERT: u8 = 21;
        let mut pair = Pair::new(1000);
        let err =
            pair.server.open(&mut b"GET / HTTP/1.1\r\n\r\n".to_vec(), |_| panic!("no words")).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::InvalidData);
        assert_eq!(pair.server.unwritten()[0], ALERT);
        // A record of an open connection in which one bit is wrong.
        let mut pair = Pair::open(1000);
        pair.client.writer().write_all(&words(100)).unwrap();
        let mut sealed = Vec::new();
        pair.client.write_tls(&mut sealed).unwrap();
        sealed[60] ^= 1;
        assert!(pair.server.open(&mut sealed, |_| panic!("no words")).is_err());
        assert!(!pair.server.unwritten().is_empty());
    }

    #[test]
    fn a_handshake_that_does_not_end_is_given_up() {
        // A hello of 60,000 bytes, each byte in a record of its own.
        let hello = [1, 0, 0xea, 0x60].into_iter().chain(std::iter::repeat_n(0, 60_000));
        let mut pair = Pair::new(1000);
        let mut most = 0;
        let given_up = hello.into_iter().find_map(|byte| {
            let opened = pair.server.open(&mut [22, 3, 1, 0, 1, byte], |_| panic!("no words"));
            most = most.max(pair.server.incoming.len());
            opened.err()
        });
        assert!(given_up.is_some());
        assert!(most <= MOST_INCOMING);
    }
}
