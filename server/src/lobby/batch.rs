//! A batch on its way: it is published, read back in the order, applied, and given to the log. One batch is stored at a
//! time, while the next one gathers; what follows when it is stored is in `outcome`.
//!
//! A server with its own order publishes the next batch only after the one before it is stored, because it takes back
//! what it could not store. A batch whose outcome is unknown is published again, under its number, until it is read
//! back: it counts once.

use std::collections::BTreeMap;
use std::future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hobnob_order::{Follower, Later as Published, Ordered, Place, PublishError, StreamError, next};
use hobnob_protocol::chain::{LobbyMessage, LogId};
use tokio::time::{Instant, sleep};

use super::fault::LobbyFault;
use super::gather::{LARGEST_SHARED, Later};
use super::handle::LobbyCommand;
use super::unsaved::{Changes, Unsaved};
use super::{Chunk, Lobby, StoresHere};
use crate::decide::{ConnectionId, Effect, Entry, Proposals, RoomId, Rules};
use crate::log::{AppendedHere, Batch, Later as Appended, LogError, RoomBatch};

/// How long to wait before a batch is published again.
const PUBLISH_AGAIN: Duration = Duration::from_secs(1);

/// How long changes without messages wait after the log has refused a batch. Without a pause the lobby would ask a full
/// disk again and again, and do nothing else.
pub(super) const STORE_AGAIN: Duration = Duration::from_secs(1);

/// How many effects may be decided before they are stored. Batches of an order to which other servers publish are
/// stored together, as many as wait. When the limit is reached, the rest waits for the next time.
const MAX_DECIDED: usize = 4096;

/// The batch that was published and was not read back yet.
pub(super) struct Open {
    batch: Arc<Proposals>,
    /// Whether an earlier attempt to publish it may have succeeded.
    perhaps: bool,
    since: Instant,
    /// The answer to the last attempt; `None` after it has come. Only reading the batch back counts.
    answer: Option<Published<'static, Result<Place, PublishError>>>,
    /// Questions that are answered when the batch has been applied.
    pub(super) later: Later,
}

/// The batch that is being stored, and what is to be told afterwards.
pub(super) struct Storing {
    append: Appended<'static, ()>,
    /// When storing began; `None` if nothing of the batch needs to be stored.
    pub(super) started: Option<Instant>,
    pub(super) messages: Arc<Vec<LobbyMessage>>,
    /// For each message, the connection on which it was said.
    pub(super) authors: Vec<ConnectionId>,
    pub(super) chunks: Vec<Arc<Chunk>>,
    /// All other effects that are to be told, in order.
    pub(super) effects: Vec<Effect>,
    /// The changes of names and rooms that are stored with the messages.
    pub(super) changes: Changes,
    /// The rules of operators, if they are stored with the messages.
    pub(super) rules: Option<Arc<Rules>>,
    /// What was said in rooms.
    pub(super) rooms: Vec<RoomWords>,
    /// What it takes to decide the batch again without its texts and acts, if an operator's act is among them.
    pub(super) again: Option<Box<Again>>,
}

/// What it takes to decide a batch again: the batch, and what was to be stored besides messages before it.
pub(super) struct Again {
    pub(super) ordered: Ordered<Proposals>,
    pub(super) unsaved: Unsaved,
    pub(super) unsaved_rules: Option<Arc<Rules>>,
}

/// What was said in one room.
pub(super) struct RoomWords {
    pub(super) id: RoomId,
    pub(super) messages: Arc<Vec<LobbyMessage>>,
    /// For each message, the connection on which it was said.
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

/// What happened to a batch.
pub(super) enum Step {
    Stored(Box<Storing>, Result<(), LogError>),
    Ordered(Result<Ordered<Proposals>, StreamError>),
    Published(Result<Place, PublishError>),
}

/// Waits for the next step. The batch that is being stored comes first: what follows in the order is read only after
/// it. Nothing is lost when the wait is cancelled.
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
    /// Fails when the lobby cannot go on.
    pub(super) async fn step(&mut self, step: Step) -> Result<(), LobbyFault> {
        match step {
            Step::Stored(batch, result) => self.stored(*batch, result).await?,
            Step::Ordered(ordered) => self.apply(ordered.map_err(LobbyFault::Order)?)?,
            Step::Published(Ok(_place)) => {}
            Step::Published(Err(err)) => self.not_published(&err),
        }
        Ok(())
    }

    /// Publishes what has gathered, unless a batch is on its way already. If there are several servers, each of them
    /// publishes a batch every second even if nothing has gathered.
    pub(super) fn start_batch(&mut self) {
        let is_shared = self.servers.is_some();
        if self.open.is_some() || (self.storing.is_some() && !is_shared) {
            return;
        }
        let now = Instant::now();
        if self.gathered.is_empty() {
            if self.stores_without_messages() && self.storing.is_none() && now >= self.stores_again {
                self.store(Vec::new(), None);
            }
            if !self.servers.as_ref().is_some_and(|servers| servers.beat_is_due(now)) {
                return;
            }
        }
        let (entries, later) = self.gathered.take(if is_shared { LARGEST_SHARED } else { usize::MAX });
        let batch = self.numbered(entries);
        let answer = Some(self.stream.publish(Arc::clone(&batch)));
        self.open = Some(Open { batch, perhaps: false, since: now, answer, later });
        match &mut self.servers {
            Some(servers) => servers.said(now),
            // A server that is alone reads the batch back at once, and stores it in this turn of its loop. An error is
            // ignored here, because the order returns it again when the next step is awaited.
            None => {
                if let Poll::Ready(Ok(ordered)) = self.poll_order() {
                    // Only other servers can contradict, so this gives no error here.
                    let _none_here = self.apply(ordered);
                }
            }
        }
    }

    /// Whether there are changes that are stored even if nothing is said.
    pub(super) fn stores_without_messages(&self) -> bool {
        self.unsaved.is_due() || self.unsaved_rules.is_some()
    }

    fn poll_order(&mut self) -> Poll<Result<Ordered<Proposals>, StreamError>> {
        self.follower.poll_next(&mut Context::from_waker(Waker::noop()))
    }

    /// Gives the entries the number of this server's next batch.
    fn numbered(&mut self, entries: Vec<Entry>) -> Arc<Proposals> {
        self.number += 1;
        let (server, number, vouch) = (self.server, self.number, self.machine.reached());
        Arc::new(Proposals { server, number, vouch, entries })
    }

    /// Does what follows from the next batch of the order. If other servers publish as well, does the same for the
    /// batches that wait behind it.
    fn apply(&mut self, ordered: Ordered<Proposals>) -> Result<(), LobbyFault> {
        let mut decided = Vec::new();
        let (ordered, mut questions) = self.decide(ordered, &mut decided)?;
        while self.servers.is_some() && decided.len() < MAX_DECIDED {
            // An error is ignored here, because the order returns it again when the next step is awaited.
            let Poll::Ready(Ok(ordered)) = self.poll_order() else { break };
            questions.append(&mut self.decide(ordered, &mut decided)?.1);
        }
        match decided.is_empty() {
            true => self.machine.commit(),
            false => self.store(decided, Some(ordered)),
        }
        questions.into_iter().for_each(|question| self.reply(question));
        Ok(())
    }

    /// Appends what follows from a batch to `decided`. Returns the batch as it was proposed, and the questions that
    /// waited for it.
    fn decide(
        &mut self,
        mut ordered: Ordered<Proposals>,
        decided: &mut Vec<Effect>,
    ) -> Result<(Ordered<Proposals>, Vec<LobbyCommand>), LobbyFault> {
        self.applied = ordered.place;
        let (server, number) = (ordered.batch.server, ordered.batch.number);
        let is_own = |open: &mut Open| server == self.server && open.batch.number == number;
        let own = self.open.take_if(is_own);
        if let Some(open) = &own {
            // The value that this server published also contains what never leaves this server, such as the addresses
            // of clients.
            ordered.batch = Arc::clone(&open.batch);
        }
        let before = decided.len();
        self.machine.apply(&ordered, decided);
        if ordered.batch.entries.iter().any(|entry| !matches!(entry, Entry::Say { .. })) {
            self.users_changed();
        }
        if self.servers.is_some() {
            // What is in the order stands, whether it can be stored here or not.
            self.machine.commit();
            self.heard(server, number);
            self.metrics.place.set(ordered.place.0 as i64);
            if let Some(open) = &own {
                self.metrics.order_seconds.observe(open.since.elapsed().as_secs_f64());
            }
            let contradicted = decided[before..].iter().find_map(|effect| match effect {
                Effect::Contradicted(place) => Some(*place),
                _ => None,
            });
            contradicted.map_or(Ok(()), |place| Err(LobbyFault::Contradicted(place)))?;
        }
        Ok((ordered, own.map(|open| open.later.questions()).unwrap_or_default()))
    }

    /// The batch is not in the order, or that is unknown. Its authors are told only if it is certain.
    fn not_published(&mut self, err: &PublishError) {
        let Some(Open { mut batch, mut perhaps, since, later, .. }) = self.open.take() else { return };
        tracing::warn!(%err, entries = batch.entries.len(), "a batch could not be published");
        perhaps |= matches!(err, PublishError::Unknown(_));
        if perhaps {
            self.metrics.unknown_publishes.inc();
        } else {
            // No question waits only because of texts.
            let Some(rest) = self.without_texts(&batch) else { return };
            batch = rest;
        }
        let (stream, again) = (Arc::clone(&self.stream), Arc::clone(&batch));
        let answer = Box::pin(async move {
            sleep(PUBLISH_AGAIN).await;
            stream.publish(again).await
        });
        self.open = Some(Open { batch, perhaps, since, answer: Some(answer), later });
    }

    /// Tells the authors of a refused batch. The other entries (users who came or went) are proposed again, under the
    /// number that was not used up. Returns `None` if there are no other entries.
    fn without_texts(&mut self, refused: &Proposals) -> Option<Arc<Proposals>> {
        let mut entries = Vec::new();
        for entry in &refused.entries {
            match entry {
                Entry::Say { from, id, .. } => self.not_accepted(*from, *id),
                Entry::Act(act) => self.not_accepted(act.from, act.id),
                other => entries.push(other.clone()),
            }
        }
        self.number -= 1;
        (!entries.is_empty()).then(|| self.numbered(entries))
    }

    /// Gives what was decided to the log, if it has to be stored before it is told. It follows from `ordered` if this
    /// server keeps its order itself.
    fn store(&mut self, decided: Vec<Effect>, ordered: Option<Ordered<Proposals>>) {
        let again = self.to_decide_again(ordered).map(Box::new);
        let mut must = self.stores_without_messages();
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
                other => {
                    must |= must_be_stored(&other);
                    effects.extend(self.gather_change(other));
                }
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
                let started = Instant::now();
                (self.append(batch), Some(started))
            }
            false => (Box::pin(future::ready(Ok(()))), None),
        };
        let chunks = Chunk::cut(&messages);
        // The chunks are encoded while the log's thread stores the messages.
        let of_rooms = rooms.iter().flat_map(|room| &room.chunks);
        chunks.iter().chain(of_rooms).for_each(|chunk| self.memory.prepare(chunk));
        self.storing = Some(Storing {
            append,
            started,
            messages,
            authors,
            chunks,
            effects,
            changes,
            rules,
            rooms,
            again,
        });
    }

    /// Notes a change of names, rooms or rules that is to be stored. Gives back what is to be told.
    pub(super) fn gather_change(&mut self, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::Rules(rules) => {
                self.unsaved_rules = Some(Arc::clone(&rules));
                return Some(Effect::Rules(rules));
            }
            Effect::RoomSeen(room) => self.unsaved.room_seen(room),
            Effect::RoomGone(room) => self.unsaved.room_gone(room.log),
            Effect::Bound { binding, .. } => {
                self.expiry.dated();
                self.unsaved.bind(binding);
            }
            Effect::Freed(name) => self.unsaved.free(name),
            told => return Some(told),
        }
        None
    }

    /// Gives a batch to the log, or waits here until it is stored.
    fn append(&self, batch: Batch) -> Appended<'static, ()> {
        if self.stores_here != StoresHere::Now {
            return self.log.append(batch);
        }
        match self.log.append_here(batch) {
            AppendedHere::Done(stored) => Box::pin(future::ready(stored)),
            AppendedHere::NotTaken(batch) => self.log.append(batch),
        }
    }

    /// Returns what is stored together. For a room in which something was said, its topic and date are stored as well.
    fn batch_of(&self, messages: Arc<Vec<LobbyMessage>>, rooms: &[RoomWords], changes: Changes) -> Batch {
        let Changes { names, freed, rooms: mut seen, gone_rooms } = changes;
        let spoken_in = |log: LogId| rooms.iter().any(|room| room.id.log == log);
        seen.retain(|room| !spoken_in(room.id.log));
        let with_words = rooms.iter().map(|room| RoomBatch {
            kept: self.machine.rooms().kept(&room.id),
            messages: Arc::clone(&room.messages),
        });
        let seen = seen.into_iter().map(|kept| RoomBatch { kept, messages: Arc::default() });
        // Messages of a room that is gone by the end of the batch are told and not stored.
        let is_there = |room: &RoomBatch| !gone_rooms.contains(&room.kept.id.log);
        let rooms: Vec<RoomBatch> = with_words.chain(seen).filter(is_there).collect();
        let spoken_in = rooms.iter().filter(|room| !room.messages.is_empty());
        let standings = self.machine.rooms().standings(spoken_in.map(|room| &room.kept.id));
        Batch { messages, names, freed, rooms, gone_rooms, standings, ..Batch::default() }
    }
}

/// Whether a change has to be stored before anything of its batch is told. Other changes are only dates.
fn must_be_stored(effect: &Effect) -> bool {
    use Effect::{Bound, Freed, RoomGone, Rules};
    matches!(effect, Rules(_) | RoomGone(_) | Freed(_) | Bound { is_new: true, .. })
}
