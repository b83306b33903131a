//! Reads an order that several servers share up to its end, before any client is served. Each batch is applied, and
//! what follows from it is stored if the log does not have it yet. What the log has already is compared with the order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hobnob_order::{Follower, OrderedStream, Place, StreamError, next};
use hobnob_protocol::chain::{LobbyMessage, LogId, Position, Seq};
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout_at};

use super::unsaved::{Changes, Unsaved};
use crate::decide::{Effect, Machine, Proposals, RoomId, Rules};
use crate::log::{Batch, LobbyLog, LogError, RoomBatch};

/// How many messages are stored together.
const STORED_AT_ONCE: usize = 4096;

/// How long the order may be silent although it holds more batches, and for how long it may be impossible to ask for
/// its end.
const PATIENCE: Duration = Duration::from_secs(60);

/// For how long the order has to end before the place that this server had read to, until the server believes it. A node
/// that was just elected leader tells the end of the order before it knows all that its predecessor had acknowledged.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);

/// The time between two attempts to ask for the end of the order.
const RETRY: Duration = Duration::from_millis(200);

/// What the administrator has to do with a server whose log is of no use to this lobby. The key stays: all servers of the
/// lobby have the same.
pub(crate) const BEGIN_AGAIN: &str =
    "move everything but server.key out of the folder `server` of its data directory, and start it again";

/// What has happened to an order that has something else where this server had read it.
const WENT_ON: &str = "the stream was restored from an older copy, or lost what it had acknowledged, and has gone on \
    since. If the last messages of the log matter, keep a copy of it; then";

/// Why the order cannot be read up to its end.
#[derive(Debug, Error)]
pub enum CannotCatchUp {
    /// The order does not answer, or stops in the middle.
    #[error("the lobby's stream does not say where it ends, or stops before that")]
    Silent,
    /// Batches that this server has not read were dropped.
    #[error(
        "this server has read the lobby's stream up to {} and that begins with {} now: it was away for too long; \
         {BEGIN_AGAIN}", wanted.0.saturating_sub(1), begins.0
    )]
    CutOff {
        /// The first place that was not read.
        wanted: Place,
        /// The oldest place that is kept.
        begins: Place,
    },
    /// The beginning of the order was dropped, and no other server gives the machine.
    #[error(
        "the lobby's stream begins with {} now, and no other server tells what was before: start one that has its data \
         directory first", .begins.0
    )]
    NobodyTells {
        /// The oldest place that is kept.
        begins: Place,
    },
    /// The order ends before the place up to which this server has read it.
    #[error(
        "the lobby's stream went back: this server has read it up to {} and it ends at {}; it was restored from an older \
         copy, or lost what it had acknowledged. Whoever has the most can found it again", reached.0, ends.0
    )]
    WentBack {
        /// The place up to which it was read.
        reached: Place,
        /// The place at which it ends.
        ends: Place,
    },
    /// The log has messages that the order does not have.
    #[error(
        "the log has messages up to {log} and the lobby's stream only up to {stream}: the stream was restored from an \
         older copy, or lost what it had acknowledged. Whoever has the most can found it again"
    )]
    Ahead {
        /// The newest message of the log.
        log: Seq,
        /// The newest message that follows from the order.
        stream: Seq,
    },
    /// The log has a different message than the order.
    #[error("the log and the lobby's stream tell message {0} differently: {WENT_ON} {BEGIN_AGAIN}")]
    Fork(Seq),
    /// The order has another batch at the place up to which this server has read it.
    #[error("the lobby's stream has another batch at place {} than this server has read there: {WENT_ON} {BEGIN_AGAIN}", .0.0)]
    Changed(Place),
    /// The log lacks messages that the machine beside it has.
    #[error("the log ends at message {log} and what is noted beside it at {noted}: {BEGIN_AGAIN}")]
    Behind {
        /// The newest message of the log.
        log: Seq,
        /// The newest message of the machine.
        noted: Seq,
    },
    /// Some messages from before the founding are not in the order.
    #[error(
        "the lobby is not founded to its end: message {head} is missing; run `hobnob-server found` again on the \
         server that began it"
    )]
    Unfinished {
        /// The newest message from before the founding.
        head: Seq,
    },
    /// The order was deleted and made anew.
    #[error("the lobby's stream was deleted and made again while it was read")]
    Replaced,
    /// What follows from the order cannot be stored.
    #[error("what the lobby's stream holds cannot be stored")]
    Store(#[source] LogError),
}

/// A machine that has come to the end of the order, and the follower that reads on from there.
pub(crate) struct CaughtUp {
    pub(crate) machine: Machine,
    pub(crate) follower: Box<dyn Follower<Proposals>>,
    /// How many batches were read.
    pub(crate) batches: u64,
}

/// Reads `stream` up to its end, from the place at which `machine` stands, and stores in `log` what is missing there.
pub(crate) async fn catch_up(
    stream: &Arc<dyn OrderedStream<Proposals>>,
    machine: Machine,
    log: &Arc<dyn LobbyLog>,
) -> Result<CaughtUp, CannotCatchUp> {
    let stored = log.subscribe().borrow().seq;
    let caught_up = read_on(stream, machine, log, stored).await?;
    let (log, stream) = (stored, caught_up.machine.head().seq);
    match stream < log {
        true => Err(CannotCatchUp::Ahead { log, stream }),
        false => Ok(caught_up),
    }
}

/// Does the same, but the log may have messages that the order does not have yet.
pub(crate) async fn read_up(
    stream: &Arc<dyn OrderedStream<Proposals>>,
    machine: Machine,
    log: &Arc<dyn LobbyLog>,
) -> Result<CaughtUp, CannotCatchUp> {
    read_on(stream, machine, log, Seq(0)).await
}

/// Reads up to the end, and on to the message `known`, which is known to stand there: the end may be told by a leader that
/// was just elected and does not know all of it yet.
async fn read_on(
    stream: &Arc<dyn OrderedStream<Proposals>>,
    mut machine: Machine,
    log: &Arc<dyn LobbyLog>,
    known: Seq,
) -> Result<CaughtUp, CannotCatchUp> {
    let stored = *log.subscribe().borrow();
    if stored.seq < machine.head().seq {
        return Err(CannotCatchUp::Behind { log: stored.seq, noted: machine.head().seq });
    }
    let place = machine.reached().map_or(Place(0), |reached| reached.place);
    let (begins, end) = bounds(stream, place).await?;
    let mut follower = follow(stream, &machine, begins).await?;
    let mut catching = Catching::new(Arc::clone(log), stored);
    let (mut reached, mut decided) = (place, Vec::new());
    let mut settled = None;
    while reached < end || machine.head().seq < known {
        let until = match reached < end {
            true => Instant::now() + PATIENCE,
            false => *settled.get_or_insert_with(|| Instant::now() + SETTLED_WITHIN),
        };
        let ordered = match timeout_at(until, next(&mut *follower)).await {
            Ok(ordered) => ordered,
            Err(_elapsed) if reached < end => return Err(CannotCatchUp::Silent),
            Err(_elapsed) => break,
        };
        let ordered = ordered.map_err(named)?;
        reached = ordered.place;
        machine.apply(&ordered, &mut decided);
        machine.commit();
        for effect in decided.drain(..) {
            if let Effect::Joined { id, .. } = &effect {
                machine.roster_mut().enter(*id);
            }
            catching.take(effect)?;
        }
        if catching.count >= STORED_AT_ONCE {
            catching.store(&machine).await?;
        }
    }
    catching.store(&machine).await?;
    Ok(CaughtUp { machine, follower, batches: reached.0 - place.0 })
}

/// Follows the order from the place at which `machine` stands. If the batch at that place is still kept, it has to be the
/// one that the machine was given: an order that lost its end may have gone on since, and then nothing of what follows
/// fits this machine.
async fn follow(
    stream: &Arc<dyn OrderedStream<Proposals>>,
    machine: &Machine,
    begins: Place,
) -> Result<Box<dyn Follower<Proposals>>, CannotCatchUp> {
    let place = machine.reached().map_or(Place(0), |reached| reached.place);
    if place < begins {
        return Ok(stream.follow(place));
    }
    let mut follower = stream.follow(Place(place.0.saturating_sub(1)));
    let read = timeout_at(Instant::now() + PATIENCE, next(&mut *follower)).await;
    let there = read.map_err(|_elapsed| CannotCatchUp::Silent)?.map_err(named)?;
    match machine.reached_at() == Some(there.at) {
        true => Ok(follower),
        false => Err(CannotCatchUp::Changed(place)),
    }
}

/// Returns the oldest and the newest place of the order now, if it can be read from `place` on.
async fn bounds(
    stream: &Arc<dyn OrderedStream<Proposals>>,
    place: Place,
) -> Result<(Place, Place), CannotCatchUp> {
    let begun = Instant::now();
    let (begins, ends) = loop {
        match stream.bounds().await {
            Some(bounds) if bounds.1 >= place || begun.elapsed() >= SETTLED_WITHIN => break bounds,
            None if begun.elapsed() >= PATIENCE => return Err(CannotCatchUp::Silent),
            _ => sleep(RETRY).await,
        }
    };
    match place {
        _ if place > ends => Err(CannotCatchUp::WentBack { reached: place, ends }),
        _ if place.next() < begins => Err(CannotCatchUp::CutOff { wanted: place.next(), begins }),
        _ => Ok((begins, ends)),
    }
}

pub(super) fn named(err: StreamError) -> CannotCatchUp {
    match err {
        StreamError::Skipped { wanted, begins } => CannotCatchUp::CutOff { wanted, begins },
        StreamError::WentBack { reached, ends } => CannotCatchUp::WentBack { reached, ends },
        StreamError::Replaced => CannotCatchUp::Replaced,
    }
}

/// What follows from the order and is not stored yet.
struct Catching {
    log: Arc<dyn LobbyLog>,
    /// The newest message that the log of the lobby had before.
    stored: Position,
    /// The newest message that the log of each room had before.
    stored_in_rooms: BTreeMap<LogId, Position>,
    messages: Vec<LobbyMessage>,
    rooms: BTreeMap<LogId, (RoomId, Vec<LobbyMessage>)>,
    unsaved: Unsaved,
    rules: Option<Arc<Rules>>,
    /// How many messages wait to be stored.
    count: usize,
}

impl Catching {
    fn new(log: Arc<dyn LobbyLog>, stored: Position) -> Self {
        let rooms = log.rooms().into_iter();
        Self {
            stored,
            stored_in_rooms: rooms.map(|room| (room.kept.id.log, room.head)).collect(),
            messages: Vec::new(),
            rooms: BTreeMap::new(),
            unsaved: Unsaved::default(),
            rules: None,
            count: 0,
            log,
        }
    }

    fn take(&mut self, effect: Effect) -> Result<(), CannotCatchUp> {
        match effect {
            Effect::Said { room, message, .. } => self.said(room, message)?,
            Effect::Bound { binding, .. } => self.unsaved.bind(binding),
            Effect::Freed(name) => self.unsaved.free(name),
            Effect::Rules(rules) => self.rules = Some(rules),
            Effect::RoomSeen(room) => self.unsaved.room_seen(room),
            Effect::RoomGone(room) => {
                self.rooms.remove(&room.log);
                self.stored_in_rooms.remove(&room.log);
                self.unsaved.room_gone(room.log);
            }
            _ => {}
        }
        Ok(())
    }

    fn said(&mut self, room: Option<RoomId>, message: LobbyMessage) -> Result<(), CannotCatchUp> {
        let stored = match &room {
            None => Some(self.stored),
            Some(room) => self.stored_in_rooms.get(&room.log).copied(),
        };
        if !is_new(stored, &message)? {
            return Ok(());
        }
        self.count += 1;
        match room {
            None => self.messages.push(message),
            Some(room) => self.rooms.entry(room.log).or_insert_with(|| (room, Vec::new())).1.push(message),
        }
        Ok(())
    }

    async fn store(&mut self, machine: &Machine) -> Result<(), CannotCatchUp> {
        let Changes { names, freed, rooms: seen, gone_rooms } = self.unsaved.take();
        let messages = Arc::new(std::mem::take(&mut self.messages));
        self.count = 0;
        let mut rooms: BTreeMap<LogId, RoomBatch> = BTreeMap::new();
        for kept in seen {
            rooms.insert(kept.id.log, RoomBatch { kept, messages: Arc::default() });
        }
        for (log, (id, messages)) in std::mem::take(&mut self.rooms) {
            let kept = machine.rooms().kept(&id);
            rooms.insert(log, RoomBatch { kept, messages: Arc::new(messages) });
        }
        let rooms = rooms.into_values().collect();
        let rules = self.rules.take();
        let batch = Batch { messages, names, freed, rooms, gone_rooms, rules, ..Batch::default() };
        match batch == Batch::default() {
            true => Ok(()),
            false => self.log.append(batch).await.map_err(CannotCatchUp::Store),
        }
    }
}

/// Whether a log that goes up to `stored` does not have this message yet. It is an error if the message has the number
/// of `stored` and another hash.
fn is_new(stored: Option<Position>, message: &LobbyMessage) -> Result<bool, CannotCatchUp> {
    match stored {
        Some(stored) if message.seq < stored.seq => Ok(false),
        Some(stored) if message.seq == stored.seq && message.hash == stored.hash => Ok(false),
        Some(stored) if message.seq == stored.seq => Err(CannotCatchUp::Fork(message.seq)),
        _ => Ok(true),
    }
}

#[cfg(test)]
#[path = "catch_up_tests.rs"]
mod tests;
