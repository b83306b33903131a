//! Which build of hobnob this is, as `--version` shows it. The client and the server are always of the same release,
//! and this file knows neither of them.

use std::sync::LazyLock;

use crate::PROTOCOL_VERSION;

/// Where the build comes from, as `build.rs` found it: `commit` and a hash, or a note that no commit is known.
const ORIGIN: &str = env!("HOBNOB_ORIGIN");

/// Returns the release, the commit and the version of the protocol, for example `0.2.0 (commit 6f1c2a9d4e0b, protocol
/// 3)`.
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> =
        LazyLock::new(|| format!("{} ({ORIGIN}, protocol {PROTOCOL_VERSION})", env!("CARGO_PKG_VERSION")));
    &VERSION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_contains_the_release_the_origin_and_the_protocol() {
        let start = format!("{} (", env!("CARGO_PKG_VERSION"));
        let end = format!(", protocol {PROTOCOL_VERSION})");
        let origin = version().strip_prefix(&start).and_then(|rest| rest.strip_suffix(&end)).unwrap();
        let commit = origin.strip_prefix("commit ").map(|commit| commit.trim_end_matches(", modified"));
        let is_hash =
            |commit: &str| commit.len() >= 12 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(
            commit.is_some_and(|commit| commit == "unknown" || is_hash(commit))
                || origin == "development build",
            "{origin}"
        );
    }
}
