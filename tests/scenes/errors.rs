//! What the client says when an obstacle stops it: what failed, where, and why, each only once, and nothing that acts
//! on a terminal, whatever the name of a file or an argument is.

use std::fs;
use std::path::Path;

use crate::support::free_port;
use crate::support::home::Home;
use crate::support::launch::Launch;
use crate::support::output::Output;
use crate::support::server::Server;

/// Puts an obstacle into a home.
type Obstacle = fn(&Home);

/// Returns the parts of a line between colons and other separators, without the shortest ones.
fn parts(line: &str) -> Vec<&str> {
    line.split([':', ';', '(', ')', ',']).map(str::trim).filter(|part| part.len() > 3).collect()
}

/// Checks that no line says any of its parts twice, and that the output contains `part`.
#[track_caller]
fn tells_once(output: &Output, part: &str) {
    assert!(output.everything().contains(part), "the output has nothing of {part:?}\n{}", output.story());
    for line in output.stdout.iter().chain(&output.stderr) {
        let mut told = parts(line);
        let count = told.len();
        told.sort_unstable();
        told.dedup();
        assert_eq!(told.len(), count, "something is said twice: {line}");
    }
}

/// Puts a folder in the place of a file.
fn folder_at(home: &Home, path: &str) {
    fs::create_dir_all(home.path().join(path)).unwrap();
}

/// Puts a link that leads to itself in the place of a file or folder.
fn link_at(home: &Home, path: &str) {
    let path = home.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&path, &path).unwrap();
}

/// Puts a file in the place of a folder.
fn file_at(home: &Home, path: &str) {
    let path = home.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "").unwrap();
}

#[test]
fn an_obstacle_at_the_start_is_reported_once() {
    let obstacles: [(Obstacle, &[&str], &str); 16] = [
        (|home| file_at(home, "data"), &[], "Not a directory"),
        (|home| folder_at(home, "data/hobnob/identities/anna.key"), &[], "anna.key"),
        (|home| folder_at(home, "data/hobnob/known_keys.toml"), &[], "Is a directory"),
        (|home| folder_at(home, "data/hobnob/aliases.toml"), &[], "Is a directory"),
        (|home| folder_at(home, "data/hobnob/ignored.toml"), &[], "Is a directory"),
        (|home| home.write_config("name = "), &[], "config.toml"),
        (|home| folder_at(home, "config/hobnob/config.toml"), &[], "config.toml"),
        (|home| file_at(home, "config/hobnob"), &[], "config"),
        (|home| link_at(home, "data/hobnob/aliases.toml"), &[], "symbolic links"),
        (|home| link_at(home, "data/hobnob/identities/anna.key"), &[], "symbolic links"),
        (|_| {}, &["--config", "nowhere.toml"], "nowhere.toml"),
        (|_| {}, &["--record", "nowhere/record"], "nowhere/record"),
        (|_| {}, &["--log-file", "nowhere/log"], "nowhere/log"),
        (|_| {}, &["--log", "a=b=c"], "a=b=c"),
        (|_| {}, &["--listen", "192.0.2.1:1"], "192.0.2.1:1"),
        (|_| {}, &["replay", "nowhere/record"], "nowhere/record"),
    ];
    let server = Server::start(&[]);
    for (obstacle, args, part) in obstacles {
        let home = Home::new();
        obstacle(&home);
        tells_once(&server.client("anna").home(&home).args(args.iter().copied()).run("hello\n"), part);
    }
}

#[test]
fn a_lobby_that_cannot_be_joined_or_hosted_is_reported_once() {
    let nobody = format!("127.0.0.1:{}", free_port());
    tells_once(&Launch::hobnob().args(["--name", "anna", "--server", &nobody]).run("").failed(), &nobody);
    let obstacles: [(Obstacle, &str); 3] = [
        (|home| folder_at(home, "data/hobnob/server/server.key"), "server.key"),
        (|home| folder_at(home, "data/hobnob/server/lobby.sqlite"), "lobby.sqlite"),
        (|home| file_at(home, "data/hobnob/server"), "server"),
    ];
    for (obstacle, part) in obstacles {
        let home = Home::new();
        obstacle(&home);
        let address = format!("127.0.0.1:{}", free_port());
        let host = Launch::hobnob().home(&home).args(["--name", "anna", "--host", &address]);
        tells_once(&host.run("").failed(), part);
    }
}

#[test]
fn an_obstacle_to_a_command_is_reported_once() {
    let server = Server::start(&[]);
    let scripts: [(Obstacle, &str, &str); 4] = [
        (|home| folder_at(home, "data/hobnob/aliases.lock"), "\\alias brb be right back\n", "aliases"),
        (|home| folder_at(home, "data/hobnob/ignored.lock"), "\\ignore bobby\n", "ignored"),
        (|home| file_at(home, "data/hobnob/conversations"), "\\search hello\n", "conversations"),
        (|home| folder_at(home, "data/hobnob/history.sqlite"), "\\fork bobby\n", "history.sqlite"),
    ];
    let _bobby = server.join("bobby");
    for (obstacle, script, part) in scripts {
        let home = Home::new();
        obstacle(&home);
        tells_once(&server.client("anna").home(&home).run(script), part);
    }
}

/// Checks that nothing the program wrote acts on a terminal.
#[track_caller]
fn is_harmless(output: &Output) {
    let shown = output.everything();
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{}", output.story());
}

#[test]
fn names_of_files_and_arguments_cannot_act_on_the_terminal() {
    let evil = "x\u{1b}[2J\u{9b}2J\u{7}\u{202e}";
    let wrong: [&[&str]; 9] = [
        &["replay", evil],
        &["--config", evil],
        &["--record", &format!("{evil}/r")],
        &["--log-file", &format!("{evil}/l")],
        &["--log", &format!("{evil}=b=c")],
        &["--name", evil],
        &["--server", evil],
        &["--color", evil],
        &[&format!("--{evil}")],
    ];
    for args in wrong {
        let output = Launch::hobnob()
            .args(["--data-dir", "/dev/null/data"])
            .args(args.iter().copied())
            .run("")
            .failed();
        is_harmless(&output);
        assert!(output.everything().len() > 10, "{}", output.story());
    }
    let home = Home::new();
    let folder = home.path().join(evil);
    fs::write(&folder, "").unwrap();
    let inside = folder.join("data").display().to_string();
    is_harmless(&Launch::hobnob().args(["--name", "anna", "--data-dir", &inside]).run("").failed());
    is_harmless(&Launch::hobnob().args(["--data-dir", &inside, "config"]).run("").ended_with(0));
    let record = home.path().join("record");
    fs::write(&record, record_of(&folder)).unwrap();
    is_harmless(&Launch::hobnob().args(["replay", &record.display().to_string()]).run("").ended_with(0));
}

/// Writes a record in which every line is hostile.
fn record_of(path: &Path) -> String {
    let text = serde_json::to_string(&path.display().to_string()).unwrap();
    format!(
        "{{\"event\":\"error\",\"code\":\"usage\",\"text\":{text},\"command\":{text}}}\n{{\"event\":\"help\",\"commands\":\
         [{{\"name\":{text},\"aliases\":[{text}],\"usage\":{text},\"about\":{text}}}]}}\n"
    )
}
