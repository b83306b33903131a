//! Hands libFuzzer's bytes to [`hobnob_fuzz::replay`], which says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hobnob_fuzz::replay::run(bytes));
