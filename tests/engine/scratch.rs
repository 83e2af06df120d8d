use super::invariants::*;
use std::collections::BTreeMap;
#[test]
fn scratch() {
    let seed: u64 = std::env::var("SEED").map_or(1, |s| s.parse().unwrap());
    let days: u32 = std::env::var("DAYS").map_or(2, |s| s.parse().unwrap());
    let t0 = std::time::Instant::now();
    let mut world = dialwatch::simulate::World::new(seed, days, 40);
    world.options.delivery.late = 0.0;
    let traffic = Traffic::of(&world);
    println!("lines {} in {:?}", traffic.lines.len(), t0.elapsed());
    let records = traffic.records();
    let t0 = std::time::Instant::now();
    let mut run = Run::new(&traffic, 1, 1);
    for (record, position) in &records {
        run.call(record, *position);
    }
    println!("engine {:?}", t0.elapsed());
    let newest = run.clock.newest();
    run.tick(newest.plus_millis(26 * 3600 * 1000));
    let mut by: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    for a in &run.effects.alerts {
        if a.status == dialwatch::engine::alert::Status::Resolved {
            let e = by.entry((a.app_id.clone(), format!("{}/{}", a.rule.as_str(), a.severity))).or_default();
            e.0 += 1;
        }
    }
    for app in dialwatch::simulate::apps(&world) {
        let alerts: Vec<_> =
            by.iter().filter(|((id, _), _)| *id == app.app_id).map(|((_, r), (n, _))| format!("{r}x{n}")).collect();
        println!(
            "{} {:<28} clean={} {:?} {}",
            app.app_id,
            app.family,
            app.clean,
            app.intensity.map(|i| format!("{i:?}")),
            alerts.join(" ")
        );
    }
    let mut seen = std::collections::BTreeSet::new();
    for a in &run.effects.alerts {
        if seen.insert((a.rule, a.severity)) {
            println!("{}", serde_json::to_string(a).unwrap());
        }
    }
}
