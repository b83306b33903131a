//! The command line of `hobnob-server` and its file of options. This file owns how options, environment and file are
//! put together: an option on the command line has precedence over the environment, and the environment over the file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context;
use clap::builder::styling::Styles;
use clap::{Args, Parser, Subcommand, ValueEnum};
use etcetera::BaseStrategy;
use hobnob_protocol::MAX_SERVERS;
use hobnob_protocol::candidate::Candidate;
use hobnob_protocol::version::version;
use hobnob_server::{Operators, ServerConfig};
use serde::Deserialize;

#[cfg(feature = "nats")]
use crate::nats::NatsOptions;

/// The server of hobnob: it runs a lobby, and introduces users to each other for private sessions
#[derive(Debug, Parser)]
#[command(name = "hobnob-server", version = version(), styles = Styles::plain())]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) options: Options,

    /// Read options from this TOML file; its keys are the options' names without the dashes
    #[arg(long, value_name = "FILE", env = "HOBNOB_SERVER_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check every message of the log; a running server need not be stopped
    Verify {
        /// The data directory [default: as for the server]
        #[arg(long, value_name = "DIR", env = "HOBNOB_DATA_DIR")]
        data_dir: Option<PathBuf>,
    },
    /// Copy the key and the log to a new folder from which a server can start; a server may run meanwhile
    Backup {
        /// The new folder: it must be empty, or not exist yet
        dir: PathBuf,
        /// The data directory [default: as for the server]
        #[arg(long, value_name = "DIR", env = "HOBNOB_DATA_DIR")]
        data_dir: Option<PathBuf>,
    },
    /// Show whether a server runs, and how far it has read the order of a lobby on many servers
    Status {
        /// The data directory [default: as for the server]
        #[arg(long, value_name = "DIR", env = "HOBNOB_DATA_DIR")]
        data_dir: Option<PathBuf>,
        #[cfg(feature = "nats")]
        #[command(flatten)]
        nats: NatsOptions,
    },
    /// Take the lobby of a single server over to NATS, so that several servers can share it
    #[cfg(feature = "nats")]
    Found {
        /// The data directory [default: as for the server]
        #[arg(long, value_name = "DIR", env = "HOBNOB_DATA_DIR")]
        data_dir: Option<PathBuf>,
        /// How many rooms the lobby may have [default: 1000]
        #[arg(long, value_name = "N")]
        rooms: Option<u32>,
        #[command(flatten)]
        nats: NatsOptions,
    },
    /// Print the script that completes options in a shell: bash, elvish, fish, powershell or zsh
    Completions {
        /// The shell for which the script is
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// The options; each may stand in the file as well.
#[derive(Debug, Default, Clone, PartialEq, Eq, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    /// Address at which clients connect; with port 0 the system picks a port [default: [::]:43210, includes IPv4]
    #[arg(long, value_name = "ADDR:PORT", env = "HOBNOB_SERVER_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,

    /// Folder in which the key and the log are kept [default: the XDG data directory]
    #[arg(long, value_name = "DIR", env = "HOBNOB_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// How many clients may be connected at once; when the limit is reached, a newcomer is told so [default: 10000]
    #[arg(long, value_name = "N", env = "HOBNOB_SERVER_MAX_CLIENTS")]
    pub(crate) max_clients: Option<u32>,

    /// How many clients may be connected at once from one address, or one /64 of IPv6 [default: 100]
    #[arg(long, value_name = "N", env = "HOBNOB_SERVER_MAX_CLIENTS_PER_IP")]
    pub(crate) max_clients_per_ip: Option<u32>,

    /// How many lines a second are read from each user's key, with a burst of ten seconds' worth [default: 50]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), env = "HOBNOB_SERVER_RATE")]
    pub(crate) rate: Option<u32>,

    /// How many bytes a second are relayed for one private session whose two users cannot reach each other, with a
    /// burst of ten seconds' worth; K, M or G may follow the number; with off, nothing is relayed [default: 64K]
    #[arg(long, value_name = "RATE|off", env = "HOBNOB_SERVER_RELAY")]
    pub(crate) relay: Option<RelayRate>,

    /// How many messages of the lobby are kept, and how many of each room [default: 100000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), env = "HOBNOB_SERVER_HISTORY")]
    pub(crate) history: Option<u64>,

    /// How many bytes all kept messages may take together; when they take more, the oldest messages of the lobby or of
    /// the largest room are removed [default: 2147483648]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(MIN_HISTORY_SIZE..), env = "HOBNOB_SERVER_HISTORY_SIZE")]
    pub(crate) history_size: Option<u64>,

    /// How many rooms there may be at once [default: 1000]
    #[arg(long, value_name = "N", env = "HOBNOB_SERVER_ROOMS")]
    pub(crate) rooms: Option<u32>,

    /// After how many days a name becomes free whose user was not seen [default: 90]
    #[arg(long, value_name = "DAYS", env = "HOBNOB_SERVER_NAME_TTL")]
    pub(crate) name_ttl: Option<u32>,

    /// File with the fingerprints of the operators, one a line; SIGHUP makes the server read it again [default: none]
    #[arg(long, value_name = "FILE", env = "HOBNOB_SERVER_OPERATORS")]
    pub(crate) operators: Option<PathBuf>,

    /// File with a text that is sent to everybody who joins; with --operators, SIGHUP has it read again [default: none]
    #[arg(long, value_name = "FILE", env = "HOBNOB_SERVER_MOTD")]
    pub(crate) motd: Option<PathBuf>,

    /// Address at which Prometheus reads metrics [default: none]
    #[arg(long, value_name = "ADDR:PORT", env = "HOBNOB_SERVER_METRICS")]
    pub(crate) metrics: Option<SocketAddr>,

    /// Address at which clients reach this server. Clients are told the addresses of all servers of the lobby, and use
    /// another one when their server ends. May repeat
    #[arg(long, value_name = "HOST:PORT", env = "HOBNOB_SERVER_ADVERTISE", value_delimiter = ',')]
    pub(crate) advertise: Option<Vec<Candidate>>,

    #[cfg(feature = "nats")]
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) nats: NatsOptions,

    /// How much to log on standard error: error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL", env = "HOBNOB_SERVER_LOG")]
    pub(crate) log: Option<String>,

    /// How the lines on standard error are written [default: text]
    #[arg(long, value_name = "FORMAT", env = "HOBNOB_SERVER_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

/// The smallest `history-size`. With less, hardly any message would be kept.
const MIN_HISTORY_SIZE: u64 = 1024 * 1024;

/// How fast a private session is relayed, in bytes a second; `None` if nothing is relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RelayWritten")]
pub(crate) struct RelayRate(Option<u32>);

/// The rate as it may stand in the file: a number, or a text as on the command line.
#[derive(Deserialize)]
#[serde(untagged)]
enum RelayWritten {
    Number(u32),
    Text(String),
}

impl TryFrom<RelayWritten> for RelayRate {
    type Error = String;

    fn try_from(written: RelayWritten) -> Result<Self, String> {
        match written {
            RelayWritten::Number(number) => number.to_string().parse(),
            RelayWritten::Text(text) => text.parse(),
        }
    }
}

impl FromStr for RelayRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let (digits, times) = match text.char_indices().next_back() {
            Some((end, 'K' | 'k')) => (&text[..end], 1 << 10),
            Some((end, 'M' | 'm')) => (&text[..end], 1 << 20),
            Some((end, 'G' | 'g')) => (&text[..end], 1 << 30),
            _ => (text, 1),
        };
        let rate = digits.parse::<u32>().ok().and_then(|number| number.checked_mul(times));
        match rate {
            Some(rate @ SLOWEST_RELAY..) => Ok(Self(Some(rate))),
            _ => Err(format!("off, or bytes a second from {SLOWEST_RELAY} on, below 4G, such as 64K")),
        }
    }
}

/// The lowest rate a relay may have. At this rate the longest text takes about a quarter of a minute.
const SLOWEST_RELAY: u32 = 1024;

/// The form in which the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    /// One line of text for each event, for people
    Text,
    /// One JSON object on a line for each event, for programs
    Json,
}

impl Options {
    /// Takes from `file` the options that are not given.
    pub(crate) fn or(self, file: Self) -> Self {
        Self {
            listen: self.listen.or(file.listen),
            data_dir: self.data_dir.or(file.data_dir),
            max_clients: self.max_clients.or(file.max_clients),
            max_clients_per_ip: self.max_clients_per_ip.or(file.max_clients_per_ip),
            rate: self.rate.or(file.rate),
            relay: self.relay.or(file.relay),
            history: self.history.or(file.history),
            history_size: self.history_size.or(file.history_size),
            rooms: self.rooms.or(file.rooms),
            name_ttl: self.name_ttl.or(file.name_ttl),
            operators: self.operators.or(file.operators),
            motd: self.motd.or(file.motd),
            metrics: self.metrics.or(file.metrics),
            advertise: self.advertise.or(file.advertise),
            #[cfg(feature = "nats")]
            nats: self.nats.or(file.nats),
            log: self.log.or(file.log),
            log_format: self.log_format.or(file.log_format),
        }
    }

    /// Reads the options in the file at `path`.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse_file(&text).with_context(|| format!("cannot use {}", path.display()))
    }

    fn parse_file(text: &str) -> anyhow::Result<Self> {
        let options: Self = toml::from_str(text)?;
        anyhow::ensure!(options.rate != Some(0), "rate must be at least 1");
        let advertised = options.advertise.as_ref().map_or(0, Vec::len);
        anyhow::ensure!(advertised <= MAX_SERVERS, "advertise names at most {MAX_SERVERS} addresses");
        anyhow::ensure!(options.history != Some(0), "history must be at least 1");
        anyhow::ensure!(
            options.history_size.is_none_or(|bytes| bytes >= MIN_HISTORY_SIZE),
            "history-size must be at least {MIN_HISTORY_SIZE}"
        );
        Ok(options)
    }

    /// Returns the settings of the server that these options describe.
    pub(crate) fn config(&self) -> anyhow::Result<ServerConfig> {
        let listen = self.listen.unwrap_or(ServerConfig::DEFAULT_LISTEN);
        let mut config = ServerConfig::new(listen, data_dir(self.data_dir.as_deref())?);
        if let Some(max_clients) = self.max_clients {
            config.max_clients = max_clients as usize;
        }
        if let Some(max_clients_per_ip) = self.max_clients_per_ip {
            config.max_clients_per_ip = max_clients_per_ip as usize;
        }
        config.rate = self.rate.unwrap_or(config.rate);
        if let Some(RelayRate(relay)) = self.relay {
            config.relay = relay;
        }
        config.history = self.history.unwrap_or(config.history);
        config.history_size = self.history_size.unwrap_or(config.history_size);
        config.rooms = self.rooms.map_or(config.rooms, |rooms| rooms as usize);
        config.name_ttl = self.name_ttl.unwrap_or(config.name_ttl);
        config.advertise = self.advertise.clone().unwrap_or_default();
        config.metrics = self.metrics;
        config.operators = self.operators.clone().map_or(Operators::Nobody, Operators::Listed);
        config.motd.clone_from(&self.motd);
        Ok(config)
    }
}

/// Returns the data directory that was named, or else the default one in the user's home directory.
pub(crate) fn data_dir(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    match named {
        Some(dir) => Ok(dir.to_owned()),
        None => {
            let base = etcetera::choose_base_strategy()
                .context("cannot find the home directory: name a --data-dir")?;
            Ok(base.data_dir().join("hobnob"))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_on_the_command_line_have_precedence_over_those_in_the_file() {
        let file = Options::parse_file("rate = 7\nhistory = 9\nlog-format = \"json\"\n").unwrap();
        let cli = Cli::try_parse_from(["hobnob-server", "--rate", "8"]).unwrap();
        let options = cli.options.or(file);
        assert_eq!((options.rate, options.history), (Some(8), Some(9)));
        assert_eq!(options.log_format, Some(LogFormat::Json));
    }

    #[test]
    fn the_rate_of_the_relay_is_read_as_bytes_a_second_or_as_off() {
        let relay = |text: &str| text.parse::<RelayRate>();
        assert_eq!(relay("off"), Ok(RelayRate(None)));
        assert_eq!(relay("64K"), Ok(RelayRate(Some(65_536))));
        assert_eq!(relay("1048576"), relay("1m"));
        for bad in ["", "K", "1023", "-1", "1T", "4G", "0x400", "Off "] {
            assert!(relay(bad).is_err(), "{bad}");
        }
        let file = |text| Options::parse_file(text).map(|options| options.relay);
        assert_eq!(file("relay = \"off\"\n").unwrap(), Some(RelayRate(None)));
        assert_eq!(file("relay = 2048\n").unwrap(), Some(RelayRate(Some(2048))));
        assert!(file("relay = 7\n").is_err() && file("relay = true\n").is_err());
    }

    #[test]
    fn a_file_with_an_unknown_key_or_a_senseless_value_is_refused() {
        assert!(Options::parse_file("ratte = 7\n").is_err());
        assert!(Options::parse_file("rate = 0\n").is_err());
        assert!(Options::parse_file("history-size = 1000\n").is_err());
        assert!(Options::parse_file("listen = \"here\"\n").is_err());
    }
}
