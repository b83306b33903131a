//! Questions from one server of a lobby to another, of which nothing is stored: signs of life, introductions.
//! Owns the trait, a server that has no neighbours, and neighbours in memory for tests. Knows nothing of what is
//! asked.

use std::collections::HashMap;
use std::future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::Later;

/// Questions that may wait at one server; further ones are not answered.
const QUESTIONS: usize = 256;

/// One server of a lobby.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub u64);

/// A question to this server and the way back for its answer.
#[derive(Debug)]
pub struct Question {
    /// What is asked.
    pub question: Bytes,
    /// Takes the answer; dropped, there is none.
    pub answer: oneshot::Sender<Bytes>,
}

/// No answer came, or none in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("server {} does not answer", .0.0)]
pub struct NoAnswer(pub ServerId);

/// The other servers of a lobby.
pub trait Neighbours: Send + Sync + 'static {
    /// Asks a server, and waits `limit` for its answer.
    ///
    /// # Errors
    /// When there is no answer in that time. The question may have been read all the same.
    fn ask(&self, server: ServerId, question: Bytes, limit: Duration) -> Later<'_, Result<Bytes, NoAnswer>>;

    /// What others ask of this server, whose number is `own`. Whoever calls this last gets the questions.
    fn asked(&self, own: ServerId) -> mpsc::Receiver<Question>;
}

/// A server that has no neighbours.
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

/// Servers in the same process, for tests; clones are the neighbours of each other. A server that is silent takes
/// questions and answers none: drop what [`asked`](Neighbours::asked) gave, or do not read it.
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
    async fn who_is_alone_has_nobody_to_ask_and_is_not_asked() {
        assert!(Alone.ask(ServerId(2), HI, LIMIT).await.is_err());
        assert!(Alone.asked(ServerId(1)).recv().await.is_none());
    }
}
