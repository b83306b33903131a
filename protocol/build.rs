//! Finds which commit is being built, for `version.rs`. Knows nothing of the crate otherwise. What it finds depends on
//! the commit alone, never on the machine or the hour, so that the same sources make the same program.
//!
//! A development build names no commit: with one in it, each commit would have everything compiled again.
#![allow(clippy::print_stdout, reason = "Cargo reads the answers of a build script from there")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// As many digits of a hash as name one commit among many millions.
const DIGITS: usize = 12;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=HOBNOB_COMMIT");
    println!("cargo:rustc-env=HOBNOB_ORIGIN={}", origin());
}

fn origin() -> String {
    if let Ok(named) = env::var("HOBNOB_COMMIT") {
        return format!("commit {named}");
    }
    if env::var("PROFILE").as_deref() != Ok("release") {
        return "development build".to_owned();
    }
    // Cargo names the package's folder to every build script.
    let root = env::var_os("CARGO_MANIFEST_DIR").map(|package| Path::new(&package).join(".."));
    let commit = root.and_then(|root| archived_commit(&root).or_else(|| checked_out_commit(&root)));
    commit.map_or_else(|| "commit unknown".to_owned(), |commit| format!("commit {commit}"))
}

/// The commit an archive was made of: `git archive` writes it into this file, which says nothing in a checkout.
fn archived_commit(root: &Path) -> Option<String> {
    let path = root.join("release/commit");
    println!("cargo:rerun-if-changed={}", path.display());
    let text = fs::read_to_string(path).ok()?;
    let hash = text.trim();
    hash.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| hash.get(..DIGITS).map(str::to_owned))?
}

/// The commit that is checked out, where this is a checkout and not a folder in somebody else's.
fn checked_out_commit(root: &Path) -> Option<String> {
    let top = PathBuf::from(git(root, &["rev-parse", "--show-toplevel"])?);
    if top.canonicalize().ok()? != root.canonicalize().ok()? {
        return None;
    }
    let state = PathBuf::from(git(root, &["rev-parse", "--absolute-git-dir"])?);
    // Whatever can change the answer. A path that is not there would have Cargo ask at every build.
    let asked_again = [state.join("HEAD"), state.join("logs/HEAD")].into_iter().chain(
        ["src", "server", "order", "protocol", "Cargo.toml", "Cargo.lock"].map(|name| root.join(name)),
    );
    for path in asked_again.filter(|path| path.exists()) {
        println!("cargo:rerun-if-changed={}", path.display());
    }
    let digits = format!("--short={DIGITS}");
    let commit = git(root, &["rev-parse", &digits, "HEAD"])?;
    let changed = git(root, &["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit}, modified") })
}

/// What git answers, without the end of the line; nothing where there is no git or it refuses.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    let text = output.status.success().then(|| String::from_utf8(output.stdout))?.ok()?;
    Some(text.trim_end().to_owned())
}
