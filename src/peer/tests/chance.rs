//! Two links over connections that a seed cuts, freezes and replaces, with paused time, and apps that read when they
//! like. `HOBNOB_SIM_SEEDS=FIRST..END` chooses the seeds to run; a seed that fails is named.

use std::ops::Range;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::time::timeout;

use super::pipes::{Line, Lone, two_links};
use super::*;

const TEXTS: u64 = 60;
/// How many connections break; the ones after them work until a newer one takes their place.
const BROKEN: u64 = 12;

/// A small generator (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn millis(&mut self, most: u64) -> Duration {
        Duration::from_millis(self.below(most + 1))
    }
}

/// Lets simulated time pass, so that the next thing happens later. The test does not wait for anything here.
async fn elapse(time: Duration) {
    tokio::time::sleep(time).await; // Time is paused: it takes none.
}

/// Carries `left` bytes in one direction, and then nothing.
async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut left: usize) {
    let mut buffer = [0; 700];
    while left > 0 {
        let most = left.min(buffer.len());
        let Ok(count @ 1..) = from.read(&mut buffer[..most]).await else { return };
        elapse(Duration::from_millis(2)).await;
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
        left -= count;
    }
}

/// Joins both sides by a connection that carries this many bytes each way, and then ends or falls silent.
async fn join(dialler: &Line, acceptor: &Line, bytes: [usize; 2], silent: bool) {
    let (near, near_end) = tokio::io::duplex(256);
    let (far, far_end) = tokio::io::duplex(256);
    tokio::spawn(pass(near_end, far_end, bytes, silent));
    let both = async { tokio::join!(dialler.dial_over(near), acceptor.answer_over(far)) };
    let _too_slow = timeout(Duration::from_secs(10), both).await;
}

async fn pass(near: DuplexStream, far: DuplexStream, [there, back]: [usize; 2], silent: bool) {
    let (near_read, near_write) = tokio::io::split(near);
    let (far_read, far_write) = tokio::io::split(far);
    tokio::select! {
        () = carry(near_read, far_write, there) => {}
        () = carry(far_read, near_write, back) => {}
    }
    if silent {
        // This is longer than a link takes a silent connection for alive; the ends stay open meanwhile.
        elapse(Duration::from_secs(100)).await;
    }
}

/// Plays an app, which says its texts and reads at random moments, until everything is said and heard.
async fn app(lone: &mut Lone, mut chance: Chance) {
    let (mut said, mut heard, mut delivered) = (0, 0, 0);
    let mut next = Box::pin(elapse(Duration::ZERO));
    while heard < TEXTS || delivered < TEXTS {
        tokio::select! {
            () = &mut next, if said < TEXTS => {
                let words = text(format!("{said} {}", "x".repeat(chance.below(400) as usize)));
                if lone.handle.say(said, words, 0).is_ok() {
                    said += 1;
                }
                next.set(elapse(chance.millis(3000)));
            }
            kind = lone.next() => match kind {
                PeerEventKind::Said { number, text, .. } => {
                    assert_eq!(number, heard + 1, "each text comes once and in order");
                    assert!(text.as_str().starts_with(&format!("{heard} ")));
                    heard = number;
                    if chance.below(20) == 0 {
                        // The app is stopped, or its user has scrolled back: texts that were not shown are not
                        // acknowledged.
                        elapse(chance.millis(40_000)).await;
                    }
                    lone.handle.shown(number);
                }
                PeerEventKind::Delivered { local_id } => {
                    assert_eq!(local_id, delivered, "each text comes once and in order");
                    delivered += 1;
                }
                PeerEventKind::Up { .. } | PeerEventKind::Down | PeerEventKind::WantsIntroduction => {}
                over => panic!("the session ended: {over:?}"),
            },
        }
    }
}

async fn story(seed: u64) {
    let mut chance = Chance(seed);
    let (mut anna, mut bobby) = two_links(1 + chance.below(8) as usize);
    let (annas, bobbys) = (anna.line(), bobby.line());
    let weather = async {
        for number in 0.. {
            let sound = number >= BROKEN;
            // The first connection carries enough to open the session, which has to be done within ten seconds.
            let least = if number == 0 { 1000 } else { 0 };
            let mut bytes = || if sound { usize::MAX } else { least + chance.below(6000) as usize };
            let bytes = [bytes(), bytes()];
            let silent = chance.below(2) == 0;
            if chance.below(2) == 0 {
                join(&annas, &bobbys, bytes, silent).await;
            } else {
                join(&bobbys, &annas, bytes, silent).await;
            }
            // Often the next connection comes while this one still works.
            elapse(chance.millis(30_000)).await;
        }
    };
    let apps = async { tokio::join!(app(&mut anna, Chance(seed + 1)), app(&mut bobby, Chance(seed + 2))) };
    let done = timeout(Duration::from_secs(3000), async {
        tokio::select! {
            () = weather => {}
            _ = apps => {}
        }
    });
    done.await.expect("all is said and heard in time");
}

#[test]
fn each_text_arrives_once_and_in_order_however_connections_break() {
    let given = std::env::var("HOBNOB_SIM_SEEDS").ok();
    let parse = |text: &str| -> Option<Range<u64>> {
        let (first, end) = text.split_once("..")?;
        Some(first.parse().ok()?..end.parse().ok()?)
    };
    for seed in given.as_deref().map_or(Some(0..40), parse).expect("HOBNOB_SIM_SEEDS is FIRST..END") {
        let played = std::panic::catch_unwind(|| {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.enable_all().start_paused(true).build().unwrap().block_on(story(seed));
        });
        assert!(played.is_ok(), "failed with seed {seed}");
    }
}
