//! Decoding from outside: fixtures that are what a person reads in them, and input that nobody should have to read.

mod fixtures;
mod robustness;
