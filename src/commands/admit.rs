//! `\admit FINGERPRINT`: lets a key into a locked lobby.

use hobnob_protocol::key::Fingerprint;

use super::operator_arguments;
use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::operators::Doing;
use crate::show::failing;

pub(super) const ADMIT: Command = Command {
    name: "admit",
    aliases: &[],
    usage: "\\admit FINGERPRINT",
    about: "that key may join a locked lobby",
    argument: Argument::Text,
    optional: false,
    group: Group::Operators,
    examples: &[],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let fingerprint: Fingerprint = args.parse().map_err(failing::Operators::NoFingerprint)?;
    let target = operator_arguments::target(&fingerprint.to_string());
    state.operate(Doing { target, ..Doing::of("admit") }, ADMIT.name).map(Progress::Acted)
}
