//! What the server says when it cannot start: what failed, where, and why; each of these once.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::tempdir;

use crate::stage::{command, run_to_end};

/// Checks that no part of an error is repeated.
#[track_caller]
fn says_all_once(said: &str) {
    let error = said.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("{said}"));
    let mut parts: Vec<&str> = error.split([':', ';']).map(str::trim).filter(|part| part.len() > 3).collect();
    let count = parts.len();
    parts.sort_unstable();
    parts.dedup();
    assert_eq!(parts.len(), count, "something is said twice: {error}");
}

#[test]
fn a_server_that_cannot_start_says_once_why() {
    type Obstacle = fn(&Path);
    let obstacles: [(Obstacle, &str); 6] = [
        (|dir| fs::create_dir_all(dir.join("server/server.key")).unwrap(), "server.key"),
        (|dir| fs::create_dir_all(dir.join("server/lobby.sqlite")).unwrap(), "lobby.sqlite"),
        (|dir| fs::create_dir_all(dir.join("server/lobby.head")).unwrap(), "lobby.head"),
        (|dir| fs::create_dir_all(dir.join("server/lock")).unwrap(), "lock"),
        (|dir| fs::write(dir.join("server"), "").unwrap(), "server"),
        (
            |dir| {
                fs::create_dir(dir.join("server")).unwrap();
                fs::write(dir.join("server/lobby.sqlite"), "no log").unwrap();
            },
            "not a database",
        ),
    ];
    for (obstacle, named) in obstacles {
        let root = tempdir().unwrap();
        obstacle(root.path());
        for entry in ["server", "server/server.key"] {
            // A folder in the place of the key is refused because it is a folder, not because of who may read it.
            if root.path().join(entry).is_dir() {
                fs::set_permissions(root.path().join(entry), Permissions::from_mode(0o700)).unwrap();
            }
        }
        let (code, said) = run_to_end(&["--listen", "127.0.0.1:0"], root.path());
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(named), "{said}");
        says_all_once(&said);
    }
}

#[test]
fn wrong_options_and_a_missing_log_are_reported_once() {
    let root = tempdir().unwrap();
    says_all_once(&run_to_end(&["verify"], root.path()).1);
    says_all_once(&run_to_end(&["--listen", "192.0.2.1:1"], root.path()).1);
    let no_file = root.path().join("none.toml").display().to_string();
    for args in [["--log", "foo=bar=1"], ["--config", &no_file]] {
        let output = command().args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        says_all_once(&String::from_utf8(output.stderr).unwrap());
    }
}

#[test]
fn control_characters_that_an_error_repeats_cannot_move_the_cursor() {
    let escape = "\u{1b}[2J";
    for arguments in [
        vec!["--data-dir".to_owned(), format!("/proc/{escape}")],
        vec!["verify".to_owned(), "--data-dir".to_owned(), format!("/proc/{escape}")],
        vec![format!("--{escape}")],
        vec!["--config".to_owned(), format!("/proc/{escape}.toml")],
    ] {
        let output = command().args(&arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && !said.is_empty(), "{arguments:?}");
        assert!(!said.contains('\u{1b}'), "{arguments:?}: {said:?}");
    }
}
