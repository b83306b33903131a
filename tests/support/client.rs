//! A running `hobnob`: [`Client`] with `--json`, [`Pipe`] without. Both keep all they saw, so that a
//! scene may ask for things in the order that reads best.

use std::cell::RefCell;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::output::Output;
use super::process::{Process, Seen};
use super::{DEADLINE, schema};

/// A client with `--json`. Patterns are objects: an event fits that has all their members.
pub(crate) struct Client {
    process: Process,
    events: RefCell<Vec<Value>>,
}

impl Client {
    pub(super) fn of(process: Process) -> Self {
        Self { process, events: RefCell::default() }
    }

    /// The process itself, for signals.
    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Types a line.
    #[track_caller]
    pub(crate) fn send(&self, line: &str) {
        self.process.write(format!("{line}\n"));
    }

    /// Waits for its welcome.
    #[track_caller]
    pub(crate) fn welcome(&self) -> Value {
        self.wait(json!({"event": "welcome"}))
    }

    /// The name it was given.
    #[track_caller]
    #[must_use]
    pub(crate) fn name(&self) -> String {
        self.welcome()["name"].as_str().unwrap().to_owned()
    }

    /// Its own fingerprint.
    #[track_caller]
    #[must_use]
    pub(crate) fn fingerprint(&self) -> Value {
        self.welcome()["fingerprint"].clone()
    }

    /// The first event, past or to come, that fits.
    #[track_caller]
    pub(crate) fn wait(&self, pattern: Value) -> Value {
        self.search(&pattern.to_string(), DEADLINE, 0, |event| schema::matches(event, &pattern))
    }

    /// The same, for what may take as long as `deadline`.
    #[track_caller]
    pub(crate) fn wait_within(&self, deadline: Duration, pattern: Value) -> Value {
        self.search(&pattern.to_string(), deadline, 0, |event| schema::matches(event, &pattern))
    }

    /// The first event, past or to come, that `pick` takes; `what` says which that is.
    #[track_caller]
    pub(crate) fn wait_event(&self, what: &str, pick: impl FnMut(&Value) -> bool) -> Value {
        self.search(what, DEADLINE, 0, pick)
    }

    /// How many events there were so far, for [`wait_after`](Self::wait_after).
    #[must_use]
    pub(crate) fn mark(&self) -> usize {
        self.process.look(|seen| seen.stdout.len())
    }

    /// The first event after `mark` that fits.
    #[track_caller]
    pub(crate) fn wait_after(&self, mark: usize, pattern: Value) -> Value {
        self.search(&pattern.to_string(), DEADLINE, mark, |event| schema::matches(event, &pattern))
    }

    /// Types a line and waits for an answer to it that fits.
    #[track_caller]
    pub(crate) fn ask(&self, line: &str, pattern: Value) -> Value {
        let mark = self.mark();
        self.send(line);
        let what = format!("{pattern} after {line:?}");
        self.search(&what, DEADLINE, mark, |event| schema::matches(event, &pattern))
    }

    /// Types a line and waits for an error with `code`.
    #[track_caller]
    pub(crate) fn ask_error(&self, line: &str, code: &str) -> Value {
        let error = self.ask(line, json!({"event": "error"}));
        assert_eq!(error["code"], code, "after {line:?}: {error}\n{}", self.story());
        error
    }

    /// Types a text and waits for its acknowledgement.
    #[track_caller]
    pub(crate) fn say(&self, text: &str) -> Value {
        self.ask(text, json!({"event": "sent", "text": text}))
    }

    /// Types a text and waits until it is reported as not sent.
    #[track_caller]
    pub(crate) fn say_in_vain(&self, text: &str) -> Value {
        self.ask(text, json!({"event": "unsent", "text": text}))
    }

    /// Opens a private session with `peer`; the `opened` event.
    #[track_caller]
    pub(crate) fn fork(&self, peer: &str) -> Value {
        self.ask(&format!("\\fork {peer}"), json!({"event": "opened", "peer": peer}))
    }

    /// Joins a room; the `opened` event.
    #[track_caller]
    pub(crate) fn enter(&self, room: &str) -> Value {
        self.ask(&format!("\\join {room}"), json!({"event": "opened"}))
    }

    /// Waits until `count` events fit; all that do.
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

    /// The events so far that fit.
    #[track_caller]
    #[must_use]
    pub(crate) fn all(&self, pattern: Value) -> Vec<Value> {
        let known = self.process.look(|seen| self.take_in(seen));
        if let Err(problem) = known {
            panic!("{problem}\n{}", self.story());
        }
        self.events.borrow().iter().filter(|event| schema::matches(event, &pattern)).cloned().collect()
    }

    /// Fails when some event so far fits.
    #[track_caller]
    pub(crate) fn has_no(&self, pattern: Value) {
        let found = self.all(pattern);
        assert!(found.is_empty(), "unwanted: {}\n{}", found[0], self.story());
    }

    /// The texts of the lobby it saw so far, in order.
    #[track_caller]
    #[must_use]
    pub(crate) fn lobby_texts(&self) -> Vec<String> {
        texts_of(&self.all(json!({"event": "message", "kind": "lobby"})))
    }

    /// The rows of `\sessions`.
    #[track_caller]
    #[must_use]
    pub(crate) fn sessions(&self) -> Vec<Value> {
        self.ask("\\sessions", json!({"event": "sessions"}))["sessions"].as_array().unwrap().clone()
    }

    /// The names `\users` tells, sorted.
    #[track_caller]
    #[must_use]
    pub(crate) fn users(&self) -> Vec<String> {
        let answer = self.ask("\\users", json!({"event": "users"}));
        let names = answer["names"].as_array().unwrap();
        let mut names: Vec<String> = names.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    /// Stops it where it stands.
    pub(crate) fn freeze(&self) {
        self.process.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.process.signal(Signal::SIGCONT);
    }

    /// Kills it without a warning.
    #[track_caller]
    pub(crate) fn kill(mut self) {
        self.process.kill_hard();
    }

    /// Ends its input and waits for its end.
    #[track_caller]
    #[must_use]
    pub(crate) fn finish(mut self) -> Output {
        self.process.close_input();
        self.ended()
    }

    /// Waits for its end, its input still open.
    #[track_caller]
    #[must_use]
    pub(crate) fn ended(self) -> Output {
        Output::of(self.process, DEADLINE, true)
    }

    /// All it wrote, for a failure's text.
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

/// The `text` of each.
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

    /// Types a line.
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

    /// Ends its input and waits for its end.
    #[track_caller]
    #[must_use]
    pub(crate) fn finish(mut self) -> Output {
        self.process.close_input();
        Output::of(self.process, DEADLINE, false)
    }
}
