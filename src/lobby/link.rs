//! The lobby's link: one task that owns the connection, the outbox and how far the log was read, and
//! makes a new connection whenever the old one is lost. The app talks to it through [`LobbyHandle`]
//! and hears of it through [`LobbyEvent`]s.
//!
//! How the link comes to a connection is in `connecting`, and what it makes of the server's messages is in `hearing`.
//!
//! The link reads on from the last message that it has seen ([`ReadPosition`]). A message that comes twice is dropped,
//! a gap makes the link read again from the log, and a message whose hash does not follow is reported.

mod connecting;
mod hearing;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::chain::Seq;
use hobnob_protocol::codec::encode_into;
use hobnob_protocol::identity::Identity;
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{ClientMessage, Cursor, Refused, RoomCursor, ServerMessage};
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use hobnob_protocol::{LOBBY_DEAD_AFTER, LOBBY_PING_AFTER};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use super::attempt::Foreign;
use super::connect::{ConnectError, Connection, Dial, Ends, Tcp};
use super::event::{Joined, LobbyEvent};
use super::event_queue::{self, EventSender, LobbyEvents};
use super::handle::{LobbyCommand, LobbyHandle, handle};
use super::limits::{Pongs, UnaskedRate};
use super::outbox::Outbox;
use super::redial::AfterLoss;
use super::rooms::Rooms;
use super::sender::Sender;
use super::sequence::{ReadPosition, Resumed};
use super::servers::Servers;

/// How many of the messages since an earlier run are fetched at most. This is as many as a user might read or search
/// through, and takes less than a second.
pub(crate) const MOST_MISSED: u64 = 10_000;

/// How many bytes are gathered for one write, which is a few TLS records.
const WRITE_GOAL: usize = 64 * 1024;

/// How long saying goodbye may take.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// Returns where peers reach this client, for a connection between the given two addresses. It has to answer within a
/// few seconds, because the server waits for the hello.
pub type Candidates =
    Arc<dyn Fn(Option<Ends>) -> Pin<Box<dyn Future<Output = Vec<Candidate>> + Send>> + Send + Sync>;

/// What a link needs to begin.
#[derive(Clone)]
pub struct LobbyConfig {
    /// The lobby's servers as the user named them, each `HOST:PORT`; at least one.
    pub servers: Vec<String>,
    /// The identity of this user.
    pub identity: Identity,
    /// The name that the user wants.
    pub name: UserName,
    /// This run of the client.
    pub run: RunId,
    /// The server's key, if one is trusted already.
    pub trusted: Option<PublicKey>,
    /// Where peers reach this client, asked anew for each connection.
    pub candidates: Candidates,
    /// The port at which peers reach this client.
    pub port: u16,
    /// The message after which to begin, the first time.
    pub since: Option<Seq>,
    /// The rooms to be in at once, and how far an earlier run read in each.
    pub rooms: Vec<RoomCursor>,
    /// How far an earlier run read in the lobby's log. If this is known, `since` is `None`.
    pub read_up_to: Option<Cursor>,
}

/// Joins the lobby for the first time. If that succeeds, the link goes on by itself.
///
/// # Errors
/// Returns an error if the lobby cannot be reached or joined.
pub async fn start(config: LobbyConfig) -> Result<(LobbyHandle, LobbyEvents, Joined), ConnectError> {
    start_over(Tcp::new(config.servers.clone()), config).await
}

/// Does the same as [`start`], over the streams that `dial` opens.
///
/// # Errors
/// Returns the same errors as [`start`].
pub async fn start_over<D: Dial>(
    dial: D,
    config: LobbyConfig,
) -> Result<(LobbyHandle, LobbyEvents, Joined), ConnectError> {
    let mut link = Link::new(dial, config);
    let (mut connection, mut resumed) = link.connect_first().await?;
    if link.read_too_little(&connection.welcome) {
        (connection, resumed) = link.connect_first().await?;
    }
    let joined = link.joined(&connection, resumed);
    let (handle, events) = link.spawn(connection);
    Ok((handle, events, joined))
}

/// Why a connection is no longer used.
enum End {
    Lost(String),
    Left,
    /// An operator sent this user out, so the link does not try again.
    SentOut(Refused),
    AppGone,
}

struct Link<D> {
    dial: D,
    config: LobbyConfig,
    servers: Servers,
    /// The servers with another key of which the app does not know yet.
    untold_foreign: Vec<Foreign>,
    /// The address of the server that was joined last.
    address: String,
    outbox: Outbox,
    read_position: ReadPosition,
    rooms: Rooms,
    hurried: bool,
    leaving: bool,
    /// Whether a user was introduced; the ping that follows asks whether the app knows of it.
    introduced: bool,
    introduction_rate: UnaskedRate,
    asked_rate: UnaskedRate,
    pongs: Pongs,
}

/// The ends of the two queues. They are apart from the link so that both can be borrowed at once.
struct Queues {
    commands: mpsc::Receiver<LobbyCommand>,
    events: EventSender,
}

impl Queues {
    /// Ends the link with this event. No command is taken from here on, so that a caller who says something learns that
    /// it goes nowhere.
    async fn end(&mut self, last: LobbyEvent) {
        self.commands.close();
        let _app_gone = self.events.send(last).await;
    }
}

impl<D: Dial> Link<D> {
    fn new(dial: D, mut config: LobbyConfig) -> Self {
        let rooms = Rooms::of_earlier_run(std::mem::take(&mut config.rooms));
        let read_position = ReadPosition::after(config.read_up_to);
        let servers = Servers::named(config.servers.clone());
        Self {
            dial,
            config,
            servers,
            untold_foreign: Vec::new(),
            address: String::new(),
            outbox: Outbox::default(),
            read_position,
            rooms,
            hurried: false,
            leaving: false,
            introduced: false,
            introduction_rate: UnaskedRate::new(Instant::now()),
            asked_rate: UnaskedRate::new(Instant::now()),
            pongs: Pongs::default(),
        }
    }

    fn spawn(mut self, connection: Connection<D::Stream>) -> (LobbyHandle, LobbyEvents) {
        let (handle, commands) = handle();
        let (events, event_rx) = event_queue::events();
        let mut queues = Queues { commands, events };
        tokio::spawn(async move { self.run(connection, &mut queues).await });
        (handle, event_rx)
    }

    fn joined(&self, connection: &Connection<D::Stream>, resumed: Resumed) -> Joined {
        Joined {
            welcome: connection.welcome.clone(),
            resumed,
            address: self.address.clone(),
            server: connection.server,
            key_exchange: connection.key_exchange.clone(),
        }
    }

    async fn run(&mut self, mut connection: Connection<D::Stream>, queues: &mut Queues) {
        self.tell_of_foreign(queues).await;
        let mut after_loss = AfterLoss::default();
        loop {
            let since = Instant::now();
            match self.talk(connection, queues).await {
                End::Left => return queues.end(LobbyEvent::Left).await,
                End::SentOut(refused) => return queues.end(LobbyEvent::SentOut(refused)).await,
                End::AppGone => return,
                End::Lost(reason) => {
                    debug!(reason, "lobby link lost");
                    self.servers.lost(Instant::now());
                    if queues.events.send(LobbyEvent::Down { reason }).await.is_err() {
                        return;
                    }
                }
            }
            let pause = after_loss.pause(since.elapsed(), self.hurried);
            let Some((next, resumed)) = self.reconnect(pause, queues).await else { return };
            if queues.events.send(LobbyEvent::Up(self.joined(&next, resumed))).await.is_err() {
                return;
            }
            connection = next;
        }
    }

    /// Uses a connection until it is lost or the user leaves.
    async fn talk<S>(&mut self, connection: Connection<S>, queues: &mut Queues) -> End
    where
        S: tokio::io::AsyncRead + AsyncWrite + Unpin,
    {
        let Connection { mut reader, writer, .. } = connection;
        let mut sender = Sender::new(writer);
        // Commands that came while there was no connection are taken before any text is written. If the user has left
        // meanwhile (the lobby or a room), he was told that his texts are unsent, and they must stay unsaid.
        while let Ok(command) = queues.commands.try_recv() {
            if let Some(end) = self.obey(Some(command), &mut sender.bytes) {
                return end;
            }
        }
        let mut heard = Instant::now();
        let mut pinged = false;
        loop {
            self.fill(&mut sender.bytes);
            let quiet_until = heard + if pinged { LOBBY_DEAD_AFTER } else { LOBBY_PING_AFTER };
            tokio::select! {
                // Writing comes first, because it comes to an end, and a flood of messages may not: texts and signs of
                // life of this side would wait behind the flood. What has arrived is read before silence is judged,
                // because this process may have slept.
                biased;
                result = sender.push(), if sender.has_work() => {
                    if let Err(err) = result {
                        return End::Lost(err.to_string());
                    }
                    if self.leaving && sender.bytes.is_empty() {
                        return self.say_goodbye(sender).await;
                    }
                }
                command = queues.commands.recv(), if sender.bytes.len() < WRITE_GOAL => {
                    if let Some(end) = self.obey(command, &mut sender.bytes) {
                        return end;
                    }
                }
                message = reader.next::<ServerMessage>() => {
                    heard = Instant::now();
                    pinged = false;
                    match self.hear(message, queues).await {
                        Ok(()) => {}
                        Err(end) => return end,
                    }
                }
                () = sleep_until(quiet_until) => {
                    if pinged {
                        return End::Lost("the server fell silent".to_owned());
                    }
                    pinged = true;
                    encode_into(&ClientMessage::Ping, &mut sender.bytes);
                }
            }
        }
    }

    fn fill(&mut self, bytes: &mut BytesMut) {
        while bytes.len() < WRITE_GOAL && self.pongs.take() {
            encode_into(&ClientMessage::Pong, bytes);
        }
        while !self.leaving && bytes.len() < WRITE_GOAL {
            let waits = |room: &RoomName| self.rooms.is_resuming(room);
            let Some((id, outgoing)) = self.outbox.next_to_write(waits) else { return };
            encode_into(&outgoing.message(id), bytes);
        }
    }

    fn obey(&mut self, command: Option<LobbyCommand>, bytes: &mut BytesMut) -> Option<End> {
        match command {
            Some(LobbyCommand::Say { id, outgoing }) => self.outbox.push(id, outgoing),
            Some(LobbyCommand::Join(join)) => {
                self.rooms.ask(&join);
                encode_into(&ClientMessage::Join(join), bytes);
            }
            Some(LobbyCommand::Part(room)) => {
                self.forget_room(&room);
                encode_into(&ClientMessage::Part { room }, bytes);
            }
            Some(LobbyCommand::Ask(question)) => encode_into(&question, bytes),
            Some(LobbyCommand::Hurry) => self.hurried = true,
            Some(LobbyCommand::Leave) => {
                self.leaving = true;
                encode_into(&ClientMessage::Leave, bytes);
            }
            None => return Some(End::AppGone),
        }
        None
    }

    fn forget_room(&mut self, room: &RoomName) {
        self.rooms.part(room);
        self.outbox.drop_room(room);
    }

    async fn say_goodbye<W: AsyncWrite + Unpin>(&self, mut sender: Sender<W>) -> End {
        // The server has been told already; if the close fails, nothing changes.
        let _too_slow = timeout(LEAVE_TIMEOUT, sender.writer.shutdown()).await;
        End::Left
    }

    /// If the user is leaving, he has left when the server closes the connection.
    fn lost(&self, reason: &str) -> End {
        if self.leaving { End::Left } else { End::Lost(reason.to_owned()) }
    }
}
