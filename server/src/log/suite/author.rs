//! Authors for the tests of logs: they make messages with numbers and hashes, as the lobby does. This file knows no
//! implementation of a log.

use hobnob_protocol::chain::{ChainHash, LobbyMessage, Position, Seq, link};
use hobnob_protocol::ids::RunId;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use hobnob_protocol::text::Text;

use crate::log::{Batch, LobbyLog, NameBinding};

pub(in crate::log) const ANNA: PublicKey = PublicKey::new([1; 32]);
pub(in crate::log) const BOB: PublicKey = PublicKey::new([2; 32]);
pub(in crate::log) const RUN: RunId = RunId::new([3; 8]);

/// Makes messages with numbers and hashes, as the lobby does.
pub(in crate::log) struct Author {
    pub(in crate::log) head: Position,
}

impl Author {
    pub(in crate::log) fn of(log: &dyn LobbyLog) -> Self {
        Self { head: log.contents().head }
    }

    /// Returns the next message. Its number in the author's run is the same as its number in the log.
    pub(in crate::log) fn say(&mut self, text: &str) -> LobbyMessage {
        let id = self.head.seq.next().0;
        self.say_as(ANNA, RUN, id, text)
    }

    pub(in crate::log) fn say_as(&mut self, key: PublicKey, run: RunId, id: u64, text: &str) -> LobbyMessage {
        let mut message = LobbyMessage {
            seq: self.head.seq.next(),
            at: 1_700_000_000_000 + id % 1000,
            name: name("Ännä"),
            key,
            run,
            id,
            content: Text::new(text).unwrap().into(),
            hash: ChainHash::new([0; 32]),
        };
        message.hash = link(&self.head.hash, &message);
        self.head = Position { seq: message.seq, hash: message.hash };
        message
    }

    pub(in crate::log) fn say_many(&mut self, count: usize) -> Vec<LobbyMessage> {
        (0..count).map(|n| self.say(&format!("text {n}"))).collect()
    }
}

pub(in crate::log) fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

pub(in crate::log) fn batch(messages: Vec<LobbyMessage>) -> Batch {
    Batch { messages: messages.into(), ..Batch::default() }
}

pub(in crate::log) fn binding(text: &str, key: PublicKey, seen: u64) -> NameBinding {
    NameBinding { name: name(text), key, seen, spoke: false, since: 0 }
}

/// Returns the numbers of all messages that are shown.
pub(in crate::log) async fn shown(log: &dyn LobbyLog) -> Vec<u64> {
    let stretch = log.read(Seq(0), usize::MAX, usize::MAX).await.unwrap();
    stretch.messages.iter().map(|message| message.seq.0).collect()
}
