//! What commands and messages of the other side do to the verification of a peer's key, what the user is told, and what
//! follows for the key. The verifications themselves are in [`super::verifications`]. This file knows nothing of links.

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use hobnob_protocol::verification::VerifyMessage;
use tokio::time::Instant;

use crate::client::State;
use crate::client::command_error::CommandError;
use crate::client::peer_notices::PeerDid;
use crate::data::trust::KeyVerdict;
use crate::session::verification::{EndedBy, Heard, Outcome, Parties};
use crate::session::{LinkState, SessionId};
use crate::show::{Failure, Notice, failing, saying};

/// The command that verifies, by its name in errors.
const VERIFY: &str = "verify";

impl State {
    /// Begins a verification for this user. If one is under way in that session, it is cancelled instead.
    ///
    /// # Errors
    /// Returns an error if the session has no link, or if the key has to rest.
    pub(crate) fn verify(&mut self, session: SessionId) -> Result<(), CommandError> {
        let parties = self.parties(session).ok_or_else(|| no_link(session))?;
        let now = Instant::now();
        if self.verifications.cancel(session, parties.peer, now) {
            self.pass_on_verification(session);
            self.verification_over(session, Outcome::Cancelled, EndedBy::You);
            return Ok(());
        }
        let Some((name, true)) =
            self.sessions.peer(session).map(|it| (it.peer.clone(), it.state == LinkState::Up))
        else {
            return Err(no_link(session));
        };
        if self.verifications.rests(&parties.peer, now) {
            return Err(failing::Verification::Rests(&name).into());
        }
        self.verifications.ask(session, parties, now);
        self.pass_on_verification(session);
        Ok(())
    }

    /// Returns the session whose words this user answers: the current one, or the only one in which words are compared.
    ///
    /// # Errors
    /// Returns an error if there is none, or if it is not clear which one is meant.
    pub(crate) fn verified_session(&self) -> Result<SessionId, CommandError> {
        let open = self.verifications.open();
        let current = self.sessions.current().filter(|current| open.contains(current));
        match (current, open.as_slice()) {
            (Some(session), _) => Ok(session),
            (None, [session]) => Ok(*session),
            (None, []) => Err(failing::Verification::NothingToAnswer.into()),
            (None, _) => Err(failing::Verification::Unclear.into()),
        }
    }

    /// Takes this user's answer whether the words are the same.
    ///
    /// # Errors
    /// Returns an error if the words are not there yet.
    pub(crate) fn answer_verification(&mut self, session: SessionId, same: bool) -> Result<(), CommandError> {
        let outcome = self.verifications.answer(session, same, Instant::now());
        let outcome = outcome.map_err(|_none| failing::Verification::NoWordsYet)?;
        self.pass_on_verification(session);
        match outcome {
            Some(outcome) => self.verification_over(session, outcome, EndedBy::You),
            None => {
                if let Some((name, _)) = self.peer_of(session) {
                    self.emit(saying::Verification::Unanswered { name: &name }.into());
                }
            }
        }
        Ok(())
    }

    /// Handles a message of the other side for a verification.
    pub(super) fn verification_heard(&mut self, session: SessionId, message: &VerifyMessage) {
        let Some(parties) = self.parties(session) else { return };
        // An ignored user cannot ask for a verification; he can answer one that this user asked for.
        let is_ignored = self.user.ignores(&parties.peer);
        let was_awaited = self.verifications.is_awaited(session);
        let heard = self.verifications.hear(session, parties, message, is_ignored, Instant::now());
        self.pass_on_verification(session);
        match heard {
            Heard::Nothing => {}
            Heard::Words(words) => {
                let Some((peer, _)) = self.peer_of(session) else { return };
                let words = words.each().iter().map(|&word| word.to_owned()).collect();
                let verify = Notice::Verify { session, peer, words, outcome: None, ended_by: None };
                self.tell_verification(session, verify, !was_awaited);
            }
            Heard::Over(outcome) => {
                self.verification_over(session, outcome, EndedBy::of(message, outcome));
            }
        }
    }

    /// Handles the end of a verification. If a command of this user waited for it and it was cancelled, the command
    /// fails, unless this user cancelled it.
    fn verification_over(&mut self, session: SessionId, outcome: Outcome, ended_by: EndedBy) {
        let Some((peer, key)) = self.peer_of(session) else { return };
        let was_awaited = self.verifications.over(session);
        let by_other = ended_by != EndedBy::You;
        // A no of a user who was answered is kept with the pin, so this user is always told.
        let may_repeat = outcome == Outcome::Cancelled || self.strangers.is_unanswered(session);
        let is_unasked = by_other && !was_awaited && may_repeat;
        let kept = match outcome {
            Outcome::Verified => self.trust.verify_user(&peer, &key),
            // A stranger who says no must not write a pin to this user's disk, nor take the name from its owner.
            Outcome::Refused if by_other && !self.is_pinned(&peer, &key) => {
                self.strangers.sent_away.add(key, &peer);
                self.strangers.ended_by_other(session);
                Ok(())
            }
            Outcome::Refused => self.trust.refuse_user(&peer, &key),
            Outcome::Cancelled => Ok(()),
        };
        let is_kept = kept.is_ok();
        if let Err(reason) = kept {
            self.verification_failed(failing::Verification::NotKept { name: &peer, reason });
        }
        match outcome {
            Outcome::Verified => {
                let verified = is_kept;
                if let Some(peer) = self.sessions.peer_mut(session) {
                    peer.verified = verified;
                }
                let (outcome, ended_by) = match verified {
                    true => (outcome, None),
                    false => (Outcome::Cancelled, Some(EndedBy::NotSaved)),
                };
                self.tell_outcome(session, outcome, ended_by, is_unasked);
            }
            Outcome::Refused => {
                self.tell_outcome(session, outcome, Some(ended_by), is_unasked);
                self.end_sessions_of(&key);
            }
            Outcome::Cancelled => {
                self.tell_outcome(session, outcome, Some(ended_by), is_unasked);
                if let Some(why) = why_cancelled(ended_by).filter(|_| was_awaited) {
                    self.verification_failed(why);
                }
            }
        }
    }

    fn is_pinned(&self, name: &UserName, key: &PublicKey) -> bool {
        matches!(self.trust.user(name, key), Ok(KeyVerdict::Trusted(_)))
    }

    fn verification_failed(&mut self, why: failing::Verification<'_>) {
        self.fail(Failure::from(why).of_command(VERIFY));
    }

    fn tell_outcome(
        &mut self,
        session: SessionId,
        outcome: Outcome,
        ended_by: Option<EndedBy>,
        is_unasked: bool,
    ) {
        if let Some((peer, _)) = self.peer_of(session) {
            let outcome = Some(outcome);
            let verify = Notice::Verify { session, peer, words: Vec::new(), outcome, ended_by };
            self.tell_verification(session, verify, is_unasked);
        }
    }

    /// Tells of a verification. What this user did not ask for, the other side may do again and again.
    fn tell_verification(&mut self, session: SessionId, verify: Notice, is_unasked: bool) {
        if is_unasked {
            self.emit_of_peer(session, PeerDid::Compare, verify);
        } else {
            self.emit(verify);
        }
    }

    /// Ends all sessions with a key, because its words were not the same.
    fn end_sessions_of(&mut self, key: &PublicKey) {
        let of_key = self.sessions.peers().filter(|(_, peer)| peer.key.as_ref() == Some(key));
        let of_key: Vec<SessionId> = of_key.map(|(session, _)| session).collect();
        for session in of_key {
            if let Some(peer) = self.sessions.peer_mut(session) {
                peer.verified = false;
            }
            if !self.private_links.is_leaving(session) {
                self.leave(session);
            }
        }
    }

    /// Cancels the verification of a session that ends.
    pub(super) fn verification_ends_with(&mut self, session: SessionId) {
        if let Some((_, key)) = self.peer_of(session)
            && self.verifications.cancel(session, key, Instant::now())
        {
            self.verification_over(session, Outcome::Cancelled, EndedBy::SessionEnd);
        }
        self.verifications.remove(session);
    }

    /// Returns when something is due in a verification.
    pub(crate) fn verification_deadline(&self) -> Option<Instant> {
        self.verifications.deadline()
    }

    /// Does what is due in verifications.
    pub(crate) fn verification_time(&mut self, now: Instant) {
        for session in self.verifications.late(now) {
            if let Some((_, key)) = self.peer_of(session)
                && self.verifications.cancel(session, key, now)
            {
                self.pass_on_verification(session);
                self.verification_over(session, Outcome::Cancelled, EndedBy::Silence);
            }
        }
        for session in self.verifications.overdue(now) {
            self.verifications.stop_waiting(session);
            if !self.screen.is_terminal() {
                self.verification_failed(failing::Verification::NoAnswer);
            }
        }
    }

    /// Hands the link what this side has said by now, if that has changed.
    fn pass_on_verification(&mut self, session: SessionId) {
        if let Some(said) = self.verifications.take_unsaid(session) {
            self.private_links.verify(session, said);
        }
    }

    fn parties(&self, session: SessionId) -> Option<Parties> {
        let (_, peer) = self.peer_of(session)?;
        let (token, own) = (self.private_links.token(session)?, self.private_links.own_key()?);
        Some(Parties { token, own, peer })
    }

    fn peer_of(&self, session: SessionId) -> Option<(UserName, PublicKey)> {
        let peer = self.sessions.peer(session)?;
        Some((peer.peer.clone(), peer.key?))
    }
}

/// Returns the failure of a command that waited for a verification which was cancelled.
fn why_cancelled(ended_by: EndedBy) -> Option<failing::Verification<'static>> {
    match ended_by {
        EndedBy::You | EndedBy::NotSaved => None,
        EndedBy::Other | EndedBy::Misfit => Some(failing::Verification::CancelledThere),
        EndedBy::SessionEnd => Some(failing::Verification::SessionOver),
        EndedBy::Silence => Some(failing::Verification::NotKnownThere),
    }
}

fn no_link(session: SessionId) -> CommandError {
    failing::Verification::NoLink(session).into()
}
