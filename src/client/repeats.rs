//! Keeps a server, a peer or a crowd of strangers from filling the screen with the same notice. The first few notices
//! of each kind are shown as they come; the others are counted for a while and summed up in one line. This file owns
//! how many are too many; the texts are in [`crate::show`].

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::client::State;
use crate::show::{Notice, Repeated};

/// How many notices of a kind are shown as they come within `within`, and how long further notices are counted. A flood
/// costs one line in each such time.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    at_once: u32,
    within: Duration,
}

/// What a server causes, or all users together. Without malice or a fault there are never more.
const FROM_MANY: Bounds = Bounds { at_once: 5, within: Duration::from_secs(10) };

/// How often the lobby's link may change: a server that lets this client in and closes again is tried every 15 s.
const FROM_LINK: Bounds = Bounds { at_once: 6, within: Duration::from_secs(60) };

/// What strangers cause, who may go on for days with ever new keys.
const FROM_STRANGERS: Bounds = Bounds { at_once: 5, within: Duration::from_secs(60) };

/// What one user causes whom this user has answered. A program that is restarted a few times is no flood.
const FROM_ONE_ANSWERED: Bounds = Bounds { at_once: 20, within: Duration::from_secs(60) };

const fn bounds(kind: &Repeated) -> Bounds {
    match kind {
        Repeated::StrangerCame
        | Repeated::StrangerWent
        | Repeated::StrangerLink
        | Repeated::StrangerVerifies
        | Repeated::WaitedInVain => FROM_STRANGERS,
        Repeated::OfAnswered(_) => FROM_ONE_ANSWERED,
        Repeated::LobbyLink => FROM_LINK,
        Repeated::Skipped
        | Repeated::PresenceSkipped
        | Repeated::Broken
        | Repeated::Closing
        | Repeated::Refused
        | Repeated::ForeignServer
        | Repeated::Renamed
        | Repeated::OtherLog
        | Repeated::Topic
        | Repeated::LookAlike
        | Repeated::LooksLike(_)
        | Repeated::ForkRefused
        | Repeated::KeyChanged(_) => FROM_MANY,
    }
}

/// What was shown of one kind.
#[derive(Debug)]
struct Told {
    until: Instant,
    told: u32,
    /// How many were not shown and are summed up when the time is over.
    held: u64,
}

/// What was shown lately, by kind.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    kinds: BTreeMap<Repeated, Told>,
}

impl Repeats {
    /// Returns whether one more notice of this kind is shown now. If not, `count` is added to what will be summed up.
    fn take(&mut self, kind: Repeated, count: u64, now: Instant) -> bool {
        let Bounds { at_once, within } = bounds(&kind);
        // There may be many keys and names, each of which is a kind, so what counts no more is forgotten.
        self.kinds.retain(|_, told| told.held > 0 || told.until > now);
        let told = self.kinds.entry(kind).or_insert(Told { until: now + within, told: 0, held: 0 });
        if told.told < at_once && told.held == 0 {
            told.told += 1;
            return true;
        }
        told.held = told.held.saturating_add(count);
        false
    }

    /// Returns what is to be summed up now. While a flood goes on, only sums are shown.
    fn due(&mut self, now: Instant) -> Vec<(Repeated, u64)> {
        let over = self.kinds.iter_mut().filter(|(_, told)| told.held > 0 && told.until <= now);
        over.map(|(kind, told)| {
            let held = std::mem::take(&mut told.held);
            let Bounds { at_once, within } = bounds(kind);
            (told.until, told.told) = (now + within, at_once);
            (kind.clone(), held)
        })
        .collect()
    }

    /// Returns when something is to be summed up.
    fn deadline(&self) -> Option<Instant> {
        self.kinds.values().filter(|told| told.held > 0).map(|told| told.until).min()
    }
}

impl State {
    /// Shows a notice of a kind that others can cause. If there are too many, `count` is added to the sum
    /// that is shown later.
    pub(super) fn emit_repeated(&mut self, kind: Repeated, count: u64, notice: impl Into<Notice>) {
        self.emit_unless_repeated(kind, count, &notice.into());
    }

    /// Does the same as [`emit_repeated`](Self::emit_repeated). Returns whether the notice was shown.
    pub(super) fn emit_unless_repeated(&mut self, kind: Repeated, count: u64, notice: &Notice) -> bool {
        let is_event = kind.is_event();
        let is_shown = self.repeats.take(kind, count, Instant::now());
        if is_shown {
            self.screen.emit(notice);
        } else if is_event {
            self.screen.emit_to_programs(notice);
        }
        is_shown
    }

    /// Returns when notices that were held back are to be summed up.
    pub(crate) fn repeats_deadline(&self) -> Option<Instant> {
        self.repeats.deadline()
    }

    /// Sums up what was held back and is due.
    pub(crate) fn repeats_time(&mut self, now: Instant) {
        for (kind, count) in self.repeats.due(now) {
            let sum = kind.more(count);
            match kind.is_event() {
                true => self.screen.emit_to_people(&sum),
                false => self.emit(sum),
            }
        }
    }

    /// Sums up everything that was held back, because the run ends.
    pub(crate) fn tell_repeats(&mut self) {
        let longest = FROM_STRANGERS.within.max(FROM_ONE_ANSWERED.within).max(FROM_MANY.within);
        self.repeats_time(Instant::now() + longest);
    }
}

#[cfg(test)]
mod tests {
    use hobnob_protocol::key::PublicKey;

    use super::*;
    use crate::show::Answered;

    #[test]
    fn the_first_notices_are_shown_at_once_and_a_flood_is_summed_in_each_window() {
        for kind in Repeated::all() {
            let (mut repeats, start) = (Repeats::default(), Instant::now());
            let Bounds { at_once, within } = bounds(&kind);
            let told = (0..100_000).filter(|_| repeats.take(kind.clone(), 2, start)).count();
            assert_eq!(told, at_once as usize);
            assert_eq!(repeats.deadline(), Some(start + within));
            assert_eq!(repeats.due(start + within / 2), []);
            assert_eq!(repeats.due(start + within), [(kind.clone(), 2 * (100_000 - u64::from(at_once)))]);
            assert!(!repeats.take(kind.clone(), 1, start + within), "during a flood only sums are shown");
            assert_eq!(repeats.due(start + within * 2), [(kind.clone(), 1)]);
            assert_eq!((repeats.deadline(), repeats.due(start + within * 9)), (None, vec![]));
            assert!(repeats.take(kind, 1, start + within * 3), "after a pause the notice is shown again");
        }
    }

    #[test]
    fn each_kind_of_notice_is_limited_separately_and_a_sum_does_not_overflow() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        for _ in 0..FROM_MANY.at_once + 2 {
            repeats.take(Repeated::Skipped, u64::MAX, now);
        }
        assert!(repeats.take(Repeated::Closing, 1, now));
        assert_eq!(repeats.due(now + FROM_MANY.within), [(Repeated::Skipped, u64::MAX)]);
    }

    #[test]
    fn what_keys_did_is_forgotten_when_it_counts_no_more() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        let of = |byte| {
            let name = format!("user{byte}").parse().unwrap();
            Repeated::OfAnswered(Answered { key: PublicKey::new([byte; 32]), name })
        };
        (0..200).for_each(|byte| assert!(repeats.take(of(byte), 1, now)));
        assert_eq!(repeats.kinds.len(), 200);
        assert!(repeats.take(of(0), 1, now + FROM_ONE_ANSWERED.within));
        assert_eq!(repeats.kinds.len(), 1);
    }
}
