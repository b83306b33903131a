//! What introductions and the events of peer links do to the state. This file owns the rules of private sessions: there
//! is one for each pair of clients, keys are pinned at first use, and every text is answered for.

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::message::{ClientMessage, Introduction, NoAnswerCode};
use hobnob_protocol::name::UserName;

use crate::client::command_error::CommandError;
use crate::client::peer_notices::PeerDid;
use crate::client::questions::Question;
use crate::client::{ExitVerdict, State};
use crate::data::trust::KeyVerdict;
use crate::peer::{PeerEvent, PeerEventKind};
use crate::session::link_id::LinkId;
use crate::session::path::Path;
use crate::session::{LinkState, Mode, SessionId};
use crate::show::failing::Worded;
use crate::show::unsent::Unsent;
use crate::show::{ClosedReason, ErrorCode, Failure, Message, Notice, failing, saying};
use crate::timestamp::Timestamp;

/// The command that opens sessions, by its name in errors.
const FORK: &str = "fork";

impl State {
    /// Handles an introduction by the server. It is the answer to this user's fork, the fork of another user, or it
    /// brings fresh addresses for a link that is being rebuilt.
    pub(crate) fn introduced(&mut self, introduction: Introduction) {
        let known = self.private_links.with_token(&introduction.session);
        let is_right = |question: &Question| match question {
            Question::Pair(session) => known.is_none_or(|known| known == *session),
            Question::Rebuild => true,
            _ => false,
        };
        let question = introduction.request.map(|request| self.questions.close_if(request, is_right));
        if let Some(session) = known {
            if self.sessions.peer(session).is_some_and(|peer| peer.key == Some(introduction.key)) {
                self.private_links.offer(session, &introduction);
            }
            return;
        }
        match question.map(|open| open.map(|open| open.question)) {
            Some(Some(Question::Pair(session))) => self.fork_answered(session, introduction),
            Some(Some(_)) => {}
            // This is the answer to a fork that was given up and reported as failed, or to something else that was
            // asked, so neither side opens it.
            Some(None) => self.private_links.refuse(&introduction),
            None => self.forked_by_other(introduction),
        }
    }

    /// Handles the answer to this user's fork.
    fn fork_answered(&mut self, session: SessionId, introduction: Introduction) {
        if self.private_links.has_link(session) {
            return;
        }
        if !self.sessions.contains(session) {
            return self.private_links.refuse(&introduction);
        }
        // The pin that is checked below is the one of the introduced name. If a server could answer with another name
        // than the one that this user forked, it could put its own key in the place of a pinned one.
        let asked = self.sessions.peer(session).map(|peer| peer.peer.clone());
        if let Some(asked) = asked.filter(|asked| *asked != introduction.name) {
            self.private_links.refuse(&introduction);
            let name = &introduction.name;
            return self
                .fork_failed(session, failing::Private::AnotherIntroduced { asked: &asked, name }.into());
        }
        if self.refuses_key(&introduction.key) {
            self.private_links.refuse(&introduction);
            return self.fork_failed(session, failing::Verification::KeyRefused(&introduction.name).into());
        }
        if let Err(error) = self.check_key(&introduction) {
            self.private_links.refuse(&introduction);
            return self.fork_failed(session, error);
        }
        if let Some(other) = self.sessions.with_client(&introduction.key, &introduction.name) {
            self.private_links.refuse(&introduction);
            return self.fork_failed(session, failing::Private::SameUser(other).into());
        }
        // Both users forked, and the other's introduction came first. The link made for it serves both forks.
        match self.private_links.inbound_from(&introduction.key, &introduction.name) {
            Some(link)
                if self.private_links.inbound(link).is_some_and(|it| it.session == introduction.session) =>
            {
                self.make_own(session, link, &introduction);
            }
            Some(link) => {
                self.drop_inbound(link);
                self.open_fork(session, &introduction);
            }
            None => self.open_fork(session, &introduction),
        }
    }

    /// Handles a fork of a user who is opening a session with this user at the moment, so that both mean the same
    /// session. Returns false if nobody of that name is doing so.
    pub(crate) fn join_inbound(&mut self, session: SessionId, name: &UserName) -> bool {
        let Some(link) = self.private_links.inbound_named(name) else { return false };
        let Some(introduction) = self.private_links.inbound(link).cloned() else { return false };
        self.make_own(session, link, &introduction);
        true
    }

    /// Uses the session that the other side was opening for this user's own fork as well.
    fn make_own(&mut self, session: SessionId, link: LinkId, introduction: &Introduction) {
        self.strangers.never_opened(&introduction.session);
        self.note_introduction(session, introduction);
        self.private_links.adopt(link, session);
        self.private_links.acquaint(session);
    }

    pub(super) fn open_fork(&mut self, session: SessionId, introduction: &Introduction) {
        self.note_introduction(session, introduction);
        if let Err(error) = self.private_links.open(session, introduction) {
            self.fork_failed(session, Worded::new(ErrorCode::Refused, error).into());
        }
    }

    fn note_introduction(&mut self, session: SessionId, introduction: &Introduction) {
        if let Some(peer) = self.sessions.peer_mut(session) {
            // This is the name as its owner writes it; the case may differ from what was typed.
            peer.peer = introduction.name.clone();
            peer.key = Some(introduction.key);
            peer.mode = if introduction.forked { Mode::A } else { Mode::B };
        }
    }

    /// Checks whether the introduced key may be talked to under that name.
    pub(super) fn check_key(&self, introduction: &Introduction) -> Result<(), CommandError> {
        let (name, key) = (&introduction.name, &introduction.key);
        match self.trust.user(name, key) {
            Ok(KeyVerdict::Changed(pin)) => Err(failing::Private::KeyChanged { name, key, pin: &pin }.into()),
            Ok(KeyVerdict::New | KeyVerdict::Trusted(_)) => Ok(()),
            Err(reason) => Err(failing::Private::NotPinned { name, reason }.into()),
        }
    }

    /// Whether this user has said that the words of this key are not the same. If that cannot be read, the pin cannot
    /// be read either, which is reported.
    pub(super) fn refuses_key(&self, key: &PublicKey) -> bool {
        self.trust.refuses(key).unwrap_or(false)
    }

    /// Notes that the user of the other side is being asked whether he wants a session. This takes longer than any
    /// other answer.
    pub(crate) fn is_being_asked(&mut self, request: u32) {
        let Some(session) = self.questions.await_consent(request) else { return };
        if let Some(name) = self.sessions.peer(session).map(|peer| peer.peer.clone()) {
            self.emit(saying::Private::IsAsked { name: &name }.into());
        }
    }

    /// Handles that the user of the other side does not want a session now.
    pub(crate) fn is_declined(&mut self, request: u32) {
        let Some(open) = self.questions.close(request) else { return };
        let name = match open.question {
            Question::Pair(session) => self.sessions.peer(session).map(|peer| peer.peer.clone()),
            _ => None,
        };
        let failing =
            name.as_ref().map_or(failing::Lobby::NoAnswer(NoAnswerCode::Declined), failing::Lobby::Declined);
        let error = failing.into();
        self.give_up(open, error);
    }

    /// Handles that the server cannot introduce: there is nobody of that name, or it is this user.
    pub(crate) fn pair_refused(&mut self, session: SessionId, error: CommandError) {
        self.fork_failed(session, error);
    }

    fn fork_failed(&mut self, session: SessionId, error: CommandError) {
        if !self.sessions.contains(session) {
            return;
        }
        let command = self.private_links.opened_by(session).unwrap_or(FORK);
        self.fail(Failure::from(error.clone()).of_command(command));
        self.session_over(session, ClosedReason::Failed, &Unsent::Failed(&error));
    }

    /// Handles an event of a peer link.
    pub(crate) fn peer_event(&mut self, event: PeerEvent) {
        let link = event.link;
        if self.private_links.inbound(link).is_some() {
            match &event.kind {
                PeerEventKind::Up { .. } => self.adopt(link),
                PeerEventKind::Down | PeerEventKind::Moved { .. } | PeerEventKind::WantsIntroduction => {
                    return;
                }
                // The session never opened, and nobody here knew of it.
                _ => return self.drop_inbound(link),
            }
        }
        if let Some(session) = self.private_links.session_of(link) {
            self.session_event(session, event.kind);
        }
    }

    /// Handles an event of a session's link.
    pub(crate) fn session_event(&mut self, session: SessionId, kind: PeerEventKind) {
        match kind {
            PeerEventKind::Up { key_exchange, path } => self.session_up(session, key_exchange, path),
            PeerEventKind::Moved { path } => self.session_moved(session, path),
            PeerEventKind::Down => self.set_link(session, LinkState::Down),
            PeerEventKind::Said { number, at, text } => {
                self.peer_said(session, at, text.as_str());
                if let Some(receipt) = self.private_links.receipt(session, number) {
                    self.screen.then_give(receipt);
                }
            }
            PeerEventKind::Delivered { local_id } => self.settle_sent(local_id, None),
            PeerEventKind::Undelivered { local_ids } => {
                let texts = local_ids.into_iter().filter_map(|id| self.ledger.settle(id)).collect();
                self.report_unanswered(texts, &Unsent::SessionOver);
            }
            PeerEventKind::Verify(message) => self.verification_heard(session, &message),
            PeerEventKind::WantsIntroduction => self.ask_for_fresh_addresses(session),
            PeerEventKind::Left => {
                if let Some(name) = self.sessions.peer(session).map(|peer| peer.peer.clone()) {
                    self.session_over(session, ClosedReason::Left, &Unsent::OtherLeft(&name));
                }
            }
            PeerEventKind::Ended => self.session_over(session, ClosedReason::Ended, &Unsent::UserEnded),
            PeerEventKind::Gone { reason } => {
                self.session_over(session, ClosedReason::Gone, &Unsent::Failed(&reason));
            }
            PeerEventKind::Failed { reason } => {
                self.fork_failed(session, failing::Private::NotOpened(&reason).into());
            }
        }
    }

    fn session_up(&mut self, session: SessionId, key_exchange: String, path: Path) {
        let Some(peer) = self.sessions.peer_mut(session) else { return };
        let first = peer.state == LinkState::Connecting;
        if !first {
            self.session_moved(session, path);
            return self.set_link(session, LinkState::Up);
        }
        peer.state = LinkState::Up;
        peer.path = Some(path);
        self.ledger.fly(session);
        let Some(peer) = self.sessions.peer(session) else { return };
        let (name, mode) = (peer.peer.clone(), peer.mode);
        let Some(key) = peer.key else { return };
        // The key of a stranger is pinned, and his texts are kept on the disk, only when this user has answered.
        let is_stranger = self.strangers.is_unanswered(session);
        if !is_stranger && let Err(reason) = self.trust.pin_user(&name, &key) {
            let error = failing::Private::NotPinned { name: &name, reason }.into();
            return self.fork_failed(session, error);
        }
        self.meet(&name, Some(&key));
        let verified = self.trust.has_verified(&name, &key).unwrap_or(false);
        if let Some(peer) = self.sessions.peer_mut(session) {
            peer.verified = verified;
        }
        let fingerprint = key.fingerprint();
        if !is_stranger {
            self.look_alikes.acquaint(&name);
            self.open_record(session, &key);
        }
        let peer = name.clone();
        let opened = Notice::Opened { session, peer, mode, path, fingerprint, key_exchange, verified };
        let is_shown = match mode {
            Mode::A => {
                self.emit(opened);
                true
            }
            Mode::B => self.emit_of_peer(session, PeerDid::Open, opened),
        };
        if is_shown {
            self.warn_of(&name);
        }
        if path == Path::Relay && is_shown {
            self.emit(saying::Private::Relayed { session }.into());
        }
        self.tell_of_unheard(&name, &key);
        self.watch_opened();
    }

    /// Notes the path that the texts of a session take from now on, which may be the same as before.
    fn session_moved(&mut self, session: SessionId, path: Path) {
        if let Some(peer) = self.sessions.peer_mut(session)
            && peer.path != Some(path)
        {
            peer.path = Some(path);
            self.emit_of_peer(session, PeerDid::ChangeLink, Notice::Path { session, path });
        }
    }

    fn set_link(&mut self, session: SessionId, state: LinkState) {
        if let Some(peer) = self.sessions.peer_mut(session)
            && peer.state != state
        {
            peer.state = state;
            match state {
                LinkState::Up => self.ledger.fly(session),
                LinkState::Connecting | LinkState::Down => self.ledger.ground(session),
            }
            let link = Notice::Link { session, state, for_good: false };
            self.emit_of_peer(session, PeerDid::ChangeLink, link);
        }
    }

    fn peer_said(&mut self, session: SessionId, at: u64, text: &str) {
        let Some(peer) = self.sessions.peer(session) else { return };
        let from = peer.peer.clone();
        let (key, mode) = (peer.key, Some(peer.mode));
        let message = self.marked(Message { key, ..Message::new(session, mode, from, text, Timestamp(at)) });
        self.record(session, message.at, &message.from, text);
        if !message.ignored {
            self.warn_of(&message.from);
        }
        self.show_message(message);
    }

    fn ask_for_fresh_addresses(&mut self, session: SessionId) {
        let (Some(peer), Some(token)) = (self.sessions.peer(session), self.private_links.token(session))
        else {
            return;
        };
        if self.sessions.lobby_state() != LinkState::Up || peer.state == LinkState::Connecting {
            return;
        }
        let name = peer.peer.clone();
        let request = self.questions.ask(Question::Rebuild, None);
        self.lobby.ask(ClientMessage::Pair { request, name, session: Some(token) });
    }

    /// Ends a session, because this user wants to.
    pub(crate) fn leave(&mut self, session: SessionId) {
        self.left_stranger(session);
        if !self.private_links.leave(session) {
            self.session_over(session, ClosedReason::Ended, &Unsent::UserEnded);
        }
    }

    /// Ends a session that is over: the texts that were still to be said in it are reported, and it is removed from the
    /// list. Messages that were only counted in it are shown first. If it was current, no session is current
    /// afterwards; the caller decides what follows.
    pub(crate) fn session_over(&mut self, session: SessionId, reason: ClosedReason, why: &Unsent<'_>) {
        let left = self.unread_after_end(session);
        let unsaid = self.ledger.take_session(session);
        self.report_unanswered(unsaid, why);
        self.verification_ends_with(session);
        self.tell_closed(session, reason);
        self.note_private_read(session);
        self.tell_unread_at_end(session, left);
        self.private_links.remove(session);
        self.ledger.over(session);
        self.strangers.over(session);
        self.name_holders.over(session);
        self.recent.forget(session);
        self.keeping.close(session);
        self.sessions.remove(session);
    }

    /// Whether nothing has failed so far.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.verdict == ExitVerdict::Done
    }
}
