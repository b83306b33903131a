//! Whether a user may open a private session with this user: what the client answers when the server asks, and what
//! this user says to those who wait. This file owns the order of the rules; their bounds are in [`super::knocks`] and
//! [`super::strangers`]. It knows nothing of how a link is made.
//!
//! The first rule that fits decides:
//!
//! | who asks | answer |
//! | --- | --- |
//! | the same key, for a session that exists: this brings fresh addresses | open |
//! | another key, for a session that exists | declined |
//! | somebody, for a session that this run does not know: it was a session with an earlier run, and the connection will say that it is over | as for a new session, but the user is not asked: with `ask` it is declined |
//! | a key that is ignored, was refused or was sent away | declined |
//! | a key other than the one that is pinned for the name | declined, and this user is told |
//! | a user whom this user is forking at the moment | open |
//! | anybody, with `private = off`; a key that is not pinned, with `known` | declined |
//! | anybody, with `ask` | the user is asked |
//! | a stranger who exceeds the bounds for strangers | busy |
//! | anybody else | open |

use hobnob_protocol::ids::PairToken;
use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{ClientMessage, ConsentAnswer};
use hobnob_protocol::name::UserName;
use tokio::time::Instant;

use crate::client::State;
use crate::client::command_error::CommandError;
use crate::client::knocks::{Knock, KnockRefused};
use crate::client::strangers::StrangerRefused;
use crate::config::preferences::Private;
use crate::data::trust::KeyVerdict;
use crate::show::{Failure, Notice, Repeated, failing, saying};

impl State {
    /// Answers the server's question whether a user may open a private session with this user.
    pub(super) fn asked(&mut self, ask: u64, name: &UserName, key: &PublicKey, token: Option<PairToken>) {
        let answer = match token {
            Some(token) => self.consent_to_rebuild(ask, &token, name, key),
            None => self.consent_to_open(ask, name, key),
        };
        self.lobby.ask(ClientMessage::Consent { ask, answer });
    }

    fn consent_to_rebuild(
        &mut self,
        ask: u64,
        token: &PairToken,
        name: &UserName,
        key: &PublicKey,
    ) -> ConsentAnswer {
        let peer = self.private_links.with_token(token).and_then(|session| self.sessions.peer(session));
        match (peer, self.user.preferences.private) {
            (Some(peer), _) if peer.key == Some(*key) => ConsentAnswer::Open,
            (Some(_), _) | (None, Private::Ask) => ConsentAnswer::Declined,
            (None, _) => self.consent_to_open(ask, name, key),
        }
    }

    fn consent_to_open(&mut self, ask: u64, name: &UserName, key: &PublicKey) -> ConsentAnswer {
        if self.user.ignores(key) || self.refuses_key(key) || self.strangers.sent_away.contains(key) {
            return ConsentAnswer::Declined;
        }
        let Some(known) = self.may_be_let_in(name, key) else { return ConsentAnswer::Declined };
        let now = Instant::now();
        if !self.is_forking(name) {
            match self.user.preferences.private {
                Private::Off => return ConsentAnswer::Declined,
                Private::Known if !known => return ConsentAnswer::Declined,
                Private::Ask => return self.let_wait(ask, name, key, known, now),
                Private::Known | Private::Open => {}
            }
            let room = match known {
                // Another session of the same client is about to open, and gives way to this one.
                _ if self.private_links.inbound_from(key, name).is_some() => Ok(()),
                true => self.strangers.known_may_open(key, now),
                false => match self.knocks.strangers_to_come(key, now) {
                    Some(to_come) => self.strangers.may_open(key, to_come, now),
                    None => Err(StrangerRefused::TooOften),
                },
            };
            if let Err(refused) = room {
                self.tell_of_too_many(refused);
                return ConsentAnswer::Busy;
            }
        }
        self.knocks.note_welcome(*key, !known, now);
        ConsentAnswer::Open
    }

    /// Whether this key is known; `None` if it may not be talked to under that name.
    fn may_be_let_in(&mut self, name: &UserName, key: &PublicKey) -> Option<bool> {
        let known = match self.trust.user(name, key) {
            Ok(KeyVerdict::Changed(pin)) => Err(failing::Private::KeyChanged { name, key, pin: &pin }.into()),
            Ok(KeyVerdict::New | KeyVerdict::Trusted(_)) => self
                .trust
                .knows(key)
                .map_err(|reason| CommandError::from(failing::Private::NotPinned { name, reason })),
            Err(reason) => Err(failing::Private::NotPinned { name, reason }.into()),
        };
        known.map_err(|error| self.tell_of_refused_fork(name, &error)).ok()
    }

    /// Tells this user that somebody wanted a private session and does not get it, because of his key.
    pub(super) fn tell_of_refused_fork(&mut self, name: &UserName, error: &CommandError) {
        let code = error.code();
        let failure = Failure::from(failing::Private::Refused { name, code, reason: error });
        self.emit_repeated(Repeated::ForkRefused, 1, failure);
    }

    /// Tells this user of refused strangers, if he can do something about it, and not each time.
    pub(super) fn tell_of_too_many(&mut self, refused: StrangerRefused) {
        if refused == StrangerRefused::TooMany && self.strangers.is_time_to_tell(Instant::now()) {
            self.emit(saying::Private::StrangersRefused.into());
        }
    }

    /// Whether this user is forking a user of that name at the moment.
    fn is_forking(&self, name: &UserName) -> bool {
        let session = self.sessions.with_name(name);
        session.is_some_and(|session| !self.private_links.has_link(session))
    }

    fn let_wait(
        &mut self,
        ask: u64,
        name: &UserName,
        key: &PublicKey,
        known: bool,
        now: Instant,
    ) -> ConsentAnswer {
        match self.knocks.knock(ask, name, key, known, now) {
            Ok(gives_way) => {
                // A stranger whose place was taken is told what he would have been told if he had asked later. The
                // same is told to another client of the same user, and nobody hears it of a question that is over.
                gives_way.into_iter().for_each(|ask| self.answer_knock(ask, ConsentAnswer::Busy));
                self.show_knocks(now);
                ConsentAnswer::Asking
            }
            Err(KnockRefused::Declined) => ConsentAnswer::Declined,
            Err(KnockRefused::Busy) => ConsentAnswer::Busy,
        }
    }

    /// Whether an introduction that this user did not ask for may open a session: its key was let in before, or a rule
    /// lets it in now. So a server that does not ask cannot open anything that this user did not want.
    pub(super) fn lets_in(&mut self, key: &PublicKey, known: bool) -> bool {
        self.knocks.take_welcome(key, Instant::now())
            || match self.user.preferences.private {
                Private::Open => true,
                Private::Known => known,
                Private::Ask | Private::Off => false,
            }
    }

    /// Lets in a user who waits. This counts as an answer, so the key is pinned.
    ///
    /// # Errors
    /// Returns an error if nobody of that name waits, or if the key cannot be pinned.
    pub(crate) fn accept(&mut self, name: &UserName) -> Result<(), CommandError> {
        let Knock { ask, name, key, .. } = self.waiting_knock(name)?;
        if let Err(reason) = self.trust.pin_user(&name, &key) {
            self.answer_knock(ask, ConsentAnswer::Declined);
            return Err(failing::Private::NotPinned { name: &name, reason }.into());
        }
        self.look_alikes.acquaint(&name);
        if let Some(name) = self.knocks.note_accepted(name, key, Instant::now()) {
            self.emit(saying::Private::HasNotCome { name: &name }.into());
        }
        self.answer_knock(ask, ConsentAnswer::Open);
        Ok(())
    }

    /// Declines a user who waits.
    ///
    /// # Errors
    /// Returns an error if nobody of that name waits.
    pub(crate) fn decline(&mut self, name: &UserName) -> Result<(), CommandError> {
        let Knock { ask, name, key, .. } = self.waiting_knock(name)?;
        self.knocks.note_declined(key, Instant::now());
        self.answer_knock(ask, ConsentAnswer::Declined);
        self.emit(saying::Private::Declined { name: &name }.into());
        Ok(())
    }

    fn waiting_knock(&mut self, name: &UserName) -> Result<Knock, CommandError> {
        self.require_lobby_up()?;
        let waiting = self.knocks.take(name);
        waiting.ok_or_else(|| match self.knocks.has_left(name) {
            true => failing::Private::AskerLeft(name).into(),
            false => failing::Private::NobodyWaits(name).into(),
        })
    }

    fn answer_knock(&self, ask: u64, answer: ConsentAnswer) {
        self.lobby.ask(ClientMessage::Consent { ask, answer });
    }

    /// Tells this user who waits, a few users at once.
    fn show_knocks(&mut self, now: Instant) {
        for (name, key) in self.knocks.take_unshown(now) {
            self.meet(&name, Some(&key));
            self.warn_of(&name);
            self.emit(Notice::Asked { peer: name, fingerprint: key.fingerprint() });
        }
    }

    /// Declines the users who have waited for long enough.
    pub(crate) fn knock_time(&mut self, now: Instant) {
        for Knock { ask, name, key, .. } in self.knocks.take_overdue(now) {
            self.knocks.note_declined(key, now);
            self.answer_knock(ask, ConsentAnswer::Declined);
            self.emit_repeated(Repeated::WaitedInVain, 1, saying::Private::WaitedInVain { name: &name });
        }
        for name in self.knocks.take_not_come(now) {
            self.emit(saying::Private::HasNotCome { name: &name }.into());
        }
        self.show_knocks(now);
        if let Some(count) = self.knocks.take_gone_unseen(now) {
            self.emit(saying::Private::AskedAndLeft { count }.into());
        }
    }
}
