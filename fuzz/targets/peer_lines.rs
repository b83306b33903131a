//! Hands libFuzzer's bytes to [`hobnob_fuzz::peer_lines`], which says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hobnob_fuzz::peer_lines::run(bytes));
