//! `hobnob completions SHELL`: what a shell needs to complete hobnob's options.

use std::io::Write;

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;

/// Writes the completions.
///
/// # Errors
/// When `out` takes nothing.
pub fn run(shell: Shell, out: &mut dyn Write) -> Result<()> {
    // The generator panics when its writer fails.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "hobnob", &mut script);
    out.write_all(&script)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_completes_every_option() {
        for shell in Shell::value_variants() {
            let mut out = Vec::new();
            run(*shell, &mut out).unwrap();
            let script = String::from_utf8(out).unwrap();
            for option in ["since", "record", "data-dir", "replay"] {
                assert!(script.contains(option), "{shell}: {option}");
            }
        }
    }
}
