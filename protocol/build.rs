//! Finds out which commit is being built, and hands it to `version.rs`. This script knows nothing else of the crate.
//! The result depends on the commit alone, never on the machine or the time of day, so that the same sources always
//! give the same program.
//!
//! A development build names no commit. If it did, Cargo would have to compile everything again after each commit.
#![allow(clippy::print_stdout, reason = "Cargo reads the answers of a build script from there")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many digits of the hash are used: enough to tell one commit from many millions of others.
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
    // Cargo gives every build script the folder of its package in this variable.
    let root = env::var_os("CARGO_MANIFEST_DIR").map(|package| Path::new(&package).join(".."));
    let commit = root.and_then(|root| archived_commit(&root).or_else(|| checked_out_commit(&root)));
    commit.map_or_else(|| "commit unknown".to_owned(), |commit| format!("commit {commit}"))
}

/// Returns the commit that an archive of the sources was made from. `git archive` writes its hash into
/// `release/commit`; in a checkout that file holds no hash, and the answer is `None`.
fn archived_commit(root: &Path) -> Option<String> {
    let path = root.join("release/commit");
    println!("cargo:rerun-if-changed={}", path.display());
    let text = fs::read_to_string(path).ok()?;
    let hash = text.trim();
    hash.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| hash.get(..DIGITS).map(str::to_owned))?
}

/// Returns the commit that is checked out. The answer is `None` if `root` is not the top folder of a git checkout, for
/// example because the sources lie somewhere inside another project's checkout.
fn checked_out_commit(root: &Path) -> Option<String> {
    let top = PathBuf::from(git(root, &["rev-parse", "--show-toplevel"])?);
    if top.canonicalize().ok()? != root.canonicalize().ok()? {
        return None;
    }
    let state = PathBuf::from(git(root, &["rev-parse", "--absolute-git-dir"])?);
    // These files change whenever the answer can change. Paths that do not exist are left out, because Cargo would run
    // this script at every build for them.
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

/// Runs git and returns its output without the newline at the end, or `None` if git is missing or fails.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    let text = output.status.success().then(|| String::from_utf8(output.stdout))?.ok()?;
    Some(text.trim_end().to_owned())
}
