//! How the lobby's link comes to a connection: which servers it tries, what it says in the hello, and how it waits
//! between two attempts. This file knows nothing of what is said on a connection after its welcome.

use std::sync::Arc;
use std::time::Duration;

use hobnob_protocol::chain::Seq;
use hobnob_protocol::message::{Hello, RefusedCode, Welcome};
use hobnob_protocol::{BACKLOG_ON_JOIN, PROTOCOL_VERSION};
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use super::hearing::is_sent_out;
use super::{Link, LobbyConfig, MOST_MISSED, Queues};
use crate::lobby::connect::{self, ConnectError, Connection, Dial, NotJoined};
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

    /// Joins the lobby at one of its servers; each server is tried once.
    pub(super) async fn connect(&mut self) -> Result<(Connection<D::Stream>, Resumed), ConnectError> {
        let mut addresses = self.servers.in_turn();
        loop {
            match self.connect_to(&addresses).await {
                Ok((index, connection)) => return Ok(self.joined_at(&addresses[index], connection)),
                Err(NotJoined { try_without: Some(index), error }) => {
                    // This stands before the log line, because the arguments of a line that is not logged are not evaluated.
                    let server = addresses.remove(index);
                    debug!(server, %error, "another server is tried");
                }
                Err(NotJoined { error, .. }) => return Err(error),
            }
        }
    }

    async fn connect_to(
        &mut self,
        addresses: &[String],
    ) -> Result<(usize, Connection<D::Stream>), NotJoined> {
        let LobbyConfig { identity, trusted, name, run, candidates, port, since, .. } = &self.config;
        let (cursor, rooms) = (self.read_position.cursor(), self.rooms.resume());
        // The `Arc` is cloned outside of the closure, so that the future can move between threads.
        let candidates = Arc::clone(candidates);
        let hello = async |ends| Hello {
            protocol: PROTOCOL_VERSION,
            agent: concat!("hobnob/", env!("CARGO_PKG_VERSION")).to_owned(),
            name: name.clone(),
            run: *run,
            candidates: candidates(ends).await,
            port: Some(*port),
            cursor,
            since: *since,
            backlog: BACKLOG_ON_JOIN,
            rooms,
        };
        connect::connect(&self.dial, addresses, identity, *trusted, hello).await
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
            match self.connect().await {
                Ok(connected) => return Some(connected),
                Err(err @ ConnectError::KeyChanged { .. }) => {
                    queues.end(LobbyEvent::KeyChanged(err.to_string())).await;
                    return None;
                }
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
