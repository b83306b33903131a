//! Makes `docs/screen.svg`, the picture in the README. It plays [`scene`] with the built programs, and draws the screen
//! that one of the players has at the end. This file knows where the programs and the picture are.
//!
//!     cargo build && cargo run --example picture
#![allow(clippy::unwrap_used, reason = "whoever draws a picture is told by a panic what failed")]

#[path = "../../tests/pty/mod.rs"]
mod pty;
mod scene;
mod svg;

use std::path::Path;

use anyhow::{Context, Result, ensure};

fn main() -> Result<()> {
    let own = std::env::current_exe()?;
    // Cargo builds examples into a folder beside the programs.
    let built = own.parent().and_then(Path::parent).context("this program stands in no folder")?;
    for program in ["hobnob", "hobnob-server"] {
        ensure!(built.join(program).exists(), "{program} is not built; cargo build first");
    }
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/screen.svg");
    let drawn = scene::play(built, scene::ADDRESS, |screen| svg::draw(screen, scene::TITLE));
    std::fs::write(&picture, drawn).with_context(|| format!("{} cannot be written", picture.display()))
}
