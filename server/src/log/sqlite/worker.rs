//! A thread with a bounded queue that async tasks can ask. This file knows nothing of what is asked.

use std::future;
use std::thread::JoinHandle;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::log::{Later, LogError};

/// Where the answer to a question goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, LogError>>;

/// A thread and its queue. Dropping it closes the queue and waits until the thread has dealt with everything in the
/// queue.
#[derive(Debug)]
pub(super) struct Worker<Q> {
    /// `None` only while the worker is being dropped.
    queue: Option<mpsc::Sender<Q>>,
    thread: Option<JoinHandle<()>>,
}

impl<Q: Send + 'static> Worker<Q> {
    /// Starts `run` with a queue of `capacity` questions. When the queue is full, those who ask wait.
    pub(super) fn spawn(
        name: &str,
        capacity: usize,
        run: impl FnOnce(mpsc::Receiver<Q>) + Send + 'static,
    ) -> Result<Self, LogError> {
        let (queue, rx) = mpsc::channel(capacity);
        let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(rx));
        match spawned {
            Ok(thread) => Ok(Self { queue: Some(queue), thread: Some(thread) }),
            Err(err) => Err(LogError::Write(format!("the thread {name} could not be started: {err}"))),
        }
    }

    /// Asks the thread, at once if its queue has room, and gives a future of the answer. Once a question is in the
    /// queue, the thread answers it before [`Drop`] ends, whether anybody waits for the answer or not.
    pub(super) fn ask<T: Send + 'static>(&self, question: impl FnOnce(Reply<T>) -> Q) -> Later<'static, T> {
        let closed = || Box::pin(future::ready(Err(LogError::Closed)));
        let Some(queue) = self.queue.as_ref() else { return closed() };
        let (answer, answered) = oneshot::channel();
        let waiting = match queue.try_send(question(answer)) {
            Ok(()) => None,
            Err(TrySendError::Full(question)) => Some((queue.clone(), question)),
            Err(TrySendError::Closed(_)) => return closed(),
        };
        Box::pin(async move {
            if let Some((queue, question)) = waiting {
                queue.send(question).await.map_err(|_| LogError::Closed)?;
            }
            answered.await.map_err(|_| LogError::Closed)?
        })
    }
}

impl<Q> Drop for Worker<Q> {
    fn drop(&mut self) {
        self.queue = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("a thread of the log ended in a panic");
        }
    }
}
