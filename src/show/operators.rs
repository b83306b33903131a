//! How acts of operators and the lists of bans, of mutes and of operators are shown. This file does not know how the
//! lines around them are laid out.

use std::fmt::Write;

use hobnob_protocol::key::Fingerprint;
use hobnob_protocol::name::UserName;
use serde::{Deserialize, Serialize};

use crate::input::address;
use crate::timestamp::{Timestamp, told as time};

/// An operator did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActTold {
    /// The number of the act in the lobby.
    pub seq: u64,
    /// The kind of act: the name of its command.
    pub kind: String,
    /// The operator who did it.
    #[serde(deserialize_with = "hobnob_protocol::name::deserialize_shown")]
    pub by: UserName,
    /// The user to whom it was done.
    #[serde(default, deserialize_with = "hobnob_protocol::name::deserialize_shown_option")]
    pub name: Option<UserName>,
    /// The fingerprint of that user's key, or the other target of the act.
    pub target: Option<String>,
    /// Until when it holds.
    pub until: Option<Timestamp>,
    /// The reason that the operator gave.
    pub reason: Option<String>,
    /// Whether it was in the log before this connection was made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

/// One row of the list of bans or of mutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestraintTold {
    /// A fingerprint; in the list of bans also an address or a range.
    pub what: String,
    /// The name that the key had.
    #[serde(default, deserialize_with = "hobnob_protocol::name::deserialize_shown_option")]
    pub name: Option<UserName>,
    /// The operator who imposed it.
    #[serde(deserialize_with = "hobnob_protocol::name::deserialize_shown")]
    pub by: UserName,
    /// When it was imposed.
    pub at: Timestamp,
    /// Until when it holds; `None` for good.
    pub until: Option<Timestamp>,
    /// The reason that the operator gave.
    pub reason: Option<String>,
}

/// One row of the list of operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorTold {
    /// A name of the key, if one is known.
    #[serde(default, deserialize_with = "hobnob_protocol::name::deserialize_shown_option")]
    pub name: Option<UserName>,
    /// The fingerprint of the operator's key.
    pub fingerprint: Fingerprint,
    /// Whether the server's own settings name the operator.
    pub file: bool,
    /// Whether that is this user, in whose process the server runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hosts: bool,
}

/// Returns ` until …: why`, as far as both are given.
#[must_use]
pub(super) fn until_and_why(until: Option<Timestamp>, reason: Option<&str>) -> String {
    let mut end = until.map_or_else(String::new, |until| format!(" until {}", time(until)));
    if let Some(reason) = reason {
        let _infallible = write!(end, ": {reason}");
    }
    end
}

/// Returns the same for an act that lasts until it is taken back: without a time it is ` for good: why`.
#[must_use]
pub(super) fn lasting_and_why(until: Option<Timestamp>, reason: Option<&str>) -> String {
    let end = until_and_why(until, reason);
    if until.is_none() { format!(" for good{end}") } else { end }
}

/// Returns a target, with the word `address` in front of it if it is an address or a range of them.
fn with_kind(target: &str) -> String {
    match address::is_address(target) {
        true => format!("address {target}"),
        false => target.to_owned(),
    }
}

/// Returns a sentence about what an operator did.
#[must_use]
pub(super) fn act(ActTold { kind, by, name, target, until, reason, .. }: &ActTold) -> String {
    let target = target.as_deref().unwrap_or("nobody");
    let whom = name.as_ref().map_or_else(|| with_kind(target), UserName::to_string);
    let end = until_and_why(*until, reason.as_deref());
    let lasting = lasting_and_why(*until, reason.as_deref());
    match kind.as_str() {
        "kick" => format!("{by} kicked {whom} out of the lobby{end}"),
        "ban" => format!("{by} banned {whom}{lasting}"),
        "unban" => format!("{by} unbanned {whom}"),
        "mute" => format!("{by} muted {whom}{lasting}"),
        "unmute" => format!("{by} unmuted {whom}"),
        "slow" if target == "0" => format!("{by} ended slow mode: everybody speaks as fast as before"),
        "slow" => format!("{by} set slow mode: one message every {target} s for each user but operators"),
        "lock" => format!("{by} locked the lobby{end}: only names older than an hour may join or speak"),
        "unlock" => format!("{by} unlocked the lobby"),
        "admit" => format!("{by} lets the key {target} into the locked lobby"),
        "op" => format!("{by} made {whom} an operator"),
        "deop" => format!("{by} took operator rights from {whom}"),
        kind => format!("{by} did something that this version does not know: {kind}{end}"),
    }
}

/// Returns the list of bans, one in each line.
#[must_use]
pub(super) fn bans(bans: &[RestraintTold]) -> String {
    restraints(bans, "banned")
}

/// Returns the list of mutes, one in each line.
#[must_use]
pub(super) fn mutes(mutes: &[RestraintTold]) -> String {
    restraints(mutes, "muted")
}

/// Returns what was done to each row of a list, which is `done`.
fn restraints(rows: &[RestraintTold], done: &str) -> String {
    if rows.is_empty() {
        return format!("nobody is {done}");
    }
    let lines = rows.iter().map(|RestraintTold { what, name, by, at, until, reason }| {
        let name = name.as_ref().map_or_else(String::new, |name| format!("{name}, "));
        let what = with_kind(what);
        let end = lasting_and_why(*until, reason.as_deref());
        format!("{name}{what}: {done} by {by} at {}{end}", time(*at))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the list of operators, one in each line.
#[must_use]
pub(super) fn ops(ops: &[OperatorTold]) -> String {
    if ops.is_empty() {
        return "nobody is an operator here".to_owned();
    }
    let lines = ops.iter().map(|OperatorTold { name, fingerprint, file, hosts }| {
        let name = name.as_ref().map_or_else(String::new, |name| format!("{name}, "));
        let how = match (*hosts, *file) {
            (true, _) => "you host this lobby",
            (false, true) => "by the server's settings",
            (false, false) => "named by an operator",
        };
        format!("{name}{fingerprint}: {how}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: &str, name: Option<&str>, target: Option<&str>) -> String {
        told_until(Some(Timestamp(1_800_000_000_000)), kind, name, target)
    }

    fn told_until(until: Option<Timestamp>, kind: &str, name: Option<&str>, target: Option<&str>) -> String {
        let name = name.map(|name| name.parse().unwrap());
        let reason = Some("spam".to_owned());
        let target = target.map(str::to_owned);
        let by = "boss".parse().unwrap();
        let told = ActTold { seq: 1, kind: kind.into(), by, name, target, until, reason, replayed: false };
        act(&told)
    }

    #[test]
    fn an_act_is_told_with_its_author_its_target_its_end_and_its_reason() {
        let end = format!("until {}: spam", time(Timestamp(1_800_000_000_000)));
        assert_eq!(told("ban", Some("carl"), Some("SHA256:x")), format!("boss banned carl {end}"));
        assert_eq!(
            told("ban", None, Some("192.0.2.0/24")),
            format!("boss banned address 192.0.2.0/24 {end}")
        );
        assert_eq!(told("unmute", Some("carl"), None), "boss unmuted carl");
        let slow = "boss set slow mode: one message every 30 s for each user but operators";
        assert_eq!(told("slow", None, Some("30")), slow);
        assert!(told("dance", None, None).contains("does not know: dance"));
    }

    #[test]
    fn a_ban_or_a_mute_without_an_end_is_for_good_and_a_kick_is_not() {
        let told = |kind| told_until(None, kind, Some("carl"), Some("SHA256:x"));
        assert_eq!(told("ban"), "boss banned carl for good: spam");
        assert_eq!(told("mute"), "boss muted carl for good: spam");
        assert_eq!(told("kick"), "boss kicked carl out of the lobby: spam");
    }

    #[test]
    fn lists_have_a_line_for_each_entry_and_say_when_they_are_empty() {
        assert_eq!(
            [bans(&[]), mutes(&[]), ops(&[])],
            ["nobody is banned", "nobody is muted", "nobody is an operator here"]
        );
        let ban = RestraintTold {
            what: "192.0.2.7".into(),
            name: None,
            by: "boss".parse().unwrap(),
            at: Timestamp(1_800_000_000_000),
            until: None,
            reason: None,
        };
        let at = time(Timestamp(1_800_000_000_000));
        assert_eq!(
            bans(std::slice::from_ref(&ban)),
            format!("address 192.0.2.7: banned by boss at {at} for good")
        );
        let name = Some("carl".parse().unwrap());
        let mute = RestraintTold { what: "SHA256:x".into(), name, reason: Some("spam".into()), ..ban };
        let line = format!("carl, SHA256:x: muted by boss at {at} for good: spam");
        assert_eq!(mutes(&[mute.clone(), mute]), format!("{line}\n{line}"));
    }

    #[test]
    fn the_list_of_operators_says_how_each_became_one() {
        let fingerprint = hobnob_protocol::key::PublicKey::new([1; 32]).fingerprint();
        let told = |file, hosts| {
            let name = Some("boss".parse().unwrap());
            ops(&[OperatorTold { name, fingerprint: fingerprint.clone(), file, hosts }])
        };
        assert_eq!(told(true, true), format!("boss, {fingerprint}: you host this lobby"));
        assert_eq!(told(true, false), format!("boss, {fingerprint}: by the server's settings"));
        assert_eq!(told(false, false), format!("boss, {fingerprint}: named by an operator"));
    }
}
