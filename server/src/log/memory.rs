//! A log in memory, for tests and simulations. It behaves like the log on disk, and is lost when the process ends. This
//! file knows nothing of files.

use std::collections::{HashMap, VecDeque};
use std::future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hobnob_protocol::chain::{LobbyMessage, LogId, Position, Seq};
use hobnob_protocol::name::UserName;
use tokio::sync::watch;

use super::posts::Posts;
use super::{
    Batch, Contents, KeptRoom, Later, LobbyLog, LogError, NameBinding, OpenedRoom, RoomBatch, Rules,
    Standing, Stretch, end_after, first_shown,
};

/// A log that lives as long as its process.
#[derive(Debug)]
pub struct MemoryLog {
    contents: Contents,
    history: u64,
    head: watch::Sender<Position>,
    /// The lock is held for a few lines without an await; every method leaves the state consistent.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    lobby: Line,
    posts: Posts,
    names: HashMap<UserName, NameBinding>,
    rules: Rules,
    rooms: HashMap<LogId, (KeptRoom, Line)>,
}

/// One log, of the lobby or of a room.
#[derive(Debug)]
struct Line {
    /// The position before the first of `messages`.
    base: Position,
    /// The position of the newest message.
    head: Position,
    messages: VecDeque<LobbyMessage>,
    /// How much the room is used.
    standing: Standing,
}

impl MemoryLog {
    /// Makes an empty log that keeps the newest `history` messages (at least one).
    #[must_use]
    pub fn new(history: u64) -> Self {
        let log = LogId::random();
        let start = Position::start(&log);
        Self {
            contents: Contents { log, head: start, names: Vec::new(), rules: Rules::default() },
            history: history.max(1),
            head: watch::Sender::new(start),
            state: Mutex::new(State {
                lobby: Line::new(start),
                posts: Posts::default(),
                names: HashMap::new(),
                rules: Rules::default(),
                rooms: HashMap::new(),
            }),
        }
    }

    /// Returns the bindings as they are now, in no particular order.
    #[must_use]
    pub fn names(&self) -> Vec<NameBinding> {
        self.state().names.values().cloned().collect()
    }

    /// Returns the rules of operators that were stored last.
    #[must_use]
    pub fn rules(&self) -> Rules {
        self.state().rules.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LobbyLog for MemoryLog {
    fn contents(&self) -> &Contents {
        &self.contents
    }

    fn append(&self, batch: Batch) -> Later<'static, ()> {
        let mut state = self.state();
        let before = state.lobby.head;
        let stored = state.store(batch, self.history);
        if state.lobby.head != before {
            // This is done under the lock, so that the heads of two appends are told in their order.
            self.head.send_replace(state.lobby.head);
        }
        Box::pin(future::ready(stored))
    }

    fn read(&self, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch> {
        Box::pin(async move { Ok(self.state().lobby.stretch(after, limit, max_bytes)) })
    }

    fn rooms(&self) -> Vec<OpenedRoom> {
        let opened = |(kept, line): &(KeptRoom, Line)| {
            let mut posts = Posts::of_a_room();
            posts.note_all(&line.messages);
            OpenedRoom { kept: kept.clone(), head: line.head, posts, standing: line.standing.clone() }
        };
        self.state().rooms.values().map(opened).collect()
    }

    fn read_room(&self, room: LogId, after: Seq, limit: usize, max_bytes: usize) -> Later<'_, Stretch> {
        Box::pin(async move {
            let state = self.state();
            let found = state.rooms.get(&room);
            let (_, line) = found.ok_or_else(|| LogError::Read(format!("no room has the log {room}")))?;
            Ok(line.stretch(after, limit, max_bytes))
        })
    }

    fn posts(&self) -> Posts {
        self.state().posts.clone()
    }

    fn subscribe(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    fn first(&self) -> Seq {
        let state = self.state();
        first_shown(state.lobby.base.seq, state.lobby.head.seq, self.history)
    }
}

impl State {
    fn store(&mut self, batch: Batch, history: u64) -> Result<(), LogError> {
        let head = batch.end_after(self.lobby.head)?;
        self.posts.are_new(batch.messages.iter())?;
        let heads = batch.rooms.iter().map(|room| {
            let log = room.kept.id.log;
            let before = self.rooms.get(&log).map_or(batch.begin(log), |(_, line)| line.head);
            end_after(before, &room.messages)
        });
        let heads: Vec<Position> = heads.collect::<Result<_, _>>()?;
        if let Some(rules) = &batch.rules {
            self.rules.clone_from(rules);
        }
        for name in &batch.freed {
            self.names.remove(name);
        }
        for binding in batch.names {
            self.names.insert(binding.name.clone(), binding);
        }
        for log in &batch.gone_rooms {
            self.rooms.remove(log);
        }
        for RoomBatch { kept: KeptRoom { id, .. }, .. } in
            batch.rooms.iter().filter(|room| !room.messages.is_empty())
        {
            self.rooms.retain(|log, (kept, _)| *log == id.log || kept.id.name != id.name);
        }
        for (room, head) in batch.rooms.iter().zip(heads).filter(|(_, head)| head.seq.0 > 0) {
            let log = room.kept.id.log;
            let begin = batch.begins.get(&log).copied().unwrap_or_else(|| Position::start(&log));
            let new = || (room.kept.clone(), Line::new(begin));
            let (kept, line) = self.rooms.entry(log).or_insert_with(new);
            kept.clone_from(&room.kept);
            line.extend(&room.messages, head, history);
            match batch.standings.get(&log) {
                Some(standing) => line.standing.clone_from(standing),
                None => {
                    room.messages.iter().for_each(|said| line.standing.spoke(said.key, said.at, |_| true))
                }
            }
        }
        self.posts.note_all(batch.messages.iter());
        self.lobby.extend(&batch.messages, head, history);
        Ok(())
    }
}

impl Line {
    fn new(start: Position) -> Self {
        Self { base: start, head: start, messages: VecDeque::new(), standing: Standing::default() }
    }

    fn extend(&mut self, messages: &[LobbyMessage], head: Position, history: u64) {
        self.messages.extend(messages.iter().cloned());
        self.head = head;
        self.prune(history);
    }

    fn prune(&mut self, history: u64) {
        while self.messages.len() as u64 > history {
            if let Some(gone) = self.messages.pop_front() {
                self.base = Position { seq: gone.seq, hash: gone.hash };
            }
        }
    }

    fn stretch(&self, after: Seq, limit: usize, max_bytes: usize) -> Stretch {
        let skipped = after.0.clamp(self.base.seq.0, self.head.seq.0) - self.base.seq.0;
        // There are no more than there are messages, so the number fits.
        let skipped = skipped as usize;
        let after = match skipped.checked_sub(1).and_then(|last| self.messages.get(last)) {
            Some(last) => Position { seq: last.seq, hash: last.hash },
            None => self.base,
        };
        let mut bytes = 0;
        let fits = |(index, message): &(usize, &LobbyMessage)| {
            bytes += message.content.bytes_of_text();
            *index == 0 || bytes <= max_bytes
        };
        let messages = self.messages.iter().skip(skipped).take(limit).enumerate().take_while(fits);
        Stretch { after, messages: messages.map(|(_, message)| message.clone()).collect() }
    }
}
