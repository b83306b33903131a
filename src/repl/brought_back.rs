//! Lines that the app brings back among those that were typed before: what was typed, was not said, and can be said
//! once more. The newest of them is the newest line of all, so that the Up key shows it, and the input line itself stays
//! as the user left it. This is plain data, which knows neither why a line was not said nor the file of typed lines.

use rustyline::history::{History, SearchDirection};

/// The lines that are to be brought back, and the newest line that is there already.
#[derive(Debug, Default)]
pub(super) struct BroughtBack {
    waiting: Vec<String>,
    newest: Option<String>,
}

impl BroughtBack {
    /// Adds a line, unless it is the newest one anyway.
    pub(super) fn push(&mut self, line: String) {
        if !self.waiting.is_empty() || self.newest.as_ref() != Some(&line) {
            self.waiting.push(line);
        }
    }

    /// Whether no line has to be brought back.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Returns the lines that have to be brought back. Which line is the newest is not known until it is noted again.
    pub(super) fn take(&mut self) -> Vec<String> {
        self.newest = None;
        std::mem::take(&mut self.waiting)
    }

    /// Notes the newest line.
    pub(super) fn note_newest(&mut self, newest: Option<String>) {
        self.newest = newest;
    }

    /// Returns the lines that wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> &[String] {
        &self.waiting
    }
}

/// Makes these lines the newest ones of `history`, the last of them the newest of all. A line that is there already is
/// moved, so that several lines that were refused together stay in the order in which they were typed. Returns the
/// newest line.
pub(super) fn make_newest(history: &mut dyn History, lines: &[String]) -> Option<String> {
    if !lines.is_empty() {
        let mut all: Vec<String> = (0..history.len()).filter_map(|index| entry(history, index)).collect();
        for line in lines {
            if let Some(place) = all.iter().rposition(|other| other == line) {
                all.remove(place);
            }
            all.push(line.clone());
        }
        replace(history, &all);
    }
    entry(history, history.len().checked_sub(1)?)
}

fn entry(history: &dyn History, index: usize) -> Option<String> {
    // This fails only for a history in a database, as does everything in `replace`.
    let found = history.get(index, SearchDirection::Reverse).ok().flatten()?;
    Some(found.entry.into_owned())
}

fn replace(history: &mut dyn History, lines: &[String]) {
    // A line that begins with a blank is not kept when it is typed. If it was not said, it has to be there.
    history.ignore_space(false);
    let _ = history.clear();
    for line in lines {
        let _ = history.add(line);
    }
    history.ignore_space(true);
}

#[cfg(test)]
mod tests {
    use rustyline::Config;
    use rustyline::history::DefaultHistory;

    use super::*;

    #[track_caller]
    fn check(typed: &[&str], brought: &[&str], expected: &[&str]) {
        let config = Config::builder().history_ignore_dups(true).unwrap().history_ignore_space(true).build();
        let mut history = DefaultHistory::with_config(&config);
        for line in typed {
            history.add(line).unwrap();
        }
        for line in brought {
            let newest = make_newest(&mut history, &[(*line).to_owned()]);
            assert_eq!(newest.as_deref(), Some(*line));
        }
        let all: Vec<String> = (0..history.len()).filter_map(|index| entry(&history, index)).collect();
        assert_eq!(all, expected, "{brought:?} after {typed:?}");
        assert!(!history.add(" a secret").unwrap(), "lines with a blank before them are kept from now on");
    }

    #[test]
    fn a_line_that_is_brought_back_is_the_newest_and_none_is_there_twice() {
        check(&["a", "b"], &["b"], &["a", "b"]);
        check(&["a", "b"], &["a"], &["b", "a"]);
        check(&["a", "b"], &["x"], &["a", "b", "x"]);
        check(&[], &["x"], &["x"]);
    }

    #[test]
    fn lines_that_were_refused_one_after_the_other_end_in_the_order_in_which_they_were_typed() {
        check(&["a", "1", "2\n2", "3"], &["1", "2\n2", "3"], &["a", "1", "2\n2", "3"]);
        check(&["1", "2", "3", "\\users"], &["1", "2", "3"], &["\\users", "1", "2", "3"]);
        check(&["1", "1"], &["1", "1"], &["1"]);
    }

    #[test]
    fn a_line_with_a_blank_before_it_is_brought_back_and_stays_when_others_are() {
        check(&["a", " b"], &[" b", "c", "a"], &[" b", "c", "a"]);
    }

    #[test]
    fn a_line_that_is_the_newest_already_does_not_wait() {
        let mut lines = BroughtBack::default();
        lines.note_newest(Some("a".to_owned()));
        lines.push("a".to_owned());
        assert!(lines.is_empty());
        lines.push("b".to_owned());
        lines.push("a".to_owned());
        assert_eq!(lines.take(), ["b", "a"]);
        // Until it is noted again, any line may be the newest.
        lines.push("a".to_owned());
        assert!(!lines.is_empty());
    }
}
