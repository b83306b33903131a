//! Private sessions, as far as the lobby has to do with them. A user who wants one asks, the other user's client is
//! asked whether he wants it, too, and only then each is told the other's name, key and addresses. Which questions wait
//! is in [`crate::introductions::consent`]; which two invitations make one session is in
//! [`crate::introductions::rendezvous`].

use hobnob_protocol::ids::PairToken;
use hobnob_protocol::message::{ConsentAnswer, Introduction, NoAnswerCode, ServerMessage};
use hobnob_protocol::name::UserName;
use tokio::time::Instant;

use super::Lobby;
use crate::decide::roster::Member;
use crate::decide::{ConnectionId, Party};
use crate::introductions::consent::{Answered, Invitation};
use crate::introductions::places::Origin;
use crate::introductions::rendezvous::{Meeting, Told};

impl Lobby {
    /// A user wants a private session with another user, or fresh addresses for `session`.
    pub(super) fn pair(
        &mut self,
        from: ConnectionId,
        request: u32,
        name: UserName,
        session: Option<PairToken>,
        read: u64,
    ) {
        let Some(asker) = self.machine.roster().member(from) else { return };
        let Some((to, other)) = self.machine.roster().by_name(&name) else {
            return self.tell(from, &ServerMessage::NoSuchUser { request, name });
        };
        if asker.key == other.key {
            return self.no_answer(from, request, NoAnswerCode::Yourself);
        }
        let now = Instant::now();
        if !self.rendezvous.may_ask(asker.key, other.key, now) {
            return self.no_answer(from, request, NoAnswerCode::Busy);
        }
        let invitation = Invitation { asker: from, from: origin(asker), request, asked: to, session, read };
        if to.server() != self.server {
            return self.ask_elsewhere_for_consent(invitation, now);
        }
        if session.is_none() {
            // Two users who both want a session with each other have agreed to it.
            if let Some(first) = self.consents.take_crossing(from, to) {
                return self.meet_at_once(&first, &invitation);
            }
            let read = Told { connection: from, number: read };
            if self.rendezvous.has_crossing(party(asker), party(other), read, now) {
                return self.meet(&invitation);
            }
        }
        self.ask_for_consent(invitation, now);
    }

    /// Asks whether the other user wants it, too.
    fn ask_for_consent(&mut self, invitation: Invitation, now: Instant) {
        let (asker, asked, request, session) =
            (invitation.asker, invitation.asked, invitation.request, invitation.session);
        let Some(member) = self.machine.roster().member(asker) else { return };
        let (name, key) = ((*member.name).clone(), member.key);
        let Some(ask) = self.consents.ask(invitation, now) else {
            return self.no_answer(asker, request, NoAnswerCode::Busy);
        };
        let question = ServerMessage::Asked { ask, name, key, session };
        if !self.seats.get(&asked).is_some_and(|seat| seat.outlet.ask(&question)) {
            self.consents.withdraw(ask);
            self.no_answer(asker, request, NoAnswerCode::Busy);
        }
    }

    /// A client says whether its user wants the session about which it was asked.
    pub(super) fn consent(&mut self, from: ConnectionId, ask: u64, answer: ConsentAnswer) {
        match self.consents.answer(from, ask, answer, Instant::now()) {
            Some(answered) if answered.invitation().asker.server() != self.server => {
                self.tell_asker_elsewhere(&answered);
            }
            Some(Answered::Open(invitation)) if invitation.asked.server() != self.server => {
                let Invitation { asker, request, asked, session, read, .. } = invitation;
                self.pair_elsewhere((asker, request), asked, session, read);
            }
            Some(Answered::Open(invitation)) => self.meet(&invitation),
            Some(Answered::Asking(Invitation { asker, request, .. })) => {
                self.tell(asker, &ServerMessage::Asking { request });
            }
            Some(Answered::Nothing(Invitation { asker, request, .. }, code)) => {
                self.no_answer(asker, request, code)
            }
            None => {}
        }
    }

    /// Tells the askers whose question nobody has answered in time.
    pub(super) fn settle_consents(&mut self, now: Instant) {
        for (Invitation { asker, request, .. }, code) in self.consents.take_overdue(now) {
            self.no_answer(asker, request, code);
        }
    }

    /// Tells the askers whose question was put to a client that is gone.
    pub(super) fn no_longer_asked(&mut self, gone: ConnectionId) {
        for Invitation { asker, request, .. } in self.consents.gone(gone) {
            self.no_answer(asker, request, NoAnswerCode::Silent);
        }
    }

    /// Introduces two users who both want it, for a new session or to rebuild one.
    fn meet(&mut self, invitation: &Invitation) {
        let Invitation { asker: from, request, asked: to, session, read, .. } = *invitation;
        let roster = self.machine.roster();
        let (Some(asker), Some(other)) = (roster.member(from), roster.member(to)) else {
            return self.no_answer(from, request, NoAnswerCode::Silent);
        };
        let parties = (party(asker), party(other));
        let meeting = match session {
            Some(session) => Meeting { session, forked: true, tell_other: true },
            None => {
                let read = Told { connection: from, number: read };
                let token = self.tokens.make(&asker.key, &other.key);
                self.rendezvous.fork(parties.0, parties.1, read, token, Instant::now())
            }
        };
        let is_new = session.is_none() && meeting.forked;
        let answer = introduction(Some(request), &meeting, other, meeting.forked);
        let word = introduction(None, &meeting, asker, !meeting.forked);
        if meeting.tell_other
            && let Some(seat) = self.seats.get(&to)
        {
            match seat.outlet.introduce(word) {
                Some(number) if is_new => {
                    self.rendezvous.told(parties.0, parties.1, Told { connection: to, number });
                }
                Some(_) => {}
                None => {
                    if is_new {
                        self.rendezvous.withdraw(parties.0, parties.1);
                    }
                    return self.no_answer(from, request, NoAnswerCode::Busy);
                }
            }
        }
        self.tell(from, &ServerMessage::Introduced(answer));
    }

    /// Introduces two users whose invitations to a new session have crossed before either was answered. The first to
    /// ask is the forker. Both get an answer to their own question, so that no later invitation can cross this one.
    fn meet_at_once(&mut self, first: &Invitation, second: &Invitation) {
        let roster = self.machine.roster();
        let (Some(forker), Some(other)) = (roster.member(first.asker), roster.member(second.asker)) else {
            return self.no_answer(second.asker, second.request, NoAnswerCode::Silent);
        };
        let session = self.tokens.make(&forker.key, &other.key);
        let meeting = Meeting { session, forked: true, tell_other: true };
        let to_forker = introduction(Some(first.request), &meeting, other, true);
        let to_other = introduction(Some(second.request), &meeting, forker, false);
        self.tell(first.asker, &ServerMessage::Introduced(to_forker));
        self.tell(second.asker, &ServerMessage::Introduced(to_other));
    }

    pub(super) fn no_answer(&self, to: ConnectionId, request: u32, code: NoAnswerCode) {
        self.tell(to, &ServerMessage::NoAnswer { request, code });
    }
}

/// Returns by what the questions of this member are counted.
pub(super) fn origin(member: &Member) -> Origin {
    Origin { key: member.key, network: member.network }
}

fn party(member: &Member) -> Party {
    (member.key, member.run)
}

fn introduction(request: Option<u32>, meeting: &Meeting, other: &Member, forked: bool) -> Introduction {
    Introduction {
        request,
        session: meeting.session,
        name: (*other.name).clone(),
        key: other.key,
        candidates: other.candidates.to_vec(),
        // Both are at this server.
        relay: None,
        forked,
    }
}
