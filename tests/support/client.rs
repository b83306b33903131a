//! A running `hobnob`: [`Client`] runs with `--json`, [`Pipe`] without. Both keep everything they saw, so that a test
//! may ask for things in the order that reads best.

use std::cell::RefCell;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::output::Output;
use super::process::{Process, Seen};
use super::{DEADLINE, schema};

/// A client with `--json`. Patterns are objects: an event fits if it has all members of the pattern.
pub(crate) struct Client {
    process: Process,
    events: RefCell<Vec<Value>>,
}

impl Client {
    pub(super) fn of(process: Process) -> Self {
        Self { process, events: RefCell::default() }
    }

    /// Returns the process, for signals.
    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Types a line and waits for nothing.
    #[track_caller]
    pub(crate) fn send(&self, line: &str) {
        self.process.write(format!("{line}\n"));
    }

    /// Waits for the welcome of the client, and returns it.
    #[track_caller]
    pub(crate) fn welcome(&self) -> Value {
        self.wait(json!({"event": "welcome"}))
    }

    /// Returns the name that the client was given.
    #[track_caller]
    #[must_use]
    pub(crate) fn name(&self) -> String {
        self.welcome()["name"].as_str().unwrap().to_owned()
    }

    /// Returns the fingerprint of the client's own key.
    #[track_caller]
    #[must_use]
    pub(crate) fn fingerprint(&self) -> Value {
        self.welcome()["fingerprint"].clone()
    }

    /// Returns the first event, past or to come, that fits.
    #[track_caller]
    pub(crate) fn wait(&self, pattern: Value) -> Value {
        self.search(&pattern.to_string(), DEADLINE, 0, |event| schema::matches(event, &pattern))
    }

    /// Returns the first event that fits, and waits up to `deadline` for it.
    #[track_caller]
    pub(crate) fn wait_within(&self, deadline: Duration, pattern: Value) -> Value {
        self.search(&pattern.to_string(), deadline, 0, |event| schema::matches(event, &pattern))
    }

    /// Returns the first event, past or to come, that `pick` accepts; `what` describes it.
    #[track_caller]
    pub(crate) fn wait_event(&self, what: &str, pick: impl FnMut(&Value) -> bool) -> Value {
        self.search(what, DEADLINE, 0, pick)
    }

    /// Returns how many events there were so far, for [`wait_after`](Self::wait_after).
    #[must_use]
    pub(crate) fn mark(&self) -> usize {
        self.process.look(|seen| seen.stdout.len())
    }

    /// Returns the first event after `mark` that fits.
    #[track_caller]
    pub(crate) fn wait_after(&self, mark: usize, pattern: Value) -> Value {
        self.search(&pattern.to_string(), DEADLINE, mark, |event| schema::matches(event, &pattern))
    }

    /// Types a line, and waits for an answer that fits.
    #[track_caller]
    pub(crate) fn ask(&self, line: &str, pattern: Value) -> Value {
        let mark = self.mark();
        self.send(line);
        let what = format!("{pattern} after {line:?}");
        self.search(&what, DEADLINE, mark, |event| schema::matches(event, &pattern))
    }

    /// Types a line, and waits for an error with `code`.
    #[track_caller]
    pub(crate) fn ask_error(&self, line: &str, code: &str) -> Value {
        let error = self.ask(line, json!({"event": "error"}));
        assert_eq!(error["code"], code, "after {line:?}: {error}\n{}", self.story());
        error
    }

    /// Types a text, and waits for its acknowledgement.
    #[track_caller]
    pub(crate) fn say(&self, text: &str) -> Value {
        self.ask(text, json!({"event": "sent", "text": text}))
    }

    /// Types a text, and waits until it is reported as unsent.
    #[track_caller]
    pub(crate) fn say_in_vain(&self, text: &str) -> Value {
        self.ask(text, json!({"event": "unsent", "text": text}))
    }

    /// Opens a private session with `peer`. Returns the `opened` event.
    #[track_caller]
    pub(crate) fn fork(&self, peer: &str) -> Value {
        self.ask(&format!("\\fork {peer}"), json!({"event": "opened", "peer": peer}))
    }

    /// Joins a room. Returns the `opened` event.
    #[track_caller]
    pub(crate) fn enter(&self, room: &str) -> Value {
        self.ask(&format!("\\join {room}"), json!({"event": "opened"}))
    }

    /// Waits until `count` events fit. Returns all events that fit.
    #[track_caller]
    pub(crate) fn wait_count(&self, count: usize, pattern: Value) -> Vec<Value> {
        let mut found = 0;
        let what = format!("{count} times {pattern}");
        self.search(&what, DEADLINE, 0, |event| {
            found += usize::from(schema::matches(event, &pattern));
            found == count
        });
        self.all(pattern)
    }

    /// Returns the events so far that fit.
    #[track_caller]
    #[must_use]
    pub(crate) fn all(&self, pattern: Value) -> Vec<Value> {
        let known = self.process.look(|seen| self.take_in(seen));
        if let Err(problem) = known {
            panic!("{problem}\n{}", self.story());
        }
        self.events.borrow().iter().filter(|event| schema::matches(event, &pattern)).cloned().collect()
    }

    /// Fails if an event so far fits.
    #[track_caller]
    pub(crate) fn has_no(&self, pattern: Value) {
        let found = self.all(pattern);
        assert!(found.is_empty(), "unwanted: {}\n{}", found[0], self.story());
    }

    /// Returns the texts of the lobby that the client saw so far, in order.
    #[track_caller]
    #[must_use]
    pub(crate) fn lobby_texts(&self) -> Vec<String> {
        texts_of(&self.all(json!({"event": "message", "kind": "lobby"})))
    }

    /// Returns the rows of `\sessions`.
    #[track_caller]
    #[must_use]
    pub(crate) fn sessions(&self) -> Vec<Value> {
        self.ask("\\sessions", json!({"event": "sessions"}))["sessions"].as_array().unwrap().clone()
    }

    /// Returns the names that `\users` tells, sorted.
    #[track_caller]
    #[must_use]
    pub(crate) fn users(&self) -> Vec<String> {
        let answer = self.ask("\\users", json!({"event": "users"}));
        let names = answer["names"].as_array().unwrap();
        let mut names: Vec<String> = names.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    /// Stops the process with SIGSTOP, so that it does nothing until [`thaw`](Self::thaw).
    pub(crate) fn freeze(&self) {
        self.process.signal(Signal::SIGSTOP);
    }

    /// Lets the process go on.
    pub(crate) fn thaw(&self) {
        self.process.signal(Signal::SIGCONT);
    }

    /// Kills the process without a warning.
    #[track_caller]
    pub(crate) fn kill(mut self) {
        self.process.kill_hard();
    }

    /// Ends the client's input, and waits for its end.
    #[track_caller]
    #[must_use]
    pub(crate) fn finish(mut self) -> Output {
        self.process.close_input();
        self.ended()
    }

    /// Waits for the client's end while its input is still open.
    #[track_caller]
    #[must_use]
    pub(crate) fn ended(self) -> Output {
        Output::of(self.process, DEADLINE, true)
    }

    /// Returns everything that the client wrote, for the message of a failed test.
    #[must_use]
    pub(crate) fn story(&self) -> String {
        self.process.story()
    }

    fn take_in(&self, seen: &Seen) -> Result<(), String> {
        let mut events = self.events.borrow_mut();
        for line in &seen.stdout[events.len()..] {
            events.push(schema::read(line)?);
        }
        Ok(())
    }

    #[track_caller]
    fn search(
        &self,
        what: &str,
        deadline: Duration,
        from: usize,
        mut pick: impl FnMut(&Value) -> bool,
    ) -> Value {
        let mut next = from;
        let found = self.process.wait_for(what, deadline, |seen| {
            if let Err(problem) = self.take_in(seen) {
                return Some(Err(problem));
            }
            let events = self.events.borrow();
            let fits = events.iter().skip(next).find(|event| pick(event)).cloned();
            next = next.max(events.len());
            fits.map(Ok)
        });
        found.unwrap_or_else(|problem: String| panic!("{problem}\n{}", self.story()))
    }
}

/// Returns the `text` of each event.
#[must_use]
pub(crate) fn texts_of(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["text"].as_str().unwrap().to_owned()).collect()
}

/// A client on a plain pipe.
pub(crate) struct Pipe {
    process: Process,
}

impl Pipe {
    pub(super) fn of(process: Process) -> Self {
        Self { process }
    }

    /// Types a line and waits for nothing.
    #[track_caller]
    pub(crate) fn send(&self, line: &str) {
        self.process.write(format!("{line}\n"));
    }

    /// Waits for a line of standard output that is `line`.
    #[track_caller]
    pub(crate) fn wait_line(&self, line: &str) {
        self.process.wait_for(&format!("the line {line:?}"), DEADLINE, |seen| {
            seen.stdout.iter().any(|have| have == line).then_some(())
        });
    }

    /// Waits for a line of standard output that contains `part`.
    #[track_caller]
    pub(crate) fn wait_part(&self, part: &str) -> String {
        self.process.wait_for(&format!("a line with {part:?}"), DEADLINE, |seen| {
            seen.stdout.iter().find(|line| line.contains(part)).cloned()
        })
    }

    /// Ends the client's input, and waits for its end.
    #[track_caller]
    #[must_use]
    pub(crate) fn finish(mut self) -> Output {
        self.process.close_input();
        Output::of(self.process, DEADLINE, false)
    }
}
