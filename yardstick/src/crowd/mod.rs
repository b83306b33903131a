//! The crowd: thousands of clients on one thread and one epoll, which join, speak, and count every line that they hear.
//! The crowd tells the kind of the server only by the form of its lines.

mod client;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use hobnob_protocol::LOBBY_ALPN;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::room::RoomName;
use hobnob_protocol::transport::{self, KeyPolicy};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rustls::ClientConfig;

use self::client::{Client, Ear, Stage};
use crate::subject::{Kind, Subject};
use crate::tally::Tally;

/// How many handshakes may be under way at once.
const AT_ONCE: usize = 64;

/// How long a client whose connection has ended waits before it connects to another server: as long as hobnob's own
/// client waits at most.
const REDIAL: Duration = Duration::from_millis(250);

/// If nothing is heard for this long although something has to come, what is missing counts as lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// The keys of the users. They are made once and used in every round; each client has its own key.
#[derive(Default)]
pub(crate) struct Keys {
    configs: Vec<Arc<ClientConfig>>,
}

impl Keys {
    /// Makes sure that there are at least `count` keys, and returns that many.
    pub(crate) fn make(&mut self, count: usize) -> anyhow::Result<&[Arc<ClientConfig>]> {
        while self.configs.len() < count {
            let identity = Identity::generate()?;
            self.configs.push(transport::client_config(&identity, KeyPolicy::Any, LOBBY_ALPN).0);
        }
        Ok(&self.configs[..count])
    }
}

/// What becomes of a client whose connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// The measurement fails, because no connection should end.
    Fatal,
    /// The client goes on at another server.
    Roams,
}

/// All clients of a run.
pub(crate) struct Crowd {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    kind: Kind,
    /// The servers' addresses; clients are spread over them in turn.
    addrs: Vec<SocketAddr>,
    /// What becomes of a client whose connection ends.
    loss: Loss,
    /// The clients whose connection has ended, and when each of them tries again, the soonest first.
    away: VecDeque<(Instant, usize)>,
    scratch: Vec<u8>,
    epoch: Instant,
    /// The count of everything that the clients heard.
    pub(crate) tally: Tally,
    /// How many clients were in the lobby when they were last counted.
    joined: usize,
    /// How many clients speak, and how many texts each of them keeps under way.
    window: Option<(usize, u32)>,
}

impl Crowd {
    /// An empty crowd for this server.
    pub(crate) fn new(subject: &Subject) -> anyhow::Result<Self> {
        Self::over(subject.kind, vec![subject.addr])
    }

    /// An empty crowd whose clients will be spread over these servers.
    pub(crate) fn over(kind: Kind, addrs: Vec<SocketAddr>) -> anyhow::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            clients: Vec::new(),
            kind,
            addrs,
            loss: Loss::Fatal,
            away: VecDeque::new(),
            scratch: vec![0; 64 * 1024],
            epoch: Instant::now(),
            tally: Tally::default(),
            joined: 0,
            window: None,
        })
    }

    /// Makes one client join for each of `keys`, and waits until all of them are in the lobby.
    pub(crate) fn join(&mut self, keys: &[Arc<ClientConfig>]) -> anyhow::Result<()> {
        let mut heard = Instant::now();
        let wanted = self.clients.len() + keys.len();
        let mut keys = keys.iter();
        while self.joined < wanted {
            while self.clients.len() - self.joined < AT_ONCE
                && let Some(key) = keys.next()
            {
                self.connect(Arc::clone(key))?;
            }
            let before = self.joined;
            self.turn(Duration::from_millis(100))?;
            if self.joined > before {
                heard = Instant::now();
            }
            if heard.elapsed() > PATIENCE {
                let waiting = self.clients.iter().find(|client| client.stage != Stage::In);
                let last = waiting.map(|client| String::from_utf8_lossy(&client.last).into_owned());
                bail!("{} of {wanted} joined; the last word: {last:?}", self.joined);
            }
        }
        Ok(())
    }

    /// Makes every client join the room that `room_of` gives for its index, and waits until all of them are in.
    pub(crate) fn enter(&mut self, room_of: impl Fn(usize) -> RoomName) -> anyhow::Result<()> {
        let count = self.clients.len() as u64;
        for start in (0..self.clients.len()).step_by(AT_ONCE) {
            let end = (start + AT_ONCE).min(self.clients.len());
            for index in start..end {
                self.clients[index].enter(room_of(index))?;
            }
            self.wait(Self::in_rooms, end as u64)?;
        }
        anyhow::ensure!(self.in_rooms() == count, "{} of {count} are in their rooms", self.in_rooms());
        Ok(())
    }

    fn in_rooms(&self) -> u64 {
        self.clients.iter().filter(|client| client.is_in_room).count() as u64
    }

    fn connect(&mut self, config: Arc<ClientConfig>) -> anyhow::Result<()> {
        let index = self.clients.len();
        let socket = self.socket(index)?;
        self.clients.push(Client::new(socket, config, self.kind, index as u32)?);
        Ok(())
    }

    fn socket(&self, index: usize) -> io::Result<TcpStream> {
        let mut socket = TcpStream::connect(self.addrs[index % self.addrs.len()])?;
        socket.set_nodelay(true)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, Token(index), interest)?;
        Ok(socket)
    }

    /// From now on clients connect to these servers, and a client whose connection ends comes back there.
    pub(crate) fn roam(&mut self, addrs: Vec<SocketAddr>) {
        self.addrs = addrs;
        self.loss = Loss::Roams;
    }

    /// Waits until every client has lost its connection and is in the lobby again.
    pub(crate) fn all_back(&mut self) -> anyhow::Result<()> {
        let wanted = self.clients.len();
        let back = |crowd: &Self| crowd.clients.iter().filter(|client| client.is_back()).count();
        self.wait(|crowd| back(crowd) as u64, wanted as u64)?;
        anyhow::ensure!(back(self) == wanted, "{} of {wanted} are back", back(self));
        Ok(())
    }

    fn come_back(&mut self) -> anyhow::Result<()> {
        while let Some(&(when, index)) = self.away.front()
            && when <= Instant::now()
        {
            self.away.pop_front();
            match self.socket(index) {
                Ok(socket) => self.clients[index].come_back(socket)?,
                Err(_) => self.away.push_back((Instant::now() + REDIAL, index)),
            }
        }
        Ok(())
    }

    /// Waits up to `patience` for something to happen, and deals with it.
    pub(crate) fn turn(&mut self, patience: Duration) -> anyhow::Result<()> {
        self.come_back()?;
        let next = self.away.front().map(|(when, _)| when.saturating_duration_since(Instant::now()));
        self.poll.poll(&mut self.events, Some(next.map_or(patience, |next| next.min(patience))))?;
        for event in &self.events {
            let Token(index) = event.token();
            let client = &mut self.clients[index];
            if client.deaf || client.stage == Stage::Lost {
                continue;
            }
            let was_in = client.stage == Stage::In;
            let now = self.epoch.elapsed().as_nanos() as u64;
            let mut ear = Ear { scratch: &mut self.scratch, tally: &mut self.tally, now };
            let heard = if event.is_readable() { client.read(&mut ear) } else { Ok(()) };
            let heard = heard.and_then(|()| client.flush());
            if heard.is_err() && self.loss == Loss::Roams {
                self.joined -= usize::from(was_in);
                client.stage = Stage::Lost;
                // What could still be read from a lost socket does not count.
                self.poll.registry().deregister(&mut client.socket)?;
                self.away.push_back((Instant::now() + REDIAL, index));
                continue;
            }
            heard.with_context(|| {
                format!("client {index} is lost; last word {:?}", String::from_utf8_lossy(&client.last))
            })?;
            self.joined += usize::from(!was_in && client.stage == Stage::In);
            if let Some((senders, window)) = self.window
                && index < senders
            {
                let free = window.saturating_sub(client.said - client.acknowledged());
                if free > 0 {
                    client.say(free, now)?;
                }
            }
        }
        Ok(())
    }

    /// Client `sender` says one text.
    pub(crate) fn say(&mut self, sender: usize) -> anyhow::Result<()> {
        let now = self.epoch.elapsed().as_nanos() as u64;
        Ok(self.clients[sender].say(1, now)?)
    }

    /// The first `senders` clients keep `window` texts each under way, from now until [`hush`](Self::hush).
    pub(crate) fn speak(&mut self, senders: usize, window: u32) -> anyhow::Result<()> {
        self.window = Some((senders, window));
        for sender in 0..senders {
            let now = self.epoch.elapsed().as_nanos() as u64;
            self.clients[sender].say(window, now)?;
        }
        Ok(())
    }

    /// From now on nobody says more.
    pub(crate) fn hush(&mut self) {
        self.window = None;
    }

    /// How many texts were said so far.
    pub(crate) fn said(&self) -> u64 {
        self.clients.iter().map(|client| u64::from(client.said)).sum()
    }

    /// Waits until `deliveries` have been counted, or until nothing more comes.
    pub(crate) fn drain(&mut self, deliveries: u64) -> anyhow::Result<()> {
        self.wait(|crowd| crowd.tally.deliveries, deliveries)
    }

    /// Waits until everybody was told of everybody who came later, or until nothing more comes.
    pub(crate) fn drain_presence(&mut self) -> anyhow::Result<()> {
        if self.kind != Kind::Hobnob {
            return Ok(());
        }
        let count = self.clients.len() as u64;
        self.wait(|crowd| crowd.clients.iter().map(|client| client.presence).sum(), count * (count - 1) / 2)
    }

    fn wait(&mut self, seen: impl Fn(&Self) -> u64, wanted: u64) -> anyhow::Result<()> {
        let (mut before, mut heard) = (seen(self), Instant::now());
        while seen(self) < wanted && heard.elapsed() < PATIENCE {
            self.turn(Duration::from_millis(100))?;
            let now = seen(self);
            if now > before {
                (before, heard) = (now, Instant::now());
            }
        }
        Ok(())
    }

    /// The last client reads nothing from now on.
    pub(crate) fn deafen_last(&mut self) {
        if let Some(client) = self.clients.last_mut() {
            client.deaf = true;
        }
    }

    /// The last client reads again, until its connection ends. Returns the last line that was not a text.
    pub(crate) fn hear_out_last(&mut self, patience: Duration) -> String {
        let began = Instant::now();
        let Some(client) = self.clients.last_mut() else { return String::new() };
        client.deaf = false;
        let mut ear = Ear { scratch: &mut self.scratch, tally: &mut Tally::default(), now: 0 };
        let mut end = "still open".to_owned();
        while began.elapsed() < patience {
            match client.read(&mut ear) {
                Ok(()) => std::thread::yield_now(),
                Err(err) => {
                    end = err.to_string();
                    break;
                }
            }
        }
        format!("{} ({end})", String::from_utf8_lossy(&client.last).trim())
    }
}
