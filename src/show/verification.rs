//! How a verification of keys is shown: the words and what to do with them, and how it ended. This file does not know
//! how a verification goes.

use hobnob_protocol::name::UserName;

use crate::session::SessionId;
use crate::session::verification::Outcome;

/// Returns the text for a verification whose words are there, or which is over.
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
