//! The answer to a request of a program.

use serde::{Deserialize, Serialize};

use crate::input::request::RequestId;
use crate::show::Failure;

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestAnswer {
    /// The request, as its author named it.
    pub id: RequestId,
    /// Whether the request did what it was to do.
    pub ok: bool,
    /// The number in the lobby of the text that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Why it failed: the code of the error, or `unsent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why it failed, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl RequestAnswer {
    /// Makes the answer that a request was carried out, with the number of its text in the lobby.
    #[must_use]
    pub fn done(id: RequestId, seq: Option<u64>) -> Self {
        Self { id, ok: true, seq, code: None, text: None }
    }

    /// Makes the answer that a request failed.
    #[must_use]
    pub fn failed(id: RequestId, failure: &Failure) -> Self {
        Self { id, ok: false, seq: None, code: Some(failure.code.name()), text: Some(failure.text.clone()) }
    }

    /// Makes the answer that a text was not sent.
    #[must_use]
    pub fn unsent(id: RequestId, reason: &str) -> Self {
        Self { id, ok: false, seq: None, code: Some("unsent".to_owned()), text: Some(reason.to_owned()) }
    }
}
