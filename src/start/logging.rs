//! Diagnostics: whether they are written, and where. They never go into the chat on a terminal.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result, anyhow};
use tracing_subscriber::EnvFilter;

/// Starts writing diagnostics of `level` and above to `file`, or to standard error.
///
/// # Errors
/// Fails if the level is not valid, or if the file cannot be opened.
pub fn start(level: &str, file: Option<&Path>) -> Result<()> {
    // rustyline's own diagnostics would contain what the user types.
    let filter = EnvFilter::try_new(format!("{level},rustyline=warn"))
        // The filter's own error says the same, twice.
        .map_err(|_| anyhow!("--log {level:?}: expected error, warn, info, debug or trace"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    match file {
        Some(path) => {
            let file = File::options()
                .create(true)
                .append(true)
                // The file names the users to whom this user talks, and their addresses.
                .mode(0o600)
                .open(path)
                .with_context(|| format!("the log file {} cannot be opened", path.display()))?;
            builder.with_writer(Mutex::new(file)).init();
        }
        None => builder.with_writer(std::io::stderr).init(),
    }
    Ok(())
}
