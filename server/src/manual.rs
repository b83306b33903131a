//! The pages for `hobnob-server man` and `hobnob-server completions`. They are made from the command line, with
//! additions that its help does not have. This file knows nothing of a running server, and writes to no file.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::cli::Cli;

/// Returns the script with which a shell completes the options.
pub(crate) fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "hobnob-server", &mut script);
    script
}

/// Returns the manual page in troff, for `man -l -`.
pub(crate) fn page() -> Result<Vec<u8>> {
    let man = Man::new(Cli::command()).manual("hobnob").source(concat!("hobnob ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_subcommands_section(&mut page)?;
    rest().to_writer(&mut page)?;
    Ok(page)
}

/// Returns the sections that cannot be made from the command line.
fn rest() -> Roff {
    let mut roff = Roff::default();
    section(
        &mut roff,
        "EXIT STATUS",
        &[
            ("0", "the server ended in order, the log is sound, or the backup was made"),
            ("1", "the server could not run, the log is not sound, or there is no backup"),
            ("2", "wrong usage"),
        ],
    );
    section(
        &mut roff,
        "FILES",
        &[
            ("DIR/server/server.key", "the server's key; the first start makes it"),
            ("DIR/server/lobby.sqlite", "the log: messages, rooms, and names with their keys"),
            ("/etc/hobnob-server.toml", "the settings that the packaged service reads"),
        ],
    );
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman("hobnob(1)")]);
    roff
}

fn section(roff: &mut Roff, heading: &str, rows: &[(&str, &str)]) {
    roff.control("SH", [heading]);
    for (name, meaning) in rows {
        roff.control("TP", []);
        roff.text([roman(*name)]);
        roff.text([roman(*meaning)]);
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    /// Returns the names of all options and subcommands.
    fn names() -> Vec<String> {
        let command = Cli::command();
        let options = command.get_arguments().filter_map(|option| option.get_long());
        let subcommands = command.get_subcommands().map(clap::Command::get_name);
        options.chain(subcommands).map(str::to_owned).collect()
    }

    #[test]
    fn the_page_names_options_subcommands_and_exit_codes() {
        let page = String::from_utf8(page().unwrap()).unwrap();
        let names = names().into_iter().map(|name| name.replace('-', "\\-"));
        let others = [".TH hobnob-server", ".SH \"EXIT STATUS\"", ".SH FILES"].map(str::to_owned);
        for part in names.chain(others) {
            assert!(page.contains(&part), "{part} is not in\n{page}");
        }
    }

    #[test]
    fn the_script_of_every_shell_completes_every_option() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(completions(*shell)).unwrap();
            for name in names() {
                assert!(script.contains(&name), "{shell}: {name}");
            }
        }
    }
}
