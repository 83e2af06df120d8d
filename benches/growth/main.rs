//! How cost and memory grow: with more apps, with more callees an app, with longer traffic, with one app that has half of it,
//! and with apps nobody hears of.
//!
//! Each figure is taken in a process of its own, so that no memory of one point serves the next. `cargo bench --bench growth`
//! prints tables and draws `benches/growth.svg`; with `-- --write` the tables go into `BENCHMARKS.md`, between their marks.
#![allow(clippy::expect_used)]

#[path = "../common/mod.rs"]
mod common;
mod page;
mod picture;
mod points;
mod traffic;

use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == points::MEASURE) {
        println!("{}", points::measured(&arguments[at + 1..]));
        return;
    }
    let growth = points::Growth::measure();
    let text = page::tables(&growth);
    print!("{text}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::write(root.join("benches/growth.svg"), picture::picture(&growth).expect("it can be drawn")).expect("written");
    if arguments.iter().any(|argument| argument == "--write") {
        page::put(&root.join("BENCHMARKS.md"), &text);
    }
}
