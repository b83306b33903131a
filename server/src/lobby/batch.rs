//! What was said on its way into the log: gathering, numbering, storing, and what follows when that
//! is done or has failed. One batch is stored at a time while the next one gathers.

use std::collections::VecDeque;
use std::future;
use std::sync::Arc;

use hobnob_protocol::chain::{self, LobbyMessage, Position};
use hobnob_protocol::message::{NotAcceptedCode, ServerMessage};
use hobnob_protocol::name::{Seq, Text, UserName};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;

use super::{Chunk, Lobby, Memory, wall_clock};
use crate::decide::roster::ConnectionId;
use crate::log::{Batch, Later, LobbyLog, LogError, NameBinding};
use crate::outbox::Party;

/// Messages and bytes of text that gather before no more commands are taken.
const MAX_PENDING_MESSAGES: usize = 4096;
const MAX_PENDING_BYTES: usize = 8 * 1024 * 1024;

/// Something said and not yet numbered.
#[derive(Debug)]
pub(super) struct Words {
    author: Author,
    name: Arc<UserName>,
    text: Text,
    at: u64,
}

/// Whose text it is, and who hears what becomes of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Author {
    party: Party,
    /// The text's number in that run's outbox.
    id: u64,
    /// The connection on which it was said last: to each saying there is one answer, on the connection
    /// it came on. An answer on a later one would be taken for the answer to a saying still to come.
    from: ConnectionId,
}

impl Author {
    fn is(&self, party: Party, id: u64) -> bool {
        (self.party, self.id) == (party, id)
    }
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

/// The batch that is being stored.
pub(super) struct InFlight {
    append: Later<'static, ()>,
    started: Instant,
    chunks: Vec<Arc<Chunk>>,
    head: Position,
    authors: Vec<Author>,
    joining: Vec<ConnectionId>,
    names: Vec<NameBinding>,
    freed: Vec<UserName>,
}

/// A text that may have been sent before, while the log is asked for it.
pub(super) struct Lookup {
    author: Author,
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
pub(super) struct LookedUp {
    author: Author,
    found: Result<(Words, Result<Found, LogError>), JoinError>,
}

/// Waits for the oldest lookup and takes it out; for ever if there is none. In the order in which the
/// texts came: those that are stored after all are stored in that order.
pub(super) async fn next_lookup(lookups: &mut VecDeque<Lookup>) -> LookedUp {
    let Some(oldest) = lookups.front_mut() else { return future::pending().await };
    let found = (&mut oldest.found).await;
    let author = oldest.author;
    lookups.pop_front();
    LookedUp { author, found }
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
        let author = Author { party: (member.key, member.run), id, from };
        let words = Words { author, name: Arc::clone(&member.name), text, at: wall_clock() };
        let is_new = self.outboxes.take(author.party, id);
        // One that is new does not overtake those before it.
        if is_new && !self.lookups.iter().any(|lookup| lookup.author.party == author.party) {
            self.pending.push(words);
        } else if !self.said_again(author) {
            let log = Arc::clone(&self.log);
            let found = tokio::spawn(async move {
                let found = look_up(&*log, author.party, id).await;
                (words, found)
            });
            self.lookups.push_back(Lookup { author, found });
        }
    }

    /// Whether a text is on its way already; the answer will go to the connection it was said on now.
    /// The log is not asked for it twice: the second answer could be from before what came of the first.
    fn said_again(&mut self, author: Author) -> bool {
        let Author { party, id, from } = author;
        let looked_up = self.lookups.iter_mut().map(|lookup| &mut lookup.author);
        let gathered = self.pending.words.iter_mut().map(|words| &mut words.author);
        let stored = self.in_flight.iter_mut().flat_map(|batch| &mut batch.authors);
        match looked_up.chain(gathered).chain(stored).find(|known| known.is(party, id)) {
            Some(known) => {
                known.from = from;
                true
            }
            None => false,
        }
    }

    /// The log has said whether it holds a text that was sent again.
    pub(super) fn looked_up(&mut self, LookedUp { author, found }: LookedUp) {
        match found {
            Ok((_, Ok(Found::At(seq)))) => {
                self.tell(author.from, &ServerMessage::Accepted { id: author.id, seq });
            }
            Ok((words, Ok(Found::New))) if !self.is_later_on_its_way(author) => {
                self.pending.push(Words { author, ..words });
            }
            // Its batch failed, and what its author said next is stored, or will be, before it.
            Ok((_, Ok(Found::Refused | Found::New))) => self.not_stored(&[author]),
            Ok((_, Err(err))) => {
                tracing::error!(%err, "cannot look up a text that was sent again");
                self.not_stored(&[author]);
            }
            Err(err) => tracing::error!(%err, "a lookup ended early"),
        }
    }

    /// Whether a later text of the same run is in the batch that gathers or in the one being stored.
    fn is_later_on_its_way(&self, author: Author) -> bool {
        let gathered = self.pending.words.iter().map(|words| &words.author);
        let stored = self.in_flight.iter().flat_map(|batch| &batch.authors);
        gathered.chain(stored).any(|other| other.party == author.party && other.id > author.id)
    }

    fn not_stored(&self, authors: &[Author]) {
        for &Author { from, id, .. } in authors {
            self.tell(from, &ServerMessage::NotAccepted { id, code: NotAcceptedCode::Store });
        }
    }

    /// Stores what has gathered, unless a batch is being stored already.
    pub(super) fn start_commit(&mut self) {
        if self.in_flight.is_some() || !self.pending.is_worth_storing() {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        let authors = pending.words.iter().map(|words| words.author).collect();
        let names = self.roster.take_unsaved();
        let (messages, head) = self.number(pending.words);
        if messages.is_empty() && names.is_empty() && pending.freed.is_empty() && pending.joining.is_empty() {
            return;
        }
        let messages = Arc::new(messages);
        let chunks = Chunk::cut(&messages);
        let batch = Batch { messages, names: names.clone(), freed: pending.freed.clone() };
        self.in_flight = Some(InFlight {
            append: self.log.append(batch),
            started: Instant::now(),
            chunks,
            head,
            authors,
            joining: pending.joining,
            names,
            freed: pending.freed,
        });
        // While the log's thread stores them.
        self.in_flight.iter().flat_map(|batch| &batch.chunks).for_each(|chunk| self.recent.prepare(chunk));
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
                    key: words.author.party.0,
                    run: words.author.party.1,
                    id: words.author.id,
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

    /// The batch is stored, or has failed.
    ///
    /// In a small lobby the next one is being stored while this one is told. Where telling takes longer
    /// than storing, the next batch waits for that and holds all that was said meanwhile: begun before,
    /// it would hold few texts, and cost as many writes as all of them.
    pub(super) async fn stored(&mut self, (batch, result): Stored) {
        let took = batch.started.elapsed();
        self.metrics.commit_seconds.observe(took.as_secs_f64());
        match result {
            Ok(()) => {
                self.head = batch.head;
                self.metrics.messages.inc_by(batch.authors.len() as u64);
                self.recent.remember(&batch.chunks);
                self.take_waiting();
                let goes_on = self.telling_took <= took;
                if goes_on {
                    self.start_commit();
                }
                if !batch.chunks.is_empty() {
                    self.tell_few_changes().await;
                    self.fan_out(&batch.chunks).await;
                }
                if !goes_on {
                    self.take_waiting();
                }
            }
            Err(err) => {
                tracing::error!(%err, messages = batch.authors.len(), "a batch could not be stored");
                self.metrics.store_errors.inc();
                self.not_stored(&batch.authors);
                self.roster.not_saved(batch.names);
                self.pending.freed.extend(batch.freed);
            }
        }
        // Also when their names could not be stored: that is tried again with a later batch.
        batch.joining.into_iter().for_each(|id| self.enter(id));
    }
}
