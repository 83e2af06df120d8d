//! Where alerts go. A sink moves alerts; it never changes and never judges them.

pub mod jsonl;
