//! A server that proposes entries which are made up by chance: several keys and runs, texts sent twice and out of
//! order, names that collide, acts of operators, and batches that come twice.

use std::sync::Arc;

use hobnob_order::{Ordered, Place, ServerId};
use hobnob_protocol::away::AwayText;
use hobnob_protocol::chain::LogId;
use hobnob_protocol::content::{Act, ActKind, ActTarget, ShortText};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::room::RoomName;
use hobnob_protocol::text::Text;
use hobnob_server::decide::{ConnectionId, Entry, Join, Newcomer, Proposals, ProposedAct};

use crate::chance::Chance;

/// When each story begins, in milliseconds since 1970-01-01 UTC. It is a time that a clock can show.
pub(crate) const BEGINNING: u64 = 1_795_000_000_000;

/// There are only a few keys, runs and names, so that the choices collide.
const KEYS: u64 = 4;
const RUNS: u64 = 3;
const NAMES: [&str; 4] = ["anna", "ANNA", "anna_2", "bobby"];
const ROOMS: [&str; 4] = ["dev", "DEV", "ops", "quiet"];

/// A server that proposes entries by chance.
pub(crate) struct Proposer {
    chance: Chance,
    server: ServerId,
    pub(crate) number: u64,
    pub(crate) now: u64,
    pub(crate) next_connection: u64,
    next_log: u64,
}

impl Proposer {
    /// Makes a server with this number, at the beginning of its life.
    pub(crate) fn of(server: ServerId, seed: u64) -> Self {
        Self::by(server, Chance::of(seed))
    }

    /// Makes a server with this number, which proposes what `chance` decides.
    pub(crate) fn by(server: ServerId, chance: Chance) -> Self {
        Self { chance, server, number: 0, now: BEGINNING, next_connection: 0, next_log: 0 }
    }

    /// Returns the server's next batch, always under a new number.
    pub(crate) fn next_batch(&mut self) -> Arc<Proposals> {
        let entries = (0..1 + self.chance.below(8)).map(|_| self.entry()).collect();
        self.with(entries)
    }

    /// Returns the server's next batch with these entries.
    pub(crate) fn with(&mut self, entries: Vec<Entry>) -> Arc<Proposals> {
        self.number += 1;
        Arc::new(Proposals { server: self.server, number: self.number, vouch: None, entries })
    }

    fn batch(&mut self) -> Arc<Proposals> {
        // Now and then the batch has the number of the one before, as if it came a second time.
        if self.number == 0 || self.chance.below(8) != 0 {
            self.number += 1;
        }
        let entries = (0..1 + self.chance.below(8)).map(|_| self.entry()).collect();
        Arc::new(Proposals { server: self.server, number: self.number, vouch: None, entries })
    }

    pub(crate) fn ordered(&mut self, place: u64) -> Ordered<Proposals> {
        let batch = self.batch();
        // The clock may go back.
        self.now = (self.now + self.chance.below(2000)).saturating_sub(500);
        Ordered { place: Place(place), at: self.now, batch }
    }

    /// Returns one of the latest connections, which may be gone already.
    fn connection(&mut self) -> ConnectionId {
        let back = self.chance.below(8);
        self.id(self.next_connection.saturating_sub(back))
    }

    fn id(&self, number: u64) -> ConnectionId {
        ConnectionId::of(self.server, number as u32)
    }

    fn entry(&mut self) -> Entry {
        let from = self.connection();
        match self.chance.below(12) {
            0..5 => {
                let id = self.chance.below(12);
                let room = (self.chance.below(2) == 0).then(|| self.room());
                let content = match (&room, self.chance.below(6)) {
                    (Some(_), 0) => Act::topic(ShortText::new(format!("topic {id}")).ok()).into(),
                    _ => Text::new(format!("text {id}")).unwrap().into(),
                };
                Entry::Say { from, id, room, content }
            }
            5 => self.join(),
            6 => Entry::Part { from, room: self.room() },
            7 => {
                self.next_log += 1;
                let mut log = [0; 16];
                log[..8].copy_from_slice(&self.next_log.to_be_bytes());
                log[8..].copy_from_slice(&self.server.0.to_be_bytes());
                Entry::JoinRoom { from, room: self.room(), log: LogId::new(log) }
            }
            8 => match self.chance.below(3) {
                0 => Entry::Away { from, away: Some(AwayText::new("lunch").unwrap()) },
                1 => Entry::Away { from, away: None },
                _ => Entry::Expire {
                    now: self.now.saturating_sub(self.chance.below(20_000)),
                    before: self.now.saturating_sub(self.chance.below(20_000)),
                    unspoken_before: self.now.saturating_sub(self.chance.below(20_000)),
                    rooms_before: self.now.saturating_sub(self.chance.below(20_000)),
                },
            },
            9 => Entry::Leave(from),
            10 => {
                let second = self.chance.below(KEYS) as u8;
                let listed = [0, second].map(|key| PublicKey::new([key; 32]).fingerprint());
                Entry::Operators(listed.to_vec())
            }
            _ => self.act(from),
        }
    }

    /// Makes an act of an operator, or of a user who is none.
    fn act(&mut self, from: ConnectionId) -> Entry {
        const KINDS: [&str; 11] =
            ["kick", "ban", "unban", "mute", "unmute", "slow", "lock", "unlock", "op", "deop", "topic"];
        let kind = KINDS[self.chance.below(KINDS.len() as u64) as usize];
        let target = match kind {
            "slow" => Some(self.chance.below(4).to_string()),
            "ban" | "unban" if self.chance.below(3) == 0 => Some(format!("192.0.2.{}", self.chance.below(3))),
            _ => None,
        };
        let name = NAMES[self.chance.below(NAMES.len() as u64) as usize].parse().ok();
        let name = name.filter(|_| target.is_none());
        let (kind, target) =
            (ActKind::new(kind).unwrap(), target.and_then(|target| ActTarget::new(target).ok()));
        let act = Act { kind, name, target, until: None, text: None };
        // Acts hold for a short time, so that many of them end within the story.
        let lasts = (self.chance.below(4) != 0).then(|| self.chance.below(4));
        Entry::Act(Box::new(ProposedAct { from, id: self.chance.below(12), act, lasts }))
    }

    fn room(&mut self) -> RoomName {
        ROOMS[self.chance.below(ROOMS.len() as u64) as usize].parse().unwrap()
    }

    pub(crate) fn join(&mut self) -> Entry {
        self.next_connection += 1;
        let newcomer = Newcomer {
            wish: NAMES[self.chance.below(NAMES.len() as u64) as usize].parse().unwrap(),
            key: PublicKey::new([self.chance.below(KEYS) as u8; 32]),
            run: RunId::new([self.chance.below(RUNS) as u8; 8]),
            candidates: Vec::new(),
        };
        let evict = (self.chance.below(3) == 0).then(|| self.connection());
        let keep = self.chance.below(4) != 0;
        let address = format!("192.0.2.{}", self.chance.below(3)).parse().ok();
        Entry::Join(Box::new(Join { id: self.id(self.next_connection), newcomer, evict, keep, address }))
    }
}
