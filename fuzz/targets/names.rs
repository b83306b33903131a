//! Hands libFuzzer's bytes to [`hobnob_fuzz::names`], which says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hobnob_fuzz::names::run(bytes));
