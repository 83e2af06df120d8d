//! Series of single apps, in bounded number: read off the board when scraped, never touched by what judges.
//!
//! The busiest are shown, and whoever has an alert open; the rest is summed up, so that the sum over all series is the same
//! whoever is shown. An app that is shown stays until it falls well behind, so that series do not flicker.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, MetricFamily, MetricType};

use crate::config::metrics::{AppLabels, RawMetrics};
use crate::status::{AppStatus, Board};

/// The label of all apps that are not shown.
const OTHER: &str = "__other__";

/// A metric of an app: its name, its help, its value.
type Shown = (&'static str, &'static str, fn(&AppStatus) -> f64);

/// What is shown of an app.
const FAMILIES: [Shown; 5] = [
    ("dialwatch_app_calls_day", "Calls that an app placed in the last 24 hours of event time.", |app| app.day.placed.into()),
    ("dialwatch_app_answered_day", "Those of them that were answered.", |app| app.day.answered.into()),
    ("dialwatch_app_callees_day", "Different callees of an app in these hours; of several apps the sum.", |app| {
        app.callees_day.into()
    }),
    ("dialwatch_app_open_alerts", "Alerts of an app that are open now.", |app| app.open_alerts.len() as f64),
    ("dialwatch_app_strikes", "Strikes ever recorded in the ledger of an app.", |app| app.ledger.strikes() as f64),
];

/// The series of apps. Clones share them.
#[derive(Clone)]
pub struct AppSeries(Arc<Inner>);

struct Inner {
    board: Arc<Board>,
    descriptions: Vec<Desc>,
    choice: Mutex<Choice>,
}

/// Who is shown.
struct Choice {
    labels: AppLabels,
    topk: usize,
    /// Who was shown by rank the last time.
    shown: HashSet<String>,
}

impl AppSeries {
    /// Series of the apps on `board`, chosen by default.
    pub(super) fn new(board: Arc<Board>) -> Result<Self, prometheus::Error> {
        let description =
            |(name, help, _): &(&str, &str, _)| Desc::new((*name).into(), (*help).into(), vec!["app_id".into()], HashMap::new());
        let descriptions = FAMILIES.iter().map(description).collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Inner { board, descriptions, choice: Mutex::new(Choice::new(&RawMetrics::default())) })))
    }

    /// Chooses as the configuration says from now on.
    pub fn configure(&self, metrics: &RawMetrics) {
        let mut choice = self.0.choice.lock().unwrap_or_else(PoisonError::into_inner);
        (choice.labels, choice.topk) = (metrics.apps, metrics.topk);
    }
}

impl Choice {
    fn new(metrics: &RawMetrics) -> Self {
        Self { labels: metrics.apps, topk: metrics.topk, shown: HashSet::new() }
    }

    /// Parts apps into those that are shown and the rest. The busiest `topk` are; whoever was among them stays while it is
    /// among the busiest one and a half times as many; whoever has an alert open is shown in any case.
    fn part(&mut self, mut apps: Vec<Arc<AppStatus>>) -> (Vec<Arc<AppStatus>>, Vec<Arc<AppStatus>>) {
        let near = match self.labels {
            AppLabels::Off => return (Vec::new(), Vec::new()),
            AppLabels::All => apps.len(),
            AppLabels::Topk => (self.topk + self.topk / 2).min(apps.len()),
        };
        let busiest = |app: &Arc<AppStatus>, other: &Arc<AppStatus>| {
            (Reverse(app.day.placed), &app.app_id).cmp(&(Reverse(other.day.placed), &other.app_id))
        };
        if near > 0 && near < apps.len() {
            apps.select_nth_unstable_by(near - 1, busiest);
        }
        let mut far = apps.split_off(near);
        apps.sort_unstable_by(busiest);
        let top = if self.labels == AppLabels::All { near } else { self.topk.min(near) };
        let is_near =
            |(rank, app): (usize, &Arc<AppStatus>)| (rank < top || self.shown.contains(&app.app_id)).then(|| app.app_id.clone());
        self.shown = apps.iter().enumerate().filter_map(is_near).collect();
        let is_hidden = |app: &Arc<AppStatus>, shown: &HashSet<String>| {
            (!shown.contains(&app.app_id) && app.open_alerts.is_empty()) || app.app_id == OTHER
        };
        far.append(&mut apps);
        far.into_iter().partition(|app| !is_hidden(app, &self.shown))
    }
}

impl Collector for AppSeries {
    fn desc(&self) -> Vec<&Desc> {
        self.0.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut choice = self.0.choice.lock().unwrap_or_else(PoisonError::into_inner);
        if choice.labels == AppLabels::Off {
            return Vec::new();
        }
        let (shown, rest) = choice.part(self.0.board.apps());
        let family = |(name, help, value): &Shown| {
            let mut series: Vec<proto::Metric> = shown.iter().map(|app| gauge(&app.app_id, value(app))).collect();
            series.push(gauge(OTHER, rest.iter().fold(0.0, |sum, app| sum + value(app))));
            let mut family = MetricFamily::default();
            family.set_name((*name).into());
            family.set_help((*help).into());
            family.set_field_type(MetricType::GAUGE);
            family.set_metric(series);
            family
        };
        FAMILIES.iter().map(family).collect()
    }
}

fn gauge(app_id: &str, value: f64) -> proto::Metric {
    let mut label = proto::LabelPair::default();
    label.set_name("app_id".into());
    label.set_value(app_id.into());
    let mut gauge = proto::Gauge::default();
    gauge.set_value(value);
    let mut metric = proto::Metric::default();
    metric.set_label(vec![label]);
    metric.set_gauge(gauge);
    metric
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::engine::alert::Alert;
    use crate::engine::alert::ledger::Ledger;
    use crate::engine::detector::violations::ViolationTable;
    use crate::engine::time::Timestamp;
    use crate::engine::window::tally::Tally;

    /// A ledger with so many strikes.
    fn ledger(strikes: usize) -> Arc<Ledger> {
        let mut ledger = Arc::default();
        for number in 0..strikes {
            let alert = Alert { alert_id: number.to_string(), ..crate::engine::alert::tests::example("app") };
            let table = ViolationTable::default();
            assert_eq!(Ledger::enter(&mut ledger, &alert, table.row(alert.rule, None, alert.severity), 0), 1);
        }
        ledger
    }

    fn status(app_id: &str, placed: u32, alerts: usize) -> AppStatus {
        AppStatus {
            app_id: app_id.into(),
            partition: 0,
            as_of: Timestamp::default(),
            last_judged: Timestamp::default(),
            calls_judged: u64::from(placed),
            day: Tally { placed, answered: placed / 3, ..Tally::default() },
            course: Arc::default(),
            callees_day: placed / 2,
            callees_remembered: 0,
            filed: None,
            terms: None,
            ledger: ledger(placed as usize % 3),
            open_alerts: vec![crate::engine::alert::tests::example(app_id); alerts],
        }
    }

    /// Every family by name, with its series.
    fn scraped(series: &AppSeries) -> BTreeMap<String, BTreeMap<String, f64>> {
        let of_family = |family: MetricFamily| {
            let series: BTreeMap<String, f64> = family
                .get_metric()
                .iter()
                .map(|metric| (metric.get_label()[0].value().to_owned(), metric.get_gauge().get_value()))
                .collect();
            assert_eq!(series.len(), family.get_metric().len(), "a label twice in {}", family.name());
            (family.name().to_owned(), series)
        };
        series.collect().into_iter().map(of_family).collect()
    }

    fn configured(board: &Arc<Board>, apps: AppLabels, topk: usize) -> AppSeries {
        let series = AppSeries::new(board.clone()).expect("valid names");
        series.configure(&RawMetrics { apps, topk });
        series
    }

    proptest! {
        /// Scrapes after changes, against what is plain: how many series there are, who must and who may be among them, and
        /// that nothing is lost.
        #[test]
        fn series_are_bounded_steady_and_add_up(
            topk in 1_usize..8,
            scrapes in prop::collection::vec(prop::collection::vec((0_usize..30, 0_u32..50, 0_usize..20), 0..30), 1..12),
        ) {
            let board = Arc::new(Board::default());
            let series = configured(&board, AppLabels::Topk, topk);
            let mut apps: BTreeMap<String, AppStatus> = BTreeMap::new();
            let mut by_rank: Vec<String> = Vec::new();
            for changes in scrapes {
                for (app, placed, luck) in changes {
                    // One app in twenty has alerts open.
                    let status = status(&format!("app-{app}"), placed, luck.saturating_sub(18));
                    apps.insert(status.app_id.clone(), status.clone());
                    board.put(status);
                }
                let families = scraped(&series);
                prop_assert_eq!(families.len(), FAMILIES.len());
                for (name, _, value) in FAMILIES {
                    let (sum, expected) = (families[name].values().sum::<f64>(), apps.values().map(value).sum::<f64>());
                    prop_assert_eq!(sum, expected, "{}", name);
                }
                let shown = &families["dialwatch_app_calls_day"];
                let mut ranked: Vec<&AppStatus> = apps.values().collect();
                ranked.sort_by_key(|app| (Reverse(app.day.placed), &app.app_id));
                let firing = ranked.iter().filter(|app| !app.open_alerts.is_empty()).count();
                prop_assert!(shown.len() <= topk + topk / 2 + firing + 1);
                let stays = |(rank, app): (usize, &&AppStatus)| {
                    let stays = rank < topk || (rank < topk + topk / 2 && by_rank.contains(&app.app_id));
                    stays.then(|| app.app_id.clone())
                };
                by_rank = ranked.iter().enumerate().filter_map(stays).collect();
                for app in ranked {
                    let expected = by_rank.contains(&app.app_id) || !app.open_alerts.is_empty();
                    prop_assert_eq!(shown.contains_key(&app.app_id), expected, "{}", app.app_id);
                }
            }
        }
    }

    #[test]
    fn who_is_shown_stays_until_it_is_well_behind() {
        let board = Arc::new(Board::default());
        let series = configured(&board, AppLabels::Topk, 2);
        let shown = |places: [u32; 4]| {
            for (app, placed) in ["a", "b", "c", "d"].into_iter().zip(places) {
                board.put(status(app, placed, 0));
            }
            scraped(&series)["dialwatch_app_calls_day"].keys().cloned().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown([9, 8, 7, 6]), "__other__ a b");
        assert_eq!(shown([9, 7, 8, 6]), "__other__ a b c", "b fell to the third place");
        assert_eq!(shown([9, 6, 8, 7]), "__other__ a c", "b fell to the fourth");
        assert_eq!(shown([9, 7, 8, 6]), "__other__ a c", "and does not come back by being third");
    }

    #[test]
    fn all_or_none_are_shown_where_the_configuration_says_so() {
        let board = Arc::new(Board::default());
        for app in 0..70 {
            board.put(status(&format!("app-{app}"), app, 0));
        }
        board.put(status(OTHER, 7, 2));
        let all = scraped(&configured(&board, AppLabels::All, 1));
        assert_eq!(all["dialwatch_app_calls_day"].len(), 71);
        assert_eq!(all["dialwatch_app_calls_day"][OTHER], 7.0, "an app by that name is among the rest");
        assert_eq!(scraped(&configured(&board, AppLabels::Off, 1)).len(), 0);
        let nobody = scraped(&configured(&Arc::default(), AppLabels::Topk, 1));
        assert!(nobody.values().all(|family| family[OTHER].is_sign_positive()), "no sum is -0");
        let series = configured(&board, AppLabels::Topk, 100);
        assert_eq!(scraped(&series)["dialwatch_app_open_alerts"].len(), 71);
        series.configure(&RawMetrics { apps: AppLabels::Topk, topk: 4 });
        assert_eq!(scraped(&series)["dialwatch_app_calls_day"].len(), 4 + 2 + 1);
    }
}
