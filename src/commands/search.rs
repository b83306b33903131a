//! `\search WORDS`: what was said with all these words in it, as far as this user has seen it.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::show::{ErrorCode, Message, Notice};
use crate::timestamp::Timestamp;

/// Messages shown at the most, the newest.
const SHOWN: usize = 20;

pub(super) const SEARCH: Command = Command {
    name: "search",
    aliases: &[],
    usage: "\\search WORDS",
    about: "what you have seen with all these words",
    argument: Argument::Text,
    optional: false,
    group: Group::Reading,
    examples: &["\\search release notes", "\\search bobby lunch"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let words: Vec<String> = args.split_whitespace().map(str::to_lowercase).collect();
    let fits = |from: &str, text: &str| {
        let said = format!("{from} {text}").to_lowercase();
        words.iter().all(|word| said.contains(word))
    };
    let mut found: Vec<(Timestamp, Notice)> = state
        .recent
        .all()
        .filter(|message| !message.ignored && fits(message.from.as_str(), &message.text))
        .map(|message| (message.at, Notice::Message(Message { replayed: true, ..message.clone() })))
        .collect();
    let earlier = state
        .records
        .search(|said| fits(said.from.as_str(), said.text.as_str()))
        .map_err(|err| CommandError::new(ErrorCode::Refused, format!("the records cannot be read: {err}")))?;
    // Those of open sessions are among the recent ones already.
    found.extend(earlier.into_iter().map(|said| {
        let at = Timestamp(said.at);
        (at, Notice::say(format!("in private, {at}, {}: {}", said.from, said.text.as_str())))
    }));
    found.sort_by_key(|(at, _)| *at);
    let count = found.len();
    found.drain(..count.saturating_sub(SHOWN)).for_each(drop);
    found.into_iter().for_each(|(_, notice)| state.emit(notice));
    state.emit(Notice::say(match count {
        0 => "nothing of what you have seen has these words".to_owned(),
        1..=SHOWN => format!("{count} found"),
        _ => format!("{count} found; these are the newest {SHOWN}"),
    }));
    Ok(Progress::Done)
}
