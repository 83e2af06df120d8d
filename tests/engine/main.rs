//! The rules, specified: what each fires on, what it must not fire on, and where every number it quotes comes from.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod adopt;
mod canary;
mod cases;
mod golden;
mod invariants;
mod ledger;
mod naive;
mod pace;
mod run;
mod scenario;
mod terms;
mod wild;
