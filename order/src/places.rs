//! Batches in their order, in memory, and the tasks that wait for the next batch. Both streams of this crate use this.
//! It decides neither when a batch is added nor which time it has.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::{Ordered, Place, StreamError};

/// Some batches in a row, without a gap.
#[derive(Debug)]
pub(crate) struct Places<B> {
    kept: VecDeque<Ordered<B>>,
    /// The place before the first batch that is kept.
    base: Place,
    last_at: u64,
    waiting: Vec<Waker>,
}

impl<B> Default for Places<B> {
    fn default() -> Self {
        Self { kept: VecDeque::new(), base: Place(0), last_at: 0, waiting: Vec::new() }
    }
}

impl<B> Places<B> {
    /// Gives a batch the next place. Its time is `now`, or the time of the batch before if that is later.
    pub(crate) fn push(&mut self, batch: Arc<B>, now: u64) -> Place {
        let place = self.newest().next();
        self.last_at = self.last_at.max(now);
        self.kept.push_back(Ordered { place, at: self.last_at, batch });
        self.wake();
        place
    }

    /// Returns how many batches are kept.
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Returns the newest place, also if its batch was forgotten.
    pub(crate) fn newest(&self) -> Place {
        Place(self.base.0 + self.kept.len() as u64)
    }

    /// Returns the oldest place that is kept, and the newest.
    pub(crate) fn bounds(&self) -> (Place, Place) {
        (self.base.next(), self.newest())
    }

    /// Drops the batches up to and including `up_to`. If there are fewer, all are dropped.
    pub(crate) fn forget(&mut self, up_to: Place) {
        while self.base < up_to && self.kept.pop_front().is_some() {
            self.base = self.base.next();
        }
    }

    /// Drops the batches after `place`, as if an older copy had been restored.
    pub(crate) fn go_back(&mut self, place: Place) {
        self.kept.truncate(place.0.saturating_sub(self.base.0) as usize);
        self.wake();
    }

    /// Returns the batch after `reached`. If there is none yet, the caller's task is woken when there is one.
    pub(crate) fn poll_after(
        &mut self,
        reached: Place,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Ordered<B>, StreamError>> {
        let (begins, ends) = self.bounds();
        if reached > ends {
            return Poll::Ready(Err(StreamError::WentBack { reached, ends }));
        }
        let Some(index) = reached.0.checked_sub(self.base.0) else {
            return Poll::Ready(Err(StreamError::Skipped { wanted: reached.next(), begins }));
        };
        match self.kept.get(index as usize) {
            Some(ordered) => Poll::Ready(Ok(ordered.clone())),
            None => {
                if !self.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                    self.waiting.push(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }

    /// Wakes all waiting tasks, so that they look again.
    pub(crate) fn wake(&mut self) {
        self.waiting.drain(..).for_each(Waker::wake);
    }
}
