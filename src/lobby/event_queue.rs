//! Events of the lobby's link on their way to the app, bounded in number and in bytes. This file does not know what
//! they mean.
//!
//! When the queue is full, the link stops reading. The server then keeps this client's place in the log, and nothing is
//! lost. If a server sends on regardless, its bytes stay in the socket, which takes no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, mpsc};

use super::event::LobbyEvent;

/// How many events may wait. The number is large, because most events are short and an app takes a burst of them in one
/// go.
const EVENT_QUEUE: usize = 1024;

/// How many bytes of memory waiting events may hold, counted by [`LobbyEvent::weight`]. The queue takes events until it
/// holds this much, so one event may exceed it.
const EVENT_BYTES: usize = 4 * 1024 * 1024;

/// How many bytes wait, and a signal for when they become fewer.
#[derive(Debug, Default)]
struct Weight {
    waiting: AtomicUsize,
    fewer: Notify,
}

/// The end of the queue that belongs to the link.
#[derive(Debug)]
pub(crate) struct EventSender {
    events: mpsc::Sender<(LobbyEvent, usize)>,
    weight: Arc<Weight>,
}

/// The end of the queue that belongs to the app.
#[derive(Debug)]
pub struct LobbyEvents {
    events: mpsc::Receiver<(LobbyEvent, usize)>,
    weight: Arc<Weight>,
}

/// The app takes no more events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AppGone;

/// Makes both ends of a queue.
pub(crate) fn events() -> (EventSender, LobbyEvents) {
    let (sender, receiver) = mpsc::channel(EVENT_QUEUE);
    let weight = Arc::new(Weight::default());
    (EventSender { events: sender, weight: Arc::clone(&weight) }, LobbyEvents { events: receiver, weight })
}

impl EventSender {
    /// Adds an event; waits until there is room for it.
    pub(super) async fn send(&self, event: LobbyEvent) -> Result<(), AppGone> {
        let bytes = event.weight();
        loop {
            // The notification is requested before the look, so that an event that is taken in between is not missed.
            let fewer = self.weight.fewer.notified();
            if self.weight.waiting.load(Ordering::Acquire) < EVENT_BYTES {
                break;
            }
            tokio::select! {
                () = fewer => {}
                () = self.events.closed() => return Err(AppGone),
            }
        }
        self.weight.waiting.fetch_add(bytes, Ordering::AcqRel);
        self.events.send((event, bytes)).await.map_err(|_| AppGone)
    }

    /// Adds an event if there is room; returns whether there was.
    #[cfg(test)]
    pub(crate) fn try_send(&self, event: LobbyEvent) -> bool {
        let bytes = event.weight();
        let is_taken = self.events.try_send((event, bytes)).is_ok();
        if is_taken {
            self.weight.waiting.fetch_add(bytes, Ordering::AcqRel);
        }
        is_taken
    }
}

impl LobbyEvents {
    /// Returns the next event; `None` when the link has ended and all events were taken. Cancel-safe.
    pub async fn recv(&mut self) -> Option<LobbyEvent> {
        let (event, bytes) = self.events.recv().await?;
        let before = self.weight.waiting.fetch_sub(bytes, Ordering::AcqRel);
        if before >= EVENT_BYTES {
            self.weight.fewer.notify_one();
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::message::{Change, NotAccepted, NotAcceptedCode};

    use super::*;

    fn short(id: u64) -> LobbyEvent {
        LobbyEvent::not_accepted(id, NotAcceptedCode::Other)
    }

    /// Makes an event with as many names as fill a line.
    fn long() -> LobbyEvent {
        LobbyEvent::Presence { room: None, changes: vec![Change::Joined("a".parse().unwrap()); 10_000] }
    }

    /// Returns how many events the queue takes while nobody reads.
    async fn taken(event: impl Fn() -> LobbyEvent) -> usize {
        let (sender, _events) = events();
        let mut count = 0;
        let filling = async {
            loop {
                sender.send(event()).await.unwrap();
                count += 1;
            }
        };
        let full = tokio::time::timeout(std::time::Duration::from_secs(1), filling).await;
        assert!(full.is_err());
        count
    }

    #[tokio::test(start_paused = true)]
    async fn the_event_queue_is_bounded_in_number_and_in_bytes() {
        assert_eq!(taken(|| short(0)).await, EVENT_QUEUE);
        assert_eq!(taken(long).await, EVENT_BYTES.div_ceil(long().weight()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_that_waits_for_room_goes_on_and_keeps_the_order() {
        let (sender, mut events) = events();
        let sending = async {
            for id in 0..1000 {
                sender.send(long()).await.unwrap();
                sender.send(short(id)).await.unwrap();
            }
        };
        let reading = async {
            for expected in 0..1000 {
                assert!(matches!(events.recv().await, Some(LobbyEvent::Presence { .. })));
                let Some(LobbyEvent::NotAccepted(NotAccepted { id, .. })) = events.recv().await else {
                    panic!("the queue ended")
                };
                assert_eq!(id, expected);
            }
        };
        tokio::join!(sending, reading);
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiting_sender_fails_when_the_app_is_gone() {
        let (sender, events) = events();
        while sender.weight.waiting.load(Ordering::Acquire) < EVENT_BYTES {
            sender.send(long()).await.unwrap();
        }
        let waiting = sender.send(short(1));
        let leaving = async { drop(events) };
        assert_eq!(tokio::join!(waiting, leaving).0, Err(AppGone));
    }
}
