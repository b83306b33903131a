//! Texts of this user: they are said in a session, and each is acknowledged or reported as not sent. The requests that
//! asked for them are answered.

use hobnob_protocol::text::Text;

use crate::client::ledger::Outstanding;
use crate::client::{ExitVerdict, State};
use crate::input::request::RequestId;
use crate::session::{LinkState, SessionId};
use crate::show::terminal::own::To;
use crate::show::unsent::{Unsent, perhaps_delivered};
use crate::show::{Message, Notice, RequestAnswer, failing};
use crate::timestamp::now;

impl State {
    /// Tells the user that a text was not sent, and remembers it for the exit code.
    pub(crate) fn report_unsent(&mut self, session: Option<SessionId>, text: &str, why: &Unsent<'_>) {
        self.emit_unsent(session, text, &why.to_string());
    }

    fn emit_unsent(&mut self, session: Option<SessionId>, text: &str, reason: &str) {
        self.verdict = self.verdict.max(ExitVerdict::Failed);
        self.emit(Notice::Unsent { session, text: text.to_owned(), reason: reason.to_owned() });
    }

    /// Tells the user that each of these texts was not sent.
    pub(crate) fn report_all_unsent(&mut self, texts: Vec<Outstanding>, why: &Unsent<'_>) {
        self.report_each_unsent(texts, &why.to_string());
    }

    /// Tells the user that each of these texts was not sent, and answers the requests that asked for them. A command
    /// that waits for one of them has failed.
    fn report_each_unsent(&mut self, texts: Vec<Outstanding>, reason: &str) {
        for Outstanding { session, text, asked, .. } in texts {
            self.failure.get_or_insert(failing::NotSent(reason).into());
            self.emit_unsent(Some(session), text.as_str(), reason);
            self.answer_unsent(asked, reason);
        }
    }

    /// Reports each of these texts, which nobody answered for: one that was on its way may have arrived.
    pub(crate) fn report_unanswered(&mut self, texts: Vec<Outstanding>, why: &Unsent<'_>) {
        for text in texts {
            match text.in_flight {
                true => self.report_each_unsent(vec![text], &perhaps_delivered(why)),
                false => self.report_each_unsent(vec![text], &why.to_string()),
            }
        }
    }

    /// Answers a request of a program, if `asked` names one.
    pub fn answer(&mut self, asked: Option<RequestId>, answer: impl FnOnce(RequestId) -> RequestAnswer) {
        if let Some(id) = asked {
            self.emit(Notice::Answer(answer(id)));
        }
    }

    fn answer_unsent(&mut self, asked: Option<RequestId>, reason: &str) {
        self.answer(asked, |id| RequestAnswer::unsent(id, reason));
    }

    /// Says a text in a session. The text is in the ledger until it is acknowledged or reported as not sent; then the
    /// request that `asked` for it is answered. Returns its number in the ledger; `None` if it was reported at once.
    pub fn say(&mut self, session: SessionId, text: Text, asked: Option<RequestId>) -> Option<u64> {
        let id = match self.ledger.enter(session, text.clone(), asked.clone(), self.is_up(session)) {
            Ok(id) => id,
            Err(full) => {
                let unsaid = Outstanding::new(session, text, asked, false);
                self.report_all_unsent(vec![unsaid], &Unsent::Failed(&full));
                return None;
            }
        };
        let refused = if self.sessions.is_log(session) {
            self.ask_after_named(text.as_str());
            let room = self.room_of(session);
            match self.lobby_ended {
                Some(ended) => Some(Unsent::LobbyEnded(ended).to_string()),
                None => (!self.lobby.say(id, room, text)).then(|| Unsent::LobbyLinkEnded.to_string()),
            }
        } else {
            self.ledger.peer_is_to_acknowledge(session, self.is_up(session));
            let answered = self.answer_stranger(session).map_err(|err| err.to_string());
            let said = answered
                .and_then(|()| self.private_links.say(session, id, text).map_err(|err| err.to_string()));
            said.err()
        };
        let Some(reason) = refused else { return Some(id) };
        let unsaid = self.ledger.settle(id).into_iter().collect();
        self.report_each_unsent(unsaid, &reason);
        None
    }

    /// Whether what is said in a session can be written at once. In a room it follows the question that asks for the
    /// room.
    fn is_up(&self, session: SessionId) -> bool {
        match self.sessions.peer(session) {
            Some(peer) => peer.state == LinkState::Up,
            None => self.sessions.lobby_state() == LinkState::Up,
        }
    }

    /// Notes that the server or a peer has acknowledged the text with this number.
    pub fn settle_sent(&mut self, id: u64, seq: Option<u64>) {
        let Some(sent) = self.ledger.acknowledge(id) else { return };
        let Outstanding { session, text, asked, shown_when_sent, .. } = sent;
        let text = text.as_str().to_owned();
        if shown_when_sent {
            self.show_own(session, &text);
        }
        self.keep_own(session, &text, seq);
        seq.into_iter().for_each(|seq| self.heads.reach(session, seq));
        self.emit(Notice::Sent { session, text, seq });
        self.answer(asked, |id| RequestAnswer::done(id, seq));
    }

    /// Shows a private text of this user at a terminal, as the editor shows one that is typed in its session.
    fn show_own(&mut self, session: SessionId, text: &str) {
        if let Some(peer) = self.sessions.peer(session) {
            let (mode, name) = (peer.mode, peer.peer.visible());
            self.screen.show_own(To::Peer(mode, name.as_str()), text, now());
        }
    }

    fn keep_own(&mut self, session: SessionId, text: &str, seq: Option<u64>) {
        let at = now();
        let from = self.me.name.clone();
        self.record(session, at, &from, text);
        self.recent.keep(Message { seq, ..self.message(session, from, text, at) });
    }
}
