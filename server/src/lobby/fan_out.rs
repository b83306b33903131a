//! Sends one chunk to many connections. This file knows neither whose connections they are nor what the chunk says.
//!
//! The chunk is encrypted for some connections first and then sent to these in a row. That costs less than to encrypt
//! and send for one connection after another, probably because a reader on another core then finds the next line
//! waiting and need not be woken for each.

use std::sync::Arc;

use tokio::task::yield_now;

use super::{Chunk, FAN_OUT_SLICE, Outlet};

/// For how many connections a chunk is encrypted before it is sent to them. A larger number would keep the first of them
/// waiting and save hardly any further wake-up.
const SEALED_AT_ONCE: usize = 32;

/// About how many encrypted bytes may wait at once; a chunk that is longer is sent to one connection after another.
const SEALED_BYTES: usize = 256 * 1024;

/// Tells `chunk` to each of `outlets`. `told` counts the connections that were told, over several chunks, so that other
/// tasks get their turn.
pub(super) async fn fan_out<'a>(
    chunk: &Chunk,
    outlets: impl Iterator<Item = &'a Arc<dyn Outlet>>,
    told: &mut usize,
) {
    let at_once = (SEALED_BYTES / chunk.bytes().max(1)).clamp(1, SEALED_AT_ONCE);
    let mut sealed: Vec<&Arc<dyn Outlet>> = Vec::with_capacity(at_once);
    for outlet in outlets {
        outlet.said(chunk);
        sealed.push(outlet);
        *told += 1;
        let others_turn = told.is_multiple_of(FAN_OUT_SLICE);
        if sealed.len() == at_once || others_turn {
            sealed.drain(..).for_each(|outlet| outlet.send());
        }
        if others_turn {
            yield_now().await;
        }
    }
    sealed.into_iter().for_each(|outlet| outlet.send());
}
