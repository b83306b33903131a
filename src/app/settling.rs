//! What a person at a terminal cannot have read yet. A line that was begun or finished before anybody can have read that a
//! session ended, or that a command failed, was meant for somebody else than its prompt shows. The same holds for a step or
//! a name that led to a session a moment ago. This file owns these times; it knows neither the editor nor what lines mean.

use std::time::Duration;

use hobnob_protocol::name::UserName;
use tokio::time::Instant;

use crate::session::{SessionId, Sessions};

/// How long it takes at least to read that a command failed and to finish a line. A line that comes sooner was typed
/// ahead or pasted together with the command, and was meant for the user to whom the command was to lead.
pub(super) const TYPED_AHEAD: Duration = Duration::from_millis(150);

/// How long it takes at least to read a new prompt and begin a line. A line that is begun sooner after the prompt fell
/// back to the lobby was meant for the session that ended.
pub(super) const SETTLING: Duration = Duration::from_millis(700);

/// How many sessions that ended within the settling time are remembered: the last ones.
const MOST_ENDED: usize = 64;

/// A session that ended a moment ago.
#[derive(Debug, Clone)]
struct Ended {
    session: SessionId,
    /// The name of its user; `None` for a room.
    name: Option<UserName>,
    at: Instant,
}

/// What changed a moment ago.
#[derive(Debug, Default)]
pub(super) struct Settling {
    /// Lines that are finished before this instant are refused.
    finish: Option<Instant>,
    /// Lines that were begun before this instant are refused.
    begin: Option<Instant>,
    /// The sessions at the last look, with the name of the user and whether this user knew him; and which changes of the
    /// list that look has seen.
    sessions: Vec<(SessionId, Option<UserName>, bool)>,
    changes: Option<u64>,
    ended: Vec<Ended>,
}

impl Settling {
    /// Whether a line that was begun at this time and is finished now goes nowhere. If it is not known when the line was
    /// begun, it was begun now.
    pub(super) fn refuses(&self, begun: Option<Instant>) -> bool {
        let now = Instant::now();
        let before = |limit: Option<Instant>, time: Instant| limit.is_some_and(|limit| time < limit);
        before(self.finish, now) || before(self.begin, begun.unwrap_or(now))
    }

    /// Notes that a command failed. Lines that are finished already go nowhere.
    pub(super) fn failed(&mut self) {
        self.finish = self.finish.max(Some(Instant::now() + TYPED_AHEAD));
    }

    /// Notes that a line was refused. What was typed together with it goes nowhere, either.
    pub(super) fn refused(&mut self) {
        self.finish = Some(Instant::now() + SETTLING);
    }

    /// Notes that the prompt does not show what its user expects. What is begun before he can have read it goes nowhere.
    pub(super) fn fell_back(&mut self) {
        self.finish = Some(Instant::now() + SETTLING);
        self.begin = self.finish;
    }

    /// Notes that the user has said where the next lines go.
    pub(super) fn settled(&mut self) {
        (self.finish, self.begin) = (None, None);
    }

    /// Notes which sessions there are now, and which have ended since the last look. Only sessions that this user `knows`
    /// count: those in which only a stranger has spoken could otherwise end so often that no step leads anywhere.
    pub(super) fn look(&mut self, sessions: &Sessions, knows: impl Fn(SessionId) -> bool) {
        if self.changes.replace(sessions.changes()) == Some(sessions.changes()) {
            // A session becomes one with a known user when this user says something in it.
            let strangers = self.sessions.iter_mut().filter(|(_, _, is_known)| !is_known);
            strangers.for_each(|(session, _, is_known)| *is_known = knows(*session));
            return;
        }
        let now = Instant::now();
        self.ended.retain(|ended| now < ended.at + SETTLING);
        for (session, name, is_known) in std::mem::take(&mut self.sessions) {
            if is_known && !sessions.contains(session) {
                if self.ended.len() >= MOST_ENDED {
                    self.ended.remove(0);
                }
                self.ended.push(Ended { session, name, at: now });
            }
        }
        let peers =
            sessions.peers().map(|(session, peer)| (session, Some(peer.peer.clone()), knows(session)));
        self.sessions = peers.chain(sessions.rooms().map(|(session, _)| (session, None, true))).collect();
    }

    fn just_ended(&self) -> impl Iterator<Item = &Ended> {
        let now = Instant::now();
        self.ended.iter().filter(move |ended| now < ended.at + SETTLING)
    }

    /// Returns the session that stood between these two in the list and ended a moment ago, so that a step from one of
    /// them would have led to it. The session nearest to the first of the two counts.
    pub(super) fn ended_between(&self, from: SessionId, to: SessionId, forward: bool) -> Option<SessionId> {
        // The lobby is the first of the list, and stands behind the last as well.
        let is_passed = |ended: &SessionId| match forward {
            true => *ended > from && (*ended < to || to == SessionId::LOBBY),
            false => (*ended < from || from == SessionId::LOBBY) && *ended > to,
        };
        let passed = self.just_ended().map(|ended| ended.session).filter(is_passed);
        if forward { passed.min() } else { passed.max() }
    }

    /// Returns the private session with the user of this name, if it ended a moment ago.
    pub(super) fn ended_with(&self, name: &UserName) -> Option<SessionId> {
        self.just_ended().find(|ended| ended.name.as_ref() == Some(name)).map(|ended| ended.session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::PeerSession;

    const LOBBY: SessionId = SessionId::LOBBY;
    const BOBBY: SessionId = SessionId(1);
    const CARL: SessionId = SessionId(2);

    async fn pass(milliseconds: u64) {
        tokio::time::advance(Duration::from_millis(milliseconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_was_begun_too_early_is_refused_however_late_it_is_finished() {
        let mut settling = Settling::default();
        let before = Instant::now();
        assert!(!settling.refuses(Some(before)) && !settling.refuses(None));
        settling.fell_back();
        pass(500).await;
        let early = Instant::now();
        pass(1600).await;
        assert!(settling.refuses(Some(before)) && settling.refuses(Some(early)));
        assert!(!settling.refuses(Some(Instant::now())) && !settling.refuses(None));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_command_that_failed_only_finished_lines_are_refused() {
        let mut settling = Settling::default();
        settling.failed();
        let early = Instant::now();
        assert!(settling.refuses(Some(early)));
        pass(150).await;
        assert!(!settling.refuses(Some(early)));
        // A failure does not shorten the time that a session's end takes.
        settling.fell_back();
        settling.failed();
        pass(650).await;
        assert!(settling.refuses(None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_to_a_session_that_has_just_ended_is_known() {
        let mut sessions = Sessions::new();
        sessions.add(PeerSession::up("bobby"));
        sessions.add(PeerSession::up("carl"));
        let mut settling = Settling::default();
        settling.look(&sessions, |_| true);
        assert_eq!(settling.ended_between(LOBBY, BOBBY, true), None);
        sessions.remove(BOBBY);
        settling.look(&sessions, |_| true);
        settling.look(&sessions, |_| true);
        assert_eq!(settling.ended_between(LOBBY, CARL, true), Some(BOBBY));
        assert_eq!(settling.ended_between(CARL, LOBBY, false), Some(BOBBY));
        assert_eq!(settling.ended_between(LOBBY, CARL, false), None, "carl is the last of the list");
        assert_eq!(settling.ended_between(CARL, LOBBY, true), None);
        sessions.remove(CARL);
        settling.look(&sessions, |_| true);
        assert_eq!(settling.ended_between(LOBBY, LOBBY, true), Some(BOBBY));
        assert_eq!(settling.ended_between(LOBBY, LOBBY, false), Some(CARL));
        assert_eq!(settling.ended_with(&"Bobby".parse().unwrap()), Some(BOBBY));
        assert_eq!(settling.ended_with(&"dan".parse().unwrap()), None);
        tokio::time::advance(SETTLING).await;
        assert_eq!(settling.ended_between(LOBBY, LOBBY, true), None);
        assert_eq!(settling.ended_with(&"bobby".parse().unwrap()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stranger_who_comes_and_goes_stands_in_nobodys_way() {
        let mut sessions = Sessions::new();
        sessions.add(PeerSession::up("bobby"));
        sessions.add(PeerSession::up("carl"));
        let mut settling = Settling::default();
        settling.look(&sessions, |_| false);
        // Something was said to carl.
        settling.look(&sessions, |session| session == CARL);
        sessions.remove(BOBBY);
        sessions.remove(CARL);
        settling.look(&sessions, |_| false);
        assert_eq!(settling.ended_between(LOBBY, LOBBY, true), Some(CARL));
        assert_eq!(settling.ended_with(&"bobby".parse().unwrap()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_refused_any_more_when_its_author_has_said_where_it_goes() {
        let mut settling = Settling::default();
        settling.fell_back();
        settling.failed();
        assert!(settling.refuses(None));
        settling.settled();
        assert!(!settling.refuses(None));
    }
}
