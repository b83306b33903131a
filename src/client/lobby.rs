//! What the events of the lobby's link do to the state: messages, who comes and goes, answers of the server, a link
//! that is lost and comes back. It knows nothing of how the link does its work.

use hobnob_protocol::MAX_HISTORY_REQUEST;
use hobnob_protocol::away::AwayText;
use hobnob_protocol::chain::{LobbyMessage, Position};
use hobnob_protocol::message::{Change, ClientMessage, NotAcceptedCode, Welcome};
use hobnob_protocol::name::{PublicKey, Text, UserName};

use crate::client::State;
use crate::client::command_error::CommandError;
use crate::client::questions::{Open, Question};
use crate::data::trust::KeyVerdict;
use crate::lobby::event::{Joined, LobbyEvent, ServerAnswer};
use crate::lobby::sequence::Resumed;
use crate::session::{LinkState, SessionId};
use crate::show::failing::Worded;
use crate::show::unsent::Unsent;
use crate::show::{ErrorCode, Failure, Message, Notice, Repeated, failing, saying};
use crate::timestamp::Timestamp;

/// Names in one answer to `users`, and no more parts are waited for: ten times what a server lets in by
/// default, and a bound for one that sends on and on.
const MOST_NAMES: usize = 100_000;

impl State {
    /// Something happened in the lobby or on its link. That the link has ended for good is for the app to note.
    pub(crate) fn lobby_event(&mut self, event: LobbyEvent) {
        match event {
            LobbyEvent::Up(joined) => self.lobby_up(&joined),
            LobbyEvent::Down { reason } => self.lobby_down(&reason),
            LobbyEvent::Refused { reason } => {
                self.emit_repeated(Repeated::Refused, 1, saying::Lobby::Refused { reason });
            }
            LobbyEvent::Said { message, replayed } => self.lobby_said(&message, replayed),
            LobbyEvent::Skipped { missed } => self.tell_of_missed(missed),
            LobbyEvent::Sent { id, seq, message } => {
                match (message, self.ledger.text(id)) {
                    (Some(message), _) => self.heard(&message),
                    (None, Some(text)) => self.keeping.keep_own(seq.0, text),
                    (None, None) => {}
                }
                self.settle_sent(id, Some(seq.0));
            }
            LobbyEvent::NotAccepted { id, code } => self.not_accepted(id, code),
            LobbyEvent::Broken(broken) => {
                let failure = Failure::from(failing::Lobby::Broken(&broken));
                self.emit_repeated(Repeated::Broken, 1, failure);
            }
            LobbyEvent::Presence(changes) => self.presence(changes),
            LobbyEvent::PresenceSkipped => {
                self.emit_repeated(Repeated::PresenceSkipped, 1, saying::Lobby::PresenceSkipped);
                self.count_users();
            }
            LobbyEvent::Answer(answer) => self.answered(answer),
            LobbyEvent::Introduced(introduction) => self.introduced(introduction),
            LobbyEvent::IntroductionAsked => self.lobby.ask(ClientMessage::Pong),
            LobbyEvent::Closing => self.emit_repeated(Repeated::Closing, 1, saying::Lobby::Closing),
            LobbyEvent::KeyChanged(reason) => self.lobby_key_changed(&reason),
            LobbyEvent::Left => {}
        }
    }

    /// The first welcome, or one after the link was lost.
    fn lobby_up(&mut self, joined: &Joined) {
        self.sessions.set_lobby_state(LinkState::Up);
        self.ledger.fly(SessionId::LOBBY);
        self.emit(Notice::Link { session: SessionId::LOBBY, state: LinkState::Up });
        self.keeping.enter(joined.server, joined.welcome.log, joined.welcome.start);
        let name = joined.welcome.name.clone();
        if name != self.me.name {
            let before = std::mem::replace(&mut self.me.name, name);
            let renamed = saying::Lobby::NameTakenMeanwhile { before: &before, name: &self.me.name };
            let renamed = Notice::from(renamed);
            self.emit_repeated(Repeated::Renamed, 1, renamed);
            self.screen.know_own(&self.me.name);
        }
        // The server kept it for the connection that was lost.
        if let Some(text) = self.user.away.clone() {
            self.lobby.ask(ClientMessage::Away { text });
        }
        self.tell_of_gaps(joined);
        self.learn_names();
        self.head = self.head.max(joined.welcome.head.seq.0);
        self.count_users();
    }

    /// Messages that will not be seen: fallen out of what the server keeps, or of another log.
    fn tell_of_gaps(&mut self, joined: &Joined) {
        match joined.resumed {
            Resumed::After { missed: 0 } => {}
            Resumed::After { missed } => self.tell_of_missed(missed),
            Resumed::Elsewhere => {
                self.emit_repeated(Repeated::OtherLog, 1, saying::Lobby::AnotherLog);
            }
        }
    }

    fn tell_of_missed(&mut self, count: u64) {
        self.emit_repeated(Repeated::Skipped, count, saying::Lobby::Missed { count });
    }

    /// What `--since` asked for and the server does not have.
    pub(crate) fn tell_of_since(&mut self, since: u64, welcome: &Welcome) {
        let (newest, start) = (welcome.head.seq.0, welcome.start.seq.0);
        if since > newest {
            self.emit(saying::Lobby::SinceIsAhead { since, newest }.into());
        } else if start > since {
            self.emit(saying::Lobby::SinceIsGone { since, count: start - since }.into());
        }
    }

    fn lobby_down(&mut self, reason: &str) {
        if self.sessions.lobby_state() == LinkState::Down {
            return;
        }
        tracing::info!(reason, "the lobby is down");
        self.sessions.set_lobby_state(LinkState::Down);
        self.emit(Notice::Link { session: SessionId::LOBBY, state: LinkState::Down });
        for open in self.questions.take_all() {
            self.give_up(open, failing::Lobby::WentDown.into());
        }
    }

    fn lobby_key_changed(&mut self, reason: &str) {
        self.lobby_down("its key changed");
        let trust_file = self.trust.path().to_owned();
        self.fail(failing::Lobby::KeyChanged { reason, trust_file: &trust_file });
        let texts = self.ledger.take_session(SessionId::LOBBY);
        self.report_unanswered(texts, &Unsent::ServerKeyChanged);
    }

    fn lobby_said(&mut self, said: &LobbyMessage, replayed: bool) {
        self.meet(&said.name.visible(), Some(&said.key));
        self.heard(said);
        let Some(text) = said.content.text() else { return };
        let message = self.lobby_message(said, text, replayed);
        if !self.gather_missed(&message) {
            self.show_message(message);
        }
    }

    fn not_accepted(&mut self, id: u64, code: NotAcceptedCode) {
        let Some(text) = self.ledger.settle(id) else { return };
        self.report_all_unsent(vec![text], &Unsent::NotAccepted(code));
    }

    fn presence(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Joined(name) => {
                    self.meet(&name, None);
                    let ignored = self.user.ignores_name(&name);
                    self.emit(Notice::Joined { name, ignored });
                }
                Change::Left(name) => {
                    self.known_names.remove(&name);
                    let ignored = self.user.ignores_name(&name);
                    self.emit(Notice::Left { name, ignored });
                }
            }
        }
        self.count_users();
    }

    fn answered(&mut self, answer: ServerAnswer) {
        match answer {
            ServerAnswer::Users { request, names, away, more } => self.users(request, names, away, more),
            ServerAnswer::Whois { request, name, key, since, away } => {
                self.whois(request, name, key, since, away)
            }
            ServerAnswer::History { request, after, messages, more } => {
                self.history(request, after, messages, more)
            }
            ServerAnswer::NoSuchUser { request, name } => {
                self.refused(request, failing::Lobby::NotThere(&name).into());
            }
            ServerAnswer::NoAnswer { request, code } => {
                self.refused(request, failing::Lobby::NoAnswer(code).into())
            }
        }
    }

    fn users(&mut self, request: u32, names: Vec<UserName>, away: Vec<UserName>, more: bool) {
        let open = self.questions.get_mut(request);
        let Some(Open { question: Question::Users { names: sum, away: sum_away, .. }, .. }) = open else {
            return;
        };
        sum.extend(names);
        sum_away.extend(away);
        if more && sum.len() + sum_away.len() < MOST_NAMES {
            return;
        }
        let closed = self.questions.close(request);
        let Some(Open { question: Question::Users { mut names, away, shown }, .. }) = closed else { return };
        names.sort();
        names.iter().for_each(|name| self.meet(name, None));
        if shown {
            self.emit(Notice::Users { names, away });
        } else {
            self.counted(request, names.len());
        }
    }

    fn whois(&mut self, request: u32, name: UserName, key: PublicKey, since: u64, away: Option<AwayText>) {
        let Some(open) = self.questions.close(request) else { return };
        if matches!(open.question, Question::Away) {
            // Why somebody is away are words of theirs, too.
            return self.answered_after(name, away.filter(|_| !self.user.ignores(&key)));
        }
        if matches!(open.question, Question::Ignore) {
            if let Err(error) = self.ignore(&name, &key) {
                self.give_up(open, error);
            }
            return;
        }
        let own = name == self.me.name && key.fingerprint() == self.me.fingerprint;
        let pinned = match self.trust.user(&name, &key) {
            Ok(KeyVerdict::Trusted(pin)) if pin.refused => {
                self.emit(saying::Verification::KeyRefused { name: &name }.into());
                None
            }
            Ok(KeyVerdict::Trusted(pin)) => Some((pin.seen_first(), pin.verified)),
            Ok(KeyVerdict::Changed(pin)) => {
                let pinned = pin.key.fingerprint();
                self.emit(saying::Lobby::AnotherKeyPinned { name: &name, pinned }.into());
                None
            }
            Ok(KeyVerdict::New) => None,
            Err(reason) => {
                self.emit(saying::Lobby::PinUnknown { name: &name, reason: &reason }.into());
                None
            }
        };
        self.emit(Notice::Whois {
            name,
            fingerprint: key.fingerprint(),
            since: Timestamp(since),
            trusted: own || pinned.is_some(),
            seen_first: pinned.and_then(|(seen_first, _)| seen_first),
            verified: pinned.is_some_and(|(_, verified)| verified),
            away: away.map(|text| text.as_str().to_owned()),
        });
    }

    fn history(&mut self, request: u32, after: Position, part: Vec<LobbyMessage>, more: bool) {
        let Some(Open { question: Question::History { place, messages, rest }, .. }) =
            self.questions.get_mut(request)
        else {
            return;
        };
        // Each part is checked against its beginning, and each beginning against the part before; what
        // went out of the log between two questions leaves a gap.
        let mut position =
            place.filter(|place| !messages.is_empty() || place.seq >= after.seq).unwrap_or(after);
        let broken = part.iter().find_map(|message| position.advance(message).err());
        let got_on = place.is_none_or(|before| before.seq < position.seq);
        *place = Some(position);
        messages.extend(part);
        // Whoever sends more than may be asked for has answered.
        if more && broken.is_none() && messages.len() < MAX_HISTORY_REQUEST as usize {
            return;
        }
        let messages = std::mem::take(messages);
        // Nothing is kept before the place where an answer begins.
        rest.after = rest.after.max(position.seq.0);
        let next = rest.take_part().filter(|_| broken.is_none() && got_on);
        match broken {
            Some(broken) => {
                let failure = Failure::from(Worded::new(ErrorCode::Refused, broken));
                self.emit(failure.into());
            }
            None => messages.iter().for_each(|message| self.keeping.keep_lobby(message)),
        }
        for message in &messages {
            if let Some(text) = message.content.text() {
                let message = self.lobby_message(message, text, true);
                self.emit(Notice::Message(message));
            }
        }
        match next {
            Some((limit, before)) => {
                self.questions.asked_on(request);
                self.lobby.ask(ClientMessage::History { request, limit, room: None, before: Some(before) });
            }
            None => drop(self.questions.close(request)),
        }
    }

    fn refused(&mut self, request: u32, error: CommandError) {
        if let Some(open) = self.questions.close(request) {
            self.give_up(open, error);
        }
    }

    /// A question will not be answered.
    pub(crate) fn give_up(&mut self, open: Open, error: CommandError) {
        match (open.question, open.command) {
            (Question::Pair(session), _) => self.pair_refused(session, error),
            (_, Some(command)) => self.fail(Failure::from(error).of_command(command)),
            (_, None) => {}
        }
    }

    fn lobby_message(&self, said: &LobbyMessage, text: &Text, replayed: bool) -> Message {
        // A name of an old log may hold what nobody would see.
        let (from, at) = (said.name.visible(), Timestamp(said.at));
        Message {
            seq: Some(said.seq.0),
            replayed,
            key: Some(said.key),
            ignored: self.user.ignores(&said.key),
            ..Message::new(SessionId::LOBBY, None, from, text.as_str(), at)
        }
    }
}
