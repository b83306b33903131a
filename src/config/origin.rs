//! Which source each setting comes from, for `hobnob config`. Owns the rule that the command line beats
//! the environment, which beats the config file.

use std::fmt;
use std::path::PathBuf;

use hobnob_protocol::name::Candidate;
use serde::Serialize;

/// Where a setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An option.
    CommandLine,
    /// A variable of this name.
    Environment(&'static str),
    /// The config file.
    File,
    /// Nobody said anything.
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

/// One setting and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its name in the config file.
    pub key: &'static str,
    /// Its value as TOML; none where there is no value.
    pub value: Option<String>,
    /// Where it comes from.
    pub source: Source,
    /// What no value means.
    pub unset: &'static str,
}

/// The settings so far.
#[derive(Debug, Default)]
pub(super) struct Origins(Vec<Origin>);

impl Origins {
    /// The value that counts.
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

    /// The same for a path, which need not be UTF-8.
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

    /// The same for a list that no variable holds.
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

    /// What the last setting is where nobody said anything.
    pub(super) fn default_is(&mut self, value: impl Serialize) {
        if let Some(last) = self.0.last_mut()
            && last.source == Source::Default
        {
            last.value = toml_of(&value);
        }
    }

    /// Notes one setting.
    pub(super) fn note<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: Option<&T>,
        source: Source,
        unset: &'static str,
    ) {
        self.0.push(Origin { key, value: value.and_then(|value| toml_of(value)), source, unset });
    }

    /// All of them, in the order they were noted.
    pub(super) fn into_list(self) -> Vec<Origin> {
        self.0
    }
}

fn toml_of(value: &(impl Serialize + ?Sized)) -> Option<String> {
    toml::Value::try_from(value).ok().map(|value| value.to_string())
}
