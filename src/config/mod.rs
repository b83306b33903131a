//! Collects the settings of a run. The command line takes precedence over the environment, the environment over the
//! config file, and the config file over the defaults. This file owns that order and the folders in which files are by
//! default. [`file`] reads the config file, `origin` notes where each setting comes from, and `lobby_choice` knows
//! which lobby they mean. The environment is read only through the function that the caller hands in.

pub mod edit;
mod file;
pub mod highlights;
mod lobby_choice;
mod origin;
pub mod preferences;
pub mod setting;
mod setting_value;
mod since;

use std::ffi::OsString;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::ValueEnum;
use etcetera::BaseStrategy;
use hobnob_protocol::candidate::Candidate;
use thiserror::Error;

use crate::cli::{Cli, ColorChoice};
use crate::config::preferences::Preferences;
use crate::config::setting::{SETTINGS, Setting, WrongValue};
use crate::data::history::{DEFAULT_SIZE, SMALLEST_SIZE};
use crate::session::path::PathChoice;

pub use self::lobby_choice::LobbyChoice;
use self::lobby_choice::lobby_choice;
use self::origin::Origins;
pub use self::origin::{Origin, Source};
pub use self::since::Since;

/// How many private sessions may be open at once with people whom this user has not answered, unless the config file
/// says otherwise. It is more than anybody looks at, and still limits a flood.
const DEFAULT_STRANGERS: usize = 16;

/// The settings of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Which lobby the client enters.
    pub lobby: LobbyChoice,
    /// The user's chat name; `None` if the user has to be asked for it.
    pub name: Option<String>,
    /// Whether the client writes events as JSON, one object on each line (`--json`).
    pub json: bool,
    /// The address on which this client accepts connections from peers.
    pub listen: SocketAddr,
    /// Addresses that are told to peers in addition to those that the client finds itself.
    pub advertise: Vec<Candidate>,
    /// Whether private sessions go directly to the peer or through a relay.
    pub path: PathChoice,
    /// The folder for identities, pinned keys, the history, and the log of a lobby that is hosted here.
    pub data_dir: PathBuf,
    /// Whether messages are kept in the history on this machine.
    pub history: bool,
    /// How many private sessions may be open at once with people whom this user has not answered.
    pub strangers: usize,
    /// How many bytes the history may take.
    pub history_size: u64,
    /// When to use colours. `Auto` already takes the variable `NO_COLOR` into account.
    pub color: ColorChoice,
    /// How much is logged (`--log`); `None` for no diagnostics.
    pub log: Option<String>,
    /// The file for diagnostics (`--log-file`). If it is `None`, they go to standard error, or at a terminal to a file
    /// in the data directory.
    pub log_file: Option<PathBuf>,
    /// The user's preferences, most of them for a terminal.
    pub preferences: Preferences,
    /// The path of the config file, whether the file exists or not; `None` if the path is not known.
    pub config_file: Option<PathBuf>,
    /// The command line of the user's preferred text editor.
    pub editor: String,
    /// After which messages the run begins (`--since`).
    pub since: Since,
    /// The file in which the events of this run are recorded (`--record`).
    pub record: Option<PathBuf>,
    /// The folders in which the user's own commands are looked for, in this order.
    pub command_dirs: Vec<PathBuf>,
}

/// The settings of a run, and where each of them comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The value of every setting.
    pub settings: Settings,
    /// The source of each setting, in the order of the options.
    pub origins: Vec<Origin>,
    /// The path of the config file and whether the file exists; `None` if the path is not known.
    pub file: Option<(PathBuf, bool)>,
}

/// Why the settings of a run are not usable.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The config file cannot be read or is not valid.
    #[error("config file {}: {reason}", path.display())]
    File {
        /// The path of the config file.
        path: PathBuf,
        /// What is wrong, with the line if it is known.
        reason: String,
    },
    /// A setting has a value that is not allowed.
    #[error("{what}: {reason}")]
    Value {
        /// The name of the setting or its source.
        what: &'static str,
        /// What is wrong with the value.
        reason: String,
    },
    /// The home directory is not known, so there is no folder for the data.
    #[error("no home directory is known; name a place with --data-dir")]
    NoHome,
}

/// Collects the settings from all sources. `env` returns the value of an environment variable.
///
/// # Errors
/// Fails if the config file cannot be read or a value is not allowed.
pub fn settings(cli: Cli, env: &dyn Fn(&str) -> Option<OsString>) -> Result<Settings, ConfigError> {
    effective(cli, env).map(|effective| effective.settings)
}

/// Does the same as [`settings`], and also returns where each setting comes from.
///
/// # Errors
/// Fails if the config file cannot be read or a value is not allowed.
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

/// Returns the user's own folder for commands, followed by the folders of the variable PATH. Folders in PATH that are
/// not absolute are left out. Otherwise anybody who can write to the current folder could decide what a command does.
fn command_dirs(path: Option<OsString>) -> Vec<PathBuf> {
    let own = etcetera::choose_base_strategy().ok().map(|it| it.config_dir().join("hobnob").join("commands"));
    let path = path.unwrap_or_default();
    own.into_iter().chain(std::env::split_paths(&path).filter(|folder| folder.is_absolute())).collect()
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
    fn without_any_setting_the_local_lobby_is_chosen() {
        let settings = resolve(&[], &[("HOBNOB_NAME", "")], "").unwrap();
        assert_eq!((settings.lobby, settings.name), (LobbyChoice::Local, None));
        assert_eq!(settings.listen, "[::]:0".parse().unwrap());
    }

    #[test]
    fn the_path_has_three_values_in_every_source() {
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
    fn no_color_turns_colours_off_unless_the_command_line_says_otherwise() {
        let env = [("NO_COLOR", "1")];
        assert_eq!(resolve(&[], &env, "color = \"always\"").unwrap().color, ColorChoice::Never);
        assert_eq!(resolve(&["--color", "always"], &env, "").unwrap().color, ColorChoice::Always);
    }

    #[test]
    fn the_origin_of_each_setting_is_noted() {
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
    fn commands_are_looked_for_only_in_absolute_folders() {
        let folders = command_dirs(Some(OsString::from("/a:.::b:/c")));
        assert_eq!(folders[folders.len() - 2..], [PathBuf::from("/a"), PathBuf::from("/c")]);
        assert!(folders.iter().all(|folder| folder.is_absolute()));
    }

    #[test]
    fn an_unknown_setting_in_the_config_file_is_refused_by_name() {
        let text = resolve(&[], &[], "nmae = \"anna\"").unwrap_err().to_string();
        assert!(text.contains("nmae"), "{text}");
    }
}
