//! Alerts to Alertmanager, by its API v2: to every one of a cluster, which removes the doubles.
//!
//! It keeps nothing: what is open is told again by whoever holds this sink, as Prometheus does.

use std::collections::HashSet;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::letter::{Letter, Letterhead, letters};
use super::{Delivery, Sink};
use crate::client::{Answer, Client, within};
use crate::clock::wall_clock;
use crate::config::RawAlertmanager;
use crate::engine::alert::Alert;

/// Letters in one request (Prometheus: `MaxBatchSize` of 256 since 3.5).
const LETTERS_MAX: usize = 256;
/// An open alert is believed for so many intervals after it was last told (Prometheus: `4 *` in `rules/alerting.go`).
const INTERVALS_BELIEVED: i64 = 4;

/// The Alertmanagers of one cluster.
pub struct Alertmanager {
    urls: Vec<String>,
    client: Client,
    head: Letterhead,
    resend: Duration,
}

impl Alertmanager {
    /// As configured. Relative paths start at `folder`; `page` is where an alert's page is, without its id.
    ///
    /// # Errors
    /// A secret cannot be read.
    pub fn new(raw: &RawAlertmanager, folder: &Path, page: &str) -> Result<Self, String> {
        let RawAlertmanager { urls, external_labels, rule_pages, resend, http } = raw;
        let (authorization, ca) = (within(folder, http.authorization_file.as_ref()), within(folder, http.ca_file.as_ref()));
        Ok(Self {
            urls: urls.iter().map(|url| format!("{}/api/v2/alerts", url.trim_end_matches('/'))).collect(),
            client: Client::new(http.timeout.std(), authorization.as_deref(), ca.as_deref())?,
            head: Letterhead {
                external_labels: external_labels.clone(),
                page: page.to_owned(),
                rule_pages: rule_pages.clone(),
                believed_ms: resend.millis() * INTERVALS_BELIEVED,
            },
            resend: resend.std(),
        })
    }

    /// Posts to all of them at once. One that takes it is enough: they tell each other.
    fn post(&self, letters: &[Letter]) -> (Answer, Option<String>) {
        // Plain data: it always becomes JSON.
        let body = serde_json::to_vec(letters).unwrap_or_default();
        let answers: Vec<Answer> = thread::scope(|scope| {
            let posts: Vec<_> = self.urls.iter().map(|url| scope.spawn(|| self.client.post(url, &[], &body))).collect();
            let gone = || Answer::Later(None, "the thread that posted ended".into());
            posts.into_iter().map(|post| post.join().unwrap_or_else(|_| gone())).collect()
        });
        let mut worst = None;
        for (url, answer) in self.urls.iter().zip(&answers) {
            if let Answer::Later(_, why) | Answer::Never(why) = answer {
                worst = Some(format!("{url}: {why}"));
            }
        }
        let taken = answers.iter().find(|answer| **answer == Answer::Taken);
        let refused = answers.iter().find(|answer| matches!(answer, Answer::Never(_)));
        let answer = taken.or(refused).or(answers.first()).cloned().unwrap_or(Answer::Taken);
        (answer, worst)
    }

    /// Posts what was refused together one by one: the others of a request are taken (`api/v2/api.go`), and one of them
    /// must not have the rest counted as refused.
    fn post_singly(&self, letters: &[Letter]) -> Result<usize, Delivery> {
        let mut refused = 0;
        for letter in letters {
            match self.post(std::slice::from_ref(letter)) {
                (Answer::Taken, _) => {}
                (Answer::Never(_), _) => refused += 1,
                (Answer::Later(after, why), _) => return Err(Delivery::Retry(after.unwrap_or_default(), why)),
            }
        }
        Ok(refused)
    }
}

impl Sink for Alertmanager {
    fn name(&self) -> &'static str {
        "alertmanager"
    }

    fn repeats_every(&self) -> Option<Duration> {
        Some(self.resend)
    }

    fn deliver(&mut self, alerts: &[Alert]) -> Delivery {
        let now = wall_clock();
        // Of several messages about one alert only the last matters to Alertmanager.
        let mut seen = HashSet::new();
        let mut last: Vec<&Alert> = alerts.iter().rev().filter(|alert| seen.insert(alert.alert_id.as_str())).collect();
        last.reverse();
        let all: Vec<Letter> = last.into_iter().flat_map(|alert| letters(&self.head, alert, now)).collect();
        let (mut refused, mut said, mut missed) = (0, String::new(), None);
        for some in all.chunks(LETTERS_MAX) {
            match self.post(some) {
                (Answer::Taken, why) => missed = why.or(missed),
                (Answer::Later(after, _), why) => return Delivery::Retry(after.unwrap_or_default(), why.unwrap_or_default()),
                (Answer::Never(why), _) => match self.post_singly(some) {
                    Ok(count) => (refused, said) = (refused + count, why),
                    Err(delivery) => return delivery,
                },
            }
        }
        match (refused, missed) {
            (0, None) => Delivery::Done,
            (0, Some(why)) => Delivery::Partly(why),
            (refused, _) => Delivery::Refused(refused, said),
        }
    }
}
