//! `\search WORDS [from:NAME] [in:ROOM|NAME] [since:DATE]`: shows messages of any run that have all these words, as far
//! as they are kept on this machine. If nothing is kept, it searches what this run has seen. `\search` alone shows the
//! results before the last ones.

use super::{Argument, Command, CommandError, Group, Progress, Traits};
use crate::client::State;
use crate::client::found::Search;
use crate::data::history::question::{In, Question};
use crate::show::failing::Worded;
use crate::show::{ErrorCode, Notice, failing, saying};
use crate::timestamp;

/// How many messages are shown at once.
const SHOWN: usize = 20;

pub(super) const SEARCH: Command = Command {
    name: "search",
    aliases: &[],
    usage: "\\search [WORDS]",
    about: "words, from:NAME in:PLACE; alone: the next page",
    argument: Argument::Text,
    optional: true,
    group: Group::Reading,
    examples: &["\\search release notes", "\\search lunch from:bobby since:yesterday", "\\search"],
    traits: Traits::NONE,
    run,
};

fn run(state: &mut State, args: &str) -> Result<Progress, CommandError> {
    let (search, goes_on) = match args {
        "" => (state.user.search.clone().ok_or(failing::History::NothingSearched)?, true),
        args => (Search::new(parse(args)?), false),
    };
    if !search.goes_on {
        state.emit(saying::History::Found { count: 0, goes_on, has_more: false }.into());
        return Ok(Progress::Done);
    }
    let found = state.search(search, SHOWN).map_err(failing::History::Unsearchable);
    let (found, search) = found?;
    let (count, has_more) = (found.len(), search.goes_on);
    state.user.search = Some(search);
    found.into_iter().for_each(|message| state.emit(Notice::Kept(message)));
    state.emit(saying::History::Found { count, goes_on, has_more }.into());
    Ok(Progress::Done)
}

/// Makes a question from the typed arguments.
fn parse(args: &str) -> Result<Question, CommandError> {
    let mut question = Question::default();
    for word in args.split_whitespace() {
        match word.split_once(':') {
            Some(("from", name)) if !name.is_empty() => question.from = Some(parse_name(name)?),
            Some(("in", place)) if !place.is_empty() => question.place = parse_place(place)?,
            Some(("since", when)) if !when.is_empty() => {
                let when = timestamp::parse_when(when, timestamp::now(), &jiff::tz::TimeZone::system());
                let when = when.map_err(failing::History::NoTime)?;
                question.since = Some(when.0);
            }
            _ => {
                question.words.push_str(word);
                question.words.push(' ');
            }
        }
    }
    question.words.truncate(question.words.trim_end().len());
    Ok(question)
}

fn parse_place(place: &str) -> Result<In, CommandError> {
    Ok(match place.strip_prefix('#') {
        Some(room) => In::Room(room.parse().map_err(failing::Room::NoName)?),
        None if place.eq_ignore_ascii_case("lobby") => In::Lobby,
        None => In::Named(parse_name(place)?),
    })
}

fn parse_name(name: &str) -> Result<hobnob_protocol::name::UserName, CommandError> {
    Ok(name.parse().map_err(|err| Worded::new(ErrorCode::BadName, err))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_filters_are_separated_from_the_searched_words() {
        let question = parse("release from:bobby in:#tea notes since:2026-11-25 http://x").unwrap();
        assert_eq!(question.words, "release notes http://x");
        assert_eq!(question.from, Some("bobby".parse().unwrap()));
        assert_eq!(question.place, In::Room("tea".parse().unwrap()));
        assert!(question.since.is_some());
        assert_eq!(parse("in:LOBBY x").unwrap().place, In::Lobby);
        assert_eq!(parse("in:carol x").unwrap().place, In::Named("carol".parse().unwrap()));
        for day in ["yesterday", "monday", "3d"] {
            assert!(parse(&format!("x since:{day}")).unwrap().since.is_some(), "{day}");
        }
        assert!(parse("x since:yesterdayish").is_err() && parse("from:a:b x").is_err());
    }
}
