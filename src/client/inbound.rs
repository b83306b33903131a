//! Private sessions that others open: whether they may, what this user is told if they may not, and what follows from
//! this user's first text in one. This file owns the rules about strangers, whose bounds are in [`super::strangers`];
//! it knows nothing of how a link is made.
//!
//! The table says to which session an introduction belongs. A peer is identified by key and name, because the clients
//! of one user have the same key, and each has its own name:
//!
//! | what is here already | what the introduction does |
//! | --- | --- |
//! | a session with its token and the same key | it brings fresh addresses to the session (redial) |
//! | a session with its token and another key | nothing |
//! | a record that its token is over, or that the fork it answers was given up | it is refused |
//! | this user's own fork of that name, which waits for its answer | it opens that fork (both forked at once) |
//! | a session that the same key and name is opening | it brings fresh addresses if it is the same session, or else takes its place |
//! | an open session with the same key and name | its session replaces the open one when it is up, because the program was started anew |
//! | a session with the same key and another name | that session stays, and a second one opens, with the user's second client |

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
    /// Handles the introduction of a user who forked this user.
    pub(super) fn forked_by_other(&mut self, introduction: Introduction) {
        self.knocks.comes(&introduction.key);
        // The session is already over, and a server that brings it again does not open it again.
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
        // Both users forked at once. The session that this user asked for is used, and the answer to this user's own
        // question will only repeat the token.
        let waiting = self.sessions.with_name(&introduction.name);
        if let Some(session) = waiting.filter(|session| !self.private_links.has_link(*session)) {
            return self.open_fork(session, &introduction);
        }
        // There may be a session with the same client already. If the new session comes up, the program of the other
        // user was started anew; if two forks have crossed unseen, it never comes up.
        if let Some(link) = self.private_links.inbound_from(&introduction.key, &introduction.name) {
            // The introduction is for the same session, with fresh addresses.
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

    /// Refuses the session. The other side is not told why. This user is told if he can do something about it, and not
    /// each time.
    fn refuse_stranger(&mut self, introduction: &Introduction, refused: StrangerRefused) {
        self.private_links.refuse(introduction);
        tracing::debug!(key = %introduction.key.fingerprint(), %refused, "a private session was refused");
        self.tell_of_too_many(refused);
    }

    /// Forgets a session that the other side was opening and that never came up.
    pub(super) fn drop_inbound(&mut self, link: LinkId) {
        if let Some(introduction) = self.private_links.inbound(link) {
            self.strangers.never_opened(&introduction.session);
        }
        self.private_links.drop_inbound(link);
    }

    /// Gives a session that the other side opened its number, because it is up.
    pub(super) fn adopt(&mut self, link: LinkId) {
        let Some(introduction) = self.private_links.inbound(link).cloned() else { return };
        // Another client of the same user has another name, and its own session.
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
        // A key that was answered may come under a new name. That name, too, is pinned when this user answers.
        let verdict = self.trust.user(&introduction.name, &introduction.key);
        if !matches!(verdict, Ok(KeyVerdict::Trusted(_))) {
            self.strangers.up(&introduction.session, session);
        }
        self.private_links.adopt(link, session);
        // Since the introduction, another key may have come to the lobby with this name.
        self.ask_who_holds(&introduction.name);
    }

    /// Prepares for a text that this user is about to say. If a stranger opened the session, this user's first text
    /// pins the stranger's key, and what the stranger has said is kept from then on.
    ///
    /// # Errors
    /// Returns an error if the key cannot be pinned; then nothing may be said.
    pub(super) fn answer_stranger(&mut self, session: SessionId) -> Result<(), CommandError> {
        if !self.strangers.is_unanswered(session) {
            return Ok(());
        }
        let Some((name, Some(key))) = self.sessions.peer(session).map(|it| (it.peer.clone(), it.key)) else {
            return Ok(());
        };
        let pinned = self.trust.pin_user(&name, &key);
        pinned.map_err(|reason| failing::Private::NotPinned { name: &name, reason })?;
        self.look_alikes.acquaint(&name, &key);
        self.strangers.answered(session);
        let said = self.recent.take(session);
        self.open_record(session, &key);
        for message in said {
            self.record(session, message.at, &message.from, &message.text);
            self.recent.keep(message);
        }
        Ok(())
    }

    /// Notes that this user leaves a session. A stranger who was left twice in a short time is not heard again.
    pub(super) fn left_stranger(&mut self, session: SessionId) {
        let Some(name) = self.sessions.peer(session).map(|peer| peer.peer.clone()) else { return };
        if self.strangers.left(session, &name, Instant::now()) {
            self.emit(saying::Private::SentAway { name: &name }.into());
        }
    }
}
