//! `hobnob completions SHELL`: writes the script with which a shell completes the options of hobnob.

use std::io::Write;

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;

/// Writes the completion script.
///
/// # Errors
/// Fails if `out` cannot be written.
pub fn run(shell: Shell, out: &mut dyn Write) -> Result<()> {
    // The generator panics if its writer fails, so it writes to memory first.
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
    fn the_script_of_every_shell_completes_the_options() {
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
