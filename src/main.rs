//! The hobnob client's entry.

fn main() {}
