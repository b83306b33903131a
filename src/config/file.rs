//! The config file: its form and its path. This file does not know which source of a setting takes precedence.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde::Deserialize;

use super::ConfigError;
use crate::cli::ColorChoice;
use crate::session::path::PathChoice;

/// The content of the config file. Its settings have the same names as the options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ConfigFile {
    pub(super) server: Option<String>,
    pub(super) host: Option<SocketAddr>,
    pub(super) name: Option<String>,
    pub(super) json: Option<bool>,
    pub(super) listen: Option<SocketAddr>,
    pub(super) advertise: Option<Vec<String>>,
    pub(super) path: Option<PathChoice>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) history: Option<bool>,
    pub(super) strangers: Option<usize>,
    pub(super) private: Option<String>,
    pub(super) history_size: Option<u64>,
    pub(super) color: Option<ColorChoice>,
    pub(super) log: Option<String>,
    pub(super) log_file: Option<PathBuf>,
    /// The settings for a terminal, which [`crate::config::preferences`] reads.
    pub(super) terminal: toml::Table,
}

/// Reads the config file at the path `named`, or at the default path if `named` is `None`. Also returns the path and
/// whether the file exists.
///
/// # Errors
/// Fails if the file cannot be read or is not valid, and if it was named but does not exist.
pub(super) fn read(named: Option<PathBuf>) -> Result<(ConfigFile, Option<(PathBuf, bool)>), ConfigError> {
    let (path, must_exist) = match named {
        Some(path) => (path, true),
        None => match etcetera::choose_base_strategy() {
            Ok(strategy) => (strategy.config_dir().join("hobnob").join("config.toml"), false),
            Err(_) => return Ok((ConfigFile::default(), None)),
        },
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok((parse(&path, &text)?, Some((path, true)))),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound && !must_exist => {
            Ok((ConfigFile::default(), Some((path, false))))
        }
        Err(err) => Err(ConfigError::File { path, reason: err.to_string() }),
    }
}

fn parse(path: &Path, text: &str) -> Result<ConfigFile, ConfigError> {
    toml::from_str(text).map_err(|err| ConfigError::File {
        path: path.to_owned(),
        reason: err.to_string().trim_end().to_owned(),
    })
}
