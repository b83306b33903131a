//! Every input that is known is tried at every `cargo test`, without libFuzzer: the examples of the corpora, inputs that
//! once broke something, and the example lines of docs/PROTOCOL.md.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{codec, config_file, names, peer_lines, replay, said};

/// Tries every file of a target's corpus.
fn try_corpus(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let inputs: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!inputs.is_empty(), "{target} has no corpus");
    for input in inputs {
        eprintln!("trying {}", input.display());
        run(&fs::read(input).unwrap());
    }
}

/// The example lines of the protocol's page.
fn documented_lines() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/PROTOCOL.md");
    let document = fs::read_to_string(path).unwrap();
    let lines: Vec<String> =
        document.lines().filter(|line| line.starts_with("{\"type\"")).map(str::to_owned).collect();
    assert!(lines.len() > 20, "the examples were not found");
    lines
}

#[test]
fn codec_corpus() {
    try_corpus("codec", codec::run);
    for line in documented_lines() {
        // In pieces of eight bytes, and in lines of up to 2 KiB.
        codec::run(format!("\u{7}\u{7f}{line}\n{line}\n").as_bytes());
    }
}

#[test]
fn names_corpus() {
    try_corpus("names", names::run);
}

#[test]
fn said_corpus() {
    try_corpus("said", said::run);
    documented_lines().iter().for_each(|line| said::run(line.as_bytes()));
}

#[test]
fn peer_lines_corpus() {
    try_corpus("peer_lines", peer_lines::run);
    documented_lines().iter().for_each(|line| peer_lines::run(line.as_bytes()));
}

#[test]
fn replay_corpus() {
    try_corpus("replay", replay::run);
}

#[test]
fn config_file_corpus() {
    try_corpus("config_file", config_file::run);
}
