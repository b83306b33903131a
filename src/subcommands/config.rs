//! `hobnob config`: the settings in effect, as the config file would write them, each with where it
//! comes from. What they are is [`crate::config`]'s.

use std::ffi::OsString;
use std::io::Write;

use anyhow::Result;

use crate::cli::Cli;
use crate::config::{self, Effective};

/// Writes the settings of this command line, this environment and this config file.
///
/// # Errors
/// When one of them is wrong, or `out` takes nothing.
pub fn run(cli: Cli, env: &dyn Fn(&str) -> Option<OsString>, out: &mut dyn Write) -> Result<()> {
    let effective = config::effective(cli, env)?;
    out.write_all(page(&effective).as_bytes())?;
    Ok(())
}

fn page(effective: &Effective) -> String {
    let mut page = match &effective.file {
        Some((path, true)) => format!("# the config file is {}\n", path.display()),
        Some((path, false)) => format!("# the config file would be {}; there is none\n", path.display()),
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
    let width = lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= 48).max();
    let width = width.unwrap_or(0);
    for (line, source) in lines {
        page.push_str(&format!("{line:width$}  # {source}\n"));
    }
    page
}
