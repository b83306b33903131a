//! A few seconds of every scenario, to see that the yardstick works. The times mean nothing.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test, in helpers too")]

use std::path::Path;
use std::process::Command;

/// The yardstick. It builds what it measures, unless the tests of the workspace have built that already: building it
/// once more for a smoke test would take longer than all the rest.
fn yardstick() -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_hobnob-yardstick"));
    let mut command = Command::new(program);
    if ["hobnob", "hobnob-server"].iter().all(|name| program.with_file_name(name).exists()) {
        command.env_remove("CARGO");
    }
    command
}

#[test]
fn every_scenario_gives_its_figures() {
    let scenarios = [
        "steady", "full", "idle", "joins", "deaf", "posts", "curve", "rooms", "peer", "relay", "client",
        "history",
    ];
    let (figures, said) = run(&scenarios);
    for scenario in scenarios {
        assert!(
            figures.iter().any(|figure| figure["scenario"] == scenario),
            "the table has nothing of {scenario}:\n{said}"
        );
    }
    figures.iter().for_each(is_whole);
}

#[test]
fn a_lobby_on_several_servers_gives_its_figures() {
    let (figures, said) = run(&["cluster"]);
    if figures.is_empty() {
        // The scenario has said why it was skipped, or has failed because CI is set.
        return;
    }
    for part in ["1 on R1, 20/s", "1 on R1, full", "3 on R3, 20/s", "3 on R3, full", "3 on R3, one dies"] {
        assert!(
            figures.iter().any(|figure| figure["figure"].as_str().unwrap().starts_with(part)),
            "the table has nothing of {part}:\n{said}"
        );
    }
    figures.iter().for_each(is_whole);
}

/// The figures of these scenarios, and the printed table.
fn run(scenarios: &[&str]) -> (Vec<serde_json::Value>, String) {
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("figures.json");
    let output = yardstick().args(["--smoke", "--json"]).arg(&json).args(scenarios).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let figures: serde_json::Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    (figures["figures"].as_array().unwrap().clone(), said.into_owned())
}

fn is_whole(figure: &serde_json::Value) {
    assert!(figure["hobnob"].is_number(), "{figure}");
    if figure["figure"].as_str().unwrap().ends_with("lost, twice or late") {
        // This figure also counts late deliveries, which depend on the machine's speed, so its value is not checked.
        assert!(figure["rounds"]["hobnob"].is_array());
    }
}
