//! What a world promises, checked on whole worlds by naive models that see only what the records show.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::*;
use crate::engine::detector::RuleName;
use crate::engine::number::Number;
use crate::engine::record::CallId;
use crate::engine::time::{LocalClock, LocalTime, MINUTE_MS};

const SEEDS: [u64; 2] = [1, 2];
const LATENESS_MS: i64 = 5 * MINUTE_MS;

/// One app of each family for three days, Monday to Wednesday.
fn small_world(seed: u64) -> World {
    World::new(seed, 3, families().count() as u32)
}

/// The seed of the world of the further families.
const FURTHER: u64 = 3;
/// The seed of the world of those held out.
const HELD_OUT: u64 = 4;

/// One app of each further family for three days.
fn further_world() -> World {
    let shares = Families::Tuning.in_turn().into_iter().skip(families().count()).map(|family| (family, 1.0)).collect::<Vec<_>>();
    let mut world = World::new(FURTHER, 3, shares.len() as u32);
    world.options.shares = shares;
    world
}

/// One app of each family held out, Thursday to Monday, without flaws: records tell the truth then.
fn held_out_world() -> World {
    let mut world = World::new(HELD_OUT, 5, Families::HeldOut.in_turn().len() as u32);
    world.start = World::START.plus_millis(3 * i64::from(DAY_S) * SECOND_MS);
    world.options.families = Families::HeldOut;
    world.options.flaws = Some(Flaws::NONE);
    world
}

/// Every family, each with a world of its seed.
fn worlds() -> impl Iterator<Item = World> {
    SEEDS.into_iter().map(small_world).chain([further_world(), held_out_world()])
}

fn ordered(world: &World) -> Vec<SimulatedCall> {
    let mut calls: Vec<SimulatedCall> = calls(world).filter(|call| !call.copy).collect();
    calls.sort_by_key(|call| (call.start, call.id));
    calls
}

fn bytes(world: &World, format: WireFormat) -> Vec<u8> {
    let mut out = Vec::new();
    calls(world).for_each(|call| call.write(format, &mut out));
    out
}

#[test]
fn the_seed_is_everything() {
    let world = |seed| World::new(seed, 1, 9);
    for format in [WireFormat::Tccc, WireFormat::Dialwatch] {
        assert_eq!(blake3::hash(&bytes(&world(1), format)), blake3::hash(&bytes(&world(1), format)));
        assert_ne!(blake3::hash(&bytes(&world(1), format)), blake3::hash(&bytes(&world(2), format)));
    }
    assert_eq!(labels(&world(1)), labels(&world(1)));
    assert_eq!(feedback(&world(1)), feedback(&world(1)));
    assert_eq!(registrations(&world(1)), registrations(&world(1)));
}

#[test]
fn an_app_does_not_change_with_its_neighbours() {
    let of_first = |tenants| calls(&World::new(5, 1, tenants)).filter(|call| call.app < 4).collect::<Vec<_>>();
    assert!(!of_first(4).is_empty());
    assert_eq!(of_first(4), of_first(12));
}

#[test]
fn a_small_world_shows_every_family() {
    let world = small_world(1);
    let shown: Vec<&str> = apps(&world).iter().map(|app| app.family).collect();
    assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), families().count());
    assert!(shown.iter().all(|name| family(name).is_some_and(|family| family.name == *name && !family.does.is_empty())));
    let first = &shown[..7];
    let clean = first.iter().filter(|name| family(name).is_some_and(|family| family.conduct == Conduct::Clean)).count();
    assert!((2..=5).contains(&clean), "{first:?}");
}

#[test]
fn shares_choose_the_families() {
    let mut world = World::new(1, 1, 400);
    world.options.clean_share = 0.9;
    let drawn = apps(&world)[families().count()..].to_vec();
    let clean = drawn.iter().filter(|app| app.clean).count() as f64 / drawn.len() as f64;
    assert!((clean - 0.9).abs() < 0.05, "{clean}");
    let (blind, stale) = (family("blind_list").expect("exists"), family("stale_list").expect("exists"));
    world.options.shares = vec![(blind, 3.0), (stale, 1.0)];
    let blind_count = apps(&world).iter().filter(|app| app.family == "blind_list").count();
    assert!((270..330).contains(&blind_count), "{blind_count}");
    assert!(apps(&world).iter().all(|app| ["blind_list", "stale_list"].contains(&app.family)));
}

#[test]
fn records_arrive_in_order_and_within_the_lateness() {
    for seed in SEEDS {
        let (mut newest, mut last, mut copies, mut count, mut behind) = (0, 0, 0, 0, 0);
        let mut seen = BTreeSet::new();
        for call in calls(&small_world(seed)) {
            let (end_ms, arrival_ms) = (call.end.millis(), call.arrival.millis());
            assert!(arrival_ms >= last && arrival_ms >= end_ms, "seed {seed}: {call:?}");
            assert!(newest - end_ms < LATENESS_MS, "seed {seed}: {call:?}");
            assert_eq!(call.copy, !seen.insert(call.id), "seed {seed}: {call:?}");
            behind += u64::from(end_ms < newest);
            copies += u64::from(call.copy);
            count += 1;
            (newest, last) = (newest.max(end_ms), arrival_ms);
        }
        assert!((copies * 100).abs_diff(count) < count / 4, "seed {seed}: {copies} copies of {count}");
        assert!(behind > count / 20, "seed {seed}: only {behind} of {count} out of order");
    }
}

#[test]
fn delivery_can_be_perfect_or_late() {
    let mut world = World::new(4, 1, 7);
    world.options.delivery = Delivery::PERFECT;
    let ends: Vec<Timestamp> = calls(&world).map(|call| call.end).collect();
    assert!(ends.is_sorted());
    world.options.delivery = Delivery { late: 0.01, ..Delivery::PERFECT };
    let late = calls(&world).filter(|call| call.arrival.millis() - call.end.millis() > LATENESS_MS).count();
    assert!(late * 200 > ends.len() && late * 50 < ends.len(), "{late} of {}", ends.len());
}

#[test]
fn calls_are_possible() {
    for world in worlds() {
        let seed = world.seed;
        let mut agents: BTreeMap<(u32, u32), i64> = BTreeMap::new();
        for call in ordered(&world) {
            assert!(world.start <= call.start && call.start < world.end() && call.start < call.end, "seed {seed}: {call:?}");
            assert!(call.ring.is_none_or(|ring| call.start <= ring && ring <= call.end), "seed {seed}: {call:?}");
            assert!(call.answer.is_none_or(|answer| call.ring <= Some(answer) && answer < call.end), "seed {seed}: {call:?}");
            assert_eq!(call.answer.is_some(), call.outcome == Outcome::Answered, "seed {seed}: {call:?}");
            assert!(call.agreed.is_none_or(|agreed| agreed < call.start), "seed {seed}: {call:?}");
            assert!(call.voice.is_none_or(|voice| voice.at > call.end), "seed {seed}: {call:?}");
        }
        // An agent talks to one person at a time; two seconds are how early a dialer may promise an agent.
        let mut talks: Vec<SimulatedCall> = ordered(&world).into_iter().filter(|call| call.answer.is_some()).collect();
        talks.sort_by_key(|call| call.answer);
        for call in talks {
            if let (Some(agent), Some(answer)) = (call.agent, call.answer) {
                let busy_until = agents.insert((call.app, agent), call.end.millis()).unwrap_or(0);
                assert!(busy_until <= answer.millis() + 2_000, "seed {seed}: {call:?}");
            }
        }
    }
}

/// What the records and feedback of one app and callee show, in whole seconds, up to one call.
#[derive(Default)]
struct Pair {
    /// When calls began, and whether the callee noticed.
    starts: Vec<(i64, bool)>,
    callers: Vec<(i64, Phone)>,
    /// When refused calls ended, and whether they were declined.
    refusals: Vec<(i64, bool)>,
    stop: Option<i64>,
}

impl Pair {
    /// Contract, section 3, and the rules D2 R1-R3, as one would write them down.
    fn breaks(&self, call: &SimulatedCall) -> (bool, bool) {
        let at = i64::from(call.start.seconds());
        let within = |window: i64| self.starts.iter().filter(|(start, _)| at - *start < window).count();
        let frequency = within(300) + 1 > 3 || within(86_400) + 1 > 5;
        let mut numbers: BTreeSet<Phone> = BTreeSet::from([call.caller]);
        numbers.extend(self.callers.iter().filter(|(start, _)| at - start < 86_400).map(|(_, number)| *number));
        let refusals = self.refusals.iter().filter(|(refusal, _)| at - *refusal < 86_400).count();
        let since = |refusal: i64| self.starts.iter().filter(|(start, noticed)| *start >= refusal && *noticed).count();
        let retaliation =
            self.refusals.iter().any(|(refusal, declined)| *declined && at - refusal < 600 && since(*refusal) + 1 >= 3);
        let stopped = self.stop.is_some_and(|stop| stop < at);
        let hunted = refusals > 0 && numbers.len() >= 3;
        (frequency, is_noticed(call) && (stopped || refusals >= 2 || retaliation || hunted))
    }

    fn note(&mut self, call: &SimulatedCall) {
        let s = |moment: Timestamp| i64::from(moment.seconds());
        self.starts.push((s(call.start), is_noticed(call)));
        self.callers.push((s(call.start), call.caller));
        let hung_up = call.hangup_by == HangupBy::Customer && call.answer.is_some_and(|answer| s(call.end) - s(answer) <= 5);
        if call.outcome == Outcome::Rejected || hung_up {
            self.refusals.push((s(call.end), call.outcome == Outcome::Rejected));
        }
        if let Some(voice) = call.voice {
            self.stop = Some(self.stop.map_or(s(voice.at), |stop| stop.min(s(voice.at))));
        }
    }
}

/// Whether anybody noticed a call: what the network lost harasses nobody.
fn is_noticed(call: &SimulatedCall) -> bool {
    use Outcome::{Answered, Busy, Cancelled, NoAnswer, Rejected, Voicemail};
    match call.outcome {
        Answered | Rejected | NoAnswer | Busy | Voicemail => true,
        Cancelled => call.ring.is_some(),
        _ => false,
    }
}

/// The truth about pairs, recomputed from whole seconds, is the truth on the calls: to the call, for every app.
#[test]
fn pairs_break_what_they_are_marked_with() {
    for world in worlds() {
        let seed = world.seed;
        let apps = apps(&world);
        let mut pairs: HashMap<(u32, Phone), Pair> = HashMap::new();
        let mut broken = [0_u32; 2];
        for call in ordered(&world).into_iter().filter(|call| call.direction == Direction::Outbound) {
            let pair = pairs.entry((call.app, call.callee)).or_default();
            let (frequency, harassment) = pair.breaks(&call);
            let app = &apps[call.app as usize];
            assert!(!(app.clean && (frequency || harassment)), "seed {seed}: clean {} broke a limit: {call:?}", app.family);
            assert_eq!(call.breaks.contains(RuleName::CalleeFrequency), frequency, "seed {seed}: {} {call:?}", app.family);
            assert_eq!(call.breaks.contains(RuleName::HarassmentRedial), harassment, "seed {seed}: {} {call:?}", app.family);
            broken[0] += u32::from(frequency);
            broken[1] += u32::from(harassment);
            pair.note(&call);
        }
        assert!(seed == FURTHER || broken.iter().all(|count| *count > 100), "seed {seed}: {broken:?}");
    }
}

#[test]
fn hours_are_kept_or_marked() {
    for world in worlds() {
        let seed = world.seed;
        let zones: HashMap<String, &str> =
            registrations(&world).into_iter().filter_map(|line| Some((line.app_id, line.timezone?))).collect();
        let clock = |name: &str| LocalClock::named(name).expect("a zone");
        let (home, apps) = (clock("Asia/Shanghai"), apps(&world));
        let (mut abroad, mut missed) = (0, BTreeSet::new());
        for call in ordered(&world) {
            if call.direction == Direction::Inbound {
                missed.extend((call.outcome == Outcome::Cancelled).then_some((call.app, call.caller)));
                continue;
            }
            let app = &apps[call.app as usize];
            let offset_s = match zones.get(&app.app_id) {
                Some(zone) => clock(zone).offset_s(call.start),
                None => home.offset_s(call.start),
            };
            abroad += u32::from(zones.contains_key(&app.app_id));
            let hour = LocalTime::new(call.start.seconds(), offset_s).second_of_day / 3_600;
            // Whoever called at night and was missed may be called back at night.
            let rests = !(8..21).contains(&hour) && !missed.contains(&(call.app, call.callee));
            assert_eq!(call.breaks.contains(RuleName::RestTime), rests, "seed {seed}: {} {call:?}", app.family);
            assert!(!(app.clean && call.breaks.contains(RuleName::RestTime)), "seed {seed}: {} {call:?}", app.family);
        }
        assert!(seed == FURTHER || abroad > 100, "seed {seed}: nobody called abroad");
    }
}

#[test]
fn numbers_carry_what_was_filed() {
    for world in worlds() {
        let seed = world.seed;
        let mut filed: HashMap<(u64, String), i64> = HashMap::new();
        for line in registrations(&world) {
            let app: u64 = line.app_id.parse().expect("digits");
            filed.extend(line.callers.into_iter().map(|caller| ((app, caller.number), i64::from(caller.channels))));
        }
        // Starts and ends in whole seconds; at one second, ends come first.
        let mut edges: HashMap<(u32, Phone), Vec<(u32, i64)>> = HashMap::new();
        for call in ordered(&world) {
            let own = if call.direction == Direction::Inbound { call.callee } else { call.caller };
            edges.entry((call.app, own)).or_default().extend([(call.start.seconds(), 1), (call.end.seconds(), -1)]);
        }
        let mut over = BTreeSet::new();
        for ((app, number), mut edges) in edges {
            edges.sort_unstable();
            let peak = edges.iter().scan(0, |open, (_, step)| {
                *open += step;
                Some(*open)
            });
            if peak.max() > Some(filed.get(&(app_id(app), number.to_string())).copied().unwrap_or(1)) {
                over.insert(app);
            }
        }
        let expected: BTreeSet<u32> =
            (0..).zip(apps(&world)).filter(|(_, app)| app.family == "channels_over_limit").map(|(app, _)| app).collect();
        assert_eq!(over, expected, "seed {seed}");
    }
}

#[test]
fn labels_tell_who_did_what() {
    for world in worlds() {
        let seed = world.seed;
        let (labels, apps) = (labels(&world), apps(&world));
        let labelled: BTreeSet<&str> = labels.iter().filter(|label| label.required).map(|label| label.app_id.as_str()).collect();
        let abusive: BTreeSet<&str> = apps.iter().filter(|app| !app.clean).map(|app| app.app_id.as_str()).collect();
        assert_eq!(labelled, abusive, "seed {seed}");
        for app in apps.iter().filter(|app| !app.clean) {
            let Some(Conduct::Abusive { breaks, may_break }) = family(app.family).map(|family| family.conduct) else {
                panic!("seed {seed}: {} is not abusive", app.family);
            };
            let of_app: Vec<&Label> = labels.iter().filter(|label| label.app_id == app.app_id).collect();
            for rule in breaks {
                assert!(
                    of_app.iter().any(|label| label.required && label.rule == Rule::Built(*rule)),
                    "seed {seed}: {app:?} {rule:?}"
                );
            }
            for label in of_app {
                let is_told = breaks.iter().any(|rule| label.rule == Rule::Built(*rule)) || may_break.contains(&label.rule);
                assert!(is_told, "seed {seed}: {label:?}");
                assert_eq!(Some(label.intensity), app.intensity, "seed {seed}: {label:?}");
                assert!(label.from <= label.to, "seed {seed}: {label:?}");
            }
        }
        // Every number in the labels, recounted from the calls.
        let broken: Vec<SimulatedCall> =
            ordered(&world).into_iter().filter(|call| !call.breaks.is_empty() || call.voice.is_some()).collect();
        let complained = |call: &SimulatedCall| {
            call.voice.filter(|voice| voice.kind == FeedbackKind::Complaint && voice.verified).map(|voice| voice.at)
        };
        for label in labels.iter().filter(|label| label.required) {
            let app = apps.iter().position(|app| app.app_id == label.app_id).expect("an app") as u32;
            let during = broken.iter().filter(|call| {
                let Rule::Built(rule) = label.rule;
                let at = match rule {
                    RuleName::ComplaintRatio => complained(call),
                    _ => call.breaks.contains(rule).then_some(call.start),
                };
                call.app == app && at.is_some_and(|at| (label.from..=label.to).contains(&at))
            });
            let mut callees: BTreeMap<Phone, u64> = BTreeMap::new();
            during.for_each(|call| *callees.entry(call.callee).or_default() += 1);
            assert_eq!(callees.values().sum::<u64>(), label.calls, "seed {seed}: {label:?}");
            assert_eq!(callees.len() as u64, label.callees_harmed, "seed {seed}: {label:?}");
            let listed: BTreeMap<String, u64> =
                label.callees.iter().map(|harmed| (harmed.callee.clone(), harmed.calls)).collect();
            let expected =
                callees.iter().filter(|_| label.rule.names_callees()).map(|(phone, calls)| (phone.to_string(), *calls));
            assert_eq!(listed, expected.collect(), "seed {seed}");
        }
    }
}

#[test]
fn nothing_is_both_done_and_perhaps_done() {
    for family in Families::All.in_turn() {
        let Conduct::Abusive { breaks, may_break } = family.conduct else { continue };
        assert!(breaks.iter().all(|rule| !may_break.contains(&Rule::Built(*rule))), "{}: both", family.name);
    }
}

#[test]
fn every_line_is_a_record() {
    let world = World::new(6, 1, families().count() as u32);
    let (mut lines, mut tccc_bytes, mut line) = (0, 0, Vec::new());
    for call in calls(&world).step_by(7) {
        line.clear();
        call.write(WireFormat::Tccc, &mut line);
        tccc_bytes += line.len();
        lines += 1;
        assert!(line.ends_with(b"}\n") && !line[..line.len() - 1].contains(&b'\n'));
        let tccc: serde_json::Value = serde_json::from_slice(&line).expect("json");
        line.clear();
        call.write(WireFormat::Dialwatch, &mut line);
        let neutral: serde_json::Value = serde_json::from_slice(&line).expect("json");

        assert_eq!(tccc["SdkAppId"], app_id(call.app));
        assert_eq!(neutral["app_id"], app_id(call.app).to_string());
        assert_eq!((tccc["SessionId"].as_str(), neutral["call_id"].as_str()), (Some(&*call.call_id()), Some(&*call.call_id())));
        assert!(matches!(CallId::new(&call.call_id()), CallId::Uuid(_)));
        let seconds = |moment: Option<Timestamp>| u64::from(moment.map_or(0, Timestamp::seconds));
        let moments = [
            ("Start", "start", Some(call.start)),
            ("Ring", "ring", call.ring),
            ("Accept", "answer", call.answer),
            ("Ended", "end", Some(call.end)),
        ];
        for (vendor, name, moment) in moments {
            assert_eq!(tccc[format!("{vendor}Timestamp")], seconds(moment));
            assert_eq!(neutral[name].as_i64(), moment.map(Timestamp::millis));
        }
        for (vendor, name, phone) in [("Caller", "caller", call.caller), ("Callee", "callee", call.callee)] {
            let (vendor, name) = (tccc[vendor].as_str().expect("text"), neutral[name].as_str().expect("text"));
            assert!(vendor.starts_with("00") && name == phone.to_string(), "{vendor} {name}");
            assert_eq!(Number::parse(vendor, "86"), Number::parse(name, "86"));
        }
        assert_eq!(neutral["direction"], call.direction.as_str());
        assert_eq!(neutral["kind"], call.kind.as_str());
        assert_eq!(neutral["outcome"], call.outcome.as_str());
        assert_eq!(neutral["hangup_by"], call.hangup_by.as_str());
        assert_eq!(neutral.get("agent").is_some(), call.agent.is_some());
        assert_eq!(tccc["SeatUser"].is_object(), call.agent.is_some());
        assert_eq!(tccc["ServeParticipants"].as_array().map(Vec::len), Some(usize::from(call.agent.is_some())));
        assert_eq!(tccc["EndStatus"] == 1, call.outcome == Outcome::Answered);
        assert!(tccc["EndStatusString"].is_string() && tccc["HungUpSide"].is_string() && tccc["CallType"].is_u64());
        assert_eq!(tccc["Direction"], u64::from(call.direction == Direction::Outbound));
    }
    let mean = tccc_bytes / lines;
    assert!((600..=900).contains(&mean), "{mean} bytes a line");
}

/// An app's parameter.
fn value(app: &AppLine, name: &str) -> Option<f64> {
    app.parameters.iter().find(|parameter| parameter.name == name).map(|parameter| parameter.value)
}

#[test]
fn apps_are_made_of_what_they_declare() {
    let simple = ["blind_list", "stale_list", "contract_renewal", "robot_jitter", "blind_block_walk", "poor_consented_list"];
    let mut world = World::new(8, 5, 30);
    world.options.shares = simple.iter().map(|name| (family(name).expect("exists"), 1.0)).collect();
    let apps = apps(&world);
    assert!(
        apps.iter().flat_map(|app| &app.parameters).all(|parameter| (parameter.low..=parameter.high).contains(&parameter.value))
    );
    let mut counts: Vec<BTreeMap<&str, f64>> = vec![BTreeMap::new(); apps.len()];
    for call in calls(&world).filter(|call| !call.copy && call.outcome != Outcome::NetworkError) {
        let counts = &mut counts[call.app as usize];
        *counts.entry("calls").or_default() += 1.0;
        *counts.entry(call.outcome.as_str()).or_default() += 1.0;
    }
    for (app, counts) in apps.iter().zip(&counts) {
        let share = |outcome| counts.get(outcome).unwrap_or(&0.0) / counts["calls"];
        let declared = |name| value(app, name).or(value(app, &format!("cold_{name}"))).expect("declared");
        let answered = declared("answered");
        assert!((share("answered") / answered - 1.0).abs() < 0.15, "{}: {} of {answered}", app.family, share("answered"));
        let shown = declared("invalid") * (1.0 - declared("masked"));
        assert!(
            (share("invalid_number") - shown).abs() < 0.02 + 0.1 * shown,
            "{}: {} of {shown}",
            app.family,
            share("invalid_number")
        );
        if let (Some(seats), Some(per_seat), "contract_renewal") =
            (value(app, "seats"), value(app, "calls_per_seat_hour"), app.family)
        {
            // Monday to Friday, about seven and a half peak hours a day, and the retries on top.
            let planned = seats * per_seat * 5.0 * 7.5;
            assert!((0.7..1.7).contains(&(counts["calls"] / planned)), "{app:?}: {} of {planned}", counts["calls"]);
        }
    }
}

#[test]
fn robots_keep_time() {
    let mut world = World::new(9, 1, 2);
    world.options.delivery = Delivery::PERFECT;
    world.options.shares = ["robot_fixed_gap", "robot_fixed_start"].map(|name| (family(name).expect("exists"), 1.0)).to_vec();
    let apps = apps(&world);
    let mut last: HashMap<(u32, Phone), (i64, i64)> = HashMap::new();
    let mut off = [0_u32; 2];
    let mut count = 0;
    for call in ordered(&world) {
        assert_eq!(call.agent, None);
        count += 1;
        let Some((start_ms, end_ms)) = last.insert((call.app, call.caller), (call.start.millis(), call.end.millis())) else {
            continue;
        };
        let app = &apps[call.app as usize];
        let beat = |since_ms: i64, period_s: f64| ((call.start.millis() - since_ms) as f64 / 1_000.0).rem_euclid(period_s);
        let on_time = match (value(app, "gap_s"), value(app, "period_s")) {
            (Some(gap_s), _) => ((call.start.millis() - end_ms) as f64 / 1_000.0 - gap_s).abs() < 0.01,
            (_, Some(period_s)) => beat(start_ms, period_s).min(period_s - beat(start_ms, period_s)) < 0.01,
            _ => false,
        };
        off[call.app as usize] += u32::from(!on_time);
    }
    assert!(count > 1_000, "{count} calls");
    // The night is the only pause, and one line keeps one number.
    assert!(off.iter().all(|count| *count <= 8), "{off:?}");
}

#[test]
fn feedback_as_it_comes_is_the_feedback() {
    for seed in SEEDS {
        let mut world = World::new(seed, 4, families().count() as u32);
        world.options.delivery.late = 0.01;
        let expected = feedback(&world);
        assert!(expected.len() > 1_000, "seed {seed}: {}", expected.len());
        assert!(feedback_as_it_comes(&world).eq(expected), "seed {seed}");
    }
}

/// The starts of the calls of an app of this family that break `rule`, by the day of the world.
fn days_broken(world: &World, rule: RuleName) -> BTreeMap<i64, u32> {
    let mut days = BTreeMap::new();
    for call in calls(world).filter(|call| call.breaks.contains(rule) && !call.copy) {
        *days.entry((call.start.millis() - world.start.millis()) / (i64::from(DAY_S) * SECOND_MS)).or_default() += 1;
    }
    days
}

#[test]
fn what_happens_once_happens_in_every_chapter() {
    let mut world = World::new(1, 13, 1);
    world.options.shares = vec![(family("takeover_at_night").expect("exists"), 1.0)];
    let once = days_broken(&world, RuleName::AbnormalRate);
    world.options.chapter_days = Some(3);
    let again = days_broken(&world, RuleName::AbnormalRate);
    let days: Vec<i64> = again.keys().copied().collect();
    assert!(once.len() == 1 && days[0] < 3 && days.len() >= 4, "{once:?} {again:?}");
    assert!(days.windows(2).all(|pair| pair[1] - pair[0] == 3), "{again:?}");
    // The first chapter does not depend on how many follow.
    let of_first = |days| calls(&World { days, ..world.clone() }).take(500).collect::<Vec<_>>();
    assert_eq!(of_first(13), of_first(4_000));
}

#[test]
fn an_event_holds_in_its_time_and_again() {
    let at = |minute: i64| Timestamp::from_millis(minute * MINUTE_MS);
    let mut event = plan::Event { from: at(10), to: at(12), every_ms: None, rate: 1.0, network_error: 0.0, invalid: 0.0 };
    let holding = |event: &plan::Event| (0..100).filter(|minute| event.holds_at(at(*minute))).collect::<Vec<_>>();
    assert_eq!(holding(&event), [10, 11]);
    event.every_ms = Some(40 * MINUTE_MS);
    assert_eq!(holding(&event), [10, 11, 50, 51, 90, 91]);
}

#[test]
fn files_hold_the_world() {
    let world = World::new(10, 1, 8);
    let dir = tempfile::tempdir().expect("a directory");
    let summary = write_files(&world, WireFormat::Dialwatch, dir.path()).expect("written");
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).expect("a file");
    assert_eq!(read("calls.jsonl").into_bytes(), bytes(&world, WireFormat::Dialwatch));
    assert_eq!(
        (read("calls.jsonl").len() as u64, read("calls.jsonl").lines().count() as u64),
        (summary.call_bytes, summary.calls)
    );
    assert_eq!(read("feedback.jsonl").lines().count() as u64, summary.feedback);
    assert_eq!(read("registry.jsonl").lines().count() as u64, summary.registrations);
    let mut last = 0;
    for line in read("feedback.jsonl").lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("json");
        assert!(FeedbackKind::from_word(line["kind"].as_str().expect("text")).is_some());
        assert!(line["at"].as_i64() >= Some(last));
        last = line["at"].as_i64().expect("a number");
    }
    let labels: serde_json::Value = serde_json::from_str(&read("labels.json")).expect("json");
    assert_eq!(labels["schema"], "dialwatch.labels/1");
    assert_eq!(labels["apps"].as_array().map(Vec::len), Some(8));
    assert_eq!(labels["labels"].as_array().map(Vec::len), Some(summary.labels as usize));
    assert!(labels["labels"][0]["rule"].is_string() && labels["labels"][0]["from"].is_string());
}

/// What was found in a world of the usual families may be compared with what is found later.
#[test]
fn usual_worlds_stay_what_they_are() {
    let world = World::new(1, 1, 40);
    assert_eq!(
        blake3::hash(&bytes(&world, WireFormat::Tccc)).to_string(),
        "ad8c142a6ba9934e5804681b3d7dd01d2ba663fe2538a885b073fc6764b7f51f"
    );
    let besides = serde_json::to_vec(&(labels(&world), feedback(&world), registrations(&world))).expect("json");
    assert_eq!(blake3::hash(&besides).to_string(), "5c65b5ca4e465a9e7bb22a5775d4020149bb9ecf9578153b84f41a16759c1bd7");
}

#[test]
fn families_held_out_stay_among_themselves() {
    let all = Families::All.in_turn();
    assert_eq!(all.iter().map(|family| family.name).collect::<BTreeSet<_>>().len(), all.len(), "a name is there twice");
    assert!(all.iter().all(|is| family(is.name).is_some_and(|found| found.does == is.does) && !is.does.is_empty()));
    let (clean, abusive): (Vec<_>, Vec<_>) =
        Families::HeldOut.in_turn().into_iter().partition(|family| family.conduct == Conduct::Clean);
    assert!(clean.len() >= 14 && abusive.len() >= 20, "{} and {}", clean.len(), abusive.len());
    for (which, splits) in [
        (Families::Usual, vec![Split::Tuning]),
        (Families::Tuning, vec![Split::Tuning]),
        (Families::HeldOut, vec![Split::HeldOut]),
        (Families::All, vec![Split::Tuning, Split::HeldOut]),
    ] {
        let mut world = World::new(6, 2, 300);
        world.options.families = which;
        let apps = apps(&world);
        assert!(apps.iter().all(|app| splits.contains(&app.split)), "{which:?}");
        let drawn: BTreeSet<&str> = apps.iter().map(|app| app.family).collect();
        assert_eq!(drawn.len(), which.in_turn().len(), "{which:?}");
    }
}

#[test]
fn apps_keep_to_the_ranges_their_families_declare() {
    for seed in 0..20 {
        let mut world = World::new(seed, 20, 300);
        world.options.families = Families::All;
        world.options.quiet_days = (seed % 3) as u32 * 7;
        for app in apps(&world) {
            for parameter in &app.parameters {
                let range = parameter.low..=parameter.high;
                assert!(range.contains(&parameter.value) && parameter.low <= parameter.high, "seed {seed}: {app:?}");
            }
            assert!((1..=1_000).contains(&app.lines), "seed {seed}: {app:?}");
        }
    }
}

#[test]
fn an_app_calls_from_as_many_numbers_as_it_says() {
    for world in [further_world(), held_out_world()] {
        let mut numbers: HashMap<u32, BTreeSet<Phone>> = HashMap::new();
        for call in calls(&world).filter(|call| call.direction == Direction::Outbound) {
            numbers.entry(call.app).or_default().insert(call.caller);
        }
        for (number, app) in (0..).zip(apps(&world)) {
            let (found, said) = (numbers.get(&number).map_or(0, BTreeSet::len) as u32, app.lines);
            assert!(found <= said, "{}: {found} of {said}", app.family);
            // Rotation does not get round in days, and quiet apps leave lines alone.
            assert!(found * 4 > said || !app.clean, "{}: {found} of {said}", app.family);
        }
    }
}

#[test]
fn records_lack_what_is_declared_and_nothing_else() {
    let names =
        ["crm_import", "machine_fixed_gap", "again_after_decline", "roadside_night_desk", "spoken_code", "cold_prospects"];
    let mut world = World::new(11, 2, names.len() as u32);
    world.options.shares = names.iter().map(|name| (family(name).expect("exists"), 1.0)).collect();
    let by_id = |flaws| {
        let mut world = world.clone();
        world.options.flaws = flaws;
        calls(&world).filter(|call| !call.copy).map(|call| (call.id, call)).collect::<BTreeMap<u128, SimulatedCall>>()
    };
    let (whole, modest) = (by_id(Some(Flaws::NONE)), by_id(None));
    let flaws = Flaws { hangup_by: 0.1, ring: 0.2, agent: 0.15, kind: 0.1, outcome: 0.05, clock_ms: 1_000 };
    let flawed = by_id(Some(flaws));
    assert!(modest.values().any(|call| call.hangup_by == HangupBy::Unknown), "those held out have flaws by themselves");
    world.options.flaws = Some(flaws);
    let apps = apps(&world);
    let mut counts: BTreeMap<(u32, &str), (f64, f64)> = BTreeMap::new();
    assert!(whole.keys().eq(flawed.keys()));
    for (is, was) in flawed.values().zip(whole.values()) {
        let shift_ms = is.start.millis() - was.start.millis();
        assert!(shift_ms.abs() <= 1_000 && is.end.millis() - was.end.millis() == shift_ms, "{is:?} {was:?}");
        assert!(is.arrival >= is.end && (is.ring.is_none() || is.ring == was.ring.map(|at| at.plus_millis(shift_ms))));
        let known = SimulatedCall {
            start: was.start,
            ring: was.ring,
            answer: was.answer,
            end: was.end,
            arrival: was.arrival,
            hangup_by: was.hangup_by,
            agent: was.agent,
            kind: was.kind,
            outcome: was.outcome,
            ..*is
        };
        assert_eq!(known, *was);
        assert!(is.answer.is_none() || is.outcome == was.outcome);
        let mut count = |name, could: bool, lacks: bool| {
            let (of, lacking) = counts.entry((is.app, name)).or_default();
            *of += f64::from(u8::from(could));
            *lacking += f64::from(u8::from(could && lacks));
        };
        count("without_hangup_by", true, is.hangup_by == HangupBy::Unknown);
        count("without_ring", was.ring.is_some(), is.ring.is_none());
        count("without_agent", was.agent.is_some(), is.agent.is_none());
        let named = was.kind != Kind::Unknown && was.direction == Direction::Outbound;
        count("without_kind", named, is.kind == Kind::Unknown);
        count("without_outcome", was.outcome != Outcome::Answered, is.outcome == Outcome::Other);
    }
    for ((app, name), (of, lacking)) in counts {
        let declared = value(&apps[app as usize], name).expect("declared");
        let spread = 4.0 * (declared * (1.0 - declared) * of).sqrt() + 1.0;
        assert!((lacking - declared * of).abs() <= spread, "{app} {name}: {lacking} of {of}, declared {declared}");
    }
}

#[test]
fn a_record_that_lacks_something_is_a_record() {
    let mut world = World::new(12, 1, 6);
    world.options.families = Families::HeldOut;
    world.options.flaws = Some(Flaws { hangup_by: 0.5, ring: 0.5, agent: 0.5, kind: 0.5, outcome: 0.5, clock_ms: 1_000 });
    let mut line = Vec::new();
    for call in calls(&world).step_by(5) {
        line.clear();
        call.write(WireFormat::Tccc, &mut line);
        let tccc: serde_json::Value = serde_json::from_slice(&line).expect("json");
        line.clear();
        call.write(WireFormat::Dialwatch, &mut line);
        let neutral: serde_json::Value = serde_json::from_slice(&line).expect("json");
        let nobody = call.hangup_by == HangupBy::Unknown;
        assert_eq!((neutral.get("hangup_by").is_none(), tccc["HungUpSide"] == ""), (nobody, nobody));
        assert_eq!((neutral.get("ring").is_none(), tccc["RingTimestamp"] == 0), (call.ring.is_none(), call.ring.is_none()));
        assert_eq!(tccc["SeatUser"].is_null(), call.agent.is_none());
        assert_eq!(
            (neutral["kind"].as_str(), neutral["outcome"].as_str()),
            (Some(call.kind.as_str()), Some(call.outcome.as_str()))
        );
    }
}

#[test]
fn abuse_keeps_quiet_and_then_begins() {
    let (with_past, without) = (
        [
            "blind_diluted",
            "redial_after_opt_out",
            "rest_time_calls",
            "takeover_at_night",
            "robot_among_people",
            "intruder_by_day",
        ],
        ["blind_list", "caller_rotation", "channels_over_limit", "machine_beat", "cold_prospects"],
    );
    let names: Vec<&str> = with_past
        .into_iter()
        .chain(without)
        .chain(["third_cold_shared_numbers", "third_cold_own_numbers", "early_and_late"])
        .collect();
    let mut world = World::new(13, 9, names.len() as u32);
    world.options.shares = names.iter().map(|name| (family(name).expect("exists"), 1.0)).collect();
    world.options.quiet_days = 6;
    let from = world.start.plus_millis(6 * i64::from(DAY_S) * SECOND_MS);
    let mut before = BTreeMap::new();
    for call in calls(&world).filter(|call| call.start < from.plus_millis(-1_000)) {
        assert!(call.breaks.is_empty(), "{}: {call:?}", names[call.app as usize]);
        *before.entry(names[call.app as usize]).or_insert(0) += 1;
    }
    let labels = labels(&world);
    for app in apps(&world) {
        let mut due = labels.iter().filter(|label| label.app_id == app.app_id && label.required).peekable();
        assert!(due.peek().is_some(), "{app:?}");
        // Of what was sound people complain, too.
        let begins = |label: &Label| label.from >= from || label.rule == Rule::Built(RuleName::ComplaintRatio);
        assert!(due.all(|label| begins(label) && label.from <= label.to), "{app:?}");
        let has_past = before.get(app.family).copied().unwrap_or(0) > 500;
        assert_eq!(has_past, !without.contains(&app.family), "{}: {before:?}", app.family);
    }
}

#[test]
fn two_nights_are_two_incidents() {
    let mut world = World::new(14, 15, 12);
    world.options.shares = vec![(family("intruder_at_night").expect("exists"), 1.0)];
    let labels = labels(&world);
    let mut both = 0;
    for app in apps(&world) {
        let nights = value(&app, "nights").expect("declared") as usize;
        let due: Vec<&Label> = labels
            .iter()
            .filter(|label| label.app_id == app.app_id && label.required && label.rule == Rule::Built(RuleName::AbnormalRate))
            .collect();
        both += usize::from(nights == 2 && due.len() == 2);
        assert!((1..=nights).contains(&due.len()), "{app:?} {due:?}");
        let longest_ms = 4 * 3_600 * SECOND_MS;
        assert!(due.iter().all(|label| label.to.millis() - label.from.millis() < longest_ms), "{due:?}");
    }
    assert!(both > 0, "nobody came twice");
}

#[test]
fn a_list_comes_round_again() {
    let mut world = World::new(15, 8, 1);
    world.options.shares = vec![(family("recycled_list").expect("exists"), 1.0)];
    let mut times: HashMap<Phone, u32> = HashMap::new();
    calls(&world).filter(|call| !call.copy).for_each(|call| *times.entry(call.callee).or_default() += 1);
    let again = times.values().filter(|times| **times > 1).count();
    assert!(again * 10 > times.len() * 3, "{again} of {}", times.len());
}

#[test]
fn records_held_up_come_after_the_outage() {
    let mut world = World::new(16, 4, 8);
    world.options.delivery = Delivery::PERFECT;
    for (name, late) in [("feed_pause", false), ("feed_backlog", true)] {
        world.options.shares = vec![(family(name).expect("exists"), 1.0)];
        let held: Vec<i64> =
            calls(&world).map(|call| call.arrival.millis() - call.end.millis()).filter(|delay_ms| *delay_ms > 1_000).collect();
        let longest_ms = held.iter().max().copied().unwrap_or(0);
        assert!(held.len() > 1 && (longest_ms > LATENESS_MS) == late, "{name}: {} held up, {longest_ms} ms", held.len());
    }
}

#[test]
fn numbers_that_moved_are_missing_for_a_while() {
    let mut world = World::new(17, 6, 1);
    world.options.shares = vec![(family("ported_numbers").expect("exists"), 1.0)];
    let mut days: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for call in calls(&world).filter(|call| !call.copy) {
        let (all, invalid) = days.entry((call.start.seconds() - world.start.seconds()) / DAY_S).or_default();
        *all += 1.0;
        *invalid += f64::from(u8::from(call.outcome == Outcome::InvalidNumber));
    }
    let shares: Vec<f64> = days.values().filter(|(all, _)| *all > 50.0).map(|(all, invalid)| invalid / all).collect();
    let (least, most) = shares.iter().fold((1.0_f64, 0.0_f64), |(least, most), share| (least.min(*share), most.max(*share)));
    assert!(least < 0.03 && most > 0.04, "{shares:?}");
}

/// Declared dialers are clean by keeping to what dialers may do (16 CFR 310.4(b)(4): 3 %).
#[test]
fn clean_dialers_give_up_few_who_answer() {
    let mut world = World::new(19, 2, 6);
    world.options.shares = vec![(family("predictive_full_lines").expect("exists"), 1.0)];
    let mut counts = [(0.0, 0.0); 6];
    for call in calls(&world).filter(|call| !call.copy) {
        let (answered, given_up) = &mut counts[call.app as usize];
        *answered += f64::from(u8::from(call.outcome == Outcome::Answered));
        *given_up += f64::from(u8::from(call.outcome == Outcome::Cancelled));
    }
    let shares = counts.map(|(answered, given_up)| given_up / (answered + given_up));
    assert!(counts.iter().all(|(answered, _)| *answered > 1_000.0), "{counts:?}");
    assert!(shares.iter().all(|share| *share <= 0.03), "{shares:?}");
}

/// What is held at once does not grow with the days.
#[test]
fn weeks_take_no_more_room_than_days() {
    let names = ["customer_service", "blind_list", "again_after_opt_out", "intruder_at_night"];
    let held = |days| {
        let mut world = World::new(18, days, names.len() as u32);
        world.options.shares = names.iter().map(|name| (family(name).expect("exists"), 1.0)).collect();
        let mut traffic = traffic::Traffic::new(&world);
        let count = traffic.by_ref().count();
        (count, traffic.held_at_most())
    };
    let ((few, small), (many, large)) = (held(7), held(28));
    assert!(many > 3 * few && large < small * 2, "{small} held for {few} calls, {large} for {many}");
}
