//! What introductions and the events of peer links do to the state. Owns the rules of private
//! sessions: one for each pair of users, keys pinned at first use, no word without an answer.

use hobnob_protocol::message::{ClientMessage, Introduction, NoAnswerCode};
use hobnob_protocol::name::{PublicKey, UserName};

use crate::client::command_error::CommandError;
use crate::client::questions::Question;
use crate::client::{ExitVerdict, State};
use crate::data::conversations::Recorded;
use crate::data::trust::KeyVerdict;
use crate::peer::{PeerEvent, PeerEventKind};
use crate::session::{LinkState, Mode, PeerSession, SessionId};
use crate::show::{ClosedReason, ErrorCode, Failure, Message, Notice};
use crate::timestamp::Timestamp;

/// The command that opens sessions, as errors name it.
const FORK: &str = "fork";

impl State {
    /// The server introduces somebody: as the answer to this user's fork, as the other's fork, or
    /// with fresh addresses for a link that is being rebuilt.
    pub(crate) fn introduced(&mut self, introduction: Introduction) {
        let question = introduction.request.and_then(|request| self.questions.close(request));
        if let Some(session) = self.private_links.with_token(&introduction.session) {
            self.private_links.offer(session, &introduction);
            return;
        }
        match question.map(|open| open.question) {
            Some(Question::Pair(session)) => self.fork_answered(session, introduction),
            Some(_) => {}
            None => self.forked_by_other(introduction),
        }
    }

    /// This user's fork was answered.
    fn fork_answered(&mut self, session: SessionId, introduction: Introduction) {
        if !self.sessions.contains(session) || self.private_links.has_link(session) {
            return;
        }
        if let Err(error) = self.check_key(&introduction) {
            return self.fork_failed(session, error);
        }
        if let Some(other) = self.sessions.with_key(&introduction.key) {
            let text = format!("session {other} with the same user is there already: \\sw {other}");
            return self.fork_failed(session, CommandError::new(ErrorCode::AlreadyForked, text));
        }
        // Both forked and the other's introduction came first: the link it made serves both.
        match self.private_links.inbound_from(&introduction.key) {
            Some(link)
                if self.private_links.inbound(link).is_some_and(|it| it.session == introduction.session) =>
            {
                self.note_introduction(session, &introduction);
                self.private_links.adopt(link, session);
            }
            Some(link) => {
                self.private_links.drop_inbound(link);
                self.open_fork(session, &introduction);
            }
            None => self.open_fork(session, &introduction),
        }
    }

    /// This user forks somebody who is opening a session with this user at the moment: both mean the
    /// same one. False when nobody of that name is.
    pub(crate) fn join_inbound(&mut self, session: SessionId, name: &UserName) -> bool {
        let Some(link) = self.private_links.inbound_named(name) else { return false };
        if let Some(introduction) = self.private_links.inbound(link).cloned() {
            self.note_introduction(session, &introduction);
        }
        self.private_links.adopt(link, session);
        true
    }

    fn open_fork(&mut self, session: SessionId, introduction: &Introduction) {
        self.note_introduction(session, introduction);
        self.private_links.open(session, introduction);
    }

    fn note_introduction(&mut self, session: SessionId, introduction: &Introduction) {
        if let Some(peer) = self.sessions.peer_mut(session) {
            // The name as its owner writes it, which may differ in case from what was typed.
            peer.peer = introduction.name.clone();
            peer.key = Some(introduction.key);
            peer.mode = if introduction.forked { Mode::A } else { Mode::B };
        }
    }

    /// Somebody forked this user.
    fn forked_by_other(&mut self, introduction: Introduction) {
        if let Err(error) = self.check_key(&introduction) {
            let name = introduction.name;
            let text = format!("{name} wants a private session, which is refused: {error}");
            return self.emit(Notice::error(error.code, text));
        }
        // Both forked at once: this user's session is the one, and the answer to its own question
        // will only repeat the token.
        let waiting = self.sessions.with_name(&introduction.name);
        if let Some(session) = waiting.filter(|session| !self.private_links.has_link(*session)) {
            return self.open_fork(session, &introduction);
        }
        // A session with the same user may be there. Should this one come up, the other's program was
        // started anew; should two forks have crossed unseen, it never will.
        if let Some(link) = self.private_links.inbound_from(&introduction.key) {
            self.private_links.drop_inbound(link);
        }
        self.private_links.open_inbound(introduction);
    }

    /// Whether the introduced key may be talked to under that name.
    fn check_key(&self, introduction: &Introduction) -> Result<(), CommandError> {
        let name = &introduction.name;
        match self.trust.user(name, &introduction.key) {
            Ok(KeyVerdict::New | KeyVerdict::Trusted) => Ok(()),
            Ok(KeyVerdict::Changed { pinned }) => Err(CommandError::new(
                ErrorCode::KeyChanged,
                format!(
                    "{name}'s key is {}, the one trusted is {}; if {name} confirms the new one, remove \
                     [users.{}] from {}",
                    introduction.key.fingerprint(),
                    pinned.fingerprint(),
                    name.folded(),
                    self.trust.path().display()
                ),
            )),
            Err(err) => Err(CommandError::new(ErrorCode::PeerUnreachable, err.to_string())),
        }
    }

    /// The server cannot introduce: nobody of that name, or oneself.
    pub(crate) fn pair_refused(&mut self, session: SessionId, error: CommandError) {
        self.fork_failed(session, error);
    }

    /// Why the server did not answer, in the words of a command.
    pub(crate) fn no_answer(code: NoAnswerCode) -> CommandError {
        match code {
            NoAnswerCode::Yourself => CommandError::new(
                ErrorCode::SelfFork,
                "that is your own key, in another client; a session takes two",
            ),
            NoAnswerCode::Store => CommandError::new(
                ErrorCode::Refused,
                "the server cannot read its log; whoever runs it finds why in its own",
            ),
            NoAnswerCode::Busy => CommandError::new(
                ErrorCode::Refused,
                "the server has too many questions of yours open; try again",
            ),
            NoAnswerCode::Other => CommandError::new(ErrorCode::Refused, "the server does not answer that"),
        }
    }

    fn fork_failed(&mut self, session: SessionId, error: CommandError) {
        if !self.sessions.contains(session) {
            return;
        }
        let reason = error.text.clone();
        self.fail(Failure { code: error.code, text: error.text, command: Some(FORK.to_owned()) });
        self.session_over(session, ClosedReason::Failed, &reason);
    }

    /// Something happened on a peer link.
    pub(crate) fn peer_event(&mut self, event: PeerEvent) {
        let link = event.link;
        if self.private_links.inbound(link).is_some() {
            match &event.kind {
                PeerEventKind::Up { .. } => self.adopt(link),
                PeerEventKind::Down | PeerEventKind::WantsIntroduction => return,
                // It never opened; nobody here knew of it.
                _ => return self.private_links.drop_inbound(link),
            }
        }
        if let Some(session) = self.private_links.session_of(link) {
            self.session_event(session, event.kind);
        }
    }

    /// A session the other side opened is up: now it gets its number.
    fn adopt(&mut self, link: crate::session::link_id::LinkId) {
        let Some(introduction) = self.private_links.inbound(link).cloned() else { return };
        if let Some(lost) = self.sessions.with_key(&introduction.key) {
            self.session_over(lost, ClosedReason::Gone, "the other's program was started anew");
        }
        let session = self.sessions.add(PeerSession {
            peer: introduction.name.clone(),
            key: Some(introduction.key),
            mode: Mode::B,
            state: LinkState::Connecting,
            unread: 0,
        });
        self.private_links.adopt(link, session);
    }

    fn session_event(&mut self, session: SessionId, kind: PeerEventKind) {
        match kind {
            PeerEventKind::Up { key_exchange } => self.session_up(session, key_exchange),
            PeerEventKind::Down => self.set_link(session, LinkState::Down),
            PeerEventKind::Said { number, at, text } => {
                self.peer_said(session, at, text.as_str());
                self.private_links.shown(session, number);
            }
            PeerEventKind::Delivered { local_id } => self.settle_sent(local_id, None),
            PeerEventKind::Undelivered { local_ids } => {
                let texts = local_ids.into_iter().filter_map(|id| self.ledger.settle(id)).collect();
                self.report_all_unsent(texts, "the session is over");
            }
            PeerEventKind::WantsIntroduction => self.ask_for_fresh_addresses(session),
            PeerEventKind::Left => self.session_over(session, ClosedReason::Left, "the other left"),
            PeerEventKind::Ended => self.session_over(session, ClosedReason::Ended, "you ended the session"),
            PeerEventKind::Gone { reason } => {
                self.session_over(session, ClosedReason::Gone, &reason.to_string());
            }
            PeerEventKind::Failed { reason } => {
                let text = format!("the session could not be opened: {reason}");
                self.fork_failed(session, CommandError::new(ErrorCode::PeerUnreachable, text));
            }
        }
    }

    fn session_up(&mut self, session: SessionId, key_exchange: String) {
        let Some(peer) = self.sessions.peer_mut(session) else { return };
        let first = peer.state == LinkState::Connecting;
        if !first {
            return self.set_link(session, LinkState::Up);
        }
        peer.state = LinkState::Up;
        let (name, mode) = (peer.peer.clone(), peer.mode);
        let Some(key) = peer.key else { return };
        if let Err(err) = self.trust.pin_user(&name, &key) {
            self.emit(Notice::say(format!("{name}'s key could not be kept: {err}")));
        }
        self.known_names.add(&name);
        let fingerprint = key.fingerprint();
        self.open_record(session, &key);
        self.emit(Notice::Opened {
            session,
            peer: name,
            mode,
            path: "direct".into(),
            fingerprint,
            key_exchange,
        });
        self.watch_opened();
    }

    /// What was said with this peer in earlier sessions is history of this one.
    fn open_record(&mut self, session: SessionId, key: &PublicKey) {
        let mode = self.sessions.mode(session);
        match self.records.open(session, key) {
            Ok(said) => {
                for Recorded { at, from, text } in said {
                    let message = Message::new(session, mode, from, text.as_str(), Timestamp(at));
                    self.recent.keep(Message { replayed: true, ..message });
                }
            }
            Err(err) => {
                self.emit(Notice::say(format!("what is said in session {session} is not kept: {err}")));
            }
        }
    }

    fn set_link(&mut self, session: SessionId, state: LinkState) {
        if let Some(peer) = self.sessions.peer_mut(session)
            && peer.state != state
        {
            peer.state = state;
            self.emit(Notice::Link { session, state });
        }
    }

    fn peer_said(&mut self, session: SessionId, at: u64, text: &str) {
        let Some(peer) = self.sessions.peer(session) else { return };
        let from = peer.peer.clone();
        let message =
            Message { key: peer.key, ..Message::new(session, Some(peer.mode), from, text, Timestamp(at)) };
        self.record(session, message.at, &message.from, text);
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

    /// This user ends a session.
    pub(crate) fn leave(&mut self, session: SessionId) {
        if !self.private_links.leave(session) {
            self.session_over(session, ClosedReason::Ended, "you ended the session");
        }
    }

    /// A session is over: what was still to be said in it is reported, and it is gone from the list.
    /// When it was current, no session is current afterwards; who ended it decides what follows.
    pub(crate) fn session_over(&mut self, session: SessionId, reason: ClosedReason, why: &str) {
        let unsaid = self.ledger.take_session(session);
        self.report_all_unsent(unsaid, why);
        self.private_links.remove(session);
        self.recent.forget(session);
        self.records.close(session);
        let Some(peer) = self.sessions.remove(session) else { return };
        self.emit(Notice::Closed { session, peer: peer.peer, reason });
    }

    /// Whether nothing has failed so far.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.verdict == ExitVerdict::Done
    }
}
