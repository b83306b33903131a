//! The two lanes of a relayed session: bytes are copied from each of two streams to the other, no faster than the rate.
//! This file owns the bytes that were read and not written yet: none while both sides take what comes, and in each lane
//! at most as many as are read at once while a side does not. It knows nothing of the bytes, which are encrypted. Which
//! clients are joined is decided in `asking` and `seats`; how many sessions there may be is in `seats`.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::limits::rate::TokenBucket;

/// How many bytes are read at once if the rate is high. What the other side does not take is kept; meanwhile
/// nothing more is read, and the sender waits.
const MOST_AT_ONCE: usize = 64 * 1024;

/// How many bytes are read at once if the rate is low.
const LEAST_AT_ONCE: usize = 4 * 1024;

/// A session on which no byte passes for this long is ended. Clients give a sign of life every five seconds, so either
/// both are asleep, or they are no clients of hobnob.
pub(super) const IDLE: Duration = Duration::from_secs(60);

/// How long one direction may go on after the other has ended: as long as closing a session takes.
const HALF_OPEN: Duration = Duration::from_secs(5);

/// Why nothing more is copied.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("both sides have ended")]
    Closed,
    #[error("one side has ended, and the other did not follow")]
    HalfOpen,
    #[error("nothing passed for {} s", IDLE.as_secs())]
    Idle,
    #[error(transparent)]
    Broken(#[from] io::Error),
}

/// One direction of a session: what was read from one side and is to be written to the other.
#[derive(Default)]
struct Lane {
    /// What was read and not taken by the other side; the bytes from `written` on.
    held: Vec<u8>,
    written: usize,
    /// Whether the sender sends nothing more.
    ended: bool,
    /// Whether the other side was told that nothing more follows.
    is_shut: bool,
}

/// What polling one direction found.
enum Passed {
    /// This many bytes were read or taken, perhaps none, and the direction waits for a stream.
    Waits(usize),
    /// This many bytes were read or taken, and the rate is used up.
    Throttled(usize),
}

impl Lane {
    /// Moves bytes until a stream is not ready or the rate is used up.
    fn poll<A: AsyncRead + Unpin, B: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        (from, to): (&mut A, &mut B),
        (bucket, at_once): (&mut TokenBucket, usize),
        count: &(dyn Fn(usize) + Sync),
    ) -> io::Result<Passed> {
        let mut moved = 0;
        let mut room = [const { MaybeUninit::uninit() }; MOST_AT_ONCE];
        loop {
            while self.written < self.held.len() {
                match Pin::new(&mut *to).poll_write(cx, &self.held[self.written..])? {
                    Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Poll::Ready(taken) => {
                        self.written += taken;
                        moved += taken;
                    }
                    Poll::Pending => return Ok(Passed::Waits(moved)),
                }
            }
            // The memory is given back, because most sessions are quiet most of the time.
            (self.held, self.written) = (Vec::new(), 0);
            if self.ended {
                self.is_shut = self.is_shut || Pin::new(&mut *to).poll_shutdown(cx)?.is_ready();
                return Ok(Passed::Waits(moved));
            }
            if bucket.ready_at(Instant::now()).is_some() {
                return Ok(Passed::Throttled(moved));
            }
            let mut buffer = ReadBuf::uninit(&mut room[..at_once]);
            if Pin::new(&mut *from).poll_read(cx, &mut buffer)?.is_pending() {
                return Ok(Passed::Waits(moved));
            }
            let read = buffer.filled();
            self.ended = read.is_empty();
            bucket.take_many(read.len(), Instant::now());
            moved += read.len();
            count(read.len());
            let taken = match read.is_empty() {
                true => 0,
                false => match Pin::new(&mut *to).poll_write(cx, read)? {
                    Poll::Ready(taken) => taken,
                    Poll::Pending => 0,
                },
            };
            self.held.extend_from_slice(&read[taken..]);
        }
    }
}

/// Both directions of a session.
struct BothLanes<'a, S> {
    sides: [&'a mut S; 2],
    lanes: [Lane; 2],
    /// One bucket for both directions.
    bucket: TokenBucket,
    at_once: usize,
    /// When a byte was last read from one side, or accepted by the other.
    moved: Instant,
    /// Since when one direction has ended; `None` while neither has.
    half_open: Option<Instant>,
    count: &'a (dyn Fn(usize) + Sync),
}

/// Copies between two streams until both have ended, or until the session must not go on. `rate` is in bytes a second,
/// for both directions together, with a burst of ten seconds' worth; beyond that both are read more slowly. `count` is
/// called with the number of bytes that were read at once.
pub(super) async fn copy<S: AsyncRead + AsyncWrite + Unpin>(
    sides: [&mut S; 2],
    rate: u32,
    count: &(dyn Fn(usize) + Sync),
) -> Ended {
    let now = Instant::now();
    let at_once = usize::try_from(rate / 4).unwrap_or(MOST_AT_ONCE).clamp(LEAST_AT_ONCE, MOST_AT_ONCE);
    let mut lanes = BothLanes {
        sides,
        lanes: [Lane::default(), Lane::default()],
        bucket: TokenBucket::new(rate, now),
        at_once,
        moved: now,
        half_open: None,
        count,
    };
    let mut timer = std::pin::pin!(sleep(IDLE));
    poll_fn(|cx| lanes.poll(cx, timer.as_mut())).await
}

impl<S: AsyncRead + AsyncWrite + Unpin> BothLanes<'_, S> {
    fn poll(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<Ended> {
        loop {
            let throttled = match self.poll_lanes(cx) {
                Ok(throttled) => throttled,
                Err(err) => return Poll::Ready(err.into()),
            };
            let now = Instant::now();
            if self.lanes.iter().all(|lane| lane.is_shut) {
                return Poll::Ready(Ended::Closed);
            }
            if self.lanes.iter().any(|lane| lane.ended) {
                self.half_open.get_or_insert(now);
            }
            let mut wake = self.moved + IDLE;
            if now >= wake {
                return Poll::Ready(Ended::Idle);
            }
            if let Some(since) = self.half_open {
                wake = wake.min(since + HALF_OPEN);
                if now >= wake {
                    return Poll::Ready(Ended::HalfOpen);
                }
            }
            if throttled && let Some(ready) = self.bucket.ready_at(now) {
                wake = wake.min(ready);
            }
            if timer.deadline() != wake {
                timer.as_mut().reset(wake);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Polls both directions. Returns true if one of them waits because of the rate.
    fn poll_lanes(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let [one, other] = &mut self.sides;
        let [there, back] = &mut self.lanes;
        let pace = (&mut self.bucket, self.at_once);
        let there = there.poll(cx, (&mut **one, &mut **other), pace, self.count)?;
        let pace = (&mut self.bucket, self.at_once);
        let back = back.poll(cx, (&mut **other, &mut **one), pace, self.count)?;
        let mut throttled = false;
        for passed in [there, back] {
            let moved = match passed {
                Passed::Waits(moved) => moved,
                Passed::Throttled(moved) => {
                    throttled = true;
                    moved
                }
            };
            if moved > 0 {
                self.moved = Instant::now();
            }
        }
        Ok(throttled)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::task::JoinHandle;

    use super::*;

    /// Returns a relay between two pipes that hold so many bytes.
    fn relay(size: usize, rate: u32) -> (DuplexStream, DuplexStream, JoinHandle<(Ended, usize)>) {
        let (near, mut one) = duplex(size);
        let (far, mut other) = duplex(size);
        let task = tokio::spawn(async move {
            let counted = AtomicUsize::new(0);
            let count = |bytes| {
                counted.fetch_add(bytes, Ordering::Relaxed);
            };
            let ended = copy([&mut one, &mut other], rate, &count).await;
            (ended, counted.load(Ordering::Relaxed))
        });
        (near, far, task)
    }

    #[tokio::test(start_paused = true)]
    async fn all_bytes_and_the_end_pass_tiny_pipes_both_ways_and_in_order() {
        let (mut near, mut far, task) = relay(7, u32::MAX);
        let sent: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
        let (there, back) = (sent.clone(), sent.clone());
        let (mut far_read, mut far_write) = tokio::io::split(far);
        let writing = tokio::spawn(async move {
            near.write_all(&there).await.unwrap();
            near.shutdown().await.unwrap();
            let mut heard = Vec::new();
            near.read_to_end(&mut heard).await.unwrap();
            heard
        });
        let answering = tokio::spawn(async move { far_write.write_all(&back).await.map(|()| far_write) });
        let mut heard = Vec::new();
        far_read.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, sent);
        far = far_read.unsplit(answering.await.unwrap().unwrap());
        far.shutdown().await.unwrap();
        assert_eq!(writing.await.unwrap(), sent);
        let (ended, counted) = task.await.unwrap();
        assert!(matches!(ended, Ended::Closed), "{ended}");
        assert_eq!(counted, 2 * sent.len());
    }

    #[tokio::test(start_paused = true)]
    async fn both_directions_share_the_rate_after_the_burst() {
        let rate = 10_000;
        let (mut near, mut far, _task) = relay(1 << 20, rate);
        let begun = Instant::now();
        for stream in [&mut near, &mut far] {
            stream.write_all(&vec![1; 100_000]).await.unwrap();
        }
        let mut heard = vec![0; 100_000];
        let mut back = heard.clone();
        tokio::try_join!(far.read_exact(&mut heard), near.read_exact(&mut back)).unwrap();
        // 200,000 bytes, of which ten seconds' worth pass at once.
        let took = begun.elapsed().as_secs_f64();
        assert!((8.0..=10.5).contains(&took), "{took}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_does_not_read_makes_the_sender_wait_and_costs_what_is_read_at_once() {
        let (mut near, far, task) = relay(1000, 1 << 20);
        let mut taken = 0;
        while let Ok(written) = tokio::time::timeout(Duration::from_secs(1), near.write(&[1; 500])).await {
            taken += written.unwrap();
        }
        assert!(taken <= 2 * 1000 + MOST_AT_ONCE, "{taken}");
        drop(far);
        let (ended, _) = task.await.unwrap();
        assert!(matches!(ended, Ended::Broken(_)), "{ended}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_on_which_no_byte_passes_ends_and_one_with_few_bytes_goes_on() {
        let (mut near, mut far, task) = relay(100, 1000);
        for _ in 0..100 {
            tokio::time::sleep(IDLE - Duration::from_secs(1)).await; // paused time
            near.write_all(b".").await.unwrap();
            far.read_u8().await.unwrap();
        }
        let quiet = Instant::now();
        let (ended, counted) = task.await.unwrap();
        assert!(matches!(ended, Ended::Idle) && counted == 100, "{ended}");
        assert_eq!(quiet.elapsed().as_secs(), IDLE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_goes_on_too_long_after_the_other_has_ended_is_closed() {
        let (mut near, mut far, task) = relay(100, 1000);
        near.shutdown().await.unwrap();
        let asked = Instant::now();
        assert_eq!(far.read(&mut [0; 9]).await.unwrap(), 0, "it is told");
        let (ended, _) = task.await.unwrap();
        assert!(matches!(ended, Ended::HalfOpen), "{ended}");
        assert_eq!(asked.elapsed().as_secs(), HALF_OPEN.as_secs());
    }
}
