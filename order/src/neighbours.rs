//! Questions from one server of a lobby to another, such as signs of life and introductions. Nothing of them is stored.
//! This file owns the trait, an implementation for a server without neighbours, and one in memory for tests. It knows
//! nothing of what is asked.

use std::collections::HashMap;
use std::future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::Later;

/// How many questions may wait at one server. When the limit is reached, further questions get no answer.
const QUESTIONS: usize = 256;

/// The number of one server in a lobby.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub u64);

/// A question to this server, with the sender for its answer.
#[derive(Debug)]
pub struct Question {
    /// The question as bytes.
    pub question: Bytes,
    /// Takes the answer. If this is dropped, the other server learns that there is no answer.
    pub answer: oneshot::Sender<Bytes>,
}

/// The error for a question to this server that was not answered, or not in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("server {} does not answer", .0.0)]
pub struct NoAnswer(pub ServerId);

/// Asks the other servers of a lobby, and receives their questions.
pub trait Neighbours: Send + Sync + 'static {
    /// Asks `server` and waits for its answer, at most for `limit`.
    ///
    /// # Errors
    /// Fails if there is no answer in that time. The other server may have read the question nevertheless.
    fn ask(&self, server: ServerId, question: Bytes, limit: Duration) -> Later<'_, Result<Bytes, NoAnswer>>;

    /// Returns the receiver of what others ask this server, whose number is `own`. If this is called several times,
    /// only the latest receiver gets the questions.
    fn asked(&self, own: ServerId) -> mpsc::Receiver<Question>;
}

/// The neighbours of a server that is alone: there are none, so every question fails.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Neighbours for Alone {
    fn ask(
        &self,
        server: ServerId,
        _question: Bytes,
        _limit: Duration,
    ) -> Later<'_, Result<Bytes, NoAnswer>> {
        Box::pin(future::ready(Err(NoAnswer(server))))
    }

    fn asked(&self, _own: ServerId) -> mpsc::Receiver<Question> {
        mpsc::channel(1).1
    }
}

type Desks = Arc<Mutex<HashMap<ServerId, mpsc::Sender<Question>>>>;

/// Servers in the same process, for tests. Clones are neighbours of each other. To make a server silent, a test drops
/// the receiver that [`asked`](Neighbours::asked) returned, or does not read from it.
#[derive(Debug, Clone, Default)]
pub struct MemoryNeighbours {
    desks: Desks,
}

impl MemoryNeighbours {
    fn desks(&self) -> MutexGuard<'_, HashMap<ServerId, mpsc::Sender<Question>>> {
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Neighbours for MemoryNeighbours {
    fn ask(&self, server: ServerId, question: Bytes, limit: Duration) -> Later<'_, Result<Bytes, NoAnswer>> {
        let desk = self.desks().get(&server).cloned();
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let desk = desk.ok_or(NoAnswer(server))?;
            desk.try_send(Question { question, answer }).map_err(|_| NoAnswer(server))?;
            timeout(limit, answered).await.ok().and_then(Result::ok).ok_or(NoAnswer(server))
        })
    }

    fn asked(&self, own: ServerId) -> mpsc::Receiver<Question> {
        let (desk, questions) = mpsc::channel(QUESTIONS);
        self.desks().insert(own, desk);
        questions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(2);
    const HI: Bytes = Bytes::from_static(b"hi");

    #[tokio::test(start_paused = true)]
    async fn a_neighbour_answers_or_is_not_waited_for_longer_than_the_limit() {
        let one = MemoryNeighbours::default();
        let other = one.clone();
        assert_eq!(one.ask(ServerId(2), HI, LIMIT).await, Err(NoAnswer(ServerId(2))), "it is not there yet");
        let mut questions = other.asked(ServerId(2));
        let answering = async {
            let Question { question, answer } = questions.recv().await.unwrap();
            answer.send(question).unwrap();
        };
        let (answered, ()) = tokio::join!(one.ask(ServerId(2), HI, LIMIT), answering);
        assert_eq!(answered, Ok(HI));
        let started = tokio::time::Instant::now();
        assert!(one.ask(ServerId(2), HI, LIMIT).await.is_err(), "nobody reads its questions");
        assert_eq!(started.elapsed(), LIMIT);
    }

    #[tokio::test]
    async fn a_server_that_is_alone_gets_neither_answers_nor_questions() {
        assert!(Alone.ask(ServerId(2), HI, LIMIT).await.is_err());
        assert!(Alone.asked(ServerId(1)).recv().await.is_none());
    }
}
