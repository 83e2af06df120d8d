//! Decoding from outside: fixtures that are what a person reads in them, calls written in every hand, and input that
//! nobody should have to read.
#![allow(clippy::expect_used, clippy::unwrap_used)]

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod random;
#[cfg(test)]
mod robustness;
#[cfg(test)]
mod round_trip;
