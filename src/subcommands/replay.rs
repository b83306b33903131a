//! `hobnob replay FILE`: a recorded run as it looked, or with `--json` the events themselves. Owns how
//! a record is read; how an event looks is [`crate::show`]'s.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Outputs;
use crate::session::{Mode, SessionId};
use crate::show::Notice;
use crate::show::harmless::{harmless, is_hostile, write_json_escape};
use crate::show::human::{Human, Shown};

/// The longest event that is read, in bytes: a list of many thousand users.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// Shows the record.
///
/// # Errors
/// When it cannot be read, holds nothing that is an event, or an output takes nothing.
pub fn run(path: &Path, json: bool, outputs: &mut Outputs<'_>) -> Result<()> {
    let named = || format!("{} cannot be read", path.display());
    let file = File::open(path).with_context(named)?;
    anyhow::ensure!(!file.metadata().with_context(named)?.is_dir(), "{} is a directory", path.display());
    let mut lines = BufReader::new(file);
    let mut replay = Replay { human: Human { color: outputs.color }, prompts: HashMap::new() };
    let (mut shown, mut passed_over) = (0_u64, 0_u64);
    let mut line = Vec::new();
    while (&mut lines).take(MAX_LINE).read_until(b'\n', &mut line).with_context(named)? > 0 {
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        line.clear();
        if text.is_empty() {
            continue;
        }
        let done = if json { passed_on(&text) } else { replay.show(&text) };
        match done {
            Some(Shown::Out(text) | Shown::Err(text)) => outputs.out.write_all(text.as_bytes())?,
            Some(Shown::Nothing) => {}
            None => {
                passed_over += 1;
                continue;
            }
        }
        shown += 1;
    }
    anyhow::ensure!(
        shown > 0 || passed_over == 0,
        "{} is no record: none of its lines is an event",
        path.display()
    );
    report(passed_over, outputs.err)
}

/// A kill may have cut a line short, and a newer hobnob may know more events.
fn report(passed_over: u64, err: &mut dyn Write) -> Result<()> {
    if passed_over > 0 {
        writeln!(err, "hobnob: {passed_over} lines are no events this version knows; passed over")?;
    }
    Ok(())
}

/// Only what the line must have to be an event of whatever version.
#[derive(Deserialize)]
struct AnyEvent {
    #[serde(rename = "event")]
    _event: String,
}

/// The line itself, with what a terminal must not see escaped: inside JSON that can only be strings.
fn passed_on(line: &str) -> Option<Shown> {
    serde_json::from_str::<AnyEvent>(line).ok()?;
    let mut out = String::with_capacity(line.len() + 1);
    for c in line.chars() {
        match is_hostile(c) && c != '\t' {
            true => write_json_escape(c, &mut out),
            false => out.push(c),
        }
    }
    out.push('\n');
    Some(Shown::Out(out))
}

/// What has to be remembered of earlier events.
struct Replay {
    human: Human,
    /// The prompts under which this user typed in each private session.
    prompts: HashMap<SessionId, String>,
}

impl Replay {
    fn show(&mut self, line: &str) -> Option<Shown> {
        let notice: Notice = serde_json::from_str(line).ok()?;
        match &notice {
            // What was typed stood on the screen; of a run on a pipe it is worth seeing too.
            Notice::Sent { session, text, .. } => return Some(Shown::Out(self.typed(*session, text))),
            Notice::Welcome { .. } => self.prompts.clear(),
            Notice::Forking { session, peer } => {
                self.prompts.insert(*session, format!("{session} {} {peer}> ", Mode::A.prefix()));
            }
            Notice::Opened { session, peer, mode, .. } => {
                self.prompts.insert(*session, format!("{session} {} {peer}> ", mode.prefix()));
            }
            _ => {}
        }
        Some(self.human.show(&notice))
    }

    fn typed(&self, session: SessionId, text: &str) -> String {
        let prompt = match self.prompts.get(&session) {
            Some(prompt) => prompt.clone(),
            None if session == SessionId::LOBBY => "lobby> ".to_owned(),
            None => format!("{session}> "),
        };
        format!("{prompt}{}\n", harmless(text, "    "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"event":"forking","session":1,"peer":"bobby"}
{"event":"opened","session":1,"peer":"bobby","mode":"A","path":"direct","fingerprint":"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU","key_exchange":"X25519"}
{"event":"sent","session":1,"text":"hi\u001b[2J"}
{"event":"message","session":1,"kind":"peer","from":"bobby","text":"ho","at":"2026-01-02T03:04:05.678Z","replayed":false,"mode":"A","newer":1}
{"event":"dance"}
{"event":"answer","id":1,"ok":true}
{"event":"error","code":"usage","text":"no"}

{"event":"sent","session":0,"text":"cut sh"#;

    fn replay(text: &str, json: bool) -> (Result<()>, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        std::fs::write(&path, text).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let done = run(&path, json, &mut Outputs { out: &mut out, err: &mut err, color: false });
        (done, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn a_record_is_shown_as_it_looked() {
        let (done, out, err) = replay(RECORD, false);
        done.unwrap();
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines[1], ">>> session 1 with bobby is open");
        assert_eq!(lines[2], "1 P-> bobby> hi␛[2J");
        assert_eq!(lines[3], "P-> <bobby> ho");
        assert_eq!(lines[4], ">>> no");
        assert_eq!(lines.len(), 5);
        assert!(err.contains("2 lines are no events"), "{err}");
    }

    #[test]
    fn with_json_events_pass_through_harmless() {
        let (done, out, err) = replay("{\"event\":\"dance\",\"x\":\"\u{9b}2J\"}\nnot\n", true);
        done.unwrap();
        assert_eq!(out, "{\"event\":\"dance\",\"x\":\"\\u009b2J\"}\n");
        assert!(err.contains("1 lines"), "{err}");
    }

    #[test]
    fn a_file_that_is_no_record_is_refused() {
        assert!(replay("hello\nworld\n", false).0.unwrap_err().to_string().contains("is no record"));
        replay("", false).0.unwrap();
    }
}
