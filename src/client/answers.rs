//! What the server's answers do to the state: each belongs to a question of this client, which it answers or which it
//! goes on answering. This file knows neither the link that brings the answers nor the commands that asked.

use hobnob_protocol::away::AwayText;
use hobnob_protocol::chain::{LobbyMessage, Position};
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{ClientMessage, NoAnswerCode};
use hobnob_protocol::name::UserName;

use crate::client::State;
use crate::client::command_error::CommandError;
use crate::client::old_messages::{OldMessages, Wanted};
use crate::client::questions::{Open, Question};
use crate::data::trust::KeyVerdict;
use crate::lobby::event::ServerAnswer;
use crate::show::failing::Worded;
use crate::show::{ErrorCode, Failure, Notice, failing, saying};
use crate::timestamp::Timestamp;

/// How many names of one answer to `users` are taken; after that no more parts are waited for. This is ten times what a
/// server lets in by default, and a bound for a server that sends without end.
const MOST_NAMES: usize = 100_000;

impl State {
    /// Handles an answer of the server. An answer to a question that is not open is dropped.
    pub(super) fn answered(&mut self, answer: ServerAnswer) {
        match answer {
            ServerAnswer::Users { request, names, away, more } => self.users(request, names, away, more),
            ServerAnswer::Whois { request, name, key, since, away } => {
                self.whois(request, name, key, since, away)
            }
            ServerAnswer::History { request, after, messages, more } => {
                self.history(request, after, messages, more)
            }
            ServerAnswer::NoSuchUser { request, name } => {
                self.name_went(&name);
                self.refused(request, failing::Lobby::NotThere(&name).into());
            }
            ServerAnswer::Asking { request } => self.is_being_asked(request),
            ServerAnswer::NoAnswer { request, code: NoAnswerCode::Declined } => self.is_declined(request),
            ServerAnswer::NoAnswer { request, code } => {
                self.refused(request, failing::Lobby::NoAnswer(code).into())
            }
            ServerAnswer::Bans { request, bans, more } => self.bans_listed(request, bans, more),
            ServerAnswer::Mutes { request, mutes, more } => self.mutes_listed(request, mutes, more),
            ServerAnswer::Ops { request, ops, more } => self.ops_listed(request, ops, more),
            ServerAnswer::Rooms { request, rooms, more } => self.rooms_listed(request, rooms, more),
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
        let Some(Open { question: Question::Users { session, mut names, away, shown }, .. }) = closed else {
            return;
        };
        names.sort();
        if self.room_of(session).is_none() {
            self.known_names.nobody_is_here();
        }
        for name in &names {
            self.meet(name, None);
            self.known_names.is_here(name);
        }
        if shown {
            let room = self.room_of(session);
            self.emit(Notice::Users { session: room.as_ref().map(|_| session), room, names, away });
        } else {
            self.counted(request, names.len());
        }
    }

    fn whois(&mut self, request: u32, name: UserName, key: PublicKey, since: u64, away: Option<AwayText>) {
        let is_right = |question: &Question| match question {
            Question::Whois | Question::Away | Question::Ignore => true,
            Question::Holder(asked) => *asked == name,
            _ => false,
        };
        let Some(open) = self.questions.close_if(request, is_right) else { return };
        self.name_is_held(&name, &key);
        if matches!(open.question, Question::Away) {
            // The reason why a user is away is a text of that user, too, so it is hidden if he is ignored.
            return self.answered_after(name, away.filter(|_| !self.user.ignores(&key)));
        }
        if matches!(open.question, Question::Holder(_)) {
            return;
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
            own,
            seen_first: pinned.and_then(|(seen_first, _)| seen_first),
            verified: pinned.is_some_and(|(_, verified)| verified),
            away: away.map(|text| text.as_str().to_owned()),
        });
    }

    fn history(&mut self, request: u32, after: Position, part: Vec<LobbyMessage>, more: bool) {
        let Some(old) = self.old_messages(request) else { return };
        let session = old.session;
        let Some(answer) = old.add(after, part, more) else { return };
        match answer.broken {
            Some(broken) => {
                let failure = Failure::from(Worded::new(ErrorCode::Refused, broken));
                self.emit(failure.into());
            }
            None => answer.messages.iter().for_each(|message| self.keeping.keep_logged(session, message)),
        }
        let Some(old) = self.old_messages(request) else { return };
        let (shown, next) = old.take(answer);
        for message in &shown {
            if let Some(text) = message.content.text() {
                let message = self.logged_message(session, message, text, true);
                self.emit(Notice::Message(message));
            }
        }
        match next {
            Some(Wanted { limit, before }) => {
                self.questions.asked_on(request);
                let room = self.room_of(session);
                self.lobby.ask(ClientMessage::History { request, limit, room, before });
            }
            None => drop(self.questions.close(request)),
        }
    }

    fn old_messages(&mut self, request: u32) -> Option<&mut OldMessages> {
        match &mut self.questions.get_mut(request)?.question {
            Question::History(old) => Some(old.as_mut()),
            _ => None,
        }
    }

    fn refused(&mut self, request: u32, error: CommandError) {
        if let Some(open) = self.questions.close(request) {
            self.give_up(open, error);
        }
    }

    /// Gives up a question that will not be answered.
    pub(crate) fn give_up(&mut self, open: Open, error: CommandError) {
        match (open.question, open.command) {
            (Question::Join(session), _) => self.join_failed(session, error),
            (Question::Pair(session), _) => self.pair_refused(session, error),
            (_, Some(command)) => self.fail(Failure::from(error).of_command(command)),
            (_, None) => {}
        }
    }
}
