//! Searches the lines that were typed before. It holds the query, what was found, and the line that was there when the
//! search began.
//!
//! rustyline has its own search, which reads keys in a loop and shows no messages until it ends. This search has no
//! loop. While it is open, the edited line is the query, `keys` decides what each key does, and `hinter` shows what was
//! found. So messages still appear, and a query can never be sent, because no key hands the line over. This is plain
//! data; it knows no key, no colour and no screen.

use std::ops::Range;

use rustyline::history::{History, SearchDirection};

use super::continuation::Joins;
use super::prompt::Draft;

/// A line with its cursor: the line from before the search, or the line that replaces the query.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) cursor: usize,
    pub(super) joins: Joins,
}

/// The direction of a step to another match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Older,
    Newer,
}

/// Where the cursor is put in a line that is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Start,
    /// At the place where the query was found.
    Match,
    End,
}

/// The state of an open search, for the hint.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told<'s> {
    /// No query was typed yet.
    Begun,
    /// No line contains the query.
    Nothing,
    /// `line` contains the query at `place`. If `end` is there, a step in that direction found no other line.
    Found { line: &'s str, place: Range<usize>, end: Option<Step> },
}

/// The search, which may be open or closed.
#[derive(Debug, Default)]
pub(super) struct Search {
    open: Option<Open>,
    /// The line that has to replace the edited line.
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

    /// Opens the search. When the user leaves it, `kept` comes back.
    pub(super) fn begin(&mut self, kept: Line) {
        self.open = Some(Open { kept, ..Open::default() });
        self.exchange = Some(Line::default());
    }

    /// Makes the next [`look`](Self::look) go to the next match in this direction.
    pub(super) fn step(&mut self, step: Step) {
        if let Some(open) = &mut self.open {
            open.step = Some(step);
        }
    }

    /// Ends the search with the line that was found. If none was found, returns false and the search stays open. A
    /// search without a query is simply left.
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

    /// Ends the search with the line from before it.
    pub(super) fn leave(&mut self) -> bool {
        self.exchange = self.open.take().map(|open| open.kept);
        self.exchange.is_some()
    }

    /// Ends the search when there is no edited line that could be replaced.
    pub(super) fn close(&mut self) -> bool {
        self.exchange = None;
        self.open.take().is_some()
    }

    /// Whether the edited line has to be replaced.
    pub(super) fn exchanges(&self) -> bool {
        self.exchange.is_some()
    }

    /// Returns the line that replaces the edited line, and forgets it.
    pub(super) fn take_exchange(&mut self) -> Option<Line> {
        self.exchange.take()
    }

    /// Returns the line from before the search, as a draft.
    pub(super) fn kept(&self) -> Option<Draft> {
        let Line { text, cursor, joins } = &self.open.as_ref()?.kept;
        let (left, right) = joins.resolve(text, *cursor);
        Some(Draft { left, right })
    }

    /// Goes on with an open search under another grant. The draft of that grant becomes the line that comes back after
    /// the search. Returns the query, with which the line has to begin.
    pub(super) fn keep(&mut self, draft: &Draft) -> Option<&str> {
        let open = self.open.as_mut()?;
        open.kept = Line {
            text: format!("{}{}", draft.left, draft.right),
            cursor: draft.left.len(),
            joins: Joins::default(),
        };
        Some(&open.query)
    }

    /// Searches for `query`, or for the next match if a step was asked for.
    pub(super) fn look(&mut self, query: &str, history: &dyn History) {
        let Some(open) = &mut self.open else { return };
        let step = open.step.take();
        if open.query != query {
            open.change(query, history);
        } else if let Some(step) = step {
            open.go(step, history);
        }
    }

    /// Returns the state of the search for the hint, or `None` if no search is open.
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
    /// Changes the query. If the new query only adds something, the search goes on from the match; otherwise it begins
    /// with the newest line.
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

    /// Goes to the next match. Matches with the same line as the current one are skipped.
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
        // This fails only for a history in a database.
        let line = history.get(index, SearchDirection::Reverse).ok().flatten()?.entry;
        let place = place(&line, &self.query)?;
        Some(Found { index, line: line.into_owned(), place })
    }
}

/// Returns where `line` contains `query`. Case is ignored, unless the query has a capital letter.
fn place(line: &str, query: &str) -> Option<Range<usize>> {
    if query.contains(char::is_uppercase) {
        return line.find(query).map(|start| start..start + query.len());
    }
    let wanted: Vec<char> = query.chars().flat_map(char::to_lowercase).collect();
    line.char_indices()
        .find_map(|(start, _)| begins(&line[start..], &wanted).map(|length| start..start + length))
}

/// Returns how many bytes of `text` match `wanted`, if the text begins with it.
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
    fn a_search_begins_with_the_newest_match_and_steps_in_both_directions() {
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
    fn a_longer_query_goes_on_from_the_match_and_a_shorter_one_begins_anew() {
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
    fn steps_without_a_query_go_through_all_lines_and_skip_repeated_ones() {
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
    fn case_matters_only_if_the_query_has_a_capital_letter() {
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
    fn a_search_ends_with_the_found_line_or_with_the_line_from_before() {
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
