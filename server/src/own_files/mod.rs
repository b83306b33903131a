//! The files in which the administrator of a server says who its operators are and what newcomers are told. They are
//! read when the server starts, and again while it runs. When a file cannot be read again, what was read before stays.
//! This module knows nothing of what follows from the files.

mod motd;
mod operators;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, Weak};

use hobnob_protocol::key::Fingerprint;
use hobnob_protocol::text::Text;
use thiserror::Error;
use tokio::task::spawn_blocking;

use crate::config::{Operators, ServerConfig};
use crate::connection::Shared;
use crate::lobby::LobbyCommand;
use crate::own_files::motd::MotdError;
use crate::own_files::operators::OperatorsFileError;

/// Why one of the files cannot be used.
#[derive(Debug, Error)]
pub enum OwnFilesError {
    /// The operators' file cannot be used.
    #[error(transparent)]
    Operators(#[from] OperatorsFileError),
    /// The file with the message of the day cannot be used.
    #[error(transparent)]
    Motd(#[from] MotdError),
    /// The task that reads the files ended by a fault of its own.
    #[error("the server's own files could not be read: {0}")]
    Fault(String),
}

/// The files of one server, and the server that uses what they say. Cheap to clone.
#[derive(Clone)]
pub struct OwnFiles {
    operators: Operators,
    motd: Option<PathBuf>,
    server: Weak<Shared>,
}

/// What the files say.
#[derive(Debug)]
pub(crate) struct Own {
    /// The operators' fingerprints; `None` where the server's settings name no operators.
    pub(crate) operators: Option<Vec<Fingerprint>>,
    pub(crate) motd: Option<Text>,
}

impl std::fmt::Debug for OwnFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnFiles").field("operators", &self.operators).field("motd", &self.motd).finish()
    }
}

impl OwnFiles {
    /// Returns the files that these settings name. They belong to no server yet.
    pub(crate) fn of(config: &ServerConfig) -> Self {
        Self { operators: config.operators.clone(), motd: config.motd.clone(), server: Weak::new() }
    }

    /// Returns the same files, for a server that is running.
    pub(crate) fn kept_by(self, server: &Arc<Shared>) -> Self {
        Self { server: Arc::downgrade(server), ..self }
    }

    /// Reads the operators and the message of the day, as far as the settings name files for them.
    ///
    /// # Errors
    /// Fails when one of them cannot be used.
    pub(crate) async fn read(&self) -> Result<Own, OwnFilesError> {
        let (operators, motd) = (self.operators.clone(), self.motd.clone());
        let read = move || {
            let operators = match operators {
                Operators::Nobody => None,
                Operators::Listed(path) => Some(operators::read(&path)?),
                Operators::Host(key) => Some(vec![key.fingerprint()]),
            };
            let motd = motd.map_or(Ok(None), |path| motd::read(&path))?;
            Ok(Own { operators, motd })
        };
        spawn_blocking(read).await.unwrap_or_else(|err| Err(OwnFilesError::Fault(err.to_string())))
    }

    /// Reads both files again and hands what they say to the server. If there is a fault in one of them, it is logged
    /// and nothing changes.
    pub async fn read_again(&self) {
        let own = match self.read().await {
            Ok(own) => own,
            Err(err) => {
                let err = with_causes(&err);
                return tracing::error!("the operators stay as they were: {err}");
            }
        };
        let Some(server) = self.server.upgrade() else { return };
        let count = own.operators.as_ref().map_or(0, Vec::len);
        if let Some(listed) = own.operators
            && server.lobby.send(LobbyCommand::Operators(listed)).await.is_err()
        {
            return;
        }
        self.says(own.motd);
        tracing::info!(operators = count, "the operators' file and the message of the day were read again");
    }

    /// From now on newcomers are told this message of the day.
    pub(crate) fn says(&self, motd: Option<Text>) {
        if let Some(server) = self.server.upgrade() {
            *server.motd.lock().unwrap_or_else(PoisonError::into_inner) = motd;
        }
    }
}

/// Returns an error and its causes, on one line.
fn with_causes(err: &OwnFilesError) -> String {
    let causes = std::iter::successors(std::error::Error::source(err), |cause| cause.source());
    causes.fold(err.to_string(), |said, cause| format!("{said}: {cause}"))
}
