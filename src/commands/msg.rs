//! `\msg NAME TEXT`: says a text to one user in private, from any session.

use hobnob_protocol::text::Text;

use super::{Argument, Command, CommandError, Group, Progress, Traits, fork, usage};
use crate::client::State;
use crate::show::ErrorCode;
use crate::show::failing::Worded;
use crate::show::unsent::Unsent;

pub(super) const MSG: Command = Command {
    name: "msg",
    aliases: &["m"],
    usage: "\\msg NAME TEXT",
    about: "say TEXT to NAME alone; the current session stays",
    argument: Argument::UserAndSaid,
    optional: false,
    group: Group::People,
    examples: &["\\msg bobby lunch at noon?"],
    traits: Traits::NONE,
    run,
};

/// Says the text in the private session with NAME, which is opened if there is none; the text waits in it until it is
/// open. A script goes on when the text is answered for. A person is shown the text when it is acknowledged: the
/// command alone does not look as if the text was said, and it may fail long after it was typed.
fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let (name, text) = args.split_once(char::is_whitespace).ok_or_else(|| usage(&MSG))?;
    let text = text.trim_start();
    say(state, name, text).inspect_err(|error| state.report_unsent(None, text, &Unsent::Failed(error)))
}

fn say(state: &mut State, name: &str, text: &str) -> Result<Progress, CommandError> {
    let name = state.parse_name(name)?;
    let text = Text::new(text).map_err(|err| Worded::new(ErrorCode::TooLong, err))?;
    let said = match state.session_named(&name)? {
        Some(session) => state.say(session, text, None),
        None => {
            fork::check(state, &name)?;
            let session = fork::add(state, &name);
            let said = state.say(session, text, None);
            fork::open(state, session, name, MSG.name);
            said
        }
    };
    if let Some(id) = said.filter(|_| state.screen.is_terminal()) {
        state.ledger.show_when_sent(id);
    }
    Ok(said.map_or(Progress::Done, Progress::Said))
}
