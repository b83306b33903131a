//! Notices about private sessions that the other side causes: a session opens or ends, its link is lost or is back,
//! keys are compared. This file owns which of them a person is shown, which are only counted, and which are not shown
//! at all; programs get all of them. How many are too many is in [`super::repeats`].

use crate::client::State;
use crate::session::SessionId;
use crate::show::{Answered, ClosedReason, Notice, Repeated};

/// What the other side of a private session did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PeerDid {
    /// The session was opened.
    Open,
    /// The session was ended, or its link was lost for good.
    End,
    /// The link was lost or is back, or the texts take another path.
    ChangeLink,
    /// A comparison of keys began, or was cancelled.
    Compare,
}

impl PeerDid {
    fn by_stranger(self) -> Repeated {
        match self {
            Self::Open => Repeated::StrangerCame,
            Self::End => Repeated::StrangerWent,
            Self::ChangeLink => Repeated::StrangerLink,
            Self::Compare => Repeated::StrangerVerifies,
        }
    }
}

impl State {
    /// Shows what the other side of a private session did. Nothing is shown of a key that is ignored, and what somebody
    /// does again and again is counted. Returns whether a person is shown it now.
    pub(super) fn emit_of_peer(&mut self, session: SessionId, did: PeerDid, notice: Notice) -> bool {
        let peer = self.sessions.peer(session).and_then(|peer| peer.key.map(|key| (key, peer.peer.clone())));
        match peer {
            Some((key, _)) if self.user.ignores(&key) => {
                self.screen.emit_to_programs(&notice);
                false
            }
            Some(_) if self.strangers.is_unanswered(session) => {
                self.emit_unless_repeated(did.by_stranger(), 1, &notice)
            }
            Some((key, name)) => {
                self.emit_unless_repeated(Repeated::OfAnswered(Answered { key, name }), 1, &notice)
            }
            // No other side is known yet.
            None => {
                self.emit(notice);
                true
            }
        }
    }

    /// Tells that a private session is over, whose peer is still in the list. What this user did or waited for is
    /// always shown, and so is the end of the current session, since the next line goes elsewhere.
    pub(super) fn tell_closed(&mut self, session: SessionId, reason: ClosedReason) {
        let Some(peer) = self.sessions.peer(session).map(|peer| peer.peer.clone()) else { return };
        let closed = Notice::Closed { session, peer, reason };
        let is_by_other = matches!(reason, ClosedReason::Left | ClosedReason::Gone)
            || self.strangers.is_ended_by_other(session);
        if is_by_other && self.sessions.current() != Some(session) {
            self.emit_of_peer(session, PeerDid::End, closed);
        } else {
            self.emit(closed);
        }
    }
}
