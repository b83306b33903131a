//! The lobby as one of several servers: its signs of life, the silence of others, a life that others declared over, and
//! what servers ask each other. This file decides nothing: that a server is gone is an entry like any other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hobnob_order::{Follower, Neighbours, Question, ServerId};
use hobnob_protocol::chain::{LogId, Seq};
use hobnob_protocol::ids::RunId;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::keep_machine::{KeepMachine, Keeper};
use super::quiet::Quiet;
use super::{Ending, Lobby, LobbyCommand};
use crate::decide::{ConnectionId, Entry, Machine, Proposals};
use crate::neighbour::{Answer, Asked};

/// How often a server publishes a batch, if only as a sign of life.
const BEAT: Duration = Duration::from_secs(1);

/// How long another server may take to say whether one of its clients is still there.
const ASK_LIMIT: Duration = Duration::from_secs(2);

/// How many signs of life other servers may wait for here. When the limit is reached, a server that asks is told that
/// the client is not there.
const MAX_PROBED: usize = 1024;

/// How many messages, and how many bytes of text, are given to another server at once. JSON writes some characters as
/// six bytes, and an answer has at most 256 KiB.
const MESSAGES_TOLD: usize = 200;
const BYTES_TOLD: usize = 16 * 1024;

/// What a lobby needs to be one of several servers.
pub(crate) struct Sharing {
    /// The machine, up to the place to which the order was read.
    pub(crate) machine: Machine,
    /// Reads the order on from that place.
    pub(crate) follower: Box<dyn Follower<Proposals>>,
    pub(crate) neighbours: Arc<dyn Neighbours>,
    pub(crate) keep: KeepMachine,
}

/// What a lobby on several servers has besides.
pub(super) struct Servers {
    pub(super) neighbours: Arc<dyn Neighbours>,
    asked: mpsc::Receiver<Question>,
    quiet: Quiet,
    beat_due: Instant,
    pub(super) keeper: Keeper,
    /// The lobby's own queue, for the answers of other servers.
    commands: mpsc::WeakSender<LobbyCommand>,
    /// Clients that were asked for a sign of life on behalf of another server.
    probed: Vec<(ConnectionId, oneshot::Sender<Bytes>)>,
}

/// Draws the number of a server at random, so that no other server has had it.
pub(crate) fn new_server() -> ServerId {
    loop {
        let random = RunId::random();
        let (first, _) = random.as_bytes().split_first_chunk::<4>().expect("it is longer");
        // 0 is the number of a server that is alone.
        match u32::from_be_bytes(*first) {
            0 => {}
            number => return ServerId(u64::from(number)),
        }
    }
}

/// Returns the number of the first connection in a server's life; later connections count up from it.
pub(crate) fn first_connection(server: ServerId) -> u64 {
    ConnectionId::of(server, 1).0
}

impl Servers {
    pub(super) fn new(
        own: ServerId,
        machine: &Machine,
        neighbours: Arc<dyn Neighbours>,
        keep: KeepMachine,
        commands: mpsc::WeakSender<LobbyCommand>,
    ) -> Self {
        let now = Instant::now();
        let mut quiet = Quiet::default();
        machine.living().for_each(|(server, last)| quiet.heard(server, last));
        let asked = neighbours.asked(own);
        let (keeper, probed) = (Keeper::new(keep, now), Vec::new());
        Self { neighbours, asked, quiet, beat_due: now, keeper, commands, probed }
    }

    /// Returns the lobby's own queue, weak, so that it does not keep the lobby open.
    pub(super) fn commands(&self) -> mpsc::WeakSender<LobbyCommand> {
        self.commands.clone()
    }

    /// Returns when a sign of life is due.
    pub(super) fn beat_due(&self) -> Instant {
        self.beat_due
    }

    pub(super) fn beat_is_due(&self, now: Instant) -> bool {
        now >= self.beat_due
    }

    /// Notes that something was published.
    pub(super) fn said(&mut self, now: Instant) {
        self.beat_due = now + BEAT;
    }
}

/// Returns the next question of another server. Never comes if there are no other servers.
pub(super) async fn question(servers: &mut Option<Servers>) -> Question {
    match servers {
        Some(servers) => match servers.asked.recv().await {
            Some(question) => question,
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

impl Lobby {
    /// A batch of the order was applied.
    pub(super) fn heard(&mut self, server: ServerId, number: u64) {
        let (now, own) = (Instant::now(), server == self.server);
        let is_living = self.machine.living().any(|(living, last)| (living, last) == (server, number));
        let Some(servers) = &mut self.servers else { return };
        match own {
            true => servers.quiet.heard_itself(now),
            // A batch that does not count is no sign of life.
            false if is_living => servers.quiet.heard(server, number),
            false => {}
        }
        if own {
            for (server, last) in servers.quiet.gone() {
                tracing::warn!(server = server.0, "a server is silent for too long; it is taken for gone");
                self.gathered.push(Entry::Gone { server, last });
            }
            self.metrics.neighbours.set(servers.quiet.others() as i64);
        }
    }

    /// The life of a server is over.
    pub(super) fn ended(&mut self, server: ServerId) {
        if let Some(servers) = &mut self.servers {
            servers.quiet.ended(server);
        }
        if server == self.server {
            self.begin_new_life();
        }
    }

    /// Other servers have declared the life of this server over while it was frozen or cut off. Its clients come back
    /// by themselves and send again what got no answer; what became of the texts that are on their way is unknown.
    fn begin_new_life(&mut self) {
        tracing::warn!("other servers took this one for gone; its clients have to come back");
        let (before, now) = (self.server, Instant::now());
        self.server = new_server();
        self.number = 0;
        self.open = None;
        self.gathered = Default::default();
        self.advertise();
        self.ids.store(first_connection(self.server), Ordering::Relaxed);
        let entering = |id: &ConnectionId, seat: &mut super::Seat| id.server() == before && !seat.entered;
        for (_, seat) in self.seats.extract_if(entering) {
            seat.outlet.end(without_a_word());
        }
        for held in self.held.drain(..) {
            held.join.outlet.end(without_a_word());
        }
        if let Some(servers) = &mut self.servers {
            servers.asked = servers.neighbours.asked(self.server);
            servers.said(now);
            servers.beat_due = now;
        }
    }

    /// Drops the part of the order that no server needs any more. All servers find the same place, and the first one
    /// drops what is before it.
    pub(super) fn drop_old(&mut self) {
        let Some(old) = self.servers.as_ref().and_then(|_| self.machine.old()) else { return };
        if old > self.forgotten {
            self.forgotten = old;
            let stream = Arc::clone(&self.stream);
            tokio::spawn(async move { stream.forget(old).await });
        }
    }

    /// Asks the server of a client whether the client is still there. The answer comes as a command.
    pub(super) fn ask_elsewhere(&self, rival: ConnectionId) {
        let Some(servers) = &self.servers else { return };
        let (neighbours, commands) = (Arc::clone(&servers.neighbours), servers.commands());
        tokio::spawn(async move {
            let question = Asked::Alive { connection: rival }.to_bytes();
            let answer = neighbours.ask(rival.server(), question, ASK_LIMIT).await;
            let is_alive = answer.is_ok_and(|answer| Answer::read(&answer) == Some(Answer::Alive));
            if let Some(commands) = commands.upgrade().filter(|_| is_alive) {
                let _ending = commands.send(LobbyCommand::Alive(rival)).await;
            }
        });
    }

    /// Another server asks something.
    pub(super) fn answer(&mut self, Question { question, answer }: Question) {
        match Asked::read(&question) {
            Some(Asked::Alive { connection }) => self.is_alive(connection, answer),
            Some(Asked::Machine { place, part }) => self.tell_machine(place, part, answer),
            Some(Asked::Messages { room, after }) => self.tell_messages(room, after, answer),
            Some(Asked::Consent { invitation }) => self.ask_for_elsewhere(*invitation, answer),
            Some(Asked::Consented { asker, request, by, answer: said }) => {
                self.consented_elsewhere((asker, request), by, said);
                let _nobody_waits = answer.send(Answer::Alive.to_bytes());
            }
            Some(Asked::Pair { asker, to, met }) => self.pair_for(*asker, to, met, answer),
            None => tracing::debug!("another server asks what is not understood"),
        }
    }

    /// Gives another server messages of a log.
    fn tell_messages(&self, room: Option<LogId>, after: Seq, answer: oneshot::Sender<Bytes>) {
        let log = Arc::clone(&self.log);
        tokio::spawn(async move {
            let read = match room {
                None => log.read(after, MESSAGES_TOLD, BYTES_TOLD).await,
                Some(room) => log.read_room(room, after, MESSAGES_TOLD, BYTES_TOLD).await,
            };
            if let Ok(stretch) = read {
                let told = Answer::Messages { after: stretch.after, messages: stretch.messages };
                let _nobody_waits = answer.send(told.to_bytes());
            }
        });
    }

    fn is_alive(&mut self, id: ConnectionId, answer: oneshot::Sender<Bytes>) {
        let seat = self.seats.get(&id).filter(|seat| !seat.gone);
        let Some(servers) = &mut self.servers else { return };
        servers.probed.retain(|(_, answer)| !answer.is_closed());
        match seat {
            Some(seat) if servers.probed.len() < MAX_PROBED => {
                seat.outlet.probe();
                servers.probed.push((id, answer));
            }
            _ => {
                let _nobody_waits = answer.send(Answer::Gone.to_bytes());
            }
        }
    }

    /// A client has given a sign of life: tells the other servers that asked for it.
    pub(super) fn tell_elsewhere(&mut self, id: ConnectionId) {
        let Some(servers) = &mut self.servers else { return };
        for (_, answer) in servers.probed.extract_if(.., |(probed, _)| *probed == id) {
            let _nobody_waits = answer.send(Answer::Alive.to_bytes());
        }
    }
}

/// Returns how to end a connection without saying what became of the texts that are on their way.
pub(super) fn without_a_word() -> Ending {
    Ending { last: None, after_all: true }
}

/// The next number for connections, shared with those who give the numbers out.
pub(crate) type ConnectionNumbers = Arc<AtomicU64>;
