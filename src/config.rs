//! What a run is to do: the command line, then the environment, then the config file, then the
//! defaults. Owns that order and the places files live in by default. Reads no environment itself
//! but through the function it is given.

use std::ffi::OsString;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use hobnob_protocol::DEFAULT_PORT;
use hobnob_protocol::name::Candidate;
use serde::Deserialize;
use thiserror::Error;

use crate::cli::{Cli, ColorChoice};
use crate::preferences::Preferences;

/// Which lobby.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LobbyChoice {
    /// The one at this address (`HOST:PORT`).
    Join(String),
    /// One hosted here.
    Host(SocketAddr),
    /// The one on this machine, hosted here where there is none.
    Local,
}

/// What a run is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Which lobby.
    pub lobby: LobbyChoice,
    /// The chat name, where one was given.
    pub name: Option<String>,
    /// NDJSON.
    pub json: bool,
    /// Where peers reach this client.
    pub listen: SocketAddr,
    /// Addresses to tell peers besides those found.
    pub advertise: Vec<Candidate>,
    /// Identity, trust, history, and a hosted lobby's store.
    pub data_dir: PathBuf,
    /// Whether what is said in private sessions is kept on this machine.
    pub history: bool,
    /// When to use colour; `Auto` has already taken `NO_COLOR` into account.
    pub color: ColorChoice,
    /// Diagnostics, where wanted.
    pub log: Option<String>,
    /// Where they go, where told.
    pub log_file: Option<PathBuf>,
    /// How this user likes a terminal to be.
    pub preferences: Preferences,
    /// The config file, whether it is there or not.
    pub config_file: Option<PathBuf>,
    /// The command line of the editor this user likes.
    pub editor: String,
    /// The lobby message to begin after.
    pub since: Option<u64>,
    /// Where the events of this run are kept.
    pub record: Option<PathBuf>,
}

/// Why a run cannot be configured.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The config file cannot be read.
    #[error("config file {}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A value is not what it must be.
    #[error("{what}: {reason}")]
    Value {
        /// Which.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// There is no home to put files in.
    #[error("no home directory is known; name a place with --data-dir")]
    NoHome,
}

/// The config file: the same names as the options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct ConfigFile {
    server: Option<String>,
    host: Option<SocketAddr>,
    name: Option<String>,
    json: Option<bool>,
    listen: Option<SocketAddr>,
    advertise: Vec<String>,
    data_dir: Option<PathBuf>,
    history: Option<bool>,
    color: Option<ColorChoice>,
    log: Option<String>,
    log_file: Option<PathBuf>,
    terminal: toml::Table,
}

/// Puts the sources together. `env` looks a variable up.
///
/// # Errors
/// When the config file or a value is not what it must be.
pub fn settings(cli: Cli, env: &dyn Fn(&str) -> Option<OsString>) -> Result<Settings, ConfigError> {
    let variable = |name: &str| env(name).filter(|value| !value.is_empty());
    let text = |name: &'static str| match variable(name).map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(_)) => Err(ConfigError::Value { what: name, reason: "it is not UTF-8".to_owned() }),
    };
    let (path, file) = config_file(cli.config.or_else(|| variable("HOBNOB_CONFIG").map(PathBuf::from)))?;
    let preferences = Preferences::from_table(&file.terminal)
        .map_err(|reason| ConfigError::Value { what: "config file, [terminal]", reason })?;
    let lobby =
        lobby_choice((cli.server, cli.host), (text("HOBNOB_SERVER")?, None), (file.server, file.host))?;
    let data_dir = cli.data_dir.or_else(|| variable("HOBNOB_DATA_DIR").map(PathBuf::from)).or(file.data_dir);
    let color = match (cli.color, variable("NO_COLOR"), file.color) {
        (Some(choice), _, _) => choice,
        (None, Some(_), _) => ColorChoice::Never,
        (None, None, choice) => choice.unwrap_or_default(),
    };
    Ok(Settings {
        lobby,
        name: cli.name.or(text("HOBNOB_NAME")?).or(file.name),
        json: cli.json || file.json.unwrap_or(false),
        listen: cli.listen.or(file.listen).unwrap_or((Ipv6Addr::UNSPECIFIED, 0).into()),
        advertise: if cli.advertise.is_empty() { candidates(file.advertise)? } else { cli.advertise },
        data_dir: data_dir.map_or_else(default_data_dir, Ok)?,
        history: !cli.no_history && file.history.unwrap_or(true),
        color,
        log: cli.log.or(text("HOBNOB_LOG")?).or(file.log),
        log_file: cli.log_file.or(file.log_file),
        preferences,
        editor: text("VISUAL")?.or(text("EDITOR")?).unwrap_or_else(|| "vi".to_owned()),
        config_file: path,
        since: cli.since,
        record: cli.record,
    })
}

type Choice = (Option<String>, Option<SocketAddr>);

/// The first source that says anything about the lobby decides about it alone.
fn lobby_choice(cli: Choice, env: Choice, file: Choice) -> Result<LobbyChoice, ConfigError> {
    for (server, host) in [cli, env, file] {
        match (server, host) {
            (Some(_), Some(_)) => {
                let reason = "server and host exclude each other".to_owned();
                return Err(ConfigError::Value { what: "config file", reason });
            }
            (Some(server), None) => return Ok(LobbyChoice::Join(server_address(&server)?)),
            (None, Some(host)) => return Ok(LobbyChoice::Host(host)),
            (None, None) => {}
        }
    }
    Ok(LobbyChoice::Local)
}

/// `HOST:PORT` in the one form keys are pinned under: lower case, with the port even where it was
/// left out.
fn server_address(text: &str) -> Result<String, ConfigError> {
    let with_port = |text: &str| text.parse::<Candidate>().ok();
    let lower = text.trim().to_lowercase();
    let address = with_port(&lower)
        .or_else(|| with_port(&format!("{lower}:{DEFAULT_PORT}")))
        .or_else(|| with_port(&format!("[{lower}]:{DEFAULT_PORT}")));
    match address {
        Some(address) => Ok(address.to_string()),
        None => {
            let reason = format!("{text:?} is no HOST:PORT, such as chat.example.org:{DEFAULT_PORT}");
            Err(ConfigError::Value { what: "server", reason })
        }
    }
}

fn candidates(texts: Vec<String>) -> Result<Vec<Candidate>, ConfigError> {
    let parse = |text: String| {
        text.parse()
            .map_err(|err| ConfigError::Value { what: "advertise", reason: format!("{text:?}: {err}") })
    };
    texts.into_iter().map(parse).collect()
}

/// Reads the file that was named, or the one that lies where config files lie.
fn config_file(named: Option<PathBuf>) -> Result<(Option<PathBuf>, ConfigFile), ConfigError> {
    let (path, must_exist) = match named {
        Some(path) => (path, true),
        None => match etcetera::choose_base_strategy() {
            Ok(strategy) => (strategy.config_dir().join("hobnob").join("config.toml"), false),
            Err(_) => return Ok((None, ConfigFile::default())),
        },
    };
    let file = match std::fs::read_to_string(&path) {
        Ok(text) => parse_file(&path, &text)?,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound && !must_exist => ConfigFile::default(),
        Err(err) => return Err(ConfigError::File { path, reason: err.to_string() }),
    };
    Ok((Some(path), file))
}

fn parse_file(path: &Path, text: &str) -> Result<ConfigFile, ConfigError> {
    toml::from_str(text).map_err(|err| ConfigError::File {
        path: path.to_owned(),
        reason: err.to_string().trim_end().to_owned(),
    })
}

fn default_data_dir() -> Result<PathBuf, ConfigError> {
    let strategy = etcetera::choose_base_strategy().map_err(|_| ConfigError::NoHome)?;
    Ok(strategy.data_dir().join("hobnob"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use clap::Parser;

    use super::*;

    #[track_caller]
    fn resolve(args: &[&str], env: &[(&str, &str)], file: &str) -> Result<Settings, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, file).unwrap();
        let env: HashMap<String, OsString> =
            env.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
        let mut cli = Cli::try_parse_from(std::iter::once(&"hobnob").chain(args)).unwrap();
        cli.config = Some(path);
        cli.data_dir.get_or_insert_with(|| PathBuf::from("/data"));
        settings(cli, &|name| env.get(name).cloned())
    }

    #[test]
    fn the_command_line_beats_the_environment_which_beats_the_file() {
        let file = "name = \"filed\"\nserver = \"file.example:1\"\ncolor = \"always\"";
        assert_eq!(resolve(&[], &[], file).unwrap().name.as_deref(), Some("filed"));
        let env = [("HOBNOB_NAME", "envied"), ("HOBNOB_SERVER", "env.example:2")];
        let both = resolve(&[], &env, file).unwrap();
        assert_eq!(both.name.as_deref(), Some("envied"));
        assert_eq!(both.lobby, LobbyChoice::Join("env.example:2".to_owned()));
        let all = resolve(&["--name", "anna", "--host", "127.0.0.1:7"], &env, file).unwrap();
        assert_eq!(all.name.as_deref(), Some("anna"));
        assert_eq!(all.lobby, LobbyChoice::Host("127.0.0.1:7".parse().unwrap()));
    }

    #[test]
    fn with_nothing_said_the_lobby_is_local() {
        let settings = resolve(&[], &[("HOBNOB_NAME", "")], "").unwrap();
        assert_eq!((settings.lobby, settings.name), (LobbyChoice::Local, None));
        assert_eq!(settings.listen, "[::]:0".parse().unwrap());
    }

    #[test]
    fn no_color_is_obeyed_unless_told_otherwise() {
        let env = [("NO_COLOR", "1")];
        assert_eq!(resolve(&[], &env, "color = \"always\"").unwrap().color, ColorChoice::Never);
        assert_eq!(resolve(&["--color", "always"], &env, "").unwrap().color, ColorChoice::Always);
    }

    #[test]
    fn a_server_has_one_written_form() {
        for (given, written) in [
            ("Chat.Example.ORG:5", "chat.example.org:5"),
            ("localhost", "localhost:43210"),
            ("::1", "[::1]:43210"),
            ("[2001:DB8::1]:9", "[2001:db8::1]:9"),
        ] {
            assert_eq!(server_address(given).unwrap(), written);
        }
        for bad in ["", "a b", "host:0", "host:port"] {
            assert!(server_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_with_an_unknown_name_is_refused_and_the_name_told() {
        let text = resolve(&[], &[], "nmae = \"anna\"").unwrap_err().to_string();
        assert!(text.contains("nmae"), "{text}");
    }
}
