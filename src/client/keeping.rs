//! What this run keeps on this machine, and under which names: which log the lobby has, which talk a private session
//! is, and how far this user has read. This file owns the numbers of private messages in the history; it knows nothing
//! of the history's file.

use std::collections::HashMap;
use std::sync::Arc;

use hobnob_protocol::chain::{LobbyMessage, LogId, Position};
use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use hobnob_protocol::room::RoomName;
use hobnob_protocol::text::Text;

use crate::client::State;
use crate::client::recent;
use crate::data::history::entry::{Entry, Kept, Mark, Reader, Side, Talk};
use crate::data::history::question::{Before, In, Question};
use crate::data::history::{History, ReadUntil, RoomNote, RoomReader};
use crate::session::SessionId;
use crate::show::{Message, saying};
use crate::timestamp::{Timestamp, now};

/// What this run keeps.
#[derive(Debug)]
pub struct Keeping {
    /// The history of this machine.
    pub(crate) history: History,
    /// The key of this user, and the name under which its file is kept.
    own: (PublicKey, UserName),
    /// Whether a person or a script reads; each has marks of its own.
    reader: Reader,
    /// The logs that are being read: that of the lobby, and those of the rooms this user is in.
    logs: HashMap<SessionId, Log>,
    private: HashMap<SessionId, PrivateTalk>,
}

/// A log that is being read.
#[derive(Debug)]
struct Log {
    server: PublicKey,
    id: LogId,
    room: Option<RoomName>,
    talk: Arc<Talk>,
    /// The position up to which messages were heard.
    place: Position,
    /// The number up to which this run has noted that they were read.
    noted: u64,
}

/// A private session whose messages are kept.
#[derive(Debug)]
struct PrivateTalk {
    talk: Arc<Talk>,
    /// The number of messages so far, of this user and of the other.
    counts: [u64; 2],
    /// Up to which message of the other it was noted that this person has read them.
    noted: u64,
}

impl Keeping {
    /// Keeps messages in `history`, for the user with this key and name.
    #[must_use]
    pub(crate) fn new(history: History, own: (PublicKey, UserName), reader: Reader) -> Self {
        Self { history, own, reader, logs: HashMap::new(), private: HashMap::new() }
    }

    /// Whether this key is this user's own.
    #[must_use]
    pub(crate) fn is_own(&self, key: &PublicKey) -> bool {
        self.own.0 == *key
    }

    /// Returns this user's own key.
    #[must_use]
    pub(crate) fn own_key(&self) -> &PublicKey {
        &self.own.0
    }

    /// Returns the name under which this user's key is kept, whatever name the lobby gave.
    #[must_use]
    pub(crate) fn own_name(&self) -> &UserName {
        &self.own.1
    }

    /// Whether the messages of a session are kept.
    #[must_use]
    pub(crate) fn keeps(&self, session: SessionId) -> bool {
        self.history.is_on() && (self.logs.contains_key(&session) || self.private.contains_key(&session))
    }

    /// Notes the log of the lobby or a room for this session, and the position up to which it was heard.
    pub(crate) fn enter(
        &mut self,
        session: SessionId,
        server: PublicKey,
        log: LogId,
        place: Position,
        room: Option<RoomName>,
    ) {
        if self.logs.get(&session).is_none_or(|known| (known.server, known.id) != (server, log)) {
            let talk = Arc::new(Talk::Log { server, log, room: room.clone() });
            self.logs.insert(session, Log { server, id: log, room, talk, place, noted: 0 });
        }
    }

    /// The server and the log of the lobby or a room.
    #[must_use]
    pub(crate) fn log(&self, session: SessionId) -> Option<(PublicKey, LogId)> {
        self.logs.get(&session).map(|log| (log.server, log.id))
    }

    /// Whether any message of a log was heard.
    #[must_use]
    pub(crate) fn has_heard(&self, session: SessionId) -> bool {
        self.heard_until(session) > 0
    }

    /// Returns the number up to which messages of a log were heard; 0 if the log is not being read.
    #[must_use]
    pub(crate) fn heard_until(&self, session: SessionId) -> u64 {
        self.logs.get(&session).map_or(0, |log| log.place.seq.0)
    }

    /// Whether more of a log was heard than this run has noted as read.
    #[must_use]
    pub(crate) fn has_come_further(&self, session: SessionId) -> bool {
        self.logs.get(&session).is_some_and(|log| log.place.seq.0 > log.noted)
    }

    /// Returns the sessions with the lobby and with rooms whose logs are being read.
    pub(crate) fn logs(&self) -> Vec<SessionId> {
        self.logs.keys().copied().collect()
    }

    /// The key of the lobby's server.
    #[must_use]
    pub(crate) fn server(&self) -> Option<PublicKey> {
        self.log(SessionId::LOBBY).map(|(server, _)| server)
    }

    /// Notes how far this user has read in a log: up to `read`, or up to everything that was heard.
    pub(crate) fn set_mark(&mut self, session: SessionId, read: Option<u64>) {
        let Some(log) = self.logs.get_mut(&session) else { return };
        let (fetched, hash) = (log.place.seq.0, log.place.hash);
        let read = read.unwrap_or(fetched);
        log.noted = log.noted.max(read);
        let (server, room) = (log.server, log.room.clone());
        let mark = Mark { log: log.id, read, fetched, hash, at: now().0 };
        match room {
            None => self.history.set_mark(server, self.reader, mark),
            Some(room) => self.history.note_room(self.reader_of(server, &room), RoomNote::Read(mark)),
        }
    }

    /// Notes that this user is in this log for the first time: messages after `head` count as unread in the next run.
    pub(crate) fn begin_mark(&self, session: SessionId, head: Position) {
        let Some(log) = self.logs.get(&session) else { return };
        let (read, hash) = (head.seq.0, head.hash);
        let mark = Mark { log: log.id, read, fetched: read, hash, at: now().0 };
        match &log.room {
            None => self.history.begin_mark(log.server, self.reader, mark),
            Some(room) => self.history.note_room(self.reader_of(log.server, room), RoomNote::Read(mark)),
        }
    }

    /// Returns how far this user has read in a room; `None` if that cannot be read, which the diagnostics tell.
    pub(crate) fn room_mark(&self, room: &RoomName) -> Option<Mark> {
        let reader = self.reader_of(self.server()?, room);
        self.history.room_mark(&reader).unwrap_or_else(|err| {
            tracing::warn!(%err, "how far a room was read cannot be told");
            None
        })
    }

    /// Notes that this user has left a room, so that a later run does not begin in it.
    pub(crate) fn leave_room(&self, session: SessionId) {
        let Some(Log { server, room: Some(room), .. }) = self.logs.get(&session) else { return };
        self.history.note_room(self.reader_of(*server, room), RoomNote::Left);
    }

    fn reader_of(&self, server: PublicKey, room: &RoomName) -> RoomReader {
        RoomReader { server, room: room.clone(), reader: self.reader }
    }

    /// Keeps a text of this user that is in a log under this number. The server told no more than the number.
    pub(crate) fn keep_own(&self, session: SessionId, seq: u64, text: &Text) {
        let Some(log) = self.logs.get(&session) else { return };
        let (key, from) = self.own.clone();
        let (talk, text, at) = (Arc::clone(&log.talk), text.clone(), now().0);
        self.history.keep(Entry { talk, side: Side::Own, number: seq, at, from, key, text });
    }

    /// Notes that a message of the lobby or a room was heard, and keeps it.
    pub(crate) fn heard(&mut self, session: SessionId, said: &LobbyMessage) {
        let Some(log) = self.logs.get_mut(&session) else { return };
        log.place = Position { seq: said.seq, hash: said.hash };
        self.keep_logged(session, said);
    }

    /// Keeps a message of the lobby or a room, whenever it was said.
    pub(crate) fn keep_logged(&self, session: SessionId, said: &LobbyMessage) {
        let (Some(log), Some(text)) = (self.logs.get(&session), said.content.text()) else { return };
        self.history.keep(Entry {
            talk: Arc::clone(&log.talk),
            side: Side::Own,
            number: said.seq.0,
            at: said.at,
            from: said.name.clone(),
            key: said.key,
            text: text.clone(),
        });
    }

    /// Begins to keep the messages of a private session.
    pub(crate) fn open_private(
        &mut self,
        session: SessionId,
        other: PublicKey,
        name: UserName,
        token: PairToken,
    ) {
        let (own, own_name) = self.own.clone();
        let talk = Arc::new(Talk::Private { own, own_name, other, name, token });
        self.private.entry(session).or_insert(PrivateTalk { talk, counts: [0; 2], noted: 0 });
    }

    fn keep_private(&mut self, session: SessionId, side: Side, at: Timestamp, from: &UserName, text: Text) {
        let Some(PrivateTalk { talk, counts, .. }) = self.private.get_mut(&session) else { return };
        let count = &mut counts[usize::from(side == Side::Other)];
        *count += 1;
        let Talk::Private { own, other, .. } = **talk else { return };
        let key = if side == Side::Own { own } else { other };
        // A peer may send any time. A time in the future would place the text after everything that follows.
        let at = at.0.min(now().0);
        let (talk, number) = (Arc::clone(talk), *count);
        self.history.keep(Entry { talk, side, number, at, from: from.clone(), key, text });
    }

    /// Returns the private sessions whose messages are kept.
    pub(crate) fn private_sessions(&self) -> Vec<SessionId> {
        self.private.keys().copied().collect()
    }

    /// Notes that this person has read everything that came in a private session, if something came that is not noted.
    pub(crate) fn read_private(&mut self, session: SessionId) {
        let Some(PrivateTalk { talk, counts: [_, came], noted }) = self.private.get_mut(&session) else {
            return;
        };
        if let Talk::Private { other, token, .. } = **talk
            && *came > *noted
        {
            *noted = *came;
            self.history.read_talk(other, ReadUntil::Number(token, *came));
        }
    }

    /// Forgets a session that is over: a private one, or one with a room.
    pub(crate) fn close(&mut self, session: SessionId) {
        self.private.remove(&session);
        self.logs.remove(&session);
    }
}

impl State {
    /// Begins to keep a private session. What was said with this peer in earlier sessions belongs to the same talk.
    pub(crate) fn open_record(&mut self, session: SessionId, key: &PublicKey) {
        let Some(name) = self.sessions.peer(session).map(|peer| peer.peer.clone()) else { return };
        let mode = self.sessions.mode(session);
        let question = Question { place: In::WithKey(*key), ..Question::default() };
        match self.keeping.history.newest(&question, Before::default(), recent::KEPT, &|_| true) {
            Ok((said, ..)) => {
                for kept in said {
                    let (at, key) = (Timestamp(kept.at), Some(kept.key));
                    let message = Message::new(session, mode, kept.from, kept.text.as_str(), at);
                    self.recent.keep(self.marked(Message { replayed: true, key, ..message }));
                }
            }
            Err(reason) => {
                self.emit(saying::Private::EarlierNotShown { name: &name, reason: &reason }.into());
            }
        }
        if let Some(token) = self.private_links.token(session) {
            self.keeping.open_private(session, *key, name, token);
        }
    }

    /// Keeps what was said in a private session.
    pub(crate) fn record(&mut self, session: SessionId, at: Timestamp, from: &UserName, text: &str) {
        let Ok(text) = Text::new(text) else { return };
        let side = if *from == self.me.name { Side::Own } else { Side::Other };
        self.keeping.keep_private(session, side, at, from, text);
    }

    /// Whether anything is kept of what was said in private with this key.
    pub(crate) fn keeps_talk_with(&self, key: &PublicKey) -> bool {
        let question = Question { place: In::WithKey(*key), ..Question::default() };
        let said = self.keeping.history.newest(&question, Before::default(), 1, &|_| true);
        // If the history cannot be read, something may be there.
        said.map_or(true, |(said, ..)| !said.is_empty())
    }

    /// Removes what was said in private with this key; an open session with it keeps nothing any more. Returns whether
    /// nothing is left.
    pub(crate) fn forget_talk_with(&mut self, key: &PublicKey) -> bool {
        let is_with = |talk: &Talk| matches!(talk, Talk::Private { other, .. } if other == key);
        self.keeping.private.retain(|_, private| !is_with(&private.talk));
        self.keeping.history.forget(*key);
        !self.keeps_talk_with(key)
    }

    /// Tells the user, once, that something is not kept.
    pub(crate) fn tell_what_is_not_kept(&mut self) {
        if let Some(reason) = self.keeping.history.take_trouble() {
            self.emit(saying::History::NotKept { reason: &reason }.into());
        }
    }

    /// Returns a kept message of the lobby or a room, to be shown again.
    pub(crate) fn logged_message_again(&self, session: SessionId, kept: &Kept) -> Message {
        let at = Timestamp(kept.at);
        Message {
            seq: Some(kept.number),
            replayed: true,
            key: Some(kept.key),
            ignored: self.user.ignores(&kept.key),
            ..self.message(session, kept.from.clone(), kept.text.as_str(), at)
        }
    }
}
