//! The command line of `hobnob`. [`crate::config`] decides what it means together with the environment and the config
//! file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::chain::Seq;
use hobnob_protocol::room::RoomName;
use hobnob_protocol::version::version;
use serde::{Deserialize, Serialize};

use crate::session::path::PathChoice;

/// Chat from a terminal: a lobby that everybody hears, and private sessions that nobody else can read.
///
/// Without options, hobnob joins the lobby on 127.0.0.1:43210; if there is none, it hosts one there.
/// A line that you type is said in the current session. A line that begins with \ is a command; \help
/// lists the commands.
#[derive(Debug, Default, Parser)]
#[command(name = "hobnob", version = version(), override_help = HELP, after_help = EXAMPLES)]
#[command(disable_help_subcommand = true, args_conflicts_with_subcommands = false)]
pub struct Cli {
    /// What to do instead of chatting
    #[command(subcommand)]
    pub subcommand: Option<Subcommands>,

    /// Join the lobby at this server, or at one of these servers; never host a lobby [env: HOBNOB_SERVER]
    #[arg(long, value_name = "HOST:PORT[,HOST:PORT...]")]
    pub server: Option<String>,

    /// Host a lobby at this address and join it; with 0.0.0.0:43210, other machines can join too
    #[arg(long, value_name = "ADDR:PORT", conflicts_with = "server")]
    pub host: Option<SocketAddr>,

    /// Chat name; left out, hobnob asks for it (on a pipe it takes the first line) [env: HOBNOB_NAME]
    #[arg(long, value_name = "NAME", global = true)]
    pub name: Option<String>,

    /// Print events as NDJSON on standard output, one object a line, without colour or prompt
    #[arg(long, global = true)]
    pub json: bool,

    /// Begin after the message with this number in the lobby, or with ROOM=SEQ in a room when that is joined. The
    /// messages that follow arrive in order, as missed ones. So a program that remembers the number of the last
    /// message it saw never sees a message twice. May repeat
    #[arg(long, value_name = "[ROOM=]SEQ")]
    pub since: Vec<SinceOption>,

    /// Write the events of this run to this file, as --json prints them; hobnob replay shows them
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// Address at which peers reach this client [default: every interface, a port that the system picks]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,

    /// One more address to tell peers, besides those that hobnob finds; may repeat
    #[arg(long, value_name = "HOST:PORT")]
    pub advertise: Vec<Candidate>,

    /// How private sessions travel: auto (directly, or else through the server), direct (never through the
    /// server), relay (only through the server; others are told no address) [env: HOBNOB_PATH] [default: auto]
    #[arg(long, value_name = "PATH", value_enum)]
    pub path: Option<PathChoice>,

    /// Folder for identities, trusted keys and history [env: HOBNOB_DATA_DIR] [default: the XDG data directory]
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,

    /// Keep no history of what is said on this machine
    #[arg(long)]
    pub no_history: bool,

    /// Read settings from this TOML file; its keys are the names of these options [env: HOBNOB_CONFIG]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,

    /// When to use colour; auto means on a terminal, unless NO_COLOR is set [default: auto]
    #[arg(long, value_name = "WHEN", value_enum, global = true)]
    pub color: Option<ColorChoice>,

    /// How much to log for diagnosis: error, warn, info, debug or trace [env: HOBNOB_LOG]
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<String>,

    /// File for that log [default: standard error; on a terminal, hobnob.log in the data directory]
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
}

/// The value of one `--since`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinceOption {
    /// The room; `None` for the lobby.
    pub room: Option<RoomName>,
    /// The number of the message before the first one that is wanted.
    pub seq: u64,
}

impl FromStr for SinceOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (room, seq) = match text.rsplit_once('=') {
            Some((room, seq)) => (Some(RoomName::typed(room).map_err(|err| err.to_string())?), seq),
            None => (None, text),
        };
        let seq: u64 = seq.parse().map_err(|_| "it is the number of a message, or ROOM=NUMBER".to_owned())?;
        // A larger number is larger than any number in the log, too.
        Ok(Self { room, seq: seq.min(Seq::MAX.0) })
    }
}

/// What to do instead of chatting.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Subcommands {
    /// Print the script that completes options in a shell: bash, elvish, fish, powershell or zsh
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// Print the settings in effect and where each comes from
    Config,
    /// Print the messages of lobbies, rooms and private sessions that this machine has kept, oldest first
    Log(LogOptions),
    /// Show a run that was recorded with --record, as it looked then
    Replay {
        /// The file given to --record
        file: PathBuf,
    },
}

/// What `hobnob log` is to print.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct LogOptions {
    /// Only private sessions with this user
    #[arg(long, value_name = "NAME", conflicts_with = "room")]
    pub with: Option<String>,
    /// Only this room
    #[arg(long, value_name = "ROOM")]
    pub room: Option<String>,
    /// From this time on: a time in RFC 3339, a date, today, yesterday, monday, or how long ago, such as 2h or 3d
    #[arg(long = "since", id = "log-since", value_name = "WHEN")]
    pub since: Option<String>,
    /// Before this time, written in the same way
    #[arg(long, value_name = "WHEN")]
    pub until: Option<String>,
    /// Only messages that have all these words
    #[arg(value_name = "WORDS")]
    pub words: Vec<String>,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always, even if the output is no terminal.
    Always,
    /// Never, even on a terminal.
    Never,
}

impl ColorChoice {
    /// Whether output has colour; `terminal` says whether it goes to a terminal.
    #[must_use]
    pub fn paints(self, terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => terminal,
        }
    }
}

/// The help of `--help`: one screen of 24 rows and 80 columns. The manual page says more.
const HELP: &str = "\
hobnob: chat from a terminal, in a lobby for everybody and in private sessions.
Usage: hobnob [OPTIONS]       chat; type \\help for a list of commands
       hobnob log [--with NAME | --room ROOM] [--since WHEN] [WORDS] [--json]
       hobnob config | man | completions SHELL | replay FILE [--json]

  --server HOST:PORT,…   join the lobby there, never host one      HOBNOB_SERVER
  --host ADDR:PORT       host a lobby; 0.0.0.0:43210 lets other machines in
  --name NAME            chat name; left out, hobnob asks for it     HOBNOB_NAME
  --json                 print events as NDJSON; read requests as JSON
  --since [ROOM=]SEQ     begin after this message of the lobby, or of a room
  --record FILE          record the events; hobnob replay shows them
  --listen ADDR:PORT     where peers reach this client
  --advertise HOST:PORT  one more address to tell peers; may repeat
  --path PATH            private sessions: auto, direct or relay     HOBNOB_PATH
  --data-dir DIR         for identity, trusted keys, history     HOBNOB_DATA_DIR
  --no-history           keep no history of what is said on this machine
  --config FILE          these options in a TOML file              HOBNOB_CONFIG
  --color WHEN           auto, always or never                          NO_COLOR
  --log LEVEL, --log-file FILE   how much to log: error to trace      HOBNOB_LOG
  --help, --version      (or -h, -V)

Examples:
  hobnob --server chat.example.org:43210      join a lobby elsewhere
  printf 'hello\\n' | hobnob --name anna       say something from a script";

/// The examples for the manual page.
pub(crate) const EXAMPLES: &str = "\
Examples:
  hobnob                                     join or host a lobby on this machine
  hobnob --host 0.0.0.0:43210                host a lobby that other machines can join
  hobnob --server chat.example.org:43210     join a lobby elsewhere
  printf 'hello\\n' | hobnob --name anna      say something from a script";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn help_fits_one_screen_and_names_every_option_and_subcommand() {
        Cli::command().debug_assert();
        assert!(HELP.lines().count() <= 24, "{} lines", HELP.lines().count());
        for line in HELP.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let command = Cli::command();
        for option in command.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(HELP.contains(&format!("--{option}")), "--{option}");
        }
        for subcommand in command.get_subcommands() {
            assert!(HELP.contains(subcommand.get_name()), "{}", subcommand.get_name());
        }
    }
}
