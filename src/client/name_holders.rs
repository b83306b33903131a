//! Who holds the name of a private session's user in the lobby. A user may leave the lobby and keep his session; the
//! server may then give his name to another key, and a line that is meant for the new holder of the name would reach the
//! former one. This file owns the rule that a name stands for an open session only as long as no other key came to the
//! lobby with it. It knows neither commands nor links.

use std::collections::BTreeMap;

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::ClientMessage;
use hobnob_protocol::name::UserName;

use crate::client::State;
use crate::client::command_error::CommandError;
use crate::client::questions::Question;
use crate::session::{LinkState, SessionId};
use crate::show::{failing, saying};

/// How many questions about holders of names may be open. More are not asked: a command that needs the answer asks again.
/// So a server that tells of one newcomer after the other cannot have this client ask without end.
const MOST_ASKED: usize = 64;

/// Why the name of a session's user may stand for somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// Somebody came to the lobby with the name, and it is not known yet with which key.
    Unknown,
    /// This key came to the lobby with the name. That stays so until the session's own key has the name again: who talks
    /// to the new holder still means him when he has just left.
    Other(PublicKey),
}

/// The sessions whose users may have lost their names to others.
#[derive(Debug, Default)]
pub(crate) struct NameHolders(BTreeMap<SessionId, Holder>);

impl NameHolders {
    /// Notes that somebody came with the name of a session's user.
    fn came(&mut self, session: SessionId) {
        self.0.entry(session).or_insert(Holder::Unknown);
    }

    /// Notes that nobody in the lobby has the name of a session's user.
    fn went(&mut self, session: SessionId) {
        if self.0.get(&session) == Some(&Holder::Unknown) {
            self.0.remove(&session);
        }
    }

    /// Notes that the key of a session has its name in the lobby.
    fn is_own(&mut self, session: SessionId) {
        self.0.remove(&session);
    }

    /// Notes that another key has the name of a session's user. Returns whether that is news.
    fn is_other(&mut self, session: SessionId, key: PublicKey) -> bool {
        !matches!(self.0.insert(session, Holder::Other(key)), Some(Holder::Other(_)))
    }

    /// Forgets a session that is over.
    pub(super) fn over(&mut self, session: SessionId) {
        self.0.remove(&session);
    }
}

impl State {
    /// Returns the private session for which a name stands; `None` if there is none.
    ///
    /// # Errors
    /// Returns an error if there is such a session, and the name may stand for another user as well.
    pub(crate) fn session_named(&mut self, name: &UserName) -> Result<Option<SessionId>, CommandError> {
        let named = self.keys_named(name);
        let other = |session| match self.name_holders.0.get(&session) {
            Some(Holder::Other(key)) => Some(*key),
            _ => None,
        };
        let former = named.iter().find_map(|(session, key)| Some((*session, *key, other(*session)?)));
        // Two sessions with users of one name have two keys, even if the server has not told yet who holds the name.
        let former = former.or(match named[..] {
            [(session, key), (_, now), ..] if key != now => Some((session, key, now)),
            _ => None,
        });
        if let Some((session, key, now)) = former {
            let open = named.iter().find(|(other, _)| *other != session).map(|(other, _)| *other);
            let (former, now) = (key.fingerprint(), now.fingerprint());
            return Err(failing::Private::TwoOfOneName { name, session, former, now, open }.into());
        }
        let unknown = named.iter().find(|(session, _)| self.name_holders.0.contains_key(session));
        if let Some((session, _)) = unknown.copied() {
            // The answer may have been lost with the link, so the server is asked once more.
            self.ask_who_holds(name);
            return Err(failing::Private::HolderUnknown { name, session }.into());
        }
        Ok(self.sessions.with_name(name))
    }

    /// Handles that somebody came to the lobby with this name.
    pub(super) fn name_came(&mut self, name: &UserName) {
        for (session, _) in self.keys_named(name) {
            self.name_holders.came(session);
        }
        self.ask_who_holds(name);
    }

    /// Handles that nobody in the lobby has this name any more.
    pub(super) fn name_went(&mut self, name: &UserName) {
        for (session, _) in self.keys_named(name) {
            self.name_holders.went(session);
        }
    }

    /// Asks the server which key holds a name, if there is a session with a user of this name.
    pub(super) fn ask_who_holds(&mut self, name: &UserName) {
        if self.keys_named(name).is_empty()
            || self.sessions.lobby_state() != LinkState::Up
            || self.questions.holders_asked() >= MOST_ASKED
        {
            return;
        }
        let request = self.questions.ask(Question::Holder(name.clone()), None);
        self.lobby.ask(ClientMessage::Whois { request, name: name.clone() });
    }

    /// Whether the server has still to answer a question for the holder of a name that was asked before the question with
    /// the number `newest` or is that question. A script's next command waits for these answers, because it may name that
    /// user. It does not wait for questions that come later, so users who come and go do not hold it up for ever.
    pub(crate) fn awaits_holders(&self, newest: u32) -> bool {
        self.questions.asks_holder_up_to(newest)
    }

    /// The lobby is down. What was asked is not answered any more, and all names are asked for when it is back. Until then
    /// nobody can mean a newcomer whom he has not seen, so a name stands for the session again.
    pub(super) fn holders_are_not_told(&mut self) {
        self.name_holders.0.retain(|_, holder| *holder != Holder::Unknown);
    }

    /// Asks the server which keys hold the names of all users with whom there is a session. Comings and goings were
    /// missed while the link was down, or left out by the server.
    pub(super) fn ask_who_holds_names(&mut self) {
        let mut names: Vec<UserName> = self.sessions.peers().map(|(_, peer)| peer.peer.clone()).collect();
        names.sort();
        names.dedup();
        names.iter().for_each(|name| self.ask_who_holds(name));
    }

    /// Handles the answer that this key holds a name.
    pub(super) fn name_is_held(&mut self, name: &UserName, key: &PublicKey) {
        for (session, own) in self.keys_named(name) {
            if own == *key {
                self.name_holders.is_own(session);
            } else if self.name_holders.is_other(session, *key) {
                let (former, now) = (own.fingerprint(), key.fingerprint());
                self.emit(saying::Private::NameTaken { name, session, former, now }.into());
            }
        }
    }

    /// Returns the private sessions with users of this name whose keys are known.
    fn keys_named(&self, name: &UserName) -> Vec<(SessionId, PublicKey)> {
        let named = self.sessions.peers().filter(|(_, peer)| peer.peer == *name);
        named.filter_map(|(session, peer)| Some((session, peer.key?))).collect()
    }
}
