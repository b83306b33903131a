//! One measured stretch: some clients speak, all clients hear, and afterwards the cost is read.

use std::time::{Duration, Instant};

use crate::crowd::Crowd;
use crate::process;
use crate::subject::Subject;
use crate::tally::Tally;

/// How long the senders speak before it counts.
const WARM_UP: Duration = Duration::from_millis(300);

/// How fast texts are said.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// This many texts a second in all, said by this many senders in turn.
    Steady { rate: f64, senders: usize },
    /// As fast as possible; each sender keeps `window` of its texts under way.
    Full { senders: usize, window: u32 },
}

/// What a stretch cost.
#[derive(Debug, Clone)]
pub(crate) struct Cost {
    pub(crate) tally: Tally,
    pub(crate) said: u64,
    /// How many deliveries there should have been.
    pub(crate) due: u64,
    pub(crate) took: Duration,
    /// CPU of the server, or of all servers and of what they share.
    pub(crate) server: Duration,
    /// CPU of each process.
    pub(crate) each: Vec<Duration>,
    pub(crate) crowd: Duration,
}

impl Cost {
    /// Server CPU for a thousand deliveries, in milliseconds.
    pub(crate) fn server_ms(&self) -> f64 {
        self.server.as_secs_f64() * 1e6 / self.tally.deliveries.max(1) as f64
    }

    /// How busy the one thread of the crowd was: 1 for all of the time.
    pub(crate) fn crowd_share(&self) -> f64 {
        self.crowd.as_secs_f64() / self.took.as_secs_f64()
    }

    /// Returns how many milliseconds this part of the deliveries did not exceed.
    pub(crate) fn latency_ms(&self, part: f64) -> f64 {
        self.tally.latencies.quantile(part).as_secs_f64() * 1e3
    }

    /// How many texts were said in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.said as f64 / self.took.as_secs_f64()
    }

    /// How many deliveries were lost, came twice, or were late by more than a second.
    pub(crate) fn faults(&self) -> (u64, u64, u64) {
        (self.due.saturating_sub(self.tally.deliveries), self.tally.duplicate, self.tally.late)
    }
}

/// Speaks for `duration` and waits until everybody has heard everything. `hearers` is how many clients should hear each
/// text.
pub(crate) fn measure(
    subject: &impl Measured,
    crowd: &mut Crowd,
    pace: Pace,
    duration: Duration,
    hearers: usize,
) -> anyhow::Result<Cost> {
    stretch(crowd, pace, WARM_UP, hearers)?;
    let (before, own, began) = (subject.cpus()?, process::own_cpu()?, Instant::now());
    let said = stretch(crowd, pace, duration, hearers)?;
    let took = began.elapsed();
    let each: Vec<Duration> =
        subject.cpus()?.iter().zip(before).map(|(after, before)| after.saturating_sub(before)).collect();
    Ok(Cost {
        tally: crowd.tally.clone(),
        said,
        due: said * hearers as u64,
        took,
        server: each.iter().sum(),
        each,
        crowd: process::own_cpu()? - own,
    })
}

/// Processes whose CPU is read before and after a stretch.
pub(crate) trait Measured {
    /// The CPU that each process has used so far, always in the same order.
    fn cpus(&self) -> anyhow::Result<Vec<Duration>>;
}

impl Measured for Subject {
    fn cpus(&self) -> anyhow::Result<Vec<Duration>> {
        Ok(vec![self.cpu()?])
    }
}

fn stretch(crowd: &mut Crowd, pace: Pace, duration: Duration, hearers: usize) -> anyhow::Result<u64> {
    crowd.tally.begin();
    let before = crowd.said();
    match pace {
        Pace::Steady { rate, senders } => steady(crowd, rate, senders, duration)?,
        Pace::Full { senders, window } => {
            let began = Instant::now();
            crowd.speak(senders, window)?;
            while began.elapsed() < duration {
                crowd.turn(Duration::from_millis(10))?;
            }
            crowd.hush();
        }
    }
    let said = crowd.said() - before;
    crowd.drain(said * hearers as u64)?;
    Ok(said)
}

fn steady(crowd: &mut Crowd, rate: f64, senders: usize, duration: Duration) -> anyhow::Result<()> {
    let began = Instant::now();
    let count = (duration.as_secs_f64() * rate).ceil().max(1.0) as usize;
    for index in 0..count {
        let due = Duration::from_secs_f64(index as f64 / rate);
        while let Some(wait) = due.checked_sub(began.elapsed()).filter(|wait| !wait.is_zero()) {
            crowd.turn(wait)?;
        }
        crowd.say(index % senders)?;
    }
    Ok(())
}
