//! What was said on its way into the log: gathering, numbering, storing, and what follows when that
//! is done or has failed. One batch is stored at a time while the next one gathers.

use std::collections::VecDeque;
use std::future;
use std::sync::Arc;

use hobnob_protocol::chain::{self, LobbyMessage, Position};
use hobnob_protocol::message::ServerMessage;
use hobnob_protocol::name::{ChainHash, Seq, Text, UserName};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;

use super::{Lobby, wall_clock};
use crate::log::{Batch, LobbyLog, LogError, NameBinding};
use crate::outbox::Party;
use crate::recent::Chunk;
use crate::roster::ConnectionId;

/// Messages and bytes of text that gather before no more commands are taken.
const MAX_PENDING_MESSAGES: usize = 4096;
const MAX_PENDING_BYTES: usize = 8 * 1024 * 1024;

/// Something said and not yet numbered.
#[derive(Debug)]
pub(super) struct Words {
    from: ConnectionId,
    party: Party,
    name: Arc<UserName>,
    id: u64,
    text: Text,
    at: u64,
}

/// The next batch.
#[derive(Default)]
pub(super) struct Pending {
    words: Vec<Words>,
    bytes: usize,
    /// They are let in when their names are stored.
    pub(super) joining: Vec<ConnectionId>,
    pub(super) freed: Vec<UserName>,
    /// Changed dates alone are worth a batch.
    pub(super) dates_due: bool,
}

impl Pending {
    pub(super) fn has_room(&self) -> bool {
        self.words.len() < MAX_PENDING_MESSAGES && self.bytes < MAX_PENDING_BYTES
    }

    fn push(&mut self, words: Words) {
        self.bytes += words.text.as_str().len();
        self.words.push(words);
    }

    fn is_worth_storing(&self) -> bool {
        !self.words.is_empty() || !self.joining.is_empty() || self.dates_due
    }
}

/// Who said which of its own numbers, and on which connection it was last heard to.
struct Author {
    party: Party,
    id: u64,
    from: ConnectionId,
}

/// The batch that is being stored.
pub(super) struct InFlight {
    append: JoinHandle<Result<(), LogError>>,
    started: Instant,
    chunks: Vec<Arc<Chunk>>,
    hashes: Vec<ChainHash>,
    head: Position,
    authors: Vec<Author>,
    joining: Vec<ConnectionId>,
    names: Vec<NameBinding>,
    freed: Vec<UserName>,
}

/// A text that may have been sent before, while the log is asked for it.
pub(super) struct Lookup {
    party: Party,
    found: JoinHandle<(Words, Result<Found, LogError>)>,
}

/// What the log knows of a text.
#[derive(Debug)]
pub(super) enum Found {
    /// It holds it.
    At(Seq),
    /// It does not, and holds a later one of the same run: this one was refused.
    Refused,
    /// It holds neither.
    New,
}

/// What came of a lookup.
pub(super) type LookedUp = Result<(Words, Result<Found, LogError>), JoinError>;

/// Waits for the oldest lookup and takes it out; for ever if there is none. In the order in which the
/// texts came: those that are stored after all are stored in that order.
pub(super) async fn next_lookup(lookups: &mut VecDeque<Lookup>) -> LookedUp {
    let Some(oldest) = lookups.front_mut() else { return future::pending().await };
    let found = (&mut oldest.found).await;
    lookups.pop_front();
    found
}

async fn look_up(log: &dyn LobbyLog, (key, run): Party, id: u64) -> Result<Found, LogError> {
    if let Some(seq) = log.find(key, run, id).await? {
        return Ok(Found::At(seq));
    }
    let last = log.last_id(key, run).await?;
    Ok(if last.is_some_and(|last| last > id) { Found::Refused } else { Found::New })
}

/// A batch and whether it was stored.
pub(super) type Stored = (InFlight, Result<(), LogError>);

impl InFlight {
    /// Waits until the batch is stored or has failed, and takes it out; for ever if there is none.
    pub(super) async fn stored(slot: &mut Option<Self>) -> Stored {
        let Some(in_flight) = slot else { return future::pending().await };
        let result = (&mut in_flight.append).await;
        let result = result.unwrap_or_else(|err: JoinError| Err(LogError::Write(err.to_string())));
        match slot.take() {
            Some(in_flight) => (in_flight, result),
            None => future::pending().await,
        }
    }
}

impl Lobby {
    /// Somebody says something: once, also when it is sent twice.
    pub(super) fn say(&mut self, from: ConnectionId, id: u64, text: Text) {
        let Some(member) = self.roster.member(from) else { return };
        let party = (member.key, member.run);
        let words = Words { from, party, name: Arc::clone(&member.name), id, text, at: wall_clock() };
        let is_new = self.outboxes.take(party, id);
        // One that is new does not overtake those before it.
        if is_new && !self.lookups.iter().any(|lookup| lookup.party == party) {
            self.pending.push(words);
        } else if !self.claim(party, id, from) {
            let log = Arc::clone(&self.log);
            let found = tokio::spawn(async move {
                let found = look_up(&*log, party, id).await;
                (words, found)
            });
            self.lookups.push_back(Lookup { party, found });
        }
    }

    /// The log has said whether it holds a text that was sent again.
    pub(super) fn looked_up(&mut self, looked_up: LookedUp) {
        let (words, found) = match looked_up {
            Ok(looked_up) => looked_up,
            Err(err) => return tracing::error!(%err, "a lookup ended early"),
        };
        let (party, id) = (words.party, words.id);
        match found {
            Ok(Found::At(seq)) => self.tell(words.from, &ServerMessage::Accepted { id, seq }),
            Ok(Found::New) if self.claim(party, id, words.from) => {}
            // Its batch failed, and what its author said next is stored, or will be, before it.
            Ok(Found::Refused) => self.not_stored(words.from, id),
            Ok(Found::New) if self.has_later(party, id) => self.not_stored(words.from, id),
            Ok(Found::New) => self.pending.push(words),
            Err(err) => {
                tracing::error!(%err, "cannot look up a text that was sent again");
                self.not_stored(words.from, id);
            }
        }
    }

    /// Whether a text that came again is in the batch that gathers or in the one being stored. Its
    /// author hears of it on the connection it came on last. On no other: where it has not come again
    /// yet, it will, and may be stored then.
    fn claim(&mut self, party: Party, id: u64, from: ConnectionId) -> bool {
        if let Some(words) = self.pending.words.iter_mut().find(|it| (it.party, it.id) == (party, id)) {
            words.from = from;
            return true;
        }
        let in_flight = self.in_flight.iter_mut().flat_map(|batch| &mut batch.authors);
        match in_flight.into_iter().find(|it| (it.party, it.id) == (party, id)) {
            Some(author) => {
                author.from = from;
                true
            }
            None => false,
        }
    }

    /// Whether a later text of the same run is in the batch that gathers or in the one being stored.
    fn has_later(&self, party: Party, id: u64) -> bool {
        let in_flight = self.in_flight.iter().flat_map(|batch| &batch.authors);
        self.pending.words.iter().any(|it| it.party == party && it.id > id)
            || in_flight.into_iter().any(|it| it.party == party && it.id > id)
    }

    /// Stores what has gathered, unless a batch is being stored already.
    pub(super) fn start_commit(&mut self) {
        if self.in_flight.is_some() || !self.pending.is_worth_storing() {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        let authors = pending
            .words
            .iter()
            .map(|words| Author { party: words.party, id: words.id, from: words.from })
            .collect();
        let names = self.roster.take_unsaved();
        let (messages, head) = self.number(pending.words);
        if messages.is_empty() && names.is_empty() && pending.freed.is_empty() && pending.joining.is_empty() {
            return;
        }
        let (messages, chunks) = Chunk::encode(messages);
        let hashes = messages.iter().map(|message| message.hash).collect();
        let batch = Batch { messages, names: names.clone(), freed: pending.freed.clone() };
        let log = Arc::clone(&self.log);
        self.in_flight = Some(InFlight {
            append: tokio::spawn(async move { log.append(batch).await }),
            started: Instant::now(),
            chunks,
            hashes,
            head,
            authors,
            joining: pending.joining,
            names,
            freed: pending.freed,
        });
    }

    /// Gives each its number, time and hash, following the head.
    fn number(&mut self, words: Vec<Words>) -> (Vec<LobbyMessage>, Position) {
        let mut head = self.head;
        let messages = words
            .into_iter()
            .map(|words| {
                self.last_at = self.last_at.max(words.at);
                let mut message = LobbyMessage {
                    seq: head.seq.next(),
                    at: self.last_at,
                    name: UserName::clone(&words.name),
                    key: words.party.0,
                    run: words.party.1,
                    id: words.id,
                    text: words.text,
                    hash: head.hash,
                };
                message.hash = chain::link(&head.hash, &message);
                head = Position { seq: message.seq, hash: message.hash };
                message
            })
            .collect();
        (messages, head)
    }

    /// The batch is stored, or has failed; the next one is on its way before anybody is told.
    pub(super) async fn stored(&mut self, (batch, result): Stored) {
        self.metrics.commit_seconds.observe(batch.started.elapsed().as_secs_f64());
        match result {
            Ok(()) => {
                self.head = batch.head;
                self.metrics.messages.inc_by(batch.hashes.len() as u64);
                self.recent().push(&batch.chunks, batch.hashes);
                self.start_commit();
                if !batch.chunks.is_empty() {
                    self.tell_few_changes().await;
                }
                self.fan_out(&batch.chunks).await;
            }
            Err(err) => {
                tracing::error!(%err, messages = batch.authors.len(), "a batch could not be stored");
                self.metrics.store_errors.inc();
                batch.authors.iter().for_each(|author| self.not_stored(author.from, author.id));
                self.roster.not_saved(batch.names);
                self.pending.freed.extend(batch.freed);
            }
        }
        // Also when their names could not be stored: that is tried again with a later batch.
        batch.joining.into_iter().for_each(|id| self.enter(id));
    }
}
