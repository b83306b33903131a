//! `hobnob man`: writes the manual page, which is made from the command line options and the table of commands.

use anyhow::Result;
use clap::CommandFactory;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::Outputs;
use crate::cli::{Cli, EXAMPLES};
use crate::commands::COMMANDS;

/// Writes the page in troff, for `man -l -`. If the output is a terminal, a note says how to read the page.
///
/// # Errors
/// Fails if an output cannot be written.
pub fn run(outputs: &mut Outputs<'_>) -> Result<()> {
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
    outputs.out.write_all(&page)?;
    if outputs.columns.is_some() {
        writeln!(outputs.err, "hobnob: this page is for a formatter; read it with: hobnob man | man -l -")?;
    }
    Ok(())
}

fn commands() -> Roff {
    let mut roff = Roff::default();
    roff.control("SH", ["COMMANDS"]);
    roff.text([roman(
        "A line that begins with \\ is a command; type \\\\ to begin a text with a backslash.",
    )]);
    for command in COMMANDS {
        roff.control("TP", []);
        let aliases: String = command.aliases.iter().map(|alias| format!(", \\{alias}")).collect();
        roff.text([roman(format!("{}{aliases}", command.usage))]);
        roff.text([roman(command.about)]);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in [
        ("0", "everything worked"),
        ("1", "on a pipe: a command failed, or a text was not delivered"),
        ("2", "wrong usage, or a file cannot be used"),
        ("3", "the lobby could not be reached or joined, or an operator sent this user out of it"),
        ("4", "a server or a user has another key than the one that was trusted"),
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
    fn the_manual_page_contains_options_commands_and_exit_codes() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        run(&mut Outputs { out: &mut out, err: &mut err, color: false, columns: None }).unwrap();
        assert!(err.is_empty());
        let page = String::from_utf8(out).unwrap();
        let cli = Cli::command();
        let options = cli.get_arguments().filter_map(|option| option.get_long());
        let options = options.map(|option| format!("\\-\\-{}", option.replace('-', "\\-")));
        let commands = COMMANDS.iter().map(|command| format!("\\\\{}", command.name));
        let others = [".TH hobnob", "\\\\fork NAME", ".SH \"EXIT STATUS\"", "HOBNOB_NAME"].map(str::to_owned);
        for part in options.chain(commands).chain(others) {
            assert!(page.contains(&part), "{part} is not in\n{page}");
        }
    }
}
