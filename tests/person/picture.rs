//! The picture in the README shows what hobnob looks like: its scene is played again, and must give the same picture.

#[path = "../../examples/picture/scene.rs"]
mod scene;
#[path = "../../examples/picture/svg.rs"]
mod svg;

use std::path::Path;

use crate::support::free_port;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/screen.svg");

#[test]
fn the_picture_in_the_readme_is_what_hobnob_looks_like() {
    let built = Path::new(env!("CARGO_BIN_EXE_hobnob")).parent().unwrap();
    // The address is as long as the one in the picture, because otherwise the text behind it would be at another place.
    let address = format!("127.0.0.1:{}", free_port());
    let drawn = scene::play(built, &address, |screen| svg::draw(screen, scene::TITLE));
    let drawn = drawn.replace(&address, scene::ADDRESS);
    let kept = std::fs::read_to_string(KEPT).unwrap();
    for (drawn, kept) in drawn.lines().zip(kept.lines()) {
        assert_eq!(
            timeless(drawn),
            timeless(kept),
            "the picture is old; cargo build && cargo run --example picture draws it anew"
        );
    }
    assert_eq!(drawn.lines().count(), kept.lines().count());
}

#[test]
fn text_in_a_picture_keeps_to_the_grid_and_is_escaped() {
    let mut parser = vt100::Parser::new(2.try_into().unwrap(), 20.try_into().unwrap(), 0);
    parser.process("\x1b[31ma<b\x1b[m 日x  &  ".as_bytes());
    let drawn = svg::draw(parser.screen(), "a & b");
    let texts: Vec<&str> = drawn.lines().filter(|line| line.contains("textLength")).collect();
    let cell = |count: f32| format!("textLength=\"{:.1}\"", count * 8.4);
    assert!(texts[0].contains(&cell(3.0)) && texts[0].ends_with(">a&lt;b</text>"), "{texts:?}");
    assert!(texts[1].contains(&cell(2.0)) && texts[1].ends_with(">日</text>"), "{texts:?}");
    assert!(texts[2].contains(&cell(4.0)) && texts[2].ends_with(">x  &amp;</text>"), "{texts:?}");
    assert!(drawn.contains("<title>a &amp; b</title>"), "{drawn}");
}

/// Makes all times in a line of a picture the same.
fn timeless(line: &str) -> String {
    let mut bytes = line.as_bytes().to_vec();
    for at in 0..bytes.len().saturating_sub(4) {
        let digits = [at, at + 1, at + 3, at + 4].iter().all(|&at| bytes[at].is_ascii_digit());
        if digits && bytes[at + 2] == b':' && (at == 0 || bytes[at - 1] == b'>') {
            bytes[at..at + 5].copy_from_slice(b"00:00");
        }
    }
    String::from_utf8(bytes).unwrap()
}
