//! How many signals the editor gets while it reads one line, and after which pauses. This is plain data, which sends
//! nothing.
//!
//! For each signal, rustyline's handler writes a byte into a socket. If the socket is full, the handler waits, in the
//! only thread that reads from the socket, so it would wait for ever. That thread reads from it only when it waits for a
//! key. Therefore the number of signals is limited to far fewer than a socket has room for (278 on Linux). Each line has
//! a new socket.

use std::time::{Duration, Instant};

/// How many signals are sent at most while one line is read. A signal that arrives just before the editor waits for a
/// second key is noticed only with the next signal or key, so one signal may not be enough.
const MOST: u32 = 20;

/// How long the first pause between two signals is. Each pause is twice as long as the one before it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How many times the pause becomes longer. The last pauses take 3.2 seconds.
const DOUBLINGS: u32 = 5;

/// The signals that were sent since the editor has begun to read a line.
#[derive(Debug, Default)]
pub(super) struct Interrupts {
    sent: u32,
    last: Option<Instant>,
}

impl Interrupts {
    /// Whether a signal may be sent now. If so, it is counted, and the caller has to send it.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let taken = self.next(now) == Some(Duration::ZERO);
        if taken {
            self.sent += 1;
            self.last = Some(now);
        }
        taken
    }

    /// Returns how long to wait until a signal may be sent; `None` if no more signals are sent for this line.
    pub(super) fn next(&self, now: Instant) -> Option<Duration> {
        if self.sent == MOST {
            return None;
        }
        let Some(last) = self.last else { return Some(Duration::ZERO) };
        let pause = FIRST_PAUSE * 2_u32.pow((self.sent - 1).min(DOUBLINGS));
        Some((last + pause).saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_become_rare_and_end_long_before_a_socket_is_full() {
        let (mut interrupts, begin) = (Interrupts::default(), Instant::now());
        let tenths = (0..6000).filter(|tenth| interrupts.take(begin + FIRST_PAUSE * *tenth));
        let expected = [0, 1, 3, 7, 15, 31].into_iter().chain((1..=14).map(|more| 31 + 32 * more));
        assert_eq!(tenths.collect::<Vec<_>>(), expected.collect::<Vec<u32>>());
        assert_eq!(interrupts.next(begin + FIRST_PAUSE * 6000), None);
    }

    #[test]
    fn the_next_signal_is_due_after_the_pause() {
        let (mut interrupts, begin) = (Interrupts::default(), Instant::now());
        assert_eq!(interrupts.next(begin), Some(Duration::ZERO));
        assert!(interrupts.take(begin) && !interrupts.take(begin));
        assert_eq!(interrupts.next(begin), Some(FIRST_PAUSE));
        assert!(interrupts.take(begin + FIRST_PAUSE));
        assert_eq!(interrupts.next(begin + FIRST_PAUSE), Some(2 * FIRST_PAUSE));
    }
}
