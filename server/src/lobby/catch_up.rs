//! Reads an order that several servers share up to its end, before any client is served. Each batch is applied, and
//! what follows from it is stored if the log does not have it yet (`catching`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hobnob_order::{Follower, OrderedStream, Place, StreamError, next};
use hobnob_protocol::chain::{LogId, Seq};
use hobnob_protocol::room::RoomName;
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout_at};

use super::catching::Catching;
use crate::decide::{Effect, Machine, Proposals, RoomId};
use crate::log::{LobbyLog, LogError};

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
    /// The log of a room lacks messages that the machine beside it has.
    #[error(
        "the log of room #{room} ends at message {log} and what is noted beside it at {noted}: the log was put back from \
         a copy that is older than machine.json; {BEGIN_AGAIN}"
    )]
    BehindInRoom {
        /// The name of the room.
        room: RoomName,
        /// The newest message of the room's log; 0 if there is no log of the room.
        log: Seq,
        /// The newest message of the room in the machine.
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
    #[error(
        "what the lobby's stream holds cannot be stored: {0}. If the disk is not full and this user may write there, \
         {BEGIN_AGAIN}"
    )]
    Store(LogError),
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
    machine: Machine,
    log: &Arc<dyn LobbyLog>,
    known: Seq,
) -> Result<CaughtUp, CannotCatchUp> {
    let stored = *log.subscribe().borrow();
    if stored.seq < machine.head().seq {
        return Err(CannotCatchUp::Behind { log: stored.seq, noted: machine.head().seq });
    }
    let place = machine.reached().map_or(Place(0), |reached| reached.place);
    let (begins, end) = bounds(stream, place).await?;
    let follower = follow(stream, &machine, begins).await?;
    let mut catching = Catching::new(Arc::clone(log), stored);
    let mut reading = Reading { machine, follower, reached: place, end, known, settled: None };
    reading.rooms_are_in(&**log, stream, &mut catching).await?;
    let mut decided = Vec::new();
    while reading.apply_next(&mut decided).await? {
        if catching.asks_which_rooms_end(&decided) {
            catching.rooms_end(reading.rooms_that_end(stream).await?);
        }
        decided.drain(..).try_for_each(|effect| catching.take(effect)).map_err(CannotCatchUp::Fork)?;
        if catching.has_many() {
            catching.store(&reading.machine).await.map_err(CannotCatchUp::Store)?;
        }
    }
    loop {
        catching.store(&reading.machine).await.map_err(CannotCatchUp::Store)?;
        if !catching.has_more() {
            break;
        }
    }
    let Reading { machine, follower, reached, .. } = reading;
    Ok(CaughtUp { machine, follower, batches: reached.0 - place.0 })
}

/// An order that is being read up to its end, and the machine to which its batches are applied.
struct Reading {
    machine: Machine,
    follower: Box<dyn Follower<Proposals>>,
    /// The place of the batch that was applied last.
    reached: Place,
    /// Where the order ends, as far as it was told.
    end: Place,
    /// A message of the lobby up to which it goes on after that.
    known: Seq,
    /// Until when the messages after the end may come.
    settled: Option<Instant>,
}

impl Reading {
    /// Applies the next batch, and appends what follows from it to `decided`. Returns false at the end.
    async fn apply_next(&mut self, decided: &mut Vec<Effect>) -> Result<bool, CannotCatchUp> {
        let is_before_end = self.reached < self.end;
        if !is_before_end && self.machine.head().seq >= self.known {
            return Ok(false);
        }
        let until = match is_before_end {
            true => Instant::now() + PATIENCE,
            false => *self.settled.get_or_insert_with(|| Instant::now() + SETTLED_WITHIN),
        };
        let ordered = match timeout_at(until, next(&mut *self.follower)).await {
            Ok(ordered) => ordered.map_err(named)?,
            Err(_elapsed) if is_before_end => return Err(CannotCatchUp::Silent),
            Err(_elapsed) => return Ok(false),
        };
        self.reached = ordered.place;
        self.machine.apply(&ordered, decided);
        self.machine.commit();
        for effect in &*decided {
            if let Effect::Joined { id, .. } = effect {
                self.machine.roster_mut().enter(*id);
            }
        }
        Ok(true)
    }

    /// Makes sure that the log has of each room what the machine has. A room that is in the machine alone may have ended
    /// since, because the log was stored further than the machine was saved. So it is asked which rooms end.
    async fn rooms_are_in(
        &self,
        log: &dyn LobbyLog,
        stream: &Arc<dyn OrderedStream<Proposals>>,
        catching: &mut Catching,
    ) -> Result<(), CannotCatchUp> {
        let mut absent = Vec::new();
        for (kept, noted) in self.machine.rooms().spoken_in() {
            let (room, noted) = (kept.id, noted.seq);
            // A log that ends before that message gives its own end, and a log that is not there an error.
            match log.read_room(room.log, noted, 1, 0).await {
                Ok(stretch) if stretch.after.seq >= noted => {}
                Ok(stretch) => return Err(behind_in(room, stretch.after.seq, noted)),
                Err(err) => {
                    tracing::warn!(%err, "a room that is noted beside the log is not in it");
                    absent.push((room, noted));
                }
            }
        }
        if absent.is_empty() {
            return Ok(());
        }
        let ended = self.rooms_that_end(stream).await?;
        let lost = absent.into_iter().find(|(room, _)| !ended.contains(&room.log));
        catching.rooms_end(ended);
        lost.map_or(Ok(()), |(room, noted)| Err(behind_in(room, Seq(0), noted)))
    }

    /// Returns the logs of the rooms that end between here and the end of the order. Reads it to its end for that, and
    /// stays here itself.
    async fn rooms_that_end(
        &self,
        stream: &Arc<dyn OrderedStream<Proposals>>,
    ) -> Result<BTreeSet<LogId>, CannotCatchUp> {
        let Self { ref machine, reached, end, known, .. } = *self;
        let (machine, follower) = (machine.clone(), stream.follow(reached));
        let mut ahead = Self { machine, follower, reached, end, known, settled: None };
        let (mut ended, mut decided) = (BTreeSet::new(), Vec::new());
        while ahead.apply_next(&mut decided).await? {
            ended.extend(decided.drain(..).filter_map(|effect| match effect {
                Effect::RoomGone(room) => Some(room.log),
                _ => None,
            }));
        }
        Ok(ended)
    }
}

fn behind_in(room: RoomId, log: Seq, noted: Seq) -> CannotCatchUp {
    CannotCatchUp::BehindInRoom { room: room.name, log, noted }
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

#[cfg(test)]
#[path = "catch_up_tests.rs"]
mod tests;
