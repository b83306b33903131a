//! Questions from one server to another over NATS. There is a subject for each server, and the answer goes to the
//! server that asked. Nothing is stored. This file knows nothing of what is asked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::{Client, Request};
use bytes::Bytes;
use futures_util::StreamExt;
use hobnob_order::{Later, Neighbours, NoAnswer, Question, ServerId};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::connection::Link;
use crate::settings::LobbyName;

/// How many questions may wait here. When the limit is reached, further questions are not answered.
const QUESTIONS: usize = 256;

/// The greatest length of a question or an answer, in bytes. Longer ones are ignored.
const MAX_BYTES: usize = 256 * 1024;

/// How many questions may be answered at once. Further questions wait in the queue.
const ANSWERS: usize = 64;

/// How long an answer may take here. By then the server that asked has given up.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

/// The other servers of a lobby.
#[derive(Debug)]
pub struct NatsNeighbours {
    client: Client,
    lobby: LobbyName,
    listening: Mutex<Option<AbortHandle>>,
}

impl Drop for NatsNeighbours {
    fn drop(&mut self) {
        self.listen_by(None);
    }
}

impl NatsNeighbours {
    /// Makes the neighbours that are reached over this link: the other servers of the lobby.
    #[must_use]
    pub fn new(link: &Link, lobby: LobbyName) -> Self {
        Self { client: link.client.clone(), lobby, listening: Mutex::new(None) }
    }

    fn listen_by(&self, task: Option<AbortHandle>) {
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = std::mem::replace(&mut *listening, task) {
            before.abort();
        }
    }
}

impl Neighbours for NatsNeighbours {
    fn ask(&self, server: ServerId, question: Bytes, limit: Duration) -> Later<'_, Result<Bytes, NoAnswer>> {
        let (client, subject) = (self.client.clone(), self.lobby.questions(server.0));
        Box::pin(async move {
            let request = Request::new().payload(question).timeout(Some(limit));
            // The limit of the NATS crate begins when the request is sent, and sending waits while the link is lost. So
            // this timeout is needed as well.
            let answer = timeout(limit, client.send_request(subject, request)).await;
            match answer {
                Ok(Ok(answer)) if answer.payload.len() <= MAX_BYTES => Ok(answer.payload),
                _ => Err(NoAnswer(server)),
            }
        })
    }

    fn asked(&self, own: ServerId) -> mpsc::Receiver<Question> {
        let (desk, questions) = mpsc::channel(QUESTIONS);
        let (client, subject) = (self.client.clone(), self.lobby.questions(own.0));
        let task = tokio::spawn(listen(client, subject, desk));
        self.listen_by(Some(task.abort_handle()));
        questions
    }
}

/// Hands on the questions of other servers, until nobody takes them any more.
async fn listen(client: Client, subject: String, desk: mpsc::Sender<Question>) {
    let asked = match client.subscribe(subject).await {
        Ok(asked) => asked,
        Err(err) => return tracing::error!(%err, "no questions of other servers are heard"),
    };
    let room = Arc::new(tokio::sync::Semaphore::new(ANSWERS));
    let mut asked = asked;
    while let Some(message) = asked.next().await {
        let Some(reply) = message.reply.filter(|_| message.payload.len() <= MAX_BYTES) else { continue };
        let Ok(room) = Arc::clone(&room).acquire_owned().await else { return };
        let (answer, answered) = oneshot::channel();
        match desk.try_send(Question { question: message.payload, answer }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => continue,
            Err(mpsc::error::TrySendError::Closed(_)) => return,
        }
        let client = client.clone();
        tokio::spawn(async move {
            // A dropped question gets no answer; the server that asked does not wait longer than its limit.
            if let Ok(Ok(answer)) = timeout(ANSWERED_WITHIN, answered).await
                && let Err(err) = client.publish(reply, answer).await
            {
                tracing::debug!(%err, "an answer could not be sent");
            }
            drop(room);
        });
    }
}
