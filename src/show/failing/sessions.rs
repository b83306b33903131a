//! Failures with sessions: no session has this number, or no session is current.

use hobnob_protocol::name::UserName;
use thiserror::Error;

use super::Failing;
use crate::session::SessionId;
use crate::show::ErrorCode;

/// A failure with sessions.
#[derive(Debug, Error)]
pub(crate) enum Sessions<'a> {
    /// There is no such session.
    #[error("there is no session {0}; \\ss lists them")]
    NoSuch(&'a str),
    /// The session with the user of this name ended a moment ago, and a room has the same name.
    #[error("session {session} with {name} has just ended; nothing was done: \\sw #{name} goes to the room")]
    JustEnded {
        /// The name of the user, and of the room.
        name: &'a UserName,
        /// The session that ended.
        session: SessionId,
    },
    /// Alt-Down or Alt-Up would have led to a session that ended a moment ago.
    #[error("session {0} has just ended; you are where you were, \\ss lists the sessions")]
    SteppedToEnded(SessionId),
    /// A private session or a room is to be left, and none is current.
    #[error("neither a private session nor a room is current; \\quit leaves the lobby")]
    NothingToLeave,
    /// The messages of the current session are wanted, and no session is current.
    #[error("no session is current: \\lobby or \\sw N first")]
    NothingToShow,
    /// A text is to be said in the current session, and no session is current.
    #[error("no session is current: \\lobby, \\sw or \\fork first; nothing was said")]
    NowhereToSay,
    /// A topic is to be set in the current session, and no session is current.
    #[error("no session is current: \\lobby, \\sw or \\join first; no topic was set")]
    NoTopicSet,
}

impl Failing for Sessions<'_> {
    fn code(&self) -> ErrorCode {
        ErrorCode::NoSuchSession
    }
}
