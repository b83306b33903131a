//! The stream of a lobby: the server that comes first founds it, and all other servers find it. The founding says what
//! the lobby is. It stands in the stream's description, which JetStream keeps as long as the stream and copies to all
//! its nodes; a purge of old batches does not touch it. This file knows nothing of what a founding says.

use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use hobnob_order::StreamIdentity;
use thiserror::Error;
use tokio::time::{Instant, sleep};

use crate::connection::Link;
use crate::settings::{LobbyName, Settings};

/// How long a cluster may take until it can keep a stream: its nodes first find each other and elect a leader.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// How long three nodes are awaited if the settings do not say how many nodes are to keep the stream.
const THREE_WITHIN: Duration = Duration::from_secs(8);

/// The time between two attempts.
const RETRY: Duration = Duration::from_millis(200);

/// How many nodes keep the stream if there are as many. With three nodes, one may die.
const REPLICAS: usize = 3;

/// The greatest length of a founding, in bytes. JetStream keeps 4 KiB of description.
const MAX_FOUNDING: usize = 2048;

/// The beginning of every description. The stream's identity follows in hexadecimal digits.
const PREFIX: &str = "hobnob ";

/// Why a lobby's stream cannot be used.
#[derive(Debug, Error)]
pub enum LobbyStreamError {
    /// JetStream does not answer in time.
    #[error("JetStream at {urls} cannot keep the lobby's stream now: {reason}")]
    NotReady {
        /// The addresses of the nodes.
        urls: String,
        /// The error of the last attempt.
        reason: String,
    },
    /// JetStream refuses to keep the stream.
    #[error("JetStream at {urls} refuses the lobby's stream {stream}: {reason}")]
    Refused {
        /// The addresses of the nodes.
        urls: String,
        /// The name of the stream.
        stream: String,
        /// The error that JetStream gave.
        reason: String,
    },
    /// A stream of that name exists, but no hobnob-server made it.
    #[error("the stream {stream} on NATS was not made by a hobnob-server: choose another --lobby")]
    NotOurs {
        /// The name of the stream.
        stream: String,
    },
    /// The founding is longer than is allowed.
    #[error("what is to be said of the lobby is longer than {MAX_FOUNDING} bytes")]
    TooLong,
}

/// What is known of a lobby's stream that was found or founded.
#[derive(Debug, Clone)]
pub struct Founded {
    /// The identity of the stream. A stream that is deleted and made again has another one.
    pub identity: StreamIdentity,
    /// What the server that founded the stream said of the lobby.
    pub founding: String,
    /// Whether this call made the stream.
    pub is_new: bool,
    /// How many nodes keep the stream.
    pub replicas: usize,
}

/// Finds the lobby's stream; `None` if there is none.
pub(crate) async fn find(
    link: &Link,
    lobby: &LobbyName,
) -> Result<Option<(Stream, Founded)>, LobbyStreamError> {
    let until = Instant::now() + READY_WITHIN;
    loop {
        match link.jetstream.get_stream(lobby.stream()).await {
            Ok(stream) => return read(stream, false).map(Some),
            Err(err) => match err.kind() {
                GetStreamErrorKind::JetStream(said) if said.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                    return Ok(None);
                }
                kind => wait_or(link, kind.to_string(), until).await?,
            },
        }
    }
}

/// Finds the lobby's stream, or makes it with `founding`. When several servers do this at once, one of them makes the
/// stream and the others find it.
pub(crate) async fn find_or_found(
    link: &Link,
    settings: &Settings,
    identity: StreamIdentity,
    founding: &str,
) -> Result<(Stream, Founded), LobbyStreamError> {
    if founding.len() > MAX_FOUNDING {
        return Err(LobbyStreamError::TooLong);
    }
    let began = Instant::now();
    let mut replicas = settings.replicas.unwrap_or(REPLICAS);
    loop {
        if let Some(existing) = find(link, &settings.lobby).await? {
            return Ok(existing);
        }
        let config = config(&settings.lobby, replicas, &describe(identity, founding));
        match link.jetstream.create_stream(config).await {
            Ok(stream) => return read(stream, true),
            Err(err) => match replicas_instead(settings, &err, began) {
                Some(fewer) if fewer < replicas => replicas = fewer,
                _ => may_be_tried_again(link, settings, &err, began).await?,
            },
        }
    }
}

/// Returns how many nodes are to keep the stream instead, if there are fewer nodes than were asked for.
fn replicas_instead(settings: &Settings, err: &CreateStreamError, began: Instant) -> Option<usize> {
    if settings.replicas.is_some() {
        return None;
    }
    match code(err) {
        Some(ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED) => Some(1),
        Some(ErrorCode::CLUSTER_NO_PEERS) if began.elapsed() > THREE_WITHIN => Some(1),
        _ => None,
    }
}

async fn may_be_tried_again(
    link: &Link,
    settings: &Settings,
    err: &CreateStreamError,
    began: Instant,
) -> Result<(), LobbyStreamError> {
    let passing = match code(err) {
        // Another server made it a moment ago; the next attempt finds it.
        Some(ErrorCode::STREAM_NAME_EXIST) => true,
        Some(
            ErrorCode::CLUSTER_NO_PEERS
            | ErrorCode::CLUSTER_NOT_AVAILABLE
            | ErrorCode::CLUSTER_NOT_LEADER
            | ErrorCode::INSUFFICIENT_RESOURCES,
        ) => true,
        Some(_) => false,
        None => true,
    };
    match passing {
        true => wait_or(link, err.to_string(), began + READY_WITHIN).await,
        false => Err(LobbyStreamError::Refused {
            urls: link.urls().to_owned(),
            stream: settings.lobby.stream(),
            reason: err.to_string(),
        }),
    }
}

async fn wait_or(link: &Link, reason: String, until: Instant) -> Result<(), LobbyStreamError> {
    if Instant::now() >= until {
        return Err(LobbyStreamError::NotReady { urls: link.urls().to_owned(), reason });
    }
    sleep(RETRY).await;
    Ok(())
}

fn code(err: &CreateStreamError) -> Option<ErrorCode> {
    match err.kind() {
        CreateStreamErrorKind::JetStream(said) => Some(said.error_code()),
        _ => None,
    }
}

/// Returns the settings of the stream. They contain no limit that drops batches, because numbers without a gap are
/// needed to notice that a batch was skipped.
fn config(lobby: &LobbyName, replicas: usize, description: &str) -> Config {
    Config {
        name: lobby.stream(),
        subjects: vec![lobby.batches()],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: replicas,
        max_bytes: -1,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        deny_delete: true,
        description: Some(description.to_owned()),
        ..Config::default()
    }
}

fn describe(identity: StreamIdentity, founding: &str) -> String {
    format!("{PREFIX}{:032x} {founding}", u128::from_be_bytes(identity.0))
}

fn read(stream: Stream, is_new: bool) -> Result<(Stream, Founded), LobbyStreamError> {
    let config = &stream.cached_info().config;
    let described = config.description.as_deref().and_then(parse);
    let Some((identity, founding)) = described else {
        return Err(LobbyStreamError::NotOurs { stream: config.name.clone() });
    };
    let replicas = config.num_replicas;
    Ok((stream, Founded { identity, founding, is_new, replicas }))
}

/// Returns the identity and the founding in a stream's description.
pub(crate) fn parse(description: &str) -> Option<(StreamIdentity, String)> {
    let (digits, founding) = description.strip_prefix(PREFIX)?.split_once(' ')?;
    let is_identity = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let identity = is_identity.then(|| u128::from_str_radix(digits, 16).ok()).flatten()?;
    Some((StreamIdentity(identity.to_be_bytes()), founding.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_read_back_as_it_was_written_and_other_texts_are_not_read() {
        let identity = StreamIdentity([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        let description = describe(identity, "words {\"a\":1}");
        assert_eq!(parse(&description), Some((identity, "words {\"a\":1}".to_owned())));
        for other in ["", "orders of the shop", "hobnob", "hobnob 12 x", &description.replace("0001", "+001")]
        {
            assert_eq!(parse(other), None, "{other:?}");
        }
    }
}
