//! How the lobby's link comes to a connection: which servers it tries, what it says in the hello, and how it waits
//! between two attempts. This file knows nothing of what is said on a connection after its welcome.

use std::time::Duration;

use hobnob_protocol::chain::Seq;
use hobnob_protocol::message::{Hello, RefusedCode, Welcome};
use hobnob_protocol::{BACKLOG_ON_JOIN, PROTOCOL_VERSION};
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use super::hearing::is_sent_out;
use super::{Link, LobbyConfig, MOST_MISSED, Queues};
use crate::lobby::attempt::{Attempt, Foreign, Limits};
use crate::lobby::connect::{self, ConnectError, Connection, Dial};
use crate::lobby::event::LobbyEvent;
use crate::lobby::handle::LobbyCommand;
use crate::lobby::limits::Pongs;
use crate::lobby::redial::next_pause;
use crate::lobby::sequence::{ReadPosition, Resumed};

impl<D: Dial> Link<D> {
    /// Whether so much was said since an earlier run that not all of it is fetched. The next connection then begins
    /// nearer to the newest message.
    pub(super) fn read_too_little(&mut self, welcome: &Welcome) -> bool {
        let goes_on = self.config.read_up_to.is_some() && welcome.resumed;
        let is_too_much = welcome.head.seq.0.saturating_sub(welcome.start.seq.0) > MOST_MISSED;
        if goes_on && is_too_much {
            self.read_position = ReadPosition::default();
            self.config.since = Some(Seq(welcome.head.seq.0 - MOST_MISSED));
        }
        goes_on && is_too_much
    }

    /// Joins the lobby for the first time in this run.
    pub(super) async fn connect_first(&mut self) -> Result<(Connection<D::Stream>, Resumed), ConnectError> {
        let tried = self.connect(Limits::FIRST).await;
        // The run ends if nobody lets this client in, and another key is what the user has to know then. Only a server
        // with the trusted key has more to say.
        let nobody_has_key = self.address.is_empty() && !has_trusted_key(&tried);
        match (self.config.trusted, self.untold_foreign.first()) {
            (Some(trusted), Some(Foreign { address, seen })) if nobody_has_key => {
                Err(ConnectError::KeyChanged { address: address.clone(), trusted, seen: *seen })
            }
            _ => tried,
        }
    }

    /// Joins the lobby at one of its servers; each server is tried once at most.
    async fn connect(&mut self, limits: Limits) -> Result<(Connection<D::Stream>, Resumed), ConnectError> {
        let hello = self.hello();
        let addresses = self.servers.in_turn(Instant::now());
        let mut attempt =
            Attempt::new(&self.dial, &self.config.identity, self.config.trusted, addresses, limits);
        let tried = try_each(&self.config, &hello, &mut attempt).await;
        let (findings, failed) = attempt.end();
        self.servers.dialled(&findings.dialled);
        for foreign in findings.foreign {
            if self.servers.note_foreign(&foreign, Instant::now()) {
                self.untold_foreign.push(foreign);
            }
        }
        let (address, connection) = tried?.ok_or(failed)?;
        Ok(self.joined_at(&address, connection))
    }

    /// Returns the hello of the next connection, without the addresses at which peers reach this client.
    fn hello(&mut self) -> Hello {
        Hello {
            protocol: PROTOCOL_VERSION,
            agent: concat!("hobnob/", env!("CARGO_PKG_VERSION")).to_owned(),
            name: self.config.name.clone(),
            run: self.config.run,
            candidates: Vec::new(),
            port: Some(self.config.port),
            cursor: self.read_position.cursor(),
            since: self.config.since,
            backlog: BACKLOG_ON_JOIN,
            rooms: self.rooms.resume(),
        }
    }

    /// Tells the app of servers that have another key.
    pub(super) async fn tell_of_foreign(&mut self, queues: &Queues) {
        for Foreign { address, seen } in self.untold_foreign.drain(..) {
            // If the app is gone, that is noticed when the link next waits for it.
            let _app_gone = queues.events.send(LobbyEvent::ForeignServer { address, key: seen }).await;
        }
    }

    fn joined_at(
        &mut self,
        address: &str,
        connection: Connection<D::Stream>,
    ) -> (Connection<D::Stream>, Resumed) {
        let welcome = &connection.welcome;
        self.servers.joined(address, &welcome.servers);
        address.clone_into(&mut self.address);
        // From now on this key is expected at the lobby's addresses, whatever else is pinned meanwhile.
        self.config.trusted = Some(connection.server);
        self.config.name = welcome.name.clone();
        let resumed = self.read_position.welcomed(welcome);
        self.introduced = false;
        self.pongs = Pongs::default();
        self.outbox.rewind();
        (connection, resumed)
    }

    /// Tries to connect until there is a connection; the first attempt comes after `pause`. Returns `None` if the link
    /// is to end.
    pub(super) async fn reconnect(
        &mut self,
        mut pause: Duration,
        queues: &mut Queues,
    ) -> Option<(Connection<D::Stream>, Resumed)> {
        let mut told = None;
        loop {
            if !self.rest(pause, queues).await {
                queues.end(LobbyEvent::Left).await;
                return None;
            }
            let tried = self.connect(Limits::LATER).await;
            if let Some(changed) = self.key_changed().filter(|_| !has_trusted_key(&tried)) {
                let (reason, servers) = (changed.to_string(), self.config.servers.clone());
                queues.end(LobbyEvent::KeyChanged { reason, servers }).await;
                return None;
            }
            self.tell_of_foreign(queues).await;
            match tried {
                Ok(connected) => return Some(connected),
                Err(ConnectError::Refused(refused)) if is_sent_out(refused.code) => {
                    queues.end(LobbyEvent::SentOut(*refused)).await;
                    return None;
                }
                // The same refusal is reported once. A server that is about to end has already said so, and its refusal
                // for that reason is not reported.
                Err(ConnectError::Refused(refused))
                    if told != Some(refused.code) && refused.code != RefusedCode::Closing =>
                {
                    let code = refused.code;
                    told = Some(code);
                    // If the app is gone, that is noticed at the next pause.
                    let _app_gone =
                        queues.events.send(LobbyEvent::Refused { reason: connect::refusal(code) }).await;
                }
                Err(err) => debug!(%err, "lobby not reached"),
            }
            pause = next_pause(pause, self.hurried);
        }
    }

    /// Returns the error with which the link ends if no address is left at which a server may have the trusted key.
    fn key_changed(&self) -> Option<ConnectError> {
        let Foreign { address, seen } = self.servers.all_foreign(Instant::now())?.clone();
        Some(ConnectError::KeyChanged { address, trusted: self.config.trusted?, seen })
    }

    /// Waits between two attempts; texts are still taken meanwhile. Returns false if the user leaves.
    async fn rest(&mut self, pause: Duration, queues: &mut Queues) -> bool {
        let until = Instant::now() + pause;
        loop {
            tokio::select! {
                biased;
                command = queues.commands.recv() => match command {
                    Some(LobbyCommand::Say { id, outgoing }) => self.outbox.push(id, outgoing),
                    Some(LobbyCommand::Part(room)) => self.forget_room(&room),
                    Some(LobbyCommand::Ask(_) | LobbyCommand::Join(_)) => {}
                    Some(LobbyCommand::Hurry) => {
                        self.hurried = true;
                        return true;
                    }
                    Some(LobbyCommand::Leave) | None => return false,
                },
                () = sleep_until(until) => return true,
            }
        }
    }
}

/// Tries the addresses of an attempt until one of them lets this client in. Returns `None` if none does. Only one
/// server at a time is told hello, because a second hello of this run would take the name over from the first.
async fn try_each<D: Dial>(
    config: &LobbyConfig,
    hello: &Hello,
    attempt: &mut Attempt<'_, D>,
) -> Result<Option<(String, Connection<D::Stream>)>, ConnectError> {
    while let Some((address, secured)) = attempt.next().await {
        let joining = async {
            let candidates = (config.candidates)(secured.ends).await;
            connect::greet(*secured, Hello { candidates, ..hello.clone() }).await
        };
        match attempt.in_time(joining).await {
            Ok(connection) => return Ok(Some((address, connection))),
            Err(err) if err.is_this_servers() => attempt.failed(&address, err),
            Err(err) => return Err(err),
        }
    }
    Ok(None)
}

/// Whether a server that has the trusted key has answered.
fn has_trusted_key<T>(tried: &Result<T, ConnectError>) -> bool {
    matches!(tried, Ok(_) | Err(ConnectError::Refused(_)))
}
