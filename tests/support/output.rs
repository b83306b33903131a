//! What a program left when it ended: its exit code and everything it wrote.

use serde_json::Value;

use super::process::Process;
use super::schema;

/// A program that has ended.
pub(crate) struct Output {
    /// The exit code; `None` if a signal ended the program.
    pub(crate) code: Option<i32>,
    /// Lines of standard output.
    pub(crate) stdout: Vec<String>,
    /// Lines of standard error.
    pub(crate) stderr: Vec<String>,
    /// With `--json`: the events, one for each line of standard output.
    pub(crate) events: Vec<Value>,
    story: String,
}

impl Output {
    /// Takes what an ended `process` left; `json` says whether its lines are events.
    #[track_caller]
    #[must_use]
    pub(crate) fn of(mut process: Process, deadline: std::time::Duration, json: bool) -> Self {
        let status = process.wait_end(deadline);
        let story = process.story();
        let (stdout, stderr) = process.look(|seen| (seen.stdout.clone(), seen.stderr.clone()));
        let read = |line: &String| schema::read(line).unwrap_or_else(|problem| panic!("{problem}\n{story}"));
        let events = if json { stdout.iter().map(read).collect() } else { vec![] };
        Self { code: status.code(), stdout, stderr, events, story }
    }

    /// Fails unless the program ended with `code` and without a panic.
    #[track_caller]
    pub(crate) fn ended_with(self, code: i32) -> Self {
        self.did_not_panic();
        assert_eq!(self.code, Some(code), "the exit code is wrong\n{}", self.story);
        self
    }

    /// Fails if the program ended successfully.
    #[track_caller]
    pub(crate) fn failed(self) -> Self {
        self.did_not_panic();
        assert!(self.code.is_some_and(|code| code != 0), "the program should have failed\n{}", self.story);
        self
    }

    /// Fails if the program panicked or was ended by a signal.
    #[track_caller]
    pub(crate) fn did_not_panic(&self) {
        let panicked = self.stderr.iter().any(|line| line.contains("panicked at"));
        assert!(
            !panicked && self.code.is_some() && self.code != Some(101),
            "the program crashed\n{}",
            self.story
        );
    }

    /// Returns the events that have all members of `pattern`, in order.
    #[must_use]
    pub(crate) fn all(&self, pattern: Value) -> Vec<&Value> {
        self.events.iter().filter(|event| schema::matches(event, &pattern)).collect()
    }

    /// Returns the first event that has all members of `pattern`.
    #[track_caller]
    pub(crate) fn the(&self, pattern: Value) -> &Value {
        match self.all(pattern.clone()).first() {
            Some(event) => event,
            None => panic!("no event {pattern}\n{}", self.story),
        }
    }

    /// Fails if an event has all members of `pattern`.
    #[track_caller]
    pub(crate) fn has_no(&self, pattern: Value) {
        let found = self.all(pattern);
        assert!(found.is_empty(), "unwanted: {}\n{}", found[0], self.story);
    }

    /// Fails unless standard output has the line `line`.
    #[track_caller]
    pub(crate) fn says(&self, line: &str) {
        assert!(self.stdout.iter().any(|have| have == line), "no line {line:?}\n{}", self.story);
    }

    /// Fails unless a line of standard error contains `part`, in upper or lower case.
    #[track_caller]
    pub(crate) fn complains(&self, part: &str) {
        let part_folded = part.to_lowercase();
        let found = self.stderr.iter().any(|line| line.to_lowercase().contains(&part_folded));
        assert!(found, "standard error has nothing of {part:?}\n{}", self.story);
    }

    /// Returns standard output and standard error as one text.
    #[must_use]
    pub(crate) fn everything(&self) -> String {
        format!("{}\n{}", self.stdout.join("\n"), self.stderr.join("\n"))
    }

    /// Returns everything that the program wrote, for the message of a failed test.
    #[must_use]
    pub(crate) fn story(&self) -> &str {
        &self.story
    }
}
