//! Tests with small shell scripts as programs: allowed and not allowed, changed, slow, and stopped.

use std::process::Command;
use std::time::Duration;

use super::*;
use crate::show::Message;
use crate::timestamp::now;

struct Scene {
    folder: tempfile::TempDir,
    own: Plugins,
    events: mpsc::Receiver<PluginEvent>,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (event_tx, events) = mpsc::channel(8);
        let own = Plugins::new(vec![folder.path().to_owned()], folder.path(), event_tx);
        Self { folder, own, events }
    }

    /// Installs a script. Another process writes the file, because a file that this process has open for writing would
    /// be busy if a test in another thread started a program at that moment.
    fn install(&self, name: &str, script: &str) {
        let source = self.folder.path().join("source");
        std::fs::write(&source, format!("#!/bin/sh\n{script}")).unwrap();
        let target = self.folder.path().join(format!("hobnob-{name}"));
        assert!(
            Command::new("install").args(["-m", "755"]).arg(&source).arg(target).status().unwrap().success()
        );
    }

    fn call(&mut self, name: &str, args: &[&str]) -> u32 {
        let message = Message::new(SessionId::LOBBY, None, "bobby".parse().unwrap(), "secret", now());
        let message = Message { seq: Some(1), ..message };
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        let call = Call {
            command: name.to_owned(),
            args,
            name: "anna".to_owned(),
            session: None,
            recent: vec![message],
        };
        self.own.call(call).unwrap()
    }

    /// Collects the lines of a run until it ends.
    fn outcome(&mut self, job: u32) -> (Vec<String>, PluginOutcome) {
        let mut lines = Vec::new();
        loop {
            let event = self.events.blocking_recv().unwrap();
            assert_eq!(event.job, job);
            match event.report {
                Report::Begun(description) => self.own.begun(job, description),
                Report::Line(line) => lines.push(line),
                Report::Ended(outcome) => {
                    self.own.ended(job);
                    return (lines, outcome);
                }
            }
        }
    }

    fn allow(&mut self, name: &str) -> PluginOutcome {
        let job = self.own.allow(name).unwrap();
        self.outcome(job).1
    }
}

const ROLL: &str = r#"[ "$1" = --describe ] && { echo '{"about":"dice","rights":["say"]}'; exit; }
read call
echo "$#:$1:$2"
echo "$call"
cat
"#;

#[test]
fn a_program_runs_only_if_it_was_allowed_and_has_not_changed() {
    let mut scene = Scene::new();
    scene.install("roll", ROLL);
    assert_eq!(scene.own.rows()[0].about, "not allowed yet: \\allow roll");
    let job = scene.call("roll", &[]);
    let (lines, outcome) = scene.outcome(job);
    assert!(lines.is_empty());
    let PluginOutcome::NotAllowed { wants, changed: false, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(wants, "say something in your name in the session you call it from");

    assert!(matches!(scene.allow("roll"), PluginOutcome::Allowed(_)));
    assert_eq!(scene.own.rows()[0].about, "dice");
    let job = scene.call("roll", &["2d6", "a b"]);
    let (lines, outcome) = scene.outcome(job);
    assert_eq!((lines.len(), lines[0].as_str()), (2, "2:2d6:a b"), "{lines:?}");
    assert!(lines[1].starts_with(r#"{"event":"call","command":"roll","args":["2d6","a b"],"name":"anna""#));
    assert!(matches!(outcome, PluginOutcome::Done), "{outcome:?}");

    scene.install("roll", &format!("{ROLL}# changed"));
    let job = scene.call("roll", &[]);
    let (_, outcome) = scene.outcome(job);
    assert!(matches!(outcome, PluginOutcome::NotAllowed { changed: true, .. }), "{outcome:?}");
}

#[test]
fn a_program_runs_from_a_copy_and_is_told_its_original_path() {
    let mut scene = Scene::new();
    // The script changes its own file while it describes itself, so it is changed after it was copied and before it is
    // called.
    let describes = r#"[ "$1" = --describe ] && { echo '{}'; echo "exit 1" >> "$HOBNOB_COMMAND"; exit; }
echo "$0"; echo "$HOBNOB_COMMAND"
"#;
    scene.install("where", describes);
    scene.allow("where");
    let job = scene.call("where", &[]);
    let (_, outcome) = scene.outcome(job);
    assert!(matches!(outcome, PluginOutcome::NotAllowed { changed: true, .. }), "{outcome:?}");
    scene.install("where", describes);
    let job = scene.call("where", &[]);
    let (lines, outcome) = scene.outcome(job);
    assert!(matches!(outcome, PluginOutcome::Done), "{outcome:?}");
    let origin = scene.folder.path().join("hobnob-where");
    assert_eq!(lines[1], origin.display().to_string());
    let copy = Path::new(&lines[0]);
    assert_eq!((copy.file_name(), copy.exists()), (origin.file_name(), false));
    assert!(copy.starts_with(scene.folder.path().join("own_commands")));
}

#[test]
fn a_program_with_the_right_reads_the_recent_messages() {
    let mut scene = Scene::new();
    let describes = r#"[ "$1" = --describe ] && { echo '{"rights":["recent"]}'; exit; }
cat"#;
    scene.install("read", describes);
    scene.allow("read");
    let job = scene.call("read", &[]);
    let (lines, _) = scene.outcome(job);
    assert_eq!(lines.len(), 2);
    assert!(lines[1].contains(r#""event":"message""#) && lines[1].contains("secret"), "{lines:?}");
}

#[test]
fn a_failed_run_and_a_wrong_description_are_reported_with_a_reason() {
    let mut scene = Scene::new();
    scene.install("bad", "echo nonsense");
    let PluginOutcome::Failed(reason) = scene.allow("bad") else { panic!() };
    assert!(reason.to_string().contains("no description"), "{reason}");
    scene.install("bad", "echo '{}'; [ \"$1\" ] || { echo broken >&2; exit 4; }");
    assert!(matches!(scene.allow("bad"), PluginOutcome::Allowed(_)));
    let job = scene.call("bad", &[]);
    let PluginOutcome::Failed(reason) = scene.outcome(job).1 else { panic!() };
    assert_eq!(reason.to_string(), "it failed: broken");
}

#[test]
fn closing_kills_all_runs_at_once() {
    let mut scene = Scene::new();
    scene.install("slow", "[ \"$1\" = --describe ] && { echo '{}'; exit; }\nexec sleep 1000");
    scene.allow("slow");
    for _ in 0..MAX_RUNS {
        scene.call("slow", &[]);
    }
    let call = Call {
        command: "slow".to_owned(),
        args: vec![],
        name: "anna".to_owned(),
        session: None,
        recent: vec![],
    };
    assert!(scene.own.call(call).unwrap_err().to_string().contains("run already"));
    let begun = std::time::Instant::now();
    scene.events.close();
    scene.own.close();
    assert!(begun.elapsed() < Duration::from_secs(5));
}
