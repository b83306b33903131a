//! A few seconds of every scenario, to see that the yardstick works. Says nothing of time.

use std::path::Path;
use std::process::Command;

/// The yardstick. It builds what it measures unless the workspace's tests have built that already: to
/// build it once more for a smoke test takes longer than all else here.
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
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("figures.json");
    let output = yardstick().args(["--smoke", "--json"]).arg(&json).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let figures: serde_json::Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    let figures = figures["figures"].as_array().unwrap();
    for scenario in ["steady", "full", "idle", "joins", "deaf", "posts", "curve", "peer", "client", "history"]
    {
        assert!(
            figures.iter().any(|figure| figure["scenario"] == scenario),
            "nothing of {scenario}:\n{said}"
        );
    }
    for figure in figures {
        assert!(figure["hobnob"].is_number(), "{figure}");
        if figure["figure"].as_str().unwrap().ends_with("lost, twice or late") {
            // Late says something of time; lost and twice would be later than that.
            assert!(figure["rounds"]["hobnob"].is_array());
        }
    }
}
