//! Private sessions that others open: whether they may, what is told when they may not, and what
//! follows from this user's first word in one. Owns the rules about strangers, whose bounds stand in
//! [`super::strangers`]; knows nothing of how a link is made.
//!
//! Which session an introduction belongs to (who somebody is: key and name, for the clients of one user have the key
//! in common and a name each):
//!
//! | what is here already | what the introduction does |
//! | --- | --- |
//! | a session with its token, of the same key | brings it fresh addresses (redial) |
//! | a session with its token, of another key | nothing |
//! | its token is over, or the fork it answers was given up | it is refused |
//! | an own fork of that name that waits for its answer | opens that fork (both forked at once) |
//! | somebody with this key and name is opening a session | brings fresh addresses if it is the same session, else takes its place |
//! | a session with this key and name that is open | replaces it when it is up: their program was started anew |
//! | a session with this key under another name | stays; a session of its own opens (their second client) |

use hobnob_protocol::message::Introduction;
use tokio::time::Instant;

use crate::client::State;
use crate::client::command_error::CommandError;
use crate::client::strangers::StrangerRefused;
use crate::data::trust::KeyVerdict;
use crate::peer::Familiarity;
use crate::session::link_id::LinkId;
use crate::session::{LinkState, Mode, PeerSession, SessionId};
use crate::show::unsent::Unsent;
use crate::show::{ClosedReason, failing, saying};

impl State {
    /// Somebody forked this user.
    pub(super) fn forked_by_other(&mut self, introduction: Introduction) {
        // Over already: a server that brings it again does not open it again.
        if self.private_links.has_ended(&introduction.session) {
            return self.private_links.refuse(&introduction);
        }
        let known = self.check_key(&introduction).and_then(|()| {
            let name = &introduction.name;
            let known = self.trust.knows(&introduction.key);
            known.map_err(|reason| failing::Private::NotPinned { name, reason }.into())
        });
        let known = match known {
            Ok(known) => known,
            Err(error) => {
                self.private_links.refuse(&introduction);
                return self.tell_of_refused_fork(&introduction.name, &error);
            }
        };
        // Both forked at once: this user's session is the one, and the answer to its own question
        // will only repeat the token.
        let waiting = self.sessions.with_name(&introduction.name);
        if let Some(session) = waiting.filter(|session| !self.private_links.has_link(*session)) {
            return self.open_fork(session, &introduction);
        }
        // A session with the same client may be there. Should this one come up, the other's program was
        // started anew; should two forks have crossed unseen, it never will.
        if let Some(link) = self.private_links.inbound_from(&introduction.key, &introduction.name) {
            // The same one again, with fresh addresses.
            if self.private_links.offer_inbound(link, &introduction) {
                return;
            }
            self.drop_inbound(link);
        }
        let admitted = match known {
            _ if self.user.ignores(&introduction.key) || self.refuses_key(&introduction.key) => {
                Err(StrangerRefused::SentAway)
            }
            _ if !self.lets_in(&introduction.key, known) => Err(StrangerRefused::NotLetIn),
            true => self.strangers.known_opens(&introduction.key, Instant::now()),
            false => self.admit_stranger(&introduction),
        };
        match admitted {
            Ok(()) => self.open_inbound(introduction, known),
            Err(refused) => self.refuse_stranger(&introduction, refused),
        }
    }

    fn open_inbound(&mut self, introduction: Introduction, known: bool) {
        let (session, familiarity) =
            (introduction.session, if known { Familiarity::Known } else { Familiarity::Stranger });
        if let Err(error) = self.private_links.open_inbound(introduction, familiarity) {
            tracing::warn!(%error, "a fork is refused");
            self.strangers.never_opened(&session);
        }
    }

    fn admit_stranger(&mut self, introduction: &Introduction) -> Result<(), StrangerRefused> {
        let now = Instant::now();
        let gives_way = self.strangers.opens(introduction.session, &introduction.key, now)?;
        if let Some(session) = gives_way {
            self.emit(saying::Private::SessionGaveWay { session }.into());
            self.session_over(session, ClosedReason::Ended, &Unsent::SessionGaveWay);
        }
        Ok(())
    }

    /// The other side is told that the session is not taken; why is nobody's business. This user is
    /// told where there is something to do about it, and not each time.
    fn refuse_stranger(&mut self, introduction: &Introduction, refused: StrangerRefused) {
        self.private_links.refuse(introduction);
        tracing::debug!(key = %introduction.key.fingerprint(), %refused, "a private session was refused");
        self.tell_of_too_many(refused);
    }

    /// A session the other side was opening never came up.
    pub(super) fn drop_inbound(&mut self, link: LinkId) {
        if let Some(introduction) = self.private_links.inbound(link) {
            self.strangers.never_opened(&introduction.session);
        }
        self.private_links.drop_inbound(link);
    }

    /// A session the other side opened is up: now it gets its number.
    pub(super) fn adopt(&mut self, link: LinkId) {
        let Some(introduction) = self.private_links.inbound(link).cloned() else { return };
        // Another client of the same user has another name, and a session of its own.
        if let Some(lost) = self.sessions.with_client(&introduction.key, &introduction.name) {
            self.session_over(lost, ClosedReason::Gone, &Unsent::OtherStartedAnew);
        }
        let session = self.sessions.add(PeerSession {
            peer: introduction.name.clone(),
            key: Some(introduction.key),
            mode: Mode::B,
            state: LinkState::Connecting,
            verified: false,
            path: None,
            unread: 0,
        });
        // A key that was answered may come under another name, which is pinned with an answer, too.
        let verdict = self.trust.user(&introduction.name, &introduction.key);
        if !matches!(verdict, Ok(KeyVerdict::Trusted(_))) {
            self.strangers.up(&introduction.session, session);
        }
        self.private_links.adopt(link, session);
    }

    /// This user is about to say something in a session. In one that a stranger opened the first word
    /// pins his key, and what he has said is kept from then on.
    ///
    /// # Errors
    /// When the key cannot be pinned: then nothing may be said.
    pub(super) fn answer_stranger(&mut self, session: SessionId) -> Result<(), CommandError> {
        if !self.strangers.is_unanswered(session) {
            return Ok(());
        }
        let Some((name, Some(key))) = self.sessions.peer(session).map(|it| (it.peer.clone(), it.key)) else {
            return Ok(());
        };
        let pinned = self.trust.pin_user(&name, &key);
        pinned.map_err(|reason| failing::Private::NotPinned { name: &name, reason })?;
        self.strangers.answered(session);
        let said = self.recent.take(session);
        self.open_record(session, &key);
        for message in said {
            self.record(session, message.at, &message.from, &message.text);
            self.recent.keep(message);
        }
        Ok(())
    }

    /// This user leaves a session. Whoever was left twice in a short time is not heard again.
    pub(super) fn left_stranger(&mut self, session: SessionId) {
        let Some(name) = self.sessions.peer(session).map(|peer| peer.peer.clone()) else { return };
        if self.strangers.left(session, &name, Instant::now()) {
            self.emit(saying::Private::SentAway { name: &name }.into());
        }
    }
}
