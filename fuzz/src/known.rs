//! Tries all known inputs at every `cargo test`, without libFuzzer: the example inputs in `corpus/`, inputs that once
//! broke something, and the example lines of docs/PROTOCOL.md.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{codec, config_file, names, peer_lines, replay, said};

/// Runs a target on every file of its corpus.
fn try_corpus(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let inputs: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!inputs.is_empty(), "{target} has no corpus");
    for input in inputs {
        eprintln!("trying {}", input.display());
        run(&fs::read(input).unwrap());
    }
}

/// Returns the example lines of docs/PROTOCOL.md.
fn documented_lines() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/PROTOCOL.md");
    let document = fs::read_to_string(path).unwrap();
    let lines: Vec<String> =
        document.lines().filter(|line| line.starts_with("{\"type\"")).map(str::to_owned).collect();
    assert!(lines.len() > 20, "the examples were not found");
    lines
}

#[test]
fn every_known_codec_input_passes() {
    try_corpus("codec", codec::run);
    for line in documented_lines() {
        // The two bytes say that the line arrives in pieces of eight bytes and may have up to 1 KiB.
        codec::run(format!("\u{7}\u{7f}{line}\n{line}\n").as_bytes());
    }
}

#[test]
fn every_known_names_input_passes() {
    try_corpus("names", names::run);
}

#[test]
fn every_known_said_input_passes() {
    try_corpus("said", said::run);
    documented_lines().iter().for_each(|line| said::run(line.as_bytes()));
}

#[test]
fn every_known_peer_lines_input_passes() {
    try_corpus("peer_lines", peer_lines::run);
    documented_lines().iter().for_each(|line| peer_lines::run(line.as_bytes()));
}

#[test]
fn every_known_replay_input_passes() {
    try_corpus("replay", replay::run);
}

#[test]
fn every_known_config_file_input_passes() {
    try_corpus("config_file", config_file::run);
}
