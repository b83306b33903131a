//! `hobnob man`: the manual page, made from the command line and the table of commands.

use std::io::Write;

use anyhow::Result;
use clap::CommandFactory;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::cli::{Cli, EXAMPLES};
use crate::commands::COMMANDS;

/// Writes the page in troff, for `man -l -`.
///
/// # Errors
/// When `out` takes nothing.
pub fn run(out: &mut dyn Write) -> Result<()> {
    let command = Cli::command().after_help("");
    let man = Man::new(command).manual("hobnob").source(concat!("hobnob ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_subcommands_section(&mut page)?;
    commands().to_writer(&mut page)?;
    out.write_all(&page)?;
    Ok(())
}

fn commands() -> Roff {
    let mut roff = Roff::default();
    roff.control("SH", ["COMMANDS"]);
    roff.text([roman("A line that begins with \\ is a command; \\\\ begins a text with a backslash.")]);
    for command in COMMANDS {
        roff.control("TP", []);
        let aliases: String = command.aliases.iter().map(|alias| format!(", \\{alias}")).collect();
        roff.text([roman(format!("{}{aliases}", command.usage))]);
        roff.text([roman(command.about)]);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in [
        ("0", "all done"),
        ("1", "on a pipe: some command failed or some message was not delivered"),
        ("2", "wrong usage"),
        ("3", "the lobby could not be reached or joined"),
        ("4", "a key is not the one that was trusted"),
    ] {
        roff.control("TP", []);
        roff.text([roman(code)]);
        roff.text([roman(meaning)]);
    }
    roff.control("SH", ["EXAMPLES"]);
    roff.control("nf", []);
    for line in EXAMPLES.lines().skip(1) {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_options_commands_and_exit_codes() {
        let mut out = Vec::new();
        run(&mut out).unwrap();
        let page = String::from_utf8(out).unwrap();
        for part in [".TH hobnob", "\\-\\-since", "\\\\fork NAME", ".SH \"EXIT STATUS\"", "HOBNOB_NAME"] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
    }
}
