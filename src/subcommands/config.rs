//! `hobnob config`: shows the settings in effect in the form of the config file, each with its source and what it
//! decides. [`crate::config`] owns the settings.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use anyhow::Result;
use clap::CommandFactory;

use crate::cli::Cli;
use crate::config::setting::SETTINGS;
use crate::config::{self, Effective};
use crate::show::COLUMNS;
use crate::show::harmless::{harmless, harmless_line};
use crate::show::terminal::wrap::wrap;

/// The column in which the sources are shown, unless a value is longer.
const VALUE: usize = 32;

/// Writes the settings that follow from this command line, environment and config file.
///
/// # Errors
/// Fails if one of these has a wrong value, or if `out` cannot be written.
pub fn run(cli: Cli, env: &dyn Fn(&str) -> Option<OsString>, out: &mut dyn Write) -> Result<()> {
    let effective = config::effective(cli, env)?;
    out.write_all(harmless(&page(&effective), "").as_bytes())?;
    Ok(())
}

fn page(effective: &Effective) -> String {
    let mut page = match &effective.file {
        Some((path, true)) => format!("# the config file is {}\n", shown(path)),
        Some((path, false)) => format!("# the config file would be {}; there is none\n", shown(path)),
        None => "# there is no config file: no home directory is known\n".to_owned(),
    };
    let lines: Vec<(String, String)> = effective
        .origins
        .iter()
        .map(|it| match &it.value {
            Some(value) => (format!("{} = {value}", it.key), it.source.to_string()),
            None => (format!("# {} =", it.key), format!("{}: {}", it.source, it.unset)),
        })
        .collect();
    for (origin, (line, source)) in effective.origins.iter().zip(lines) {
        page.push('\n');
        comment(&about(origin.key), &mut page);
        let width = line.chars().count().max(VALUE);
        if width + 4 + source.chars().count() <= COLUMNS {
            page.push_str(&format!("{line:width$}  # {source}\n"));
        } else {
            comment(&source, &mut page);
            page.push_str(&format!("{line}\n"));
        }
    }
    page
}

/// Returns a path on one line, so that all of it stays a comment.
fn shown(path: &Path) -> String {
    harmless_line(&path.to_string_lossy()).into_owned()
}

/// Returns what a setting decides, in the words of its option or of `\set`.
fn about(key: &str) -> String {
    if let Some(setting) = SETTINGS.iter().find(|setting| setting.path == key) {
        let (first, rest) = setting.about.split_at(1);
        return format!("{}{rest}: {}", first.to_uppercase(), setting.choices());
    }
    if key == "history" {
        return "Keep what is said on this machine".to_owned();
    }
    if key == "strangers" {
        return "How many private sessions may be open at once with people you have not answered".to_owned();
    }
    if key == "history-size" {
        return "Bytes of history to keep, half of them for private sessions alone; the oldest go first"
            .to_owned();
    }
    let command = Cli::command();
    let option = command.get_arguments().find(|option| option.get_long() == Some(key));
    option.and_then(|option| option.get_help()).map(ToString::to_string).unwrap_or_default()
}

/// Adds `text` as comment lines that fit on a terminal.
fn comment(text: &str, page: &mut String) {
    for row in wrap(text, COLUMNS - 2, COLUMNS - 2) {
        page.push_str(&format!("# {row}\n"));
    }
}
