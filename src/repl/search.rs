//! Searching the lines typed before: what is looked for, what was found, and the line that was there
//! when the search began.
//!
//! rustyline has a search of its own, a loop that reads keys and shows no message until it ends. This
//! one is no loop: while it is open the line that is edited is the query, `keys` says what each key
//! does, and `hinter` shows what is found here. So messages go on to appear, and a query can never be
//! sent, since no key hands the line over. Pure data; knows no key, no colour and no screen.

use std::ops::Range;

use rustyline::history::{History, SearchDirection};

use super::continuation::Joins;
use super::prompt::Draft;

/// A line with its cursor: the one kept aside, or the one that is to take the query's place.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) cursor: usize,
    pub(super) joins: Joins,
}

/// Which way a step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Older,
    Newer,
}

/// Where the cursor goes in a line that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Start,
    /// Where the query was found.
    Match,
    End,
}

/// What there is to tell about an open search.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told<'s> {
    /// Nothing is looked for yet.
    Begun,
    /// No line has it.
    Nothing,
    /// `line` has it at `place`; with `end`, a step that way found no other.
    Found { line: &'s str, place: Range<usize>, end: Option<Step> },
}

/// The search, open or not.
#[derive(Debug, Default)]
pub(super) struct Search {
    open: Option<Open>,
    /// What is to take the place of the edited line.
    exchange: Option<Line>,
}

#[derive(Debug, Default)]
struct Open {
    kept: Line,
    query: String,
    found: Option<Found>,
    step: Option<Step>,
    end: Option<Step>,
}

#[derive(Debug)]
struct Found {
    index: usize,
    line: String,
    place: Range<usize>,
}

impl Search {
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Opens the search; `kept` comes back when it is left.
    pub(super) fn begin(&mut self, kept: Line) {
        self.open = Some(Open { kept, ..Open::default() });
        self.exchange = Some(Line::default());
    }

    /// The next [`look`](Self::look) goes one match further.
    pub(super) fn step(&mut self, step: Step) {
        if let Some(open) = &mut self.open {
            open.step = Some(step);
        }
    }

    /// Ends the search with the line found. Says no where none is, and stays open; a search for
    /// nothing is just left.
    pub(super) fn take(&mut self, at: At) -> bool {
        let Some(open) = &mut self.open else { return false };
        match open.found.take() {
            Some(Found { line, place, .. }) => {
                let cursor = match at {
                    At::Start => 0,
                    At::Match => place.start,
                    At::End => line.len(),
                };
                self.exchange = Some(Line { text: line, cursor, joins: Joins::default() });
                self.open = None;
                true
            }
            None if open.query.is_empty() => self.leave(),
            None => false,
        }
    }

    /// Ends the search with the line that was there before.
    pub(super) fn leave(&mut self) -> bool {
        self.exchange = self.open.take().map(|open| open.kept);
        self.exchange.is_some()
    }

    /// Ends the search where no line is edited that could be exchanged.
    pub(super) fn close(&mut self) -> bool {
        self.exchange = None;
        self.open.take().is_some()
    }

    /// Whether the edited line is to be replaced.
    pub(super) fn exchanges(&self) -> bool {
        self.exchange.is_some()
    }

    /// What replaces the edited line, once.
    pub(super) fn take_exchange(&mut self) -> Option<Line> {
        self.exchange.take()
    }

    /// The line kept aside, as a draft.
    pub(super) fn kept(&self) -> Option<Draft> {
        let Line { text, cursor, joins } = &self.open.as_ref()?.kept;
        let (left, right) = joins.resolve(text, *cursor);
        Some(Draft { left, right })
    }

    /// Another line is granted while the search is open: its draft is what is kept now, and the
    /// line begins with the query.
    pub(super) fn keep(&mut self, draft: &Draft) -> Option<&str> {
        let open = self.open.as_mut()?;
        open.kept = Line {
            text: format!("{}{}", draft.left, draft.right),
            cursor: draft.left.len(),
            joins: Joins::default(),
        };
        Some(&open.query)
    }

    /// Looks for `query`, or for the next match where a step was asked for.
    pub(super) fn look(&mut self, query: &str, history: &dyn History) {
        let Some(open) = &mut self.open else { return };
        let step = open.step.take();
        if open.query != query {
            open.change(query, history);
        } else if let Some(step) = step {
            open.go(step, history);
        }
    }

    /// What there is to tell, if a search is open.
    pub(super) fn told(&self) -> Option<Told<'_>> {
        let open = self.open.as_ref()?;
        Some(match &open.found {
            Some(found) => Told::Found { line: &found.line, place: found.place.clone(), end: open.end },
            None if open.query.is_empty() && open.end.is_none() => Told::Begun,
            None => Told::Nothing,
        })
    }
}

impl Open {
    /// A longer query goes on from what was found; any other begins with the newest line.
    fn change(&mut self, query: &str, history: &dyn History) {
        let longer = !self.query.is_empty() && query.starts_with(&self.query);
        let from = self.found.take().filter(|_| longer).map(|found| found.index);
        query.clone_into(&mut self.query);
        self.end = None;
        if !query.is_empty() {
            let mut older = (0..from.map_or(0, |from| from + 1)).rev();
            self.found = older.find_map(|index| self.match_at(index, history));
            let mut all = (0..history.len()).rev();
            self.found = self.found.take().or_else(|| all.find_map(|index| self.match_at(index, history)));
        }
    }

    /// The same line said twice in a row is one match.
    fn go(&mut self, step: Step, history: &dyn History) {
        let count = history.len();
        let at = self.found.as_ref().map_or(count, |found| found.index);
        let mut indices: Box<dyn Iterator<Item = usize>> = match step {
            Step::Older => Box::new((0..at).rev()),
            Step::Newer => Box::new(at.saturating_add(1)..count),
        };
        let seen = self.found.as_ref().map(|found| found.line.as_str());
        let other = |found: &Found| Some(found.line.as_str()) != seen;
        let next = indices.find_map(|index| self.match_at(index, history).filter(other));
        self.end = if next.is_none() { Some(step) } else { None };
        self.found = next.or_else(|| self.found.take());
    }

    fn match_at(&self, index: usize, history: &dyn History) -> Option<Found> {
        // Fails for a history in a database only.
        let line = history.get(index, SearchDirection::Reverse).ok().flatten()?.entry;
        let place = place(&line, &self.query)?;
        Some(Found { index, line: line.into_owned(), place })
    }
}

/// Where `line` has `query`: in any case, unless the query has a capital.
fn place(line: &str, query: &str) -> Option<Range<usize>> {
    if query.contains(char::is_uppercase) {
        return line.find(query).map(|start| start..start + query.len());
    }
    let wanted: Vec<char> = query.chars().flat_map(char::to_lowercase).collect();
    line.char_indices()
        .find_map(|(start, _)| begins(&line[start..], &wanted).map(|length| start..start + length))
}

/// How much of `text` is `wanted`, if it begins so.
fn begins(text: &str, wanted: &[char]) -> Option<usize> {
    let mut missing = wanted;
    for (at, c) in text.char_indices() {
        if missing.is_empty() {
            return Some(at);
        }
        for lower in c.to_lowercase() {
            missing = missing.split_first().filter(|(first, _)| **first == lower)?.1;
        }
    }
    missing.is_empty().then_some(text.len())
}

#[cfg(test)]
mod tests {
    use rustyline::history::DefaultHistory;

    use super::*;

    fn history(lines: &[&str]) -> DefaultHistory {
        let mut history = DefaultHistory::new();
        for line in lines {
            history.add(line).unwrap();
        }
        history
    }

    fn begun(text: &str, cursor: usize) -> Search {
        let mut search = Search::default();
        search.begin(Line { text: text.to_owned(), cursor, joins: Joins::default() });
        assert_eq!(search.take_exchange().unwrap().text, "");
        search
    }

    #[track_caller]
    fn check(search: &Search, expected: &str, end: Option<Step>) {
        match search.told() {
            Some(Told::Found { line, end: told, .. }) => assert_eq!((line, told), (expected, end)),
            told => panic!("{told:?} and not {expected:?}"),
        }
    }

    #[test]
    fn the_newest_match_comes_first_and_steps_go_both_ways() {
        let history = history(&["one tea", "two", "tea two", "tea three", "four"]);
        let mut search = begun("", 0);
        search.look("", &history);
        assert_eq!(search.told(), Some(Told::Begun));
        search.look("tea", &history);
        check(&search, "tea three", None);
        for (step, expected, end) in [
            (Step::Newer, "tea three", Some(Step::Newer)),
            (Step::Older, "tea two", None),
            (Step::Older, "one tea", None),
            (Step::Older, "one tea", Some(Step::Older)),
            (Step::Newer, "tea two", None),
        ] {
            search.step(step);
            search.look("tea", &history);
            check(&search, expected, end);
        }
    }

    #[test]
    fn a_longer_query_goes_on_and_a_shorter_one_begins_anew() {
        let history = history(&["tea one", "tea two", "tea one again", "tea"]);
        let mut search = begun("", 0);
        search.look("te", &history);
        search.step(Step::Older);
        search.look("te", &history);
        check(&search, "tea one again", None);
        search.look("tea ", &history);
        check(&search, "tea one again", None);
        search.step(Step::Older);
        search.look("tea ", &history);
        check(&search, "tea two", None);
        search.look("tea o", &history);
        check(&search, "tea one", None);
        search.look("tea one a", &history);
        check(&search, "tea one again", None);
        search.look("tea", &history);
        check(&search, "tea", None);
        search.look("teapot", &history);
        assert_eq!(search.told(), Some(Told::Nothing));
        assert!(!search.take(At::End) && search.is_open());
    }

    #[test]
    fn without_a_query_steps_go_through_all_lines_and_the_same_one_twice_is_one() {
        let history = history(&["a", "b", "c", "c"]);
        let mut search = begun("", 0);
        search.look("", &history);
        for expected in ["c", "b", "a"] {
            search.step(Step::Older);
            search.look("", &history);
            check(&search, expected, None);
        }
        let mut search = begun("", 0);
        search.step(Step::Older);
        search.look("", &DefaultHistory::new());
        assert_eq!(search.told(), Some(Told::Nothing));
    }

    #[test]
    fn case_counts_only_where_the_query_has_a_capital() {
        for (line, query, expected) in [
            ("Ask ANNA", "anna", Some(4..8)),
            ("ask anna", "Anna", None),
            ("ask Anna", "Anna", Some(4..8)),
            ("STRASSE ÄÖ", "äö", Some(8..12)),
            ("İstanbul", "stan", Some(2..6)),
            ("one\ntwo", "e\nt", Some(2..5)),
            ("日本語", "本", Some(3..6)),
            ("abc", "", Some(0..0)),
            ("ab", "abc", None),
        ] {
            assert_eq!(place(line, query), expected, "{query:?} in {line:?}");
        }
    }

    #[test]
    fn what_was_found_is_taken_and_what_was_there_comes_back() {
        let history = history(&["say hello"]);
        for (at, cursor) in [(At::Start, 0), (At::Match, 4), (At::End, 9)] {
            let mut search = begun("a draft", 3);
            search.look("hello", &history);
            assert!(search.take(at) && !search.is_open());
            let line = search.take_exchange().unwrap();
            assert_eq!((line.text.as_str(), line.cursor), ("say hello", cursor));
        }
        let mut search = begun("a draft", 3);
        search.look("hello", &history);
        assert!(search.leave() && !search.is_open());
        let line = search.take_exchange().unwrap();
        assert_eq!((line.text.as_str(), line.cursor), ("a draft", 3));
        assert!(begun("a draft", 3).take(At::End));
    }

    #[test]
    fn a_search_goes_on_under_another_prompt() {
        let history = history(&["say hello"]);
        let mut search = begun("draft", 2);
        search.look("hello", &history);
        assert_eq!(search.kept().unwrap(), Draft { left: "dr".into(), right: "aft".into() });
        assert_eq!(search.keep(&Draft::at_end("another")), Some("hello"));
        check(&search, "say hello", None);
        search.leave();
        assert_eq!(search.take_exchange().unwrap().text, "another");
    }
}
