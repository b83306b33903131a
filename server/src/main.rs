//! The hobnob server's entry.

fn main() {}
