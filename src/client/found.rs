//! Finds old messages: by words, by who was named, and by whom they were said with. If nothing is kept on this machine,
//! only what this run has seen is searched.

use crate::client::State;
use crate::data::history::HistoryError;
use crate::data::history::entry::{Kept, Whereabouts};
use crate::data::history::question::{Before, In, Question};
use crate::session::SessionId;
use crate::show::kept::KeptMessage;
use crate::show::{Message, MessageKind};
use crate::timestamp::Timestamp;

/// A search, and how far it has come.
#[derive(Debug, Clone)]
pub struct Search {
    question: Question,
    before: Before,
    /// Whether there are more messages to show.
    pub goes_on: bool,
}

impl Search {
    /// Makes a search that has shown nothing yet.
    #[must_use]
    pub(crate) fn new(question: Question) -> Self {
        Self { question, before: Before::default(), goes_on: true }
    }
}

impl State {
    /// Returns the next messages of a search, at most `count`, the newest last, and the search that goes on before
    /// them.
    pub(crate) fn search(
        &self,
        search: Search,
        count: usize,
    ) -> Result<(Vec<KeptMessage>, Search), HistoryError> {
        let Search { question, before, .. } = search;
        let words: Vec<String> = question.words.split_whitespace().map(str::to_owned).collect();
        if !self.keeping.history.is_on() {
            let found = self.seen(&question, &words, count);
            return Ok((found, Search { question, before, goes_on: false }));
        }
        let is_wanted = |kept: &Kept| !self.is_ignored(kept);
        // The texts of a stranger are not kept before this user answers, and are found only as long as this run has
        // them.
        let unkept = match before == Before::default() {
            true => self.seen(&question, &words, count),
            false => Vec::new(),
        };
        let (found, before, goes_on) = self.keeping.history.newest(&question, before, count, &is_wanted)?;
        let found = found.iter().map(|kept| KeptMessage { words: words.clone(), ..shown(kept) });
        let mut found: Vec<KeptMessage> = found.chain(unkept).collect();
        found.sort_by_key(|kept| kept.at);
        Ok((found, Search { question, before, goes_on }))
    }

    /// Searches in the messages that this run has seen and does not keep.
    fn seen(&self, question: &Question, words: &[String], count: usize) -> Vec<KeptMessage> {
        let folded: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
        let fits = |message: &&Message| {
            let text = message.text.to_lowercase();
            !message.key.is_some_and(|key| self.user.ignores(&key))
                && !self.keeping.keeps(message.session)
                && folded.iter().all(|word| text.contains(word))
                && question.from.as_ref().is_none_or(|from| message.from == *from)
                && question.since.is_none_or(|since| message.at.0 >= since)
                && self.is_in(message.session, &question.place)
        };
        let mut found: Vec<&Message> = self.recent.all().filter(fits).collect();
        found.sort_by_key(|message| message.at);
        let found = found.split_off(found.len().saturating_sub(count));
        found.into_iter().map(|it| KeptMessage { words: words.to_vec(), ..self.again(it) }).collect()
    }

    fn is_in(&self, session: SessionId, place: &In) -> bool {
        let (peer, room) = (self.sessions.peer(session), self.sessions.room(session));
        match place {
            In::Everywhere => true,
            In::Lobby => session == SessionId::LOBBY,
            In::Room(wanted) => room.is_some_and(|room| room.room == *wanted),
            In::Private(name) => peer.is_some_and(|peer| peer.peer == *name),
            In::Named(name) => {
                peer.is_some_and(|peer| peer.peer == *name)
                    || room.is_some_and(|room| room.room.folded() == name.folded())
            }
            In::WithKey(key) => peer.is_some_and(|peer| peer.key == Some(*key)),
        }
    }

    /// Returns a message of this run in the form of a kept message.
    pub(super) fn again(&self, message: &Message) -> KeptMessage {
        let peer = self.sessions.peer(message.session).map(|peer| peer.peer.clone());
        KeptMessage {
            kind: match message.kind {
                MessageKind::Lobby => "lobby",
                MessageKind::Room => "room",
                MessageKind::Peer => "peer",
            }
            .into(),
            room: message.room.clone(),
            peer,
            from: message.from.clone(),
            text: message.text.clone(),
            at: message.at,
            seq: message.seq,
            key: message.key,
            words: Vec::new(),
        }
    }
}

/// Returns a kept message in the form in which it is shown.
#[must_use]
pub(crate) fn shown(kept: &Kept) -> KeptMessage {
    let (kind, room, peer) = match &kept.place {
        Whereabouts::Lobby => ("lobby", None, None),
        Whereabouts::Room(room) => ("room", Some(room.clone()), None),
        Whereabouts::Private(peer) => ("peer", None, Some(peer.clone())),
    };
    KeptMessage {
        kind: kind.into(),
        seq: peer.is_none().then_some(kept.number),
        room,
        peer,
        from: kept.from.clone(),
        text: kept.text.as_str().to_owned(),
        at: Timestamp(kept.at),
        key: Some(kept.key),
        words: Vec::new(),
    }
}
