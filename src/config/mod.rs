//! What a run is to do: the command line, then the environment, then the config file, then the
//! defaults. Owns that order and the places files live in by default; [`file`] reads the config file,
//! `origin` notes what came from where. Reads no environment itself but through the function it is
//! given.

pub mod edit;
mod file;
pub mod highlights;
mod origin;
pub mod preferences;
mod since;

use std::ffi::OsString;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::ValueEnum;
use etcetera::BaseStrategy;
use hobnob_protocol::name::Candidate;
use hobnob_protocol::{DEFAULT_PORT, MAX_SERVERS};
use thiserror::Error;

use crate::cli::{Cli, ColorChoice};
use crate::config::preferences::{Preferences, SETTINGS, Setting, WrongValue};
use crate::data::history::{DEFAULT_SIZE, SMALLEST_SIZE};
use crate::session::path::PathChoice;

use self::origin::Origins;

/// Private sessions of people this user has not answered that may be open at once, unless the config
/// file says otherwise: more than anybody looks at, and no flood.
const DEFAULT_STRANGERS: usize = 16;
pub use self::origin::{Origin, Source};
pub use self::since::Since;

/// Which lobby.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LobbyChoice {
    /// The one whose servers are at these addresses (`HOST:PORT`), at least one.
    Join(Vec<String>),
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
    /// How private sessions are carried.
    pub path: PathChoice,
    /// Identity, trust, history, and a hosted lobby's store.
    pub data_dir: PathBuf,
    /// Whether what is said is kept on this machine.
    pub history: bool,
    /// Private sessions of people this user has not answered that may be open at once.
    pub strangers: usize,
    /// How many bytes of it are kept.
    pub history_size: u64,
    /// When to use colour; `Auto` has already taken `NO_COLOR` into account.
    pub color: ColorChoice,
    /// How much is logged (`--log`); nothing where it is left out.
    pub log: Option<String>,
    /// The file for diagnostics (`--log-file`); standard error where it is left out, and at a terminal a file in the data
    /// directory.
    pub log_file: Option<PathBuf>,
    /// How this user likes a terminal to be.
    pub preferences: Preferences,
    /// The config file, whether it is there or not.
    pub config_file: Option<PathBuf>,
    /// The command line of the editor this user likes.
    pub editor: String,
    /// The messages to begin after (`--since`).
    pub since: Since,
    /// Where the events of this run are kept.
    pub record: Option<PathBuf>,
    /// Where programs that are commands of the user's own are looked for, the first one first.
    pub command_dirs: Vec<PathBuf>,
}

/// Settings, and where each comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The settings.
    pub settings: Settings,
    /// Where each comes from, in the order of the options.
    pub origins: Vec<Origin>,
    /// The config file, and whether it is there.
    pub file: Option<(PathBuf, bool)>,
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

/// Puts the sources together. `env` looks a variable up.
///
/// # Errors
/// When the config file or a value is not what it must be.
pub fn settings(cli: Cli, env: &dyn Fn(&str) -> Option<OsString>) -> Result<Settings, ConfigError> {
    effective(cli, env).map(|effective| effective.settings)
}

/// As [`settings`], with where each comes from.
///
/// # Errors
/// When the config file or a value is not what it must be.
pub fn effective(cli: Cli, env: &dyn Fn(&str) -> Option<OsString>) -> Result<Effective, ConfigError> {
    let variable = |name: &str| env(name).filter(|value| !value.is_empty());
    let text = |name: &'static str| match variable(name).map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some((name, text))),
        Some(Err(_)) => Err(ConfigError::Value { what: name, reason: "it is not UTF-8".to_owned() }),
    };
    let path = |name: &'static str| variable(name).map(|path| (name, PathBuf::from(path)));
    let named = cli.config.or_else(|| path("HOBNOB_CONFIG").map(|(_, path)| path));
    let (file, file_place) = file::read(named)?;
    let mut from = Origins::default();

    let choices = [
        (Source::CommandLine, cli.server, cli.host),
        (Source::Environment("HOBNOB_SERVER"), text("HOBNOB_SERVER")?.map(|(_, server)| server), None),
        (Source::File, file.server, file.host),
    ];
    let lobby = lobby_choice(choices, &mut from)?;
    let name = from.pick("name", cli.name, text("HOBNOB_NAME")?, file.name, "asked for");
    let json = from.pick("json", cli.json.then_some(true), None, file.json, "").unwrap_or(false);
    from.default_is(json);
    let listen = from.pick("listen", cli.listen, None, file.listen, "");
    let listen = listen.unwrap_or((Ipv6Addr::UNSPECIFIED, 0).into());
    from.default_is(listen.to_string());
    let advertise = Some(cli.advertise).filter(|given| !given.is_empty());
    let filed = file.advertise.map(candidates).transpose()?;
    let advertise = from.pick_list("advertise", advertise, filed);
    let named =
        text("HOBNOB_PATH")?.map(|(name, choice)| Ok((name, path_choice(name, &choice)?))).transpose()?;
    let carried = from.pick("path", cli.path, named, file.path, "").unwrap_or_default();
    from.default_is(carried);
    let data_dir = from.pick_path("data-dir", cli.data_dir, path("HOBNOB_DATA_DIR"), file.data_dir, "");
    let data_dir = data_dir.map_or_else(default_data_dir, Ok)?;
    from.default_is(data_dir.display().to_string());
    let history =
        from.pick("history", cli.no_history.then_some(false), None, file.history, "").unwrap_or(true);
    from.default_is(history);
    let strangers = from.pick("strangers", None, None, file.strangers, "").unwrap_or(DEFAULT_STRANGERS);
    from.default_is(strangers);
    let history_size = from.pick("history-size", None, None, file.history_size, "");
    let history_size = history_size.unwrap_or(DEFAULT_SIZE);
    if history_size < SMALLEST_SIZE {
        let reason = format!("history-size is {history_size} bytes, and {SMALLEST_SIZE} at the least");
        return Err(ConfigError::Value { what: "config file", reason });
    }
    from.default_is(i64::try_from(history_size).unwrap_or(i64::MAX));
    let no_color = variable("NO_COLOR").map(|_| ("NO_COLOR", ColorChoice::Never));
    let color = from.pick("color", cli.color, no_color, file.color, "").unwrap_or_default();
    from.default_is(color);
    let log = from.pick("log", cli.log, text("HOBNOB_LOG")?, file.log, "no diagnostics");
    let unset = "standard error; at a terminal, hobnob.log in the data directory";
    let log_file = from.pick_path("log-file", cli.log_file, None, file.log_file, unset);
    let mut preferences = Preferences::from_table(&file.terminal)
        .map_err(|err| ConfigError::Value { what: "config file, [terminal]", reason: err.to_string() })?;
    if let (Some(value), Some(setting)) = (&file.private, Setting::find("private")) {
        let wrong = |err: WrongValue| ConfigError::Value { what: "config file", reason: err.to_string() };
        setting.set(&mut preferences, value).map_err(wrong)?;
    }
    for setting in SETTINGS {
        let filed = match setting.is_of_terminal() {
            true => file.terminal.contains_key(setting.key),
            false => file.private.is_some(),
        };
        let source = if filed { Source::File } else { Source::Default };
        from.note(setting.path, Some(&setting.value(&preferences)), source, "");
    }
    let editor = text("VISUAL")?.or(text("EDITOR")?).map_or_else(|| "vi".to_owned(), |(_, editor)| editor);
    let settings = Settings {
        lobby,
        name,
        json,
        listen,
        advertise,
        path: carried,
        data_dir,
        history,
        strangers,
        history_size,
        color,
        log,
        log_file,
        preferences,
        editor,
        config_file: file_place.as_ref().map(|(path, _)| path.clone()),
        since: Since::of(cli.since)?,
        record: cli.record,
        command_dirs: command_dirs(variable("PATH")),
    };
    Ok(Effective { settings, origins: from.into_list(), file: file_place })
}

/// The user's own folder, then the path. A folder on it that is not absolute would let whoever fills
/// the present one decide what a command does.
fn command_dirs(path: Option<OsString>) -> Vec<PathBuf> {
    let own = etcetera::choose_base_strategy().ok().map(|it| it.config_dir().join("hobnob").join("commands"));
    let path = path.unwrap_or_default();
    own.into_iter().chain(std::env::split_paths(&path).filter(|folder| folder.is_absolute())).collect()
}

/// The first source that says anything about the lobby decides about it alone.
fn lobby_choice(
    choices: [(Source, Option<String>, Option<SocketAddr>); 3],
    from: &mut Origins,
) -> Result<LobbyChoice, ConfigError> {
    for (source, server, host) in choices {
        match (server, host) {
            (Some(_), Some(_)) => {
                let reason = "server and host exclude each other".to_owned();
                return Err(ConfigError::Value { what: "config file", reason });
            }
            (Some(server), None) => {
                let servers = server_addresses(&server)?;
                from.note("server", Some(&servers.join(",")), source, "");
                return Ok(LobbyChoice::Join(servers));
            }
            (None, Some(host)) => {
                from.note("host", Some(&host.to_string()), source, "");
                return Ok(LobbyChoice::Host(host));
            }
            (None, None) => {}
        }
    }
    let unset = "the lobby on this machine, hosted here where there is none";
    from.note("server", None::<&str>, Source::Default, unset);
    Ok(LobbyChoice::Local)
}

/// The servers of one lobby, as a user writes them, with commas between them.
fn server_addresses(text: &str) -> Result<Vec<String>, ConfigError> {
    let mut servers = Vec::new();
    for address in text.split(',') {
        let address = server_address(address)?;
        if !servers.contains(&address) {
            servers.push(address);
        }
    }
    match servers.len() {
        ..=MAX_SERVERS => Ok(servers),
        many => Err(ConfigError::Value {
            what: "server",
            reason: format!("{many} addresses are too many, {MAX_SERVERS} may be named"),
        }),
    }
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

fn path_choice(what: &'static str, text: &str) -> Result<PathChoice, ConfigError> {
    PathChoice::from_str(text, false).map_err(|_| {
        let reason = format!("{text:?} is none of auto, direct and relay");
        ConfigError::Value { what, reason }
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
        assert_eq!(both.lobby, LobbyChoice::Join(vec!["env.example:2".to_owned()]));
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
    fn a_path_is_one_of_three_wherever_it_is_named() {
        let path = |args: &[&str], env: &[(&str, &str)], file| resolve(args, env, file).map(|it| it.path);
        assert_eq!(path(&[], &[], "").unwrap(), PathChoice::Auto);
        assert_eq!(path(&[], &[], "path = \"direct\"").unwrap(), PathChoice::Direct);
        let env = [("HOBNOB_PATH", "relay")];
        assert_eq!(path(&[], &env, "path = \"direct\"").unwrap(), PathChoice::Relay);
        assert_eq!(path(&["--path", "auto"], &env, "").unwrap(), PathChoice::Auto);
        let wrong = path(&[], &[("HOBNOB_PATH", "tor")], "").unwrap_err().to_string();
        assert!(wrong.contains("HOBNOB_PATH") && wrong.contains("relay"), "{wrong}");
        assert!(path(&[], &[], "path = \"tor\"").is_err());
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
    fn several_servers_of_one_lobby_are_named_with_commas() {
        let servers = |text: &str| server_addresses(text).map(|servers| servers.join(" ")).ok();
        assert_eq!(servers("a:1, B,a:1").as_deref(), Some("a:1 b:43210"));
        assert_eq!(servers("a:1,"), None);
        let many: Vec<String> = (0..=MAX_SERVERS).map(|n| format!("s{n}:1")).collect();
        assert_eq!(servers(&many.join(",")), None);
    }

    #[test]
    fn each_setting_says_where_it_comes_from() {
        let mut cli = Cli::try_parse_from(["hobnob", "--no-history"]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "server = \"Chat.example\"\nadvertise = [\"a:1\"]").unwrap();
        cli.config = Some(path.clone());
        let env = |name: &str| (name == "HOBNOB_NAME").then(|| OsString::from("anna"));
        let effective = effective(cli, &env).unwrap();
        assert_eq!(effective.file, Some((path, true)));
        let origin = |key: &str| {
            let found = effective.origins.iter().find(|it| it.key == key).unwrap();
            (found.value.as_deref(), found.source)
        };
        assert_eq!(origin("server"), (Some("\"chat.example:43210\""), Source::File));
        assert_eq!(origin("name"), (Some("\"anna\""), Source::Environment("HOBNOB_NAME")));
        assert_eq!(origin("advertise"), (Some("[\"a:1\"]"), Source::File));
        assert_eq!(origin("history"), (Some("false"), Source::CommandLine));
        assert_eq!(origin("color"), (Some("\"auto\""), Source::Default));
        assert_eq!(origin("listen"), (Some("\"[::]:0\""), Source::Default));
        assert_eq!(origin("log"), (None, Source::Default));
    }

    #[test]
    fn commands_are_looked_for_in_absolute_folders_alone() {
        let folders = command_dirs(Some(OsString::from("/a:.::b:/c")));
        assert_eq!(folders[folders.len() - 2..], [PathBuf::from("/a"), PathBuf::from("/c")]);
        assert!(folders.iter().all(|folder| folder.is_absolute()));
    }

    #[test]
    fn a_file_with_an_unknown_name_is_refused_and_the_name_told() {
        let text = resolve(&[], &[], "nmae = \"anna\"").unwrap_err().to_string();
        assert!(text.contains("nmae"), "{text}");
    }
}
