//! What fails with what a user has set: aliases, settings, whom it ignores.

use hobnob_protocol::name::UserName;
use thiserror::Error;

use super::Failing;
use crate::config::edit::EditError;
use crate::data::table::TableError;
use crate::show::ErrorCode;

/// What failed with what a user has set.
#[derive(Debug, Error)]
pub(crate) enum User<'a> {
    /// A command is to become an alias.
    #[error("\\{0} is a command and stays one")]
    AliasIsCommand(&'a str),
    /// An alias is to be shown that there is not.
    #[error("there is no alias {0}; \\alias {0} TEXT makes one")]
    NoAliasToShow(&'a str),
    /// An alias is to be taken back that there is not.
    #[error("there is no alias {0}; \\alias lists them")]
    NoAliasToRemove(&'a str),
    /// What was set could not be kept.
    #[error("it could not be kept: {0}")]
    NotKept(TableError),
    /// A user wants to ignore itself.
    #[error("that is you; \\ignore takes the name of somebody else")]
    IgnoreYourself,
    /// This user is not ignored.
    #[error("{0} is not ignored; \\ignore lists who is")]
    NotIgnored(&'a UserName),
    /// No setting has this name.
    #[error("there is no setting {key}; there are {}", names.join(", "))]
    NoSetting {
        /// The name.
        key: &'a str,
        /// The names that settings have.
        names: &'a [&'a str],
    },
    /// The settings are to be saved, and no place is known.
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
