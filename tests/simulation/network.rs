//! A network of pipes that delays, fragments, cuts and freezes. It does not know what it carries.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hobnob::lobby::connect::Dial;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::{mpsc, watch};

use crate::chance::Chance;

/// How many bytes a pipe holds. This is less than a TLS record, so most records arrive in pieces.
const PIPE: usize = 4096;

/// Lets simulated time pass, so that the next thing happens later. It does not wait for anything.
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await; // Time is paused: it takes none.
}

/// How a connection ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The connection works until one side closes it.
    Sound,
    /// After this many bytes in both directions together, both ends see the connection closed.
    Cut(usize),
    /// After this many bytes nothing passes any more, and neither end is told.
    Freeze(usize),
}

/// The state of the network for one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Connections are made, and work.
    Fair,
    /// Nobody listens at the other end.
    Refused,
    /// Nothing passes, and nothing is answered.
    Silent,
}

/// Decides how each connection of a path ends.
pub(crate) type Fates = dyn Fn(u64, &mut Chance) -> Fate + Send + Sync;

/// One client's way to the server.
#[derive(Clone)]
pub(crate) struct Path {
    pub(crate) weather: watch::Sender<Weather>,
    /// A counter; when it grows, all present connections are cut.
    pub(crate) cuts: watch::Sender<u64>,
    /// Returns the fate of the connection with this number, counted from 0.
    fates: Arc<Fates>,
    state: Arc<Mutex<(u64, Chance)>>,
    arrivals: mpsc::UnboundedSender<DuplexStream>,
}

impl Path {
    pub(crate) fn new(
        chance: Chance,
        fates: Arc<Fates>,
        arrivals: mpsc::UnboundedSender<DuplexStream>,
    ) -> Self {
        Self {
            weather: watch::Sender::new(Weather::Fair),
            cuts: watch::Sender::new(0),
            fates,
            state: Arc::new(Mutex::new((0, chance))),
            arrivals,
        }
    }

    /// Closes all present connections.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Dial for Path {
    type Stream = DuplexStream;

    async fn dial(&self, _address: &str) -> io::Result<DuplexStream> {
        let mut weather = self.weather.subscribe();
        let fair = weather.wait_for(|weather| *weather != Weather::Silent).await;
        if fair.is_ok_and(|weather| *weather == Weather::Refused) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (near, near_end) = tokio::io::duplex(PIPE);
        let (far, far_end) = tokio::io::duplex(PIPE);
        let (fate, there, back) = {
            let (number, chance) = &mut *self.state.lock().unwrap();
            *number += 1;
            ((self.fates)(*number - 1, chance), chance.fork(), chance.fork())
        };
        self.arrivals.send(far).map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        let mut cuts = self.cuts.subscribe();
        let carrying = carry_both(near_end, far_end, fate, [there, back], self.weather.subscribe());
        tokio::spawn(async move {
            tokio::select! {
                () = carrying => {}
                _ = cuts.changed() => {}
            }
        });
        Ok(near)
    }
}

async fn carry_both(
    near: DuplexStream,
    far: DuplexStream,
    fate: Fate,
    [there, back]: [Chance; 2],
    weather: watch::Receiver<Weather>,
) {
    let (near_read, near_write) = tokio::io::split(near);
    let (far_read, far_write) = tokio::io::split(far);
    let left = Arc::new(Mutex::new(match fate {
        Fate::Sound => usize::MAX,
        Fate::Cut(bytes) | Fate::Freeze(bytes) => bytes,
    }));
    let both = async {
        tokio::select! {
            () = carry(near_read, far_write, &left, there, weather.clone()) => {}
            () = carry(far_read, near_write, &left, back, weather.clone()) => {}
        }
    };
    both.await;
    if matches!(fate, Fate::Freeze(_)) && *left.lock().unwrap() == 0 {
        // The pipes stay open as long as this future is kept.
        std::future::pending::<()>().await;
    }
}

/// Carries bytes until none are left to carry or an end is closed.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    left: &Mutex<usize>,
    mut chance: Chance,
    mut weather: watch::Receiver<Weather>,
) {
    let slow = chance.below(4) == 0;
    let mut buffer = vec![0; 1 + chance.below(3000) as usize];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else {
            // The other direction may still have something to carry.
            let _closed = to.shutdown().await;
            pass(Duration::from_secs(5)).await;
            return;
        };
        pass(chance.span(Duration::from_millis(if slow { 80 } else { 3 }))).await;
        if weather.wait_for(|weather| *weather != Weather::Silent).await.is_err() {
            return;
        }
        let passes = {
            let mut left = left.lock().unwrap();
            let passes = count.min(*left);
            *left -= passes;
            passes
        };
        if to.write_all(&buffer[..passes]).await.is_err() || passes < count {
            return;
        }
    }
}
