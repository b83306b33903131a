//! How a verification of keys is shown: the words and what to do with them, how it ended, and what ended it. This file
//! does not know how a verification goes.

use hobnob_protocol::name::UserName;

use crate::session::SessionId;
use crate::session::verification::{EndedBy, Outcome};

/// Returns the text for a verification whose words are there, or which is over.
pub(super) fn told(
    (session, peer): (SessionId, &UserName),
    words: &[String],
    outcome: Option<Outcome>,
    ended_by: Option<EndedBy>,
) -> String {
    match outcome {
        None => format!(
            "compare with {peer} (session {session}), by voice or side by side: {}\nif {peer} has the same seven words: \
             \\verify yes, if not: \\verify no",
            words.join(", ")
        ),
        Some(Outcome::Verified) => format!("{peer}'s key is verified"),
        Some(Outcome::Refused) => format!(
            "{}: session {session} ends, and {peer}'s key is refused until \\forget {peer}; to talk again, {peer} has \
             to \\forget you, too",
            who_said_no(peer, ended_by)
        ),
        Some(Outcome::Cancelled) if ended_by == Some(EndedBy::You) => format!(
            "comparing keys with {peer} was cancelled, because you typed \\verify again; nothing is compared now; \\verify \
             {peer} begins anew"
        ),
        Some(Outcome::Cancelled) => {
            format!("comparing keys with {peer} was cancelled{}; nothing has changed", why(peer, ended_by))
        }
    }
}

fn who_said_no(peer: &UserName, ended_by: Option<EndedBy>) -> String {
    match ended_by {
        Some(EndedBy::You) => "you said that the words are not the same".to_owned(),
        Some(EndedBy::Other) => format!("{peer} said that the words are not the same"),
        _ => "the words were not the same".to_owned(),
    }
}

/// Returns why a verification was cancelled. Recordings of earlier builds do not say it.
fn why(peer: &UserName, ended_by: Option<EndedBy>) -> String {
    match ended_by {
        Some(EndedBy::Other) => format!(" by {peer}'s side"),
        Some(EndedBy::Misfit) => {
            format!(": what came from {peer}'s side did not fit together, as if somebody were in between")
        }
        Some(EndedBy::SessionEnd) => " by the end of the session".to_owned(),
        Some(EndedBy::Silence) => format!(": {peer}'s hobnob did not answer in time"),
        Some(EndedBy::NotSaved) => ": the result could not be saved".to_owned(),
        Some(EndedBy::You) | None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(outcome: Outcome, ended_by: Option<EndedBy>) -> String {
        told((SessionId(1), &"bobby".parse().unwrap()), &[], Some(outcome), ended_by)
    }

    #[test]
    fn a_cancelled_verification_is_told_with_what_cancelled_it() {
        let cancelled = |ended_by| ended(Outcome::Cancelled, ended_by);
        let begin = "comparing keys with bobby was cancelled";
        assert_eq!(cancelled(None), format!("{begin}; nothing has changed"));
        assert_eq!(cancelled(Some(EndedBy::Other)), format!("{begin} by bobby's side; nothing has changed"));
        for (ended_by, why) in [
            (
                EndedBy::You,
                ", because you typed \\verify again; nothing is compared now; \\verify bobby begins anew",
            ),
            (EndedBy::Misfit, "did not fit together"),
            (EndedBy::SessionEnd, "by the end of the session"),
            (EndedBy::Silence, "bobby's hobnob did not answer in time"),
            (EndedBy::NotSaved, "could not be saved"),
        ] {
            let told = cancelled(Some(ended_by));
            assert!(told.starts_with(begin) && told.contains(why), "{told}");
        }
    }

    #[test]
    fn a_no_is_told_with_whose_it_was_and_what_both_have_to_do_to_talk_again() {
        let what_to_do = "session 1 ends, and bobby's key is refused until \\forget bobby; to talk again, bobby has to \
                          \\forget you, too";
        for (ended_by, who) in [
            (Some(EndedBy::You), "you said that the words are not the same"),
            (Some(EndedBy::Other), "bobby said that the words are not the same"),
            (None, "the words were not the same"),
        ] {
            assert_eq!(ended(Outcome::Refused, ended_by), format!("{who}: {what_to_do}"));
        }
    }
}
