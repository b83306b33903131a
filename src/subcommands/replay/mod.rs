//! `hobnob replay FILE`: shows a recorded run as it looked, at a terminal like on the terminal of that run. With
//! `--json`, it writes the events themselves. This file owns how a record is read. [`crate::show`] owns how an event
//! looks, and `look` remembers what is needed of earlier events.

mod look;

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use self::look::{Look, Replay};
use super::Outputs;
use crate::cli::{Cli, ColorChoice};
use crate::config;
use crate::input::invisible::without_mark;
use crate::show::Notice;
use crate::show::harmless::{is_hostile, write_json_escape};
use crate::show::human::Human;
use crate::show::json::Keystrokes;
use crate::show::terminal::TerminalForm;
use crate::timestamp::{self, Timestamp};

/// How many bytes of one event are read. An event may be a list of many thousand users.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// Shows the record in the form that the output and the user's preferences ask for.
///
/// # Errors
/// Fails if the file cannot be read or holds no event, if the config file is wrong, or if an output cannot be written.
pub fn run(
    path: &Path,
    cli: Cli,
    env: &dyn Fn(&str) -> Option<OsString>,
    outputs: &mut Outputs<'_>,
) -> Result<()> {
    if cli.json {
        return show(path, &mut |line| passed_on(line), outputs);
    }
    let look = match outputs.columns {
        None => Look::Plain(Human { color: outputs.color }),
        Some(columns) => {
            let settings = config::settings(cli, env)?;
            let color = outputs.color && settings.color != ColorChoice::Never;
            let (zone, today) = (jiff::tz::TimeZone::system(), timestamp::now().instant());
            Look::terminal(TerminalForm::new(color, zone, settings.preferences, today), columns)
        }
    };
    let mut replay = Replay::new(look);
    show(path, &mut |line| event(&mut replay, line), outputs)?;
    outputs.out.write_all(replay.rest().as_bytes())?;
    Ok(())
}

/// Writes what `shown` makes of each line of the file.
fn show(path: &Path, shown: &mut dyn FnMut(&str) -> Option<String>, outputs: &mut Outputs<'_>) -> Result<()> {
    let named = || format!("{} cannot be read", path.display());
    let file = File::open(path).with_context(named)?;
    anyhow::ensure!(!file.metadata().with_context(named)?.is_dir(), "{} is a directory", path.display());
    let mut lines = BufReader::new(file);
    let (mut events, mut passed_over) = (0_u64, 0_u64);
    let mut line = Vec::new();
    while (&mut lines).take(MAX_LINE).read_until(b'\n', &mut line).with_context(named)? > 0 {
        let text = without_mark(&String::from_utf8_lossy(&line)).trim().to_owned();
        line.clear();
        if text.is_empty() {
            continue;
        }
        match shown(&text) {
            Some(text) => {
                outputs.out.write_all(text.as_bytes())?;
                events += 1;
            }
            None => passed_over += 1,
        }
    }
    anyhow::ensure!(
        events > 0 || passed_over == 0,
        "{} is no record: none of its lines is an event",
        path.display()
    );
    report(passed_over, outputs.err)
}

/// Says how many lines were skipped. A kill may have cut a line short, and a newer hobnob may know more events.
fn report(passed_over: u64, err: &mut dyn Write) -> Result<()> {
    if passed_over > 0 {
        writeln!(err, "hobnob: {passed_over} lines are no events this version knows; passed over")?;
    }
    Ok(())
}

/// The member that a line must have to be an event of any version.
#[derive(Deserialize)]
struct AnyEvent {
    #[serde(rename = "event")]
    _event: String,
}

/// The member that a record adds to each event.
#[derive(Deserialize)]
struct When {
    recorded: Option<Timestamp>,
}

/// Returns what an event looked like, or `None` if this version does not know the event.
fn event(replay: &mut Replay, line: &str) -> Option<String> {
    let recorded = serde_json::from_str::<When>(line).ok()?.recorded;
    match serde_json::from_str::<Notice>(line) {
        Ok(notice) => Some(replay.notice(&notice, recorded)),
        Err(_) => {
            let Keystrokes::Typed { session, text, said } = serde_json::from_str(line).ok()?;
            Some(replay.typed(session, &text, said.as_deref(), recorded))
        }
    }
}

/// Returns the line itself, with hostile characters escaped. In valid JSON they can only be inside strings.
fn passed_on(line: &str) -> Option<String> {
    serde_json::from_str::<AnyEvent>(line).ok()?;
    let mut out = String::with_capacity(line.len() + 1);
    for c in line.chars() {
        match is_hostile(c) && c != '\t' {
            true => write_json_escape(c, &mut out),
            false => out.push(c),
        }
    }
    out.push('\n');
    Some(out)
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
        replay_on(text, json, None)
    }

    fn replay_on(text: &str, json: bool, columns: Option<usize>) -> (Result<()>, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        std::fs::write(&path, text).unwrap();
        let config = folder.path().join("config.toml");
        std::fs::write(&config, "data-dir = \"/nowhere\"\n").unwrap();
        let cli = Cli { json, config: Some(config), ..Cli::default() };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut outputs = Outputs { out: &mut out, err: &mut err, color: false, columns };
        let done = run(&path, cli, &|_| None, &mut outputs);
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
    fn a_message_from_an_old_name_with_invisible_characters_is_shown_again() {
        let from = |name: &str| {
            format!(
                r#"{{"event":"message","session":0,"kind":"lobby","from":"{name}","text":"ho","at":"2026-01-02T03:04:05.678Z","replayed":false,"seq":1}}"#
            )
        };
        let (done, out, err) = replay(&format!("{}\n{}\n", from("anna(U+3164)"), from("an(na")), false);
        done.unwrap();
        assert!(out.starts_with("anna(U+3164): ho\n") && out.lines().count() == 1, "{out}");
        assert!(err.contains("1 lines"), "{err}");
    }

    #[test]
    fn with_json_events_are_copied_and_made_harmless() {
        let (done, out, err) = replay("{\"event\":\"dance\",\"x\":\"\u{9b}2J\"}\nnot\n", true);
        done.unwrap();
        assert_eq!(out, "{\"event\":\"dance\",\"x\":\"\\u009b2J\"}\n");
        assert!(err.contains("1 lines"), "{err}");
    }

    #[test]
    fn a_byte_order_mark_before_an_event_is_ignored() {
        let (done, out, err) =
            replay("\u{feff}{\"event\":\"error\",\"code\":\"usage\",\"text\":\"no\"}\r\n", false);
        done.unwrap();
        assert_eq!((out.as_str(), err.as_str()), (">>> no\n", ""));
    }

    #[test]
    fn no_field_of_a_hostile_record_acts_on_the_terminal() {
        let evil = r"\u001b[2J\u0007\u009b2J\u202e";
        let record = [
            format!(r#"{{"event":"error","code":"usage","text":"no{evil}","command":"fork{evil}"}}"#),
            format!(
                r#"{{"event":"help","commands":[{{"name":"a{evil}","aliases":["b{evil}"],"usage":"u{evil}","about":"c{evil}","group":"g{evil}","examples":["e{evil}"]}},{{"name":"a","aliases":["b{evil}"],"usage":"u","about":"c"}}]}}"#
            ),
            format!(r#"{{"event":"typed","session":0,"text":"t{evil}"}}"#),
            format!(r#"{{"event":"sent","session":1,"text":"t{evil}"}}"#),
        ]
        .join("\n");
        for (json, columns) in [(false, None), (false, Some(80)), (true, None)] {
            let (done, out, err) = replay_on(&record, json, columns);
            done.unwrap();
            assert!(out.chars().all(|c| c == '\n' || !is_hostile(c)), "{out:?}");
            assert_eq!(err, "");
        }
    }

    #[test]
    fn a_file_without_any_event_is_refused() {
        assert!(replay("hello\nworld\n", false).0.unwrap_err().to_string().contains("is no record"));
        replay("", false).0.unwrap();
    }
    #[test]
    fn comings_and_goings_are_folded_by_their_recorded_times() {
        let line = |name: &str, at: u8| {
            format!(
                "{{\"event\":\"joined\",\"name\":\"{name}\",\"recorded\":\"2026-01-02T03:04:{at:02}Z\"}}\n"
            )
        };
        let record = [line("a", 0), line("b", 1), line("c", 1), line("d", 9), line("e", 9)].concat();
        let (done, out, _) = replay_on(&record, false, Some(80));
        done.unwrap();
        assert_eq!(out, ">>> a joined\n>>> b and c joined\n>>> d joined\n>>> e joined\n");
    }

    #[test]
    fn a_line_typed_at_a_terminal_is_shown_once_under_its_prompt() {
        let record = r#"{"event":"typed","session":0,"text":"hi"}
{"event":"typed","session":0,"text":"\\ss"}
{"event":"sent","session":0,"text":"hi","seq":1}"#;
        for columns in [None, Some(80)] {
            let (done, out, err) = replay_on(record, false, columns);
            done.unwrap();
            assert_eq!((out.as_str(), err.as_str()), ("lobby> hi\nlobby> \\ss\n", ""));
        }
    }

    #[test]
    fn a_private_text_that_a_command_said_is_shown_at_a_terminal_when_it_was_sent() {
        let welcome = r#"{"event":"welcome","name":"anna","server":"here","hosted":false,"session":0,"fingerprint":"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU","key_exchange":"X25519"}"#;
        let record = r#"{"event":"typed","session":0,"text":"\\msg Bobby hi"}
{"event":"forking","session":1,"peer":"bobby"}
{"event":"typed","session":0,"text":"/m carmen hi"}
{"event":"sent","session":1,"text":"hi"}
{"event":"typed","session":1,"text":"hi","said":"hi"}
{"event":"sent","session":1,"text":"hi"}"#;
        let (done, out, _) = replay_on(&format!("{welcome}\n{record}"), false, Some(80));
        done.unwrap();
        let rows: Vec<&str> = out.lines().filter(|row| !row.starts_with(">>>")).collect();
        let said = "P-> bobby <anna> hi";
        assert_eq!(rows, ["lobby> \\msg Bobby hi", "lobby> /m carmen hi", said, said]);
    }

    #[test]
    fn only_typed_lines_that_were_said_are_shown_as_messages() {
        let typed = |(text, said): (&str, Option<&str>)| {
            let said = said.map(|said| format!(",\"said\":{said:?}")).unwrap_or_default();
            format!("{{\"event\":\"typed\",\"session\":0,\"text\":{text:?}{said}}}\n")
        };
        let welcome = r#"{"event":"welcome","name":"anna","server":"here","hosted":false,"session":0,"fingerprint":"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU","key_exchange":"X25519"}"#;
        let lines = [
            ("hi", Some("hi")),
            ("/users", None),
            ("too early", None),
            ("/etc/hosts", Some("/etc/hosts")),
            ("//text", Some("/text")),
            ("\\wave", Some("* anna waves")),
            ("\\ss", None),
        ];
        let lines = lines.map(typed);
        let (done, out, _) = replay_on(&format!("{welcome}\n{}", lines.concat()), false, Some(80));
        done.unwrap();
        let rows: Vec<&str> = out.lines().filter(|row| !row.starts_with(">>>")).collect();
        let expected = [
            "anna: hi",
            "lobby> /users",
            "lobby> too early",
            "anna: /etc/hosts",
            "anna: /text",
            "* anna waves",
            "lobby> \\ss",
        ];
        assert_eq!(rows, expected);
    }
}
