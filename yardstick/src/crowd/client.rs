//! One client of the crowd: a socket, its encryption, and what it has said and heard. It reads no more of a line than
//! it has to: the server is measured, and the crowd has to keep up with it.

use std::io::{self, BufRead, Read, Write};
use std::sync::{Arc, LazyLock};

use bytes::BytesMut;
use hobnob_protocol::codec;
use hobnob_protocol::ids::RunId;
use hobnob_protocol::message::{ClientMessage, Hello, JoinRoom};
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use hobnob_protocol::text::Text;
use hobnob_protocol::{PROTOCOL_VERSION, transport};
use memchr::memmem::Finder;
use mio::net::TcpStream;
use rustls::{ClientConfig, ClientConnection};

use crate::limit::GREETING;
use crate::subject::Kind;
use crate::tally::Tally;
use crate::text::Stamp;

static TEXT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(br#""text":""#));
static JOINED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(br#""joined":"#));

/// How far a client has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Handshake,
    Hello,
    In,
    /// Its connection has ended, and it has no other one yet.
    Lost,
}

pub(super) struct Client {
    pub(super) socket: TcpStream,
    tls: ClientConnection,
    config: Arc<ClientConfig>,
    run: RunId,
    /// How often it has lost its connection.
    moves: u32,
    kind: Kind,
    index: u32,
    pub(super) stage: Stage,
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    /// For each author, the number of the text that comes next.
    expected: Vec<u32>,
    /// How many texts it has said.
    pub(super) said: u32,
    /// How many other clients it was told have joined.
    pub(super) presence: u64,
    /// Whether it reads nothing from now on.
    pub(super) deaf: bool,
    /// The room in which it speaks; `None` for the lobby.
    room: Option<RoomName>,
    /// Whether the server has told it that it is in its room.
    pub(super) is_in_room: bool,
    /// The last line that was no text, for the report when something goes wrong.
    pub(super) last: Vec<u8>,
}

/// What all clients of a crowd share while one of them reads.
pub(super) struct Ear<'a> {
    pub(super) scratch: &'a mut [u8],
    pub(super) tally: &'a mut Tally,
    /// Nanoseconds since the beginning of the run.
    pub(super) now: u64,
}

impl Client {
    pub(super) fn new(
        socket: TcpStream,
        config: Arc<ClientConfig>,
        kind: Kind,
        index: u32,
    ) -> anyhow::Result<Self> {
        let tls = encryption(&config)?;
        Ok(Self {
            socket,
            tls,
            config,
            run: RunId::random(),
            moves: 0,
            kind,
            index,
            stage: Stage::Handshake,
            partial: Vec::new(),
            expected: Vec::new(),
            said: 0,
            presence: 0,
            deaf: false,
            room: None,
            is_in_room: false,
            last: Vec::new(),
        })
    }

    /// Goes on over another connection, as the same run.
    pub(super) fn come_back(&mut self, socket: TcpStream) -> anyhow::Result<()> {
        self.tls = encryption(&self.config)?;
        self.socket = socket;
        self.stage = Stage::Handshake;
        self.partial.clear();
        self.moves += 1;
        Ok(())
    }

    /// Whether it is in the lobby again after it had lost its connection.
    pub(super) fn is_back(&self) -> bool {
        self.moves > 0 && self.stage == Stage::In
    }

    /// How many of its own texts have come back to it.
    pub(super) fn acknowledged(&self) -> u32 {
        self.expected.get(self.index as usize).copied().unwrap_or_default()
    }

    /// Joins a room, in which it speaks from now on.
    pub(super) fn enter(&mut self, room: RoomName) -> io::Result<()> {
        self.room = Some(room.clone());
        let join = JoinRoom { request: 1, room, cursor: None, since: None, backlog: 0 };
        self.tls.writer().write_all(&codec::encode(&ClientMessage::Join(join)))?;
        self.flush()
    }

    /// Says `count` texts in one write.
    pub(super) fn say(&mut self, count: u32, now: u64) -> io::Result<()> {
        let mut lines = BytesMut::new();
        for _ in 0..count {
            let text = Stamp { sender: self.index, number: self.said, at: now }.text();
            self.said += 1;
            match self.kind {
                Kind::Limit | Kind::Storing => {
                    lines.extend_from_slice(text.as_bytes());
                    lines.extend_from_slice(b"\n");
                }
                Kind::Hobnob => {
                    let text = Text::new(text).expect("it is short enough");
                    let (id, room) = (u64::from(self.said), self.room.clone());
                    codec::encode_into(&ClientMessage::Say { id, room, text }, &mut lines);
                }
            }
        }
        self.tls.writer().write_all(&lines)?;
        self.flush()
    }

    /// Writes what waits, as far as the socket takes it.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                // A socket that is not connected yet counts as not writable yet.
                Err(err) if matches!(err.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => {
                    break;
                }
                Err(err) => return Err(err),
            }
        }
        Ok(())
    }

    /// Reads everything that there is.
    pub(super) fn read(&mut self, ear: &mut Ear<'_>) -> io::Result<()> {
        loop {
            let count = match self.socket.read(ear.scratch) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(err) => return Err(err),
            };
            let mut start = 0;
            while start < count {
                let mut rest = &ear.scratch[start..count];
                let before = rest.len();
                self.tls.read_tls(&mut rest)?;
                start += before - rest.len();
                self.tls.process_new_packets().map_err(io::Error::other)?;
                self.hear(ear)?;
            }
            self.arrive()?;
            self.flush()?;
            // Less was read than there was room for, so the socket is empty; epoll reports when it no longer is.
            if count < ear.scratch.len() {
                return Ok(());
            }
        }
    }

    /// Sends the hello when the handshake is done.
    fn arrive(&mut self) -> io::Result<()> {
        if self.stage != Stage::Handshake || self.tls.is_handshaking() {
            return Ok(());
        }
        self.stage = Stage::Hello;
        if self.kind != Kind::Hobnob {
            return Ok(());
        }
        let name = format!("u{}", self.index).parse::<UserName>().expect("it is a name");
        let hello = ClientMessage::Hello(Hello {
            protocol: PROTOCOL_VERSION,
            agent: "yardstick".to_owned(),
            name,
            run: self.run,
            candidates: Vec::new(),
            port: None,
            cursor: None,
            since: None,
            backlog: 0,
            rooms: Vec::new(),
        });
        self.tls.writer().write_all(&codec::encode(&hello))
    }

    /// Takes the lines out of what was decrypted.
    fn hear(&mut self, ear: &mut Ear<'_>) -> io::Result<()> {
        let mut partial = std::mem::take(&mut self.partial);
        let mut lines = Lines { kind: self.kind, ping: false };
        loop {
            let mut reader = self.tls.reader();
            let chunk = match reader.fill_buf() {
                Ok([]) => break,
                Ok(chunk) => chunk,
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => break,
                Err(err) => return Err(err),
            };
            let (len, mut from) = (chunk.len(), 0);
            let heard = Heard {
                stage: &mut self.stage,
                expected: &mut self.expected,
                presence: &mut self.presence,
                is_in_room: &mut self.is_in_room,
                last: &mut self.last,
            };
            let mut heard = heard;
            for end in memchr::memchr_iter(b'\n', chunk) {
                let line = &chunk[from..=end];
                from = end + 1;
                if partial.is_empty() {
                    lines.take(line, &mut heard, ear);
                } else {
                    partial.extend_from_slice(line);
                    lines.take(&partial, &mut heard, ear);
                    partial.clear();
                }
            }
            partial.extend_from_slice(&chunk[from..]);
            reader.consume(len);
        }
        self.partial = partial;
        if lines.ping {
            self.tls.writer().write_all(&codec::encode(&ClientMessage::Pong))?;
        }
        Ok(())
    }
}

fn encryption(config: &Arc<ClientConfig>) -> anyhow::Result<ClientConnection> {
    let mut tls = ClientConnection::new(Arc::clone(config), transport::server_name())?;
    tls.set_buffer_limit(None);
    Ok(tls)
}

/// What lines change in a client.
struct Heard<'a> {
    stage: &'a mut Stage,
    expected: &'a mut Vec<u32>,
    presence: &'a mut u64,
    is_in_room: &'a mut bool,
    last: &'a mut Vec<u8>,
}

struct Lines {
    kind: Kind,
    /// Whether the server has asked for a sign of life.
    ping: bool,
}

impl Lines {
    fn take(&mut self, line: &[u8], heard: &mut Heard<'_>, ear: &mut Ear<'_>) {
        match self.kind {
            Kind::Limit | Kind::Storing if line == GREETING => self.other(line, heard),
            Kind::Limit | Kind::Storing => Self::text(line, heard, ear),
            Kind::Hobnob if line.starts_with(br#"{"type":"said""#) => {
                for at in TEXT.find_iter(line) {
                    Self::text(&line[at + TEXT.needle().len()..], heard, ear);
                }
            }
            Kind::Hobnob => self.other(line, heard),
        }
    }

    fn text(text: &[u8], heard: &mut Heard<'_>, ear: &mut Ear<'_>) {
        let Some(Stamp { sender, number, at }) = Stamp::read(text) else { return };
        if heard.expected.len() <= sender as usize {
            heard.expected.resize(sender as usize + 1, 0);
        }
        ear.tally.heard(&mut heard.expected[sender as usize], number, ear.now.saturating_sub(at));
    }

    fn other(&mut self, line: &[u8], heard: &mut Heard<'_>) {
        if line == GREETING || line.starts_with(br#"{"type":"welcome""#) {
            *heard.stage = Stage::In;
        } else if line.starts_with(br#"{"type":"presence""#) {
            *heard.presence += JOINED.find_iter(line).count() as u64;
        } else if line.starts_with(br#"{"type":"joined""#) {
            *heard.is_in_room = true;
        } else if line.starts_with(br#"{"type":"ping""#) {
            self.ping = true;
        } else {
            *heard.last = line.to_vec();
        }
    }
}
