//! Events of the lobby's link on their way to the app, bounded in number and in bytes. Knows nothing of what
//! they mean.
//!
//! When it is full the link stops reading. The server then keeps this client's place in the log, and nothing is
//! lost; a server that sends on regardless is met by a socket that takes no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, mpsc};

use super::event::LobbyEvent;

/// Events that may wait. Many, for most are short and an app takes a burst of them in one go.
const EVENT_QUEUE: usize = 1024;

/// Bytes of memory that waiting events may hold, as [`LobbyEvent::weight`] reckons them; one event more fits.
const EVENT_BYTES: usize = 4 * 1024 * 1024;

/// How many bytes wait, and who waits for there to be fewer.
#[derive(Debug, Default)]
struct Weight {
    waiting: AtomicUsize,
    fewer: Notify,
}

/// The link's end.
#[derive(Debug)]
pub(crate) struct EventSender {
    events: mpsc::Sender<(LobbyEvent, usize)>,
    weight: Arc<Weight>,
}

/// The app's end.
#[derive(Debug)]
pub struct LobbyEvents {
    events: mpsc::Receiver<(LobbyEvent, usize)>,
    weight: Arc<Weight>,
}

/// The app takes no events any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AppGone;

/// Both ends of a queue.
pub(crate) fn events() -> (EventSender, LobbyEvents) {
    let (sender, receiver) = mpsc::channel(EVENT_QUEUE);
    let weight = Arc::new(Weight::default());
    (EventSender { events: sender, weight: Arc::clone(&weight) }, LobbyEvents { events: receiver, weight })
}

impl EventSender {
    /// Waits until there is room.
    pub(super) async fn send(&self, event: LobbyEvent) -> Result<(), AppGone> {
        let bytes = event.weight();
        loop {
            // Asked for before looking, so that what is taken in between is not missed.
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

    /// Whether it was taken at once.
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
    /// The next event; none once the link has ended and all were taken. Cancel-safe.
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

    /// As many names as fill a line.
    fn long() -> LobbyEvent {
        LobbyEvent::Presence { room: None, changes: vec![Change::Joined("a".parse().unwrap()); 10_000] }
    }

    /// How many events are taken while nobody reads.
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
    async fn it_is_bounded_in_number_and_in_bytes() {
        assert_eq!(taken(|| short(0)).await, EVENT_QUEUE);
        assert_eq!(taken(long).await, EVENT_BYTES.div_ceil(long().weight()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_room_goes_on_when_there_is_and_keeps_its_order() {
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
                    panic!("it ended")
                };
                assert_eq!(id, expected);
            }
        };
        tokio::join!(sending, reading);
    }

    #[tokio::test(start_paused = true)]
    async fn an_app_that_is_gone_lets_nobody_wait() {
        let (sender, events) = events();
        while sender.weight.waiting.load(Ordering::Acquire) < EVENT_BYTES {
            sender.send(long()).await.unwrap();
        }
        let waiting = sender.send(short(1));
        let leaving = async { drop(events) };
        assert_eq!(tokio::join!(waiting, leaving).0, Err(AppGone));
    }
}
