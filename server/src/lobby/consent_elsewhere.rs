//! Asks a user of another server whether he wants a private session. His server asks his client. A user may take
//! minutes, so his server brings the answer later by a question of its own. Meanwhile the invitation waits at both
//! servers, and each of them forgets it in time. Only when the user has agreed do the servers introduce the two users
//! (`pair_elsewhere`). What is lost on the way counts as a refusal.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hobnob_protocol::message::{ConsentAnswer, NoAnswerCode, ServerMessage};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::pairing::origin;
use super::{Lobby, LobbyCommand};
use crate::decide::ConnectionId;
use crate::introductions::consent::{Answered, Invitation};
use crate::neighbour::{Answer, Asked, InvitationElsewhere};

/// How long another server may take to confirm that it asks its client, or that it has received the answer of a client
/// of this server.
const ASK_LIMIT: Duration = Duration::from_secs(2);

impl Lobby {
    /// A client of this server wants a session with a client of another server.
    pub(super) fn ask_elsewhere_for_consent(&mut self, invitation: Invitation, now: Instant) {
        // Two users who both want a session with each other have agreed to it.
        if invitation.session.is_none()
            && let Some(first) = self.consents.take_crossing(invitation.asker, invitation.asked)
        {
            self.tell_asker_elsewhere(&Answered::Open(first));
        }
        let (asker, request, to, session) =
            (invitation.asker, invitation.request, invitation.asked, invitation.session);
        let Some(ask) = self.consents.ask(invitation, now) else {
            return self.no_answer(asker, request, NoAnswerCode::Busy);
        };
        let Some(servers) = &self.servers else { return };
        let (neighbours, commands) = (Arc::clone(&servers.neighbours), servers.commands());
        let invitation = Box::new(InvitationElsewhere { asker, request, to, session });
        tokio::spawn(async move {
            let question = Asked::Consent { invitation }.to_bytes();
            let answer = neighbours.ask(to.server(), question, ASK_LIMIT).await;
            let answer = answer.ok().and_then(|answer| Answer::read(&answer)).map(Box::new);
            if let Some(commands) = commands.upgrade() {
                let _ending = commands.send(LobbyCommand::AskedElsewhere { ask, answer }).await;
            }
        });
    }

    /// The other server has said whether it asks its client.
    pub(super) fn asked_elsewhere(&mut self, ask: u64, answer: Option<Answer>) {
        let code = match answer {
            Some(Answer::Alive) => return,
            Some(Answer::Busy) => NoAnswerCode::Busy,
            _ => NoAnswerCode::Silent,
        };
        if let Some(Invitation { asker, request, .. }) = self.consents.withdraw(ask) {
            self.no_answer(asker, request, code);
        }
    }

    /// A client of another server wants a session with a client of this server.
    pub(super) fn ask_for_elsewhere(
        &mut self,
        invitation: InvitationElsewhere,
        back: oneshot::Sender<Bytes>,
    ) {
        let _nobody_waits = back.send(self.ask_own_client(invitation).to_bytes());
    }

    fn ask_own_client(
        &mut self,
        InvitationElsewhere { asker, request, to, session }: InvitationElsewhere,
    ) -> Answer {
        let roster = self.machine.roster();
        let (Some(who), Some(other)) = (roster.member(asker), roster.member(to)) else { return Answer::Gone };
        let (name, key, other, from) = ((*who.name).clone(), who.key, other.key, origin(who));
        let is_here = |id| self.seats.get(&id).is_some_and(|seat| seat.entered && !seat.gone);
        if asker.server() == self.server || !is_here(to) {
            return Answer::Gone;
        }
        let now = Instant::now();
        if !self.rendezvous.may_ask(key, other, now) {
            return Answer::Busy;
        }
        let invitation = Invitation { asker, from, request, asked: to, session, read: 0 };
        if session.is_none() && self.consents.wants(to, asker) {
            self.tell_asker_elsewhere(&Answered::Open(invitation));
            return Answer::Alive;
        }
        let Some(ask) = self.consents.ask(invitation, now) else { return Answer::Busy };
        let question = ServerMessage::Asked { ask, name, key, session };
        if self.seats.get(&to).is_some_and(|seat| seat.outlet.ask(&question)) {
            return Answer::Alive;
        }
        self.consents.withdraw(ask);
        Answer::Busy
    }

    /// A client of this server has answered a client of another server. That server waits no longer for the answer than
    /// this server would, so an answer that cannot be delivered becomes a refusal.
    pub(super) fn tell_asker_elsewhere(&mut self, answered: &Answered) {
        let Some(servers) = &self.servers else { return };
        let answer = match answered {
            Answered::Open(invitation) => {
                self.consents.note_agreement(invitation, Instant::now());
                ConsentAnswer::Open
            }
            Answered::Asking(_) => ConsentAnswer::Asking,
            Answered::Nothing(_, NoAnswerCode::Busy) => ConsentAnswer::Busy,
            Answered::Nothing(..) => ConsentAnswer::Declined,
        };
        let Invitation { asker, request, asked: by, .. } = *answered.invitation();
        let neighbours = Arc::clone(&servers.neighbours);
        tokio::spawn(async move {
            let question = Asked::Consented { asker, request, by, answer }.to_bytes();
            if let Err(err) = neighbours.ask(asker.server(), question, ASK_LIMIT).await {
                tracing::debug!(%err, "another server could not be told the answer for which its client waits");
            }
        });
    }

    /// A client of another server has answered a client of this server.
    pub(super) fn consented_elsewhere(
        &mut self,
        (asker, request): (ConnectionId, u32),
        by: ConnectionId,
        answer: ConsentAnswer,
    ) {
        if by.server() != self.server
            && let Some(ask) = self.consents.of_request(asker, request, by)
        {
            self.consent(by, ask, answer);
        }
    }
}
