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
        // A new vector is made, because one that is emptied keeps its memory.
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
mod tests;
