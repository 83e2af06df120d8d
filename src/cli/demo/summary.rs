//! The live summary: who is firing now, the gravest first, and how far the days are. As a frame for a terminal of any size,
//! or as one line.
//!
//! Pure: it gets what is known and returns text. No line is ever wider than it may be.

use std::sync::Arc;

use super::paint::{Paint, cut, filed};
use crate::engine::alert::{Alert, EvidenceView};
use crate::engine::detector::Severity;
use crate::engine::detector::finding::counted;
use crate::engine::time::{HOUR_S, LocalTime};
use crate::explain::grouped;
use crate::status::{AppStatus, gravest_first};

/// Columns of the app's id, a severity and a rule, with a space after each of the first two.
const APP: usize = 10;
const SEVERITY: usize = 9;
const RULE: usize = 17;
const NARROWEST: usize = APP + 1 + SEVERITY + 1 + RULE;
/// Columns of `Wed 14:05` and `day 12345`.
const SINCE: usize = 9;
/// The fewest and the most columns of a number with its name, and of what an app filed.
const NUMBER: (usize, usize) = (16, 44);
const FILED: (usize, usize) = (12, 28);
/// Lines of a frame that are no rows: how far the days are, alerts, an empty one, the head, and who is left out.
const LINES_BESIDE: usize = 5;
/// More rows than this are no overview.
const ROWS_MAX: usize = 20;

/// A moment of the simulated days, local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// 1 is the first.
    pub day: u32,
    /// On the wall clock.
    pub local: LocalTime,
}

impl Moment {
    /// A moment of days that began on `first_day`.
    pub fn new(local: LocalTime, first_day: u32) -> Self {
        Self { day: local.day.saturating_sub(first_day) + 1, local }
    }

    fn clock(self) -> String {
        let second = self.local.second_of_day;
        format!("{:02}:{:02}", second / HOUR_S, second % HOUR_S / 60)
    }

    fn weekday(self) -> &'static str {
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][(self.local.hour_of_week / 24 % 7) as usize]
    }
}

/// An app with an open alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    app_id: String,
    filed: String,
    rule: &'static str,
    severity: Severity,
    since: Moment,
    number: String,
}

impl Firing {
    /// What is firing about an app, if anything; `moment` turns event time into a moment of the days.
    pub fn new(app: &AppStatus, moment: impl Fn(&Alert) -> Moment) -> Option<Self> {
        let gravest = app.open_alerts.first()?;
        let more = app.open_alerts.len() - 1;
        let more = if more > 0 { format!(" (+{} more)", grouped(more as u64)) } else { String::new() };
        Some(Self {
            app_id: app.app_id.clone(),
            filed: filed(app),
            rule: gravest.rule.as_str(),
            severity: gravest.severity,
            since: moment(gravest),
            number: key_number(gravest) + &more,
        })
    }
}

/// Apps with open alerts, the gravest first, of equals the newest.
pub fn firing(mut apps: Vec<Arc<AppStatus>>, moment: impl Fn(&Alert) -> Moment) -> Vec<Firing> {
    apps.retain(|app| !app.open_alerts.is_empty());
    apps.sort_by(|app, other| gravest_first(&app.open_alerts[0], &other.open_alerts[0]));
    apps.iter().filter_map(|app| Firing::new(app, &moment)).collect()
}

/// The number of an alert that is furthest beyond its limit, such as `49 % invalid number`.
fn key_number(alert: &Alert) -> String {
    let beyond = |evidence: &EvidenceView| {
        let (observed, limit) = (evidence.observed.max(1e-9), evidence.limit.max(1e-9));
        (observed / limit).max(limit / observed)
    };
    let telling = alert.evidence.iter().reduce(|most, evidence| if beyond(evidence) > beyond(most) { evidence } else { most });
    let Some(evidence) = telling else { return String::new() };
    let name = evidence.feature.name();
    let (name, unit) = name.strip_suffix("_s").map_or((name, ""), |name| (name, " s"));
    let name = name.trim_end_matches("_share").replace('_', " ");
    let observed = evidence.observed;
    match evidence.of {
        Some(of) => format!("{:.0} % {name}", evidence.count as f64 / of.max(1) as f64 * 100.0),
        None if observed.fract() == 0.0 => format!("{}{unit} {name}", grouped(observed as u64)),
        None => format!("{observed:.1}{unit} {name}"),
    }
}

/// Everything the live summary shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// What is going on, if no call is judged yet or any more.
    pub state: Option<&'static str>,
    /// How far the days are.
    pub now: Moment,
    /// Calls judged.
    pub calls: u64,
    /// How many of them in a second, lately.
    pub calls_per_s: u64,
    /// Alerts that ever opened.
    pub opened: u64,
    /// Those of them that are over.
    pub resolved: u64,
    /// Checkpoints committed.
    pub checkpoints: u64,
    /// Who is firing, the gravest first.
    pub firing: Vec<Firing>,
}

impl Summary {
    /// One line, for where nothing can be redrawn.
    pub fn line(&self) -> String {
        let gravest = self.firing.first().map_or(String::new(), |firing| {
            format!(", gravest {} ({} {}, {})", firing.app_id, firing.severity, firing.rule, firing.number)
        });
        format!("{}; {}; {}{gravest}", self.days(), self.calls(), self.alerts())
    }

    /// Lines of at most `width` columns, at most `height` of them.
    pub fn frame(&self, width: usize, height: usize, paint: Paint) -> Vec<String> {
        let bold = |text: &str| paint.bold(&cut(text, width));
        let mut lines = vec![bold(&format!("{}   {}", self.days(), self.calls())), cut(&self.alerts(), width)];
        if !self.firing.is_empty() {
            let (columns, room) = (Columns::of(width), height.saturating_sub(LINES_BESIDE).min(ROWS_MAX));
            lines.extend([String::new(), columns.head(width, paint)]);
            lines.extend(self.firing.iter().take(room).map(|firing| columns.row(firing, self.now, width, paint)));
            let left = self.firing.len().saturating_sub(room);
            if left > 0 {
                lines.push(paint.dim(&cut(&format!("and {left} more"), width)));
            }
        }
        lines.truncate(height);
        lines
    }

    fn days(&self) -> String {
        let Moment { day, .. } = self.now;
        let at = format!("day {}, {} {}", grouped(day.into()), self.now.weekday(), self.now.clock());
        self.state.map_or_else(|| at.clone(), |state| format!("{at} ({state})"))
    }

    fn calls(&self) -> String {
        format!("{} calls judged, {} a second", grouped(self.calls), grouped(self.calls_per_s))
    }

    fn alerts(&self) -> String {
        let [opened, resolved, checkpoints] = [self.opened, self.resolved, self.checkpoints].map(grouped);
        let firing = counted(self.firing.len() as u64, "app");
        format!("alerts: {opened} opened, {resolved} resolved; {firing} firing; {checkpoints} checkpoints committed")
    }
}

/// How wide the columns are that not every terminal has room for; 0 leaves one out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Columns {
    filed: usize,
    since: usize,
    number: usize,
}

impl Columns {
    /// There is room for the key number first, then for since when, then for what was filed; what is left widens the latter and
    /// the first.
    fn of(width: usize) -> Self {
        let mut left = width.saturating_sub(NARROWEST);
        let mut take = |least: usize| {
            let fits = left > least;
            left -= if fits { least + 1 } else { 0 };
            if fits { least } else { 0 }
        };
        let (mut number, since, mut filed) = (take(NUMBER.0), take(SINCE), take(FILED.0));
        for (column, most) in [(&mut filed, FILED.1), (&mut number, NUMBER.1)] {
            let more = if *column > 0 { left.min(most - *column) } else { 0 };
            *column += more;
            left -= more;
        }
        Self { filed, since, number }
    }

    fn head(self, width: usize, paint: Paint) -> String {
        let cells = ["app", "filed as", "severity", "rule", "since", "key number"];
        paint.dim(&self.line(cells, width, str::to_owned))
    }

    fn row(self, firing: &Firing, now: Moment, width: usize, paint: Paint) -> String {
        let Firing { since, severity, .. } = *firing;
        let since = match now.day.saturating_sub(since.day) {
            0 => since.clock(),
            1..7 => format!("{} {}", since.weekday(), since.clock()),
            _ => format!("day {}", since.day),
        };
        let cells = [&firing.app_id, &firing.filed, severity.as_str(), firing.rule, &since, &firing.number];
        self.line(cells, width, |accused| paint.of(severity, accused))
    }

    /// The cells side by side, each as wide as its column; those of severity and rule as `painted`.
    fn line(self, cells: [&str; 6], width: usize, painted: impl Fn(&str) -> String) -> String {
        let of_width = |text: &str, width: usize| format!("{:<width$}", cut(text, width));
        let [app, filed, severity, rule, since, number] = cells;
        let accused = format!("{} {}", of_width(severity, SEVERITY), of_width(rule, RULE));
        if width < NARROWEST {
            return cut(&format!("{} {accused}", of_width(app, APP)), width);
        }
        let mut line = of_width(app, APP);
        let beside = |text, width| if width > 0 { format!(" {}", of_width(text, width)) } else { String::new() };
        line += &format!("{} {}", beside(filed, self.filed), painted(&accused));
        line += &format!("{}{}", beside(since, self.since), beside(number, self.number));
        line.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::detector::{Feature, Over};
    use crate::metrics::example_alert;

    fn moment(day: u32, hour: u32, minute: u32) -> Moment {
        Moment {
            day,
            local: LocalTime { second_of_day: hour * HOUR_S + minute * 60, hour_of_week: (day - 1) % 7 * 24 + hour, day },
        }
    }

    fn firing(app: u32, severity: Severity, number: &str) -> Firing {
        Firing {
            app_id: (1_400_000_000 + app).to_string(),
            filed: "consulting: customer care".into(),
            rule: "harassment_redial",
            severity,
            since: moment(3 - app % 2, 9, 5),
            number: number.into(),
        }
    }

    fn summary(apps: u32) -> Summary {
        let of = |app| firing(app, Severity::ALL[3 - app as usize % 4], "256 number walk run (+2 more)");
        Summary {
            state: None,
            now: moment(3, 14, 5),
            calls: 187_204,
            calls_per_s: 8_641,
            opened: 412,
            resolved: 371,
            checkpoints: 96,
            firing: (1..=apps).map(of).collect(),
        }
    }

    /// The text without its colours.
    fn bare(line: &str) -> String {
        let mut parts = line.split("\u{1b}[");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + part.split_once('m').expect("the end of a colour").1)
    }

    #[test]
    fn a_frame_never_wraps_and_never_scrolls() {
        for apps in [0, 1, 7, 40] {
            for width in 0..200 {
                for height in [0, 1, 2, 5, 6, 24, 80] {
                    let plain = summary(apps).frame(width, height, Paint(false));
                    let painted = summary(apps).frame(width, height, Paint(true));
                    assert!(plain.len() <= height, "{apps} apps in {height} lines: {plain:#?}");
                    assert!(plain.iter().all(|line| line.chars().count() <= width), "{width} columns: {plain:#?}");
                    let bared: Vec<String> = painted.iter().map(|line| bare(line).trim_end().to_owned()).collect();
                    assert_eq!(bared, plain.iter().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>());
                }
            }
        }
    }

    #[test]
    fn a_wide_frame_shows_everything() {
        let frame = summary(2).frame(120, 24, Paint(false));
        let expected = [
            "day 3, Wed 14:05   187,204 calls judged, 8,641 a second",
            "alerts: 412 opened, 371 resolved; 2 apps firing; 96 checkpoints committed",
            "",
            "app        filed as                     severity  rule              since     key number",
            "1400000001 consulting: customer care    major     harassment_redial Tue 09:05 256 number walk run (+2 more)",
            "1400000002 consulting: customer care    violation harassment_redial 09:05     256 number walk run (+2 more)",
        ];
        assert_eq!(frame, expected);
    }

    #[test]
    fn a_narrow_frame_leaves_columns_out() {
        let row = |width| summary(1).frame(width, 24, Paint(false))[4].clone();
        assert_eq!(row(80), "1400000001 consulting: c… major     harassment_redial Tue 09:05 256 number walk…");
        assert_eq!(row(70), "1400000001 major     harassment_redial Tue 09:05 256 number walk run …");
        assert_eq!(row(60), "1400000001 major     harassment_redial 256 number walk run …");
        assert_eq!(row(50), "1400000001 major     harassment_redial Tue 09:05");
        assert_eq!(row(45), "1400000001 major     harassment_redial");
        assert_eq!(row(30), "1400000001 major     harassme…");
    }

    #[test]
    fn what_is_long_ago_is_told_by_its_day() {
        let mut summary = summary(1);
        let mut since = |now: u32, since: u32| {
            (summary.now, summary.firing[0].since) = (moment(now, 8, 0), moment(since, 14, 5));
            summary.frame(78, 9, Paint(false))[4].clone()
        };
        let [today, six_days, seven_days] = [(9, 9), (9, 3), (9, 2)].map(|(now, at)| since(now, at));
        assert!(today.contains(" 14:05     256") && six_days.contains(" Wed 14:05 256"), "{today}\n{six_days}");
        assert!(seven_days.contains(" day 2     256"), "{seven_days}");
    }

    #[test]
    fn who_has_no_room_is_counted() {
        let frame = summary(40).frame(100, 12, Paint(false));
        assert_eq!((frame.len(), frame.last().map(String::as_str)), (12, Some("and 33 more")));
        assert_eq!(summary(40).frame(100, 90, Paint(false)).last().map(String::as_str), Some("and 20 more"));
    }

    #[test]
    fn one_line_tells_the_same() {
        let mut summary = summary(1);
        summary.state = Some("stopping");
        assert_eq!(
            summary.line(),
            "day 3, Wed 14:05 (stopping); 187,204 calls judged, 8,641 a second; alerts: 412 opened, 371 resolved; 1 app firing; \
             96 checkpoints committed, gravest 1400000001 (major harassment_redial, 256 number walk run (+2 more))"
        );
    }

    #[test]
    fn the_key_number_is_furthest_beyond_its_limit() {
        let share = |feature, observed, limit| EvidenceView {
            feature,
            observed,
            bound: None,
            limit,
            count: (observed * 1_000.0) as u64,
            of: Some(1_000),
            over: Over::Day,
        };
        let count = |feature, observed, limit| EvidenceView { of: None, ..share(feature, observed, limit) };
        let number = |evidence: &[EvidenceView]| {
            key_number(&crate::engine::alert::Alert { evidence: evidence.to_vec(), ..example_alert("app") })
        };
        let fresh = share(Feature::FreshShare, 1.0, 0.75);
        assert_eq!(number(&[]), "");
        assert_eq!(number(&[fresh]), "100 % fresh callee");
        assert_eq!(number(&[fresh, share(Feature::InvalidShare, 0.492, 0.05)]), "49 % invalid number");
        assert_eq!(number(&[share(Feature::AnswerShare, 0.1, 0.35), fresh]), "10 % answer", "too little is beyond a limit too");
        assert_eq!(number(&[count(Feature::CallsToCallee, 1_204.0, 3.0)]), "1,204 calls to callee");
        assert_eq!(number(&[count(Feature::GapSpread, 0.25, 2.0)]), "0.2 s gap iqr");
        assert_eq!(number(&[count(Feature::CallsOutsideHours, 4.0, 0.0)]), "4 calls outside hours");
    }
}
