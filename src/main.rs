//! The `tideover` command.

fn main() {}
