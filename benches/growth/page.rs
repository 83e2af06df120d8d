//! The figures as Markdown tables, and their place in the page.

use std::fmt::Write;
use std::path::Path;

use crate::points::{CALLEES, Growth, IDLE_APPS, IDLE_DAYS, ROUNDS, USUAL};

const BEGIN: &str = "<!-- growth -->";
const END: &str = "<!-- /growth -->";

/// All tables.
pub fn tables(growth: &Growth) -> String {
    let mut text = format!(
        "Calls that are decoded already, let in and judged by all rules but rest time, in nanoseconds of one core: of the second \
         half of them, when every app is known. Times are medians of {ROUNDS} rounds in turn, each point in a process of its own; memory is what the process has resident beyond what it had.\n\n\
         ![cost of a call and bytes of a callee](benches/growth.svg)\n"
    );
    spread(&mut text, growth);
    lengths(&mut text, growth);
    let [usual, skewed] = growth.skew;
    let _ = write!(
        text,
        "\n{} apps with {} calls in {}:\n\n| traffic | ns a call |\n|---|--:|\n| any app calls next | {usual:.0} |\n\
         | one app has half of it | {skewed:.0} |\n",
        thousands(USUAL.apps),
        thousands(USUAL.calls),
        hours(USUAL.hours)
    );
    let [silent, registered] = growth.idle_bytes;
    let _ = write!(
        text,
        "\n| apps | memory |\n|---|--:|\n\
         | {0}, of each a registration and nothing else | {registered:.0} bytes each |\n\
         | {0} with one call each within {IDLE_DAYS} days | {silent:.0} bytes each |\n\
         | 10,000 with 1,000 calls each over a day | {1:.0} MB |\n",
        thousands(IDLE_APPS),
        growth.whole_day_bytes / 1e6
    );
    text
}

fn spread(text: &mut String, growth: &Growth) {
    let _ = write!(
        text,
        "\nThe same {} calls within {} in more and more apps, and what is kept after {} such calls, each to a callee of its own, \
         everything of the apps included:\n\n\
         | apps | ns a call | callees an app | bytes a callee |\n|--:|--:|--:|--:|\n",
        thousands(USUAL.calls),
        hours(USUAL.hours),
        thousands(CALLEES)
    );
    for (traffic, nanos, bytes) in &growth.spread {
        let (apps, callees) = (thousands(traffic.apps), thousands(CALLEES / traffic.apps));
        let _ = writeln!(text, "| {apps} | {nanos:.0} | {callees} | {bytes:.0} |");
    }
}

fn lengths(text: &mut String, growth: &Growth) {
    let _ = write!(
        text,
        "\nApps whose windows hold an hour of traffic, or a day of it; the last two are as busy for a day as for an hour:\n\n\
         | apps | hours | calls | ns a call |\n|--:|--:|--:|--:|\n",
    );
    let [even_hour, even_day] = growth.even;
    for (traffic, nanos) in &growth.lengths {
        let _ = writeln!(text, "| {} | {} | {} | {nanos:.0} |", thousands(traffic.apps), traffic.hours, thousands(traffic.calls));
    }
    let _ = writeln!(
        text,
        "\nIf the last two call at an even pace, as machines do, every line of them is searched for a rhythm: {even_hour:.0} ns for an hour, \
         {even_day:.0} for a day."
    );
}

fn hours(hours: u32) -> String {
    if hours == 1 { "an hour".into() } else { format!("{hours} hours") }
}

fn thousands(number: u32) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).expect("digits")).collect();
    groups.join(",")
}

/// Puts the tables between their marks; the page is made if it is not there.
pub fn put(path: &Path, tables: &str) {
    let page = if path.exists() { std::fs::read_to_string(path).expect("text") } else { format!("{BEGIN}\n{END}\n") };
    let (before, rest) = page.split_once(BEGIN).expect("a mark where the tables begin");
    let (_, after) = rest.split_once(END).expect("a mark where the tables end");
    std::fs::write(path, format!("{before}{BEGIN}\n{tables}{END}{after}")).expect("the page can be written");
}
