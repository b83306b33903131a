//! What is told of a verification of keys: the words and what to do with them, and how it ended. Knows nothing of how it
//! goes.

use hobnob_protocol::name::UserName;

use crate::session::SessionId;
use crate::session::verification::Outcome;

/// The words are there, or it is over.
pub(super) fn told(
    session: SessionId,
    peer: &UserName,
    words: &[String],
    outcome: Option<Outcome>,
) -> String {
    match outcome {
        None => format!(
            "compare with {peer} (session {session}), by voice or side by side: {}\nif {peer} has the same seven words: \
             \\verify yes, if not: \\verify no",
            words.join(", ")
        ),
        Some(Outcome::Verified) => format!("{peer}'s key is verified"),
        Some(Outcome::Refused) => format!(
            "the words were not the same: session {session} ends, and {peer}'s key is refused until \\forget {peer}"
        ),
        Some(Outcome::Cancelled) => format!("comparing keys with {peer} was cancelled; nothing has changed"),
    }
}
