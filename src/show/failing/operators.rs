//! Failures because of operators: this user is sent out, or what he wants to do as an operator is not done.

use hobnob_protocol::content::ShortText;
use hobnob_protocol::key::NoFingerprint;
use hobnob_protocol::message::{Refused, RefusedCode};
use thiserror::Error;

use super::Failing;
use crate::show::{ErrorCode, operators};
use crate::timestamp::Timestamp;

/// A failure because of an operator, or of an operator's command.
#[derive(Debug, Error)]
pub(crate) enum Operators<'a> {
    /// An operator sent this user out, or keeps him out.
    #[error("{}", sent_out(.0))]
    SentOut(&'a Refused),
    /// The typed word is not a fingerprint.
    #[error("{0}")]
    NoFingerprint(NoFingerprint),
}

/// Returns a sentence that says by whom, why and until when a user is not let in, or was sent out.
pub(crate) fn sent_out(Refused { code, by, reason, until }: &Refused) -> String {
    let by = by.as_ref().map_or_else(|| "an operator".to_owned(), |by| by.visible().to_string());
    let (until, reason) = (until.map(Timestamp), reason.as_ref().map(ShortText::as_str));
    let end = operators::until_and_why(until, reason);
    match code {
        RefusedCode::Kicked => format!("{by} kicked you out of the lobby{end}"),
        RefusedCode::Banned => {
            format!("{by} banned you from the lobby{}", operators::lasting_and_why(until, reason))
        }
        _ => format!(
            "the lobby is locked{end}: only users whose name is older than an hour may join, and those whom an operator admits"
        ),
    }
}

/// Returns a sentence that says what is so already, for an act by this command that would change nothing.
pub(super) fn what_is_so_already(command: &str) -> &'static str {
    match command {
        "ban" => "that is banned already; \\bans lists the bans",
        "unban" => "there is no ban of that name, key or address; \\bans lists the bans",
        "mute" => "that user is muted already; \\mutes lists the mutes",
        "unmute" => "that user is not muted; \\mutes lists the mutes",
        "lock" => "the lobby is locked already",
        "unlock" => "the lobby is not locked",
        "admit" => "that key is admitted already",
        "slow" => "slow mode is set like that already",
        "op" => "that user is an operator already; \\ops lists the operators",
        "deop" => "that user is no operator; \\ops lists the operators",
        "topic" => "the topic is that already",
        _ => "that is so already",
    }
}

impl Failing for Operators<'_> {
    fn code(&self) -> ErrorCode {
        match self {
            Self::SentOut(refused) => ErrorCode::of_refusal(refused.code),
            Self::NoFingerprint(_) => ErrorCode::Usage,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_that_would_change_nothing_is_answered_with_what_is_so() {
        assert!(what_is_so_already("unban").starts_with("there is no ban of that name, key or address"));
        for command in
            ["ban", "unban", "mute", "unmute", "lock", "unlock", "admit", "slow", "op", "deop", "topic"]
        {
            assert_ne!(what_is_so_already(command), "that is so already", "{command}");
        }
        assert_eq!(what_is_so_already("dance"), "that is so already", "an act of a later version");
    }

    #[test]
    fn a_user_who_is_sent_out_is_told_by_whom_why_and_until_when() {
        let refused = |code, until| Refused {
            code,
            by: Some("boss".parse().unwrap()),
            reason: Some(ShortText::new("spam").unwrap()),
            until,
        };
        let told = sent_out(&refused(RefusedCode::Banned, Some(1_800_000_000_000)));
        let until = crate::timestamp::told(Timestamp(1_800_000_000_000));
        assert_eq!(told, format!("boss banned you from the lobby until {until}: spam"));
        let told = sent_out(&refused(RefusedCode::Banned, None));
        assert_eq!(told, "boss banned you from the lobby for good: spam");
        assert_eq!(sent_out(&refused(RefusedCode::Kicked, None)), "boss kicked you out of the lobby: spam");
        let kicked = refused(RefusedCode::Kicked, None);
        assert_eq!(Operators::SentOut(&kicked).code(), ErrorCode::Kicked);
    }
}
