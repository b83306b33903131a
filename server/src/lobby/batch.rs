//! A batch on its way: published, read back in its order, applied, and given to the log. One batch is stored at a
//! time while the next one gathers; what follows when that is done is `outcome`'s business.
//!
//! The next batch is not published before the one before it is stored, since with an order of its own a server takes
//! back what it could not store. A batch of unknown outcome is published again, under its number, until it is read
//! back: it counts once.

use std::collections::BTreeMap;
use std::future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hobnob_order::{Follower, Later as Published, Ordered, Place, PublishError, StreamError, next};
use hobnob_protocol::chain::LobbyMessage;
use hobnob_protocol::name::LogId;
use tokio::time::{Instant, sleep};

use super::gather::Later;
use super::unsaved::Changes;
use super::{Chunk, Lobby};
use crate::decide::{ConnectionId, Effect, Entry, Proposals, RoomId, Rules};
use crate::log::{Batch, Later as Appended, LogError, RoomBatch};

/// How long to wait before a batch is published again.
const PUBLISH_AGAIN: Duration = Duration::from_secs(1);

/// The batch that was published and not read back yet.
pub(super) struct Open {
    batch: Arc<Proposals>,
    /// Taken out when it has come; only reading the batch back counts.
    answer: Option<Published<'static, Result<Place, PublishError>>>,
    /// Questions that are answered when it has been applied.
    pub(super) later: Later,
}

/// The batch that is being stored, and what is to be told then.
pub(super) struct Storing {
    append: Appended<'static, ()>,
    /// When that began; `None` where nothing of it needs to be stored.
    pub(super) started: Option<Instant>,
    pub(super) messages: Arc<Vec<LobbyMessage>>,
    /// For each message the connection it was said on.
    pub(super) authors: Vec<ConnectionId>,
    pub(super) chunks: Vec<Arc<Chunk>>,
    /// All else that is to be told, in order.
    pub(super) effects: Vec<Effect>,
    /// What is stored with them of names and rooms.
    pub(super) changes: Changes,
    /// What operators decided, where that is stored with them.
    pub(super) rules: Option<Arc<Rules>>,
    /// What was said in rooms.
    pub(super) rooms: Vec<RoomWords>,
}

/// What was said in one room.
pub(super) struct RoomWords {
    pub(super) id: RoomId,
    pub(super) messages: Arc<Vec<LobbyMessage>>,
    /// For each message the connection it was said on.
    pub(super) authors: Vec<ConnectionId>,
    pub(super) chunks: Vec<Arc<Chunk>>,
}

impl RoomWords {
    fn new((id, messages, authors): (RoomId, Vec<LobbyMessage>, Vec<ConnectionId>)) -> Self {
        let messages = Arc::new(messages);
        let chunks = Chunk::cut_of(Some(&id), &messages);
        Self { id, messages, authors, chunks }
    }
}

/// What comes next for a batch.
pub(super) enum Step {
    Stored(Box<Storing>, Result<(), LogError>),
    Ordered(Result<Ordered<Proposals>, StreamError>),
    Published(Result<Place, PublishError>),
}

/// Waits for the next step. What is being stored comes first: what follows in the order is not read before that.
/// Nothing is lost when the wait is cancelled.
pub(super) async fn next_step(
    storing: &mut Option<Storing>,
    open: &mut Option<Open>,
    follower: &mut dyn Follower<Proposals>,
) -> Step {
    if let Some(current) = storing {
        let result = (&mut current.append).await;
        return match storing.take() {
            Some(stored) => Step::Stored(Box::new(stored), result),
            None => future::pending().await,
        };
    }
    tokio::select! {
        biased;
        ordered = next(follower) => Step::Ordered(ordered),
        published = published(open) => Step::Published(published),
    }
}

async fn published(open: &mut Option<Open>) -> Result<Place, PublishError> {
    let Some(answer) = open.as_mut().and_then(|open| open.answer.as_mut()) else {
        return future::pending().await;
    };
    let result = answer.await;
    if let Some(open) = open {
        open.answer = None;
    }
    result
}

impl Lobby {
    /// Deals with a step.
    ///
    /// # Errors
    /// When the order cannot be followed any further.
    pub(super) async fn step(&mut self, step: Step) -> Result<(), StreamError> {
        match step {
            Step::Stored(batch, result) => self.stored(*batch, result).await,
            Step::Ordered(ordered) => self.apply(&ordered?),
            Step::Published(Ok(_place)) => {}
            Step::Published(Err(err)) => self.not_published(&err),
        }
        Ok(())
    }

    /// Publishes what has gathered, unless a batch is on its way already.
    pub(super) fn start_batch(&mut self) {
        if self.storing.is_some() || self.open.is_some() {
            return;
        }
        if self.gathered.is_empty() {
            if self.unsaved.is_due() || self.unsaved_rules.is_some() {
                self.store(Vec::new());
            }
            return;
        }
        let (entries, later) = self.gathered.take();
        let batch = self.numbered(entries);
        let answer = Some(self.stream.publish(Arc::clone(&batch)));
        self.open = Some(Open { batch, answer, later });
        // A server that is alone reads it back at once, and stores it in this turn of its loop. An error is given
        // again to whoever waits for the next step.
        if let Poll::Ready(Ok(ordered)) = self.follower.poll_next(&mut Context::from_waker(Waker::noop())) {
            self.apply(&ordered);
        }
    }

    /// This server's next batch.
    fn numbered(&mut self, entries: Vec<Entry>) -> Arc<Proposals> {
        self.number += 1;
        Arc::new(Proposals { server: self.server, number: self.number, entries })
    }

    /// Does what follows from the next batch of the order.
    fn apply(&mut self, ordered: &Ordered<Proposals>) {
        self.applied = ordered.place;
        let Proposals { server, number, .. } = &*ordered.batch;
        let is_own = |open: &mut Open| *server == self.server && open.batch.number == *number;
        let own = self.open.take_if(is_own);
        let mut decided = Vec::new();
        self.machine.apply(ordered, &mut decided);
        if ordered.batch.entries.iter().any(|entry| !matches!(entry, Entry::Say { .. })) {
            self.users_changed();
        }
        if !decided.is_empty() {
            self.store(decided);
        }
        for question in own.map(|open| open.later.questions()).unwrap_or_default() {
            self.reply(question);
        }
    }

    /// The batch is not in the order, or nobody knows. Its authors are told only where it is certain.
    fn not_published(&mut self, err: &PublishError) {
        let Some(Open { mut batch, later, .. }) = self.open.take() else { return };
        tracing::warn!(%err, entries = batch.entries.len(), "a batch could not be published");
        if let PublishError::Refused(_) = err {
            let is_said = |entry: &Entry| matches!(entry, Entry::Say { .. } | Entry::Act(_));
            for entry in &batch.entries {
                match entry {
                    Entry::Say { from, id, .. } => self.not_accepted(*from, *id),
                    Entry::Act(act) => self.not_accepted(act.from, act.id),
                    _ => {}
                }
            }
            // Whoever came or went did so all the same.
            let entries: Vec<Entry> = batch.entries.iter().filter(|entry| !is_said(entry)).cloned().collect();
            if entries.is_empty() {
                // No question waits behind texts.
                return;
            }
            batch = self.numbered(entries);
        }
        let (stream, again) = (Arc::clone(&self.stream), Arc::clone(&batch));
        let answer = Box::pin(async move {
            sleep(PUBLISH_AGAIN).await;
            stream.publish(again).await
        });
        self.open = Some(Open { batch, answer: Some(answer), later });
    }

    /// Gives what was decided to the log, if it has to be stored before it is told.
    fn store(&mut self, decided: Vec<Effect>) {
        let mut must = self.unsaved.is_due() || self.unsaved_rules.is_some();
        let (mut messages, mut authors) =
            (Vec::with_capacity(decided.len()), Vec::with_capacity(decided.len()));
        let (mut effects, mut rooms) = (Vec::new(), BTreeMap::new());
        for effect in decided {
            match effect {
                Effect::Said { from, room: None, message } => {
                    messages.push(message);
                    authors.push(from);
                }
                Effect::Said { from, room: Some(room), message } => {
                    let (_, messages, authors) =
                        rooms.entry(room.log).or_insert_with(|| (room, Vec::new(), Vec::new()));
                    messages.push(message);
                    authors.push(from);
                }
                Effect::Rules(rules) => {
                    must = true;
                    self.unsaved_rules = Some(Arc::clone(&rules));
                    effects.push(Effect::Rules(rules));
                }
                Effect::RoomSeen(room) => self.unsaved.room_seen(room),
                Effect::RoomGone(room) => {
                    must = true;
                    self.unsaved.room_gone(room.log);
                }
                Effect::Bound { binding, is_new } => {
                    must |= is_new;
                    self.unsaved.bind(binding);
                }
                Effect::Freed(name) => {
                    must = true;
                    self.unsaved.free(name);
                }
                told => effects.push(told),
            }
        }
        must |= !(messages.is_empty() && rooms.is_empty());
        let messages = Arc::new(messages);
        let changes = if must { self.unsaved.take() } else { Changes::default() };
        let rules = if must { self.unsaved_rules.take() } else { None };
        let rooms: Vec<RoomWords> = rooms.into_values().map(RoomWords::new).collect();
        let (append, started): (Appended<'static, ()>, _) = match must {
            true => {
                let mut batch = self.batch_of(Arc::clone(&messages), &rooms, changes.clone());
                batch.rules.clone_from(&rules);
                (self.log.append(batch), Some(Instant::now()))
            }
            false => (Box::pin(future::ready(Ok(()))), None),
        };
        let chunks = Chunk::cut(&messages);
        // While the log's thread stores them.
        let of_rooms = rooms.iter().flat_map(|room| &room.chunks);
        chunks.iter().chain(of_rooms).for_each(|chunk| self.memory.prepare(chunk));
        self.storing =
            Some(Storing { append, started, messages, authors, chunks, effects, changes, rooms, rules });
    }

    /// What is stored at once: of a room in which something was said its topic and its date as well.
    fn batch_of(&self, messages: Arc<Vec<LobbyMessage>>, rooms: &[RoomWords], changes: Changes) -> Batch {
        let Changes { names, freed, rooms: mut seen, gone_rooms } = changes;
        let spoken_in = |log: LogId| rooms.iter().any(|room| room.id.log == log);
        seen.retain(|room| !spoken_in(room.id.log));
        let with_words = rooms.iter().map(|room| RoomBatch {
            kept: self.machine.rooms().kept(&room.id),
            messages: Arc::clone(&room.messages),
        });
        let seen = seen.into_iter().map(|kept| RoomBatch { kept, messages: Arc::default() });
        // What was said last in a room that is gone by the end of the batch is told and not kept.
        let is_there = |room: &RoomBatch| !gone_rooms.contains(&room.kept.id.log);
        let rooms = with_words.chain(seen).filter(is_there).collect();
        Batch { messages, names, freed, rooms, gone_rooms, rules: None }
    }
}
