//! Failures with what a user has set: aliases, settings, and ignored users.

use hobnob_protocol::name::UserName;
use thiserror::Error;

use super::Failing;
use crate::config::edit::EditError;
use crate::data::word_table::TableError;
use crate::show::ErrorCode;

/// A failure with what a user has set.
#[derive(Debug, Error)]
pub(crate) enum User<'a> {
    /// The name of a command was given for an alias.
    #[error("\\{0} is a command and stays one")]
    AliasIsCommand(&'a str),
    /// An alias is to be shown that does not exist.
    #[error("there is no alias {0}; \\alias {0} TEXT makes one")]
    NoAliasToShow(&'a str),
    /// An alias is to be removed that does not exist.
    #[error("there is no alias {0}; \\alias lists them")]
    NoAliasToRemove(&'a str),
    /// The change could not be saved.
    #[error("the change could not be saved: {0}")]
    NotKept(TableError),
    /// A user wants to ignore himself.
    #[error("that is you; \\ignore takes the name of somebody else")]
    IgnoreYourself,
    /// This user is not ignored.
    #[error("{0} is not ignored; \\ignore lists who is")]
    NotIgnored(&'a UserName),
    /// No setting has this name.
    #[error("there is no setting {key}; there are {}", names.join(", "))]
    NoSetting {
        /// The name that was given.
        key: &'a str,
        /// The names that settings have.
        names: &'a [&'a str],
    },
    /// The settings are to be saved, and no place is known for the file.
    #[error("no place is known for a config file; name one with --config")]
    NoConfigFile,
    /// The settings were not saved.
    #[error("the settings were not saved: {0}")]
    NotSaved(EditError),
}

impl Failing for User<'_> {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotKept(_) | Self::NotSaved(_) => ErrorCode::Refused,
            Self::NotIgnored(_) => ErrorCode::NoSuchUser,
            _ => ErrorCode::Usage,
        }
    }
}
