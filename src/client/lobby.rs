//! What the events of the lobby's link do to the state: messages, users who come and go, and a link that is lost and
//! comes back. What the server answers to questions is in `answers`. This file knows nothing of how the link does its
//! work.

use hobnob_protocol::chain::{LobbyMessage, Seq};
use hobnob_protocol::content::{Act, Content, ShortText};
use hobnob_protocol::message::{Change, ClientMessage, NotAccepted};
use hobnob_protocol::room::RoomName;
use hobnob_protocol::text::Text;

use crate::client::{State, operators};
use crate::lobby::event::{Joined, LobbyEvent};
use crate::lobby::sequence::Resumed;
use crate::session::{LinkState, SessionId};
use crate::show::unsent::Unsent;
use crate::show::{Failure, Message, Notice, Repeated, failing, saying};
use crate::timestamp::Timestamp;

impl State {
    /// Handles an event of the lobby or of its link. The app itself has to note that the link has ended for good.
    pub(crate) fn lobby_event(&mut self, event: LobbyEvent) {
        match event {
            LobbyEvent::Up(joined) => self.lobby_up(&joined),
            LobbyEvent::Down { reason } => self.lobby_down(&reason),
            LobbyEvent::Refused { reason } => {
                self.emit_repeated(Repeated::Refused, 1, saying::Lobby::Refused { reason });
            }
            LobbyEvent::Said { room, message, replayed } => {
                if let Some(session) = self.session_in(room.as_ref()) {
                    self.logged(session, &message, replayed);
                }
            }
            LobbyEvent::Skipped { room, missed } => self.tell_of_missed(room.as_ref(), missed),
            LobbyEvent::Sent { room, id, seq, message } => {
                self.sent(room.as_ref(), id, seq, message.as_deref())
            }
            LobbyEvent::NotAccepted(answer) => self.not_accepted(&answer),
            LobbyEvent::Broken { room, broken } => {
                let failing = failing::Lobby::Broken { room: room.as_ref(), broken: &broken };
                self.emit_repeated(Repeated::Broken, 1, Failure::from(failing));
            }
            LobbyEvent::Presence { room, changes } => self.presence(room.as_ref(), changes),
            LobbyEvent::PresenceSkipped { room } => {
                let skipped = saying::Lobby::PresenceSkipped { room: room.as_ref() };
                self.emit_repeated(Repeated::PresenceSkipped, 1, skipped);
                self.ask_who_holds_names();
                self.count_users();
            }
            LobbyEvent::RoomJoined { joined, resumed } => self.room_joined(&joined, resumed),
            LobbyEvent::RoomNotJoined { request, room, code } => {
                self.room_not_joined(request, &room, code);
            }
            LobbyEvent::Answer(answer) => self.answered(answer),
            LobbyEvent::Introduced(introduction) => self.introduced(introduction),
            LobbyEvent::Asked { ask, name, key, session } => self.asked(ask, &name, &key, session),
            LobbyEvent::IntroductionAsked => self.lobby.ask(ClientMessage::Pong),
            LobbyEvent::ForeignServer { address, key } => {
                let foreign = saying::Lobby::ForeignServer { address: &address, key: key.fingerprint() };
                self.emit_repeated(Repeated::ForeignServer, 1, foreign);
            }
            LobbyEvent::Closing => self.emit_repeated(Repeated::Closing, 1, saying::Lobby::Closing),
            LobbyEvent::SentOut(refused) => self.sent_out(&refused),
            LobbyEvent::KeyChanged { reason, servers } => self.lobby_key_changed(&reason, &servers),
            LobbyEvent::Left => {}
        }
    }

    /// Handles the first welcome, or a welcome after the link was lost.
    fn lobby_up(&mut self, joined: &Joined) {
        self.sessions.set_lobby_state(LinkState::Up);
        self.ledger.fly(SessionId::LOBBY);
        let up = Notice::Link { session: SessionId::LOBBY, state: LinkState::Up, for_good: false };
        self.emit_repeated(Repeated::LobbyLink, 1, up);
        let welcome = &joined.welcome;
        self.keeping.enter(SessionId::LOBBY, joined.server, welcome.log, welcome.start, None);
        let name = joined.welcome.name.clone();
        if name != self.me.name {
            let before = std::mem::replace(&mut self.me.name, name);
            let renamed = saying::Lobby::NameTakenMeanwhile { before: &before, name: &self.me.name };
            let renamed = Notice::from(renamed);
            self.emit_repeated(Repeated::Renamed, 1, renamed);
            self.screen.know_own(&self.me.name);
            self.look_alikes.acquaint(&self.me.name, self.keeping.own_key());
        }
        // The server had kept this only for the connection that was lost.
        if let Some(text) = self.user.away.clone() {
            self.lobby.ask(ClientMessage::Away { text });
        }
        self.operates(welcome.operator);
        self.topic_is(SessionId::LOBBY, welcome.topic.as_ref().map(ShortText::as_str));
        self.tell_of_gap(SessionId::LOBBY, joined.resumed);
        self.learn_names();
        self.ask_who_holds_names();
        self.heads.reach(SessionId::LOBBY, joined.welcome.head.seq.0);
        self.count_users();
    }

    /// Tells the user of messages that he will not see, because the server no longer keeps them or they belong to
    /// another log.
    pub(super) fn tell_of_gap(&mut self, session: SessionId, resumed: Resumed) {
        match resumed {
            Resumed::After { missed: 0 } => {}
            Resumed::After { missed } => self.tell_of_missed(self.room_of(session).as_ref(), missed),
            Resumed::Elsewhere => self.tell_of_other_log(session),
        }
    }

    /// Tells the user that a log is not the one that was read before.
    pub(super) fn tell_of_other_log(&mut self, session: SessionId) {
        let room = self.room_of(session);
        self.emit_repeated(Repeated::OtherLog, 1, saying::Lobby::AnotherLog { room: room.as_ref() });
    }

    fn tell_of_missed(&mut self, room: Option<&RoomName>, count: u64) {
        self.emit_repeated(Repeated::Skipped, count, saying::Lobby::Missed { room, count });
    }

    /// Tells the user what `--since` asked for and the server does not have.
    pub(crate) fn tell_of_since(&mut self, session: SessionId, since: u64, newest: u64, start: u64) {
        if since > newest {
            let room = self.room_of(session);
            self.emit(saying::Lobby::SinceIsAhead { room: room.as_ref(), since, newest }.into());
        } else if start > since {
            self.emit(saying::Lobby::SinceIsGone { since, count: start - since }.into());
        }
    }

    pub(super) fn lobby_down(&mut self, reason: &str) {
        if self.sessions.lobby_state() == LinkState::Down {
            return;
        }
        tracing::info!(reason, "the lobby is down");
        self.sessions.set_lobby_state(LinkState::Down);
        let for_good = self.lobby_ended.is_some();
        let down = Notice::Link { session: SessionId::LOBBY, state: LinkState::Down, for_good };
        match for_good {
            true => self.emit(down),
            false => self.emit_repeated(Repeated::LobbyLink, 1, down),
        }
        self.knocks.forget_waiting();
        for open in self.questions.take_all() {
            self.give_up(open, self.went_down().into());
        }
        self.holders_are_not_told();
    }

    /// Handles a message in the log of the lobby or a room.
    fn logged(&mut self, session: SessionId, said: &LobbyMessage, replayed: bool) {
        // Nobody can have a name with invisible characters, which an old log may contain, so it is not completed.
        if said.name.visible() == said.name {
            self.meet(&said.name, Some(&said.key));
        }
        if !replayed {
            // The server sums up who left and came in one moment, so this may be the first sign of another key.
            self.name_is_held(&said.name, &said.key);
        }
        self.keeping.heard(session, said);
        match &said.content {
            Content::Text(text) => {
                let message = self.logged_message(session, said, text, replayed);
                if !self.gather_missed(&message) {
                    self.warn_before(&message);
                    self.show_message(message);
                }
            }
            Content::Act(act) => self.acted(session, said, act, replayed),
        }
    }

    /// Handles an act, which has a number among the texts of the lobby or a room.
    fn acted(&mut self, session: SessionId, said: &LobbyMessage, act: &Act, replayed: bool) {
        self.heads.reach(session, said.seq.0);
        if act.kind.is_topic() && !replayed {
            let text = act.text.as_ref().map_or("", ShortText::as_str);
            self.warn_of(&said.name.visible(), &said.key);
            self.topic_set(session, text, Some(said.name.visible()));
        }
        if !act.kind.is_topic() && session == SessionId::LOBBY {
            self.operator_acted(said.name.visible(), said.seq.0, act, replayed);
        }
        self.passed_over(session, said.seq.0);
    }

    /// Handles the acknowledgement of a text or an act of this user. `message` is the stored message, if the server
    /// told it.
    fn sent(&mut self, room: Option<&RoomName>, id: u64, seq: Seq, message: Option<&LobbyMessage>) {
        if self.acts.settle(id).is_some() {
            if let Some(message) = message
                && let Content::Act(act) = &message.content
                && let Some(session) = self.session_in(room)
            {
                self.keeping.heard(session, message);
                self.acted(session, message, act, false);
            }
            return;
        }
        let Some(session) = self.ledger.session_of(id) else { return };
        match (message, self.ledger.text(id)) {
            (Some(message), _) => self.keeping.heard(session, message),
            (None, Some(text)) => self.keeping.keep_own(session, seq.0, text),
            (None, None) => {}
        }
        self.settle_sent(id, Some(seq.0));
    }

    fn not_accepted(&mut self, answer: &NotAccepted) {
        if let Some(command) = self.acts.settle(answer.id) {
            return self
                .fail(Failure::from(failing::Lobby::ActNotTaken { command, answer }).of_command(command));
        }
        let Some(text) = self.ledger.settle(answer.id) else { return };
        // At a terminal such a text is among the lines that were typed before; see `app/terminal`.
        let comes_back = operators::is_held_back(answer.code) && self.screen.is_terminal();
        let why = if comes_back { Unsent::HeldBack(answer) } else { Unsent::NotAccepted(answer) };
        self.report_all_unsent(vec![text], &why);
    }

    fn presence(&mut self, room: Option<&RoomName>, changes: Vec<Change>) {
        let Some(session) = self.session_in(room) else { return };
        // Only answers about a room name the room.
        let room = self.room_of(session);
        let session = room.as_ref().map(|_| session);
        for change in changes {
            match change {
                Change::Joined(name) => {
                    self.meet(&name, None);
                    self.known_names.is_here(&name);
                    if room.is_none() {
                        self.name_came(&name);
                    }
                    let (ignored, room) = (self.user.ignores_name(&name), room.clone());
                    self.emit(Notice::Joined { name, session, room, ignored });
                }
                Change::Left(name) => {
                    // A user who leaves a room is still in the lobby.
                    if room.is_none() {
                        self.known_names.remove(&name);
                        self.knocks.left(&name);
                        self.name_went(&name);
                    }
                    let (ignored, room) = (self.user.ignores_name(&name), room.clone());
                    self.emit(Notice::Left { name, session, room, ignored });
                }
            }
        }
        self.count_users();
    }

    /// Makes a message of a text that stands in a log.
    pub(super) fn logged_message(
        &self,
        session: SessionId,
        said: &LobbyMessage,
        text: &Text,
        replayed: bool,
    ) -> Message {
        // A name in an old log may contain invisible characters.
        let (from, at) = (said.name.visible(), Timestamp(said.at));
        Message {
            seq: Some(said.seq.0),
            replayed,
            key: Some(said.key),
            ignored: self.user.ignores(&said.key),
            ..self.message(session, from, text.as_str(), at)
        }
    }
}
