//! Notes for `hobnob config` from which source each setting comes. This file owns the rule that the command line takes
//! precedence over the environment, and the environment over the config file.

use std::fmt;
use std::path::PathBuf;

use hobnob_protocol::candidate::Candidate;
use serde::Serialize;

/// The source of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The value was given as an option on the command line.
    CommandLine,
    /// The value comes from the environment variable with this name.
    Environment(&'static str),
    /// The value comes from the config file.
    File,
    /// No source gives a value, so the default holds.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => f.write_str("command line"),
            Self::Environment(name) => write!(f, "environment: {name}"),
            Self::File => f.write_str("config file"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One setting and the source of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The name of the setting in the config file.
    pub key: &'static str,
    /// The value, written as TOML; `None` if the setting has no value.
    pub value: Option<String>,
    /// The source of the value.
    pub source: Source,
    /// What it means if there is no value.
    pub unset: &'static str,
}

/// The origins of all settings that were read so far.
#[derive(Debug, Default)]
pub(super) struct Origins(Vec<Origin>);

impl Origins {
    /// Returns the value with the highest precedence and notes where it comes from. `None` means that no source gives a
    /// value.
    pub(super) fn pick<T: Serialize>(
        &mut self,
        key: &'static str,
        cli: Option<T>,
        env: Option<(&'static str, T)>,
        file: Option<T>,
        unset: &'static str,
    ) -> Option<T> {
        let (value, source) = match (cli, env, file) {
            (Some(value), _, _) => (Some(value), Source::CommandLine),
            (None, Some((name, value)), _) => (Some(value), Source::Environment(name)),
            (None, None, Some(value)) => (Some(value), Source::File),
            (None, None, None) => (None, Source::Default),
        };
        self.note(key, value.as_ref(), source, unset);
        value
    }

    /// Does the same for a path, which need not be UTF-8.
    pub(super) fn pick_path(
        &mut self,
        key: &'static str,
        cli: Option<PathBuf>,
        env: Option<(&'static str, PathBuf)>,
        file: Option<PathBuf>,
        unset: &'static str,
    ) -> Option<PathBuf> {
        let shown = |path: &PathBuf| path.display().to_string();
        let env_shown = env.as_ref().map(|(name, path)| (*name, shown(path)));
        self.pick(key, cli.as_ref().map(shown), env_shown, file.as_ref().map(shown), unset);
        cli.or(env.map(|(_, path)| path)).or(file)
    }

    /// Does the same for a list, which no environment variable can give.
    pub(super) fn pick_list(
        &mut self,
        key: &'static str,
        cli: Option<Vec<Candidate>>,
        file: Option<Vec<Candidate>>,
    ) -> Vec<Candidate> {
        let shown = |list: &Vec<Candidate>| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        self.pick(key, cli.as_ref().map(shown), None, file.as_ref().map(shown), "");
        self.default_is(Vec::<String>::new());
        cli.or(file).unwrap_or_default()
    }

    /// Notes the default value of the last setting, if no source gave a value.
    pub(super) fn default_is(&mut self, value: impl Serialize) {
        if let Some(last) = self.0.last_mut()
            && last.source == Source::Default
        {
            last.value = toml_of(&value);
        }
    }

    /// Notes the value and the source of one setting.
    pub(super) fn note<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: Option<&T>,
        source: Source,
        unset: &'static str,
    ) {
        self.0.push(Origin { key, value: value.and_then(|value| toml_of(value)), source, unset });
    }

    /// Returns the origins in the order in which they were noted.
    pub(super) fn into_list(self) -> Vec<Origin> {
        self.0
    }
}

fn toml_of(value: &(impl Serialize + ?Sized)) -> Option<String> {
    toml::Value::try_from(value).ok().map(|value| value.to_string())
}
