//! The command line of `hobnob`. What it means together with the environment and the config file is
//! [`crate::config`]'s.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use hobnob_protocol::name::Candidate;
use serde::Deserialize;

/// Chat from a terminal: a lobby everyone hears, and private sessions nobody else can read.
///
/// With no option it joins the lobby on 127.0.0.1:43210, or hosts one there where nobody does.
/// Anything typed is said in the current session; a line that begins with \ is a command, \help
/// lists them.
#[derive(Debug, Default, Parser)]
#[command(name = "hobnob", version, after_help = EXAMPLES)]
pub struct Cli {
    /// Join the lobby at this server; never host one [env: HOBNOB_SERVER]
    #[arg(long, value_name = "HOST:PORT")]
    pub server: Option<String>,

    /// Host a lobby at this address and join it; 0.0.0.0:43210 lets other machines in
    #[arg(long, value_name = "ADDR:PORT", conflicts_with = "server")]
    pub host: Option<SocketAddr>,

    /// Chat name; left out, it is asked for (on a pipe: the first line) [env: HOBNOB_NAME]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// Events as NDJSON on standard output, one object a line; no colour and no prompt
    #[arg(long)]
    pub json: bool,

    /// Begin after this message of the lobby: those that follow it come as missed ones, in order, so
    /// that a program that keeps the number of the last one it saw never sees one twice
    #[arg(long, value_name = "SEQ")]
    pub since: Option<u64>,

    /// Keep the events of this run in this file, as --json writes them; hobnob replay shows them
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// Where peers reach this client [default: every interface, a port the system picks]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,

    /// An address to tell peers besides those found; may repeat
    #[arg(long, value_name = "HOST:PORT")]
    pub advertise: Vec<Candidate>,

    /// Identity, trust, history [env: HOBNOB_DATA_DIR] [default: the XDG data directory]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Keep nothing of what is said in private sessions on this machine
    #[arg(long)]
    pub no_history: bool,

    /// TOML with the same names as these options [env: HOBNOB_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Colour; auto is never where NO_COLOR is set or the output is no terminal [default: auto]
    #[arg(long, value_name = "WHEN", value_enum)]
    pub color: Option<ColorChoice>,

    /// Diagnostics: error, warn, info, debug or trace [env: HOBNOB_LOG]
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<String>,

    /// Where diagnostics go [default: standard error; on a terminal, hobnob.log in the data directory]
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

const EXAMPLES: &str = "\
Examples:
  hobnob                                     a lobby on this machine
  hobnob --host 0.0.0.0:43210                host one that other machines can join
  hobnob --server chat.example.org:43210     join it
  printf 'hello\\n' | hobnob --name anna      say something from a script";
