//! How a new server begins when the order no longer holds its own beginning: another server gives it the machine, and
//! the messages that the logs hold up to the machine's heads. What the other server gives is checked against the hash
//! chain, and what follows in the order is checked against the machine, as always.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hobnob_order::{Neighbours, OrderedStream, Place, ServerId, next};
use hobnob_protocol::chain::{LobbyMessage, LogId, Position, Seq};
use tokio::time::{Instant, timeout_at};

use super::CannotCatchUp;
use crate::decide::{Proposals, Saved};
use crate::log::{Batch, RoomBatch};
use crate::neighbour::{Answer, Asked, MachinePart};

/// How many of the newest batches are searched for servers that are alive.
const LOOKED_AT: u64 = 64;

/// How long reading those batches may take, and how long another server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest machine that is taken from another server: some hundred bytes for each name, of which there are at most
/// a million.
const MAX_MACHINE: usize = 1024 * 1024 * 1024;

/// A machine that another server has given. That server is asked for messages as well.
pub(crate) struct Told {
    pub(crate) saved: Saved,
    neighbours: Arc<dyn Neighbours>,
    server: ServerId,
}

/// Asks the servers that have published something lately, one after another.
pub(crate) async fn ask_machine(
    stream: &Arc<dyn OrderedStream<Proposals>>,
    neighbours: &Arc<dyn Neighbours>,
    (begins, ends): (Place, Place),
) -> Result<Told, CannotCatchUp> {
    for server in servers(stream, (begins, ends)).await? {
        let asking = Told::ask(Arc::clone(neighbours), server);
        match asking.await {
            Some(told) if told.saved.place.next() >= begins => return Ok(told),
            _ => tracing::warn!(server = server.0, "a neighbour does not tell its machine"),
        }
    }
    Err(CannotCatchUp::NobodyTells { begins })
}

/// Returns the servers that have published something lately, or publish something now: each server does so every
/// second.
async fn servers(
    stream: &Arc<dyn OrderedStream<Proposals>>,
    (begins, ends): (Place, Place),
) -> Result<BTreeSet<ServerId>, CannotCatchUp> {
    let after = Place(ends.0.saturating_sub(LOOKED_AT)).max(Place(begins.0.saturating_sub(1)));
    let (mut follower, mut reached, mut servers) = (stream.follow(after), after, BTreeSet::new());
    let until = Instant::now() + PATIENCE;
    while reached < ends || servers.is_empty() {
        let Ok(ordered) = timeout_at(until, next(&mut *follower)).await else { break };
        let ordered = ordered.map_err(super::catch_up::named)?;
        reached = ordered.place;
        if ordered.batch.number > 0 {
            servers.insert(ordered.batch.server);
        }
    }
    Ok(servers)
}

impl Told {
    async fn ask(neighbours: Arc<dyn Neighbours>, server: ServerId) -> Option<Self> {
        let (mut bytes, mut place, mut part) = (Vec::new(), None, 0);
        loop {
            let asked = Asked::Machine { place, part }.to_bytes();
            let answer: Bytes = neighbours.ask(server, asked, PATIENCE).await.ok()?;
            let MachinePart { place: of, parts, bytes: some } = MachinePart::read(&answer)?;
            bytes.extend_from_slice(&some);
            (place, part) = (Some(of), part + 1);
            match part {
                _ if bytes.len() > MAX_MACHINE => return None,
                part if part >= parts => break,
                _ => {}
            }
        }
        let saved = Saved::read(&bytes).ok()?;
        Some(Self { saved, neighbours, server })
    }

    /// Returns what the logs hold up to the heads of the machine: the newest `history` messages of each log. Also
    /// returns the position after which the lobby's log begins.
    pub(crate) async fn logs(&self, history: u64) -> Result<(Position, Batch), CannotCatchUp> {
        let (start, messages) = self.messages(None, self.saved.head, history).await?;
        let mut batch = Batch { messages: Arc::new(messages), names: self.saved.names(), ..Batch::default() };
        batch.rules = Some(self.saved.rules());
        batch.standings = self.saved.standings();
        for (kept, head) in self.saved.rooms() {
            let log = kept.id.log;
            let (start, messages) = self.messages(Some(log), head, history).await?;
            batch.begins.insert(log, start);
            batch.rooms.push(RoomBatch { kept, messages: Arc::new(messages) });
        }
        Ok((start, batch))
    }

    /// Returns the newest messages of a log up to `head`, at most `history`, and the position before the first of them.
    async fn messages(
        &self,
        room: Option<LogId>,
        head: Position,
        history: u64,
    ) -> Result<(Position, Vec<LobbyMessage>), CannotCatchUp> {
        let mut reached = Seq(head.seq.0.saturating_sub(history));
        let (mut start, mut all): (Option<Position>, Vec<LobbyMessage>) = (None, Vec::new());
        while reached < head.seq {
            let asked = Asked::Messages { room, after: reached }.to_bytes();
            let answer = self.neighbours.ask(self.server, asked, PATIENCE).await;
            let answer = answer.map_err(|_| CannotCatchUp::Silent)?;
            let Some(Answer::Messages { after, messages }) = Answer::read(&answer) else {
                return Err(CannotCatchUp::Silent);
            };
            let mut position = match all.last() {
                Some(last) => Position { seq: last.seq, hash: last.hash },
                None => *start.insert(after),
            };
            for message in messages {
                if message.seq > head.seq {
                    break;
                }
                position.advance(&message).map_err(|broken| CannotCatchUp::Fork(broken.seq))?;
                all.push(message);
            }
            if position.seq <= reached {
                return Err(CannotCatchUp::Silent);
            }
            reached = position.seq;
        }
        match all.last() {
            Some(last) if last.hash != head.hash => Err(CannotCatchUp::Fork(last.seq)),
            _ => Ok((start.unwrap_or(head), all)),
        }
    }
}
