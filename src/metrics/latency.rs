//! A distribution of durations: every worker records into its own, a scrape merges them.
//!
//! Recording takes a lock nobody else holds but a scrape, once a batch and never once a record.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, MetricFamily, MetricType};

/// The upper bounds of the exported buckets, in seconds.
const BUCKETS_S: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0];
/// What is told apart: from one microsecond to an hour, to two digits.
const LONGEST_US: u64 = 3_600_000_000;

/// A histogram of durations over all workers. Clones share it.
#[derive(Clone)]
pub struct Latency {
    description: Desc,
    empty: Histogram<u64>,
    recorders: Arc<Mutex<Vec<Arc<Mutex<Durations>>>>>,
}

struct Durations {
    histogram: Histogram<u64>,
    sum_us: u64,
}

/// One worker's share of a [`Latency`].
pub struct Recorder(Arc<Mutex<Durations>>);

impl Recorder {
    /// Notes that `count` things took `duration` each.
    pub fn record(&self, duration: Duration, count: u64) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(LONGEST_US).clamp(1, LONGEST_US);
        let mut durations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        durations.histogram.saturating_record_n(us, count);
        durations.sum_us += us * count;
    }
}

impl Latency {
    /// Nothing recorded yet. Histograms of one name differ by `labels`.
    ///
    /// # Errors
    /// Only if the name is not a valid one.
    pub fn new(name: &str, help: &str, labels: &[(&str, &str)]) -> Result<Self, prometheus::Error> {
        let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
        let description = Desc::new(name.into(), help.into(), Vec::new(), labels)?;
        let empty = Histogram::new_with_bounds(1, LONGEST_US, 2).map_err(|error| prometheus::Error::Msg(error.to_string()))?;
        Ok(Self { description, empty, recorders: Arc::default() })
    }

    /// A recorder for one more worker. What it records stays when it is dropped.
    pub fn recorder(&self) -> Recorder {
        let mut recorders = self.recorders.lock().unwrap_or_else(PoisonError::into_inner);
        let free = recorders.iter().find(|recorder| Arc::strong_count(recorder) == 1);
        if let Some(free) = free {
            return Recorder(free.clone());
        }
        let recorder = Arc::new(Mutex::new(Durations { histogram: self.empty.clone(), sum_us: 0 }));
        recorders.push(recorder.clone());
        Recorder(recorder)
    }

    fn merged(&self) -> proto::Histogram {
        let recorders = self.recorders.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cumulative = [0_u64; BUCKETS_S.len()];
        let (mut count, mut sum_us) = (0, 0);
        for recorder in recorders.iter() {
            let durations = recorder.lock().unwrap_or_else(PoisonError::into_inner);
            for value in durations.histogram.iter_recorded() {
                let seconds = value.value_iterated_to() as f64 / 1e6;
                let first = BUCKETS_S.partition_point(|bound| *bound < seconds);
                cumulative[first..].iter_mut().for_each(|bucket| *bucket += value.count_at_value());
            }
            count += durations.histogram.len();
            sum_us += durations.sum_us;
        }
        let mut histogram = proto::Histogram::default();
        histogram.set_sample_count(count);
        histogram.set_sample_sum(sum_us as f64 / 1e6);
        histogram.set_bucket(BUCKETS_S.iter().zip(cumulative).map(bucket).collect());
        histogram
    }
}

fn bucket((bound, count): (&f64, u64)) -> proto::Bucket {
    let mut bucket = proto::Bucket::default();
    bucket.set_upper_bound(*bound);
    bucket.set_cumulative_count(count);
    bucket
}

impl Collector for Latency {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.description]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut metric = proto::Metric::default();
        metric.set_label(self.description.const_label_pairs.clone());
        metric.set_histogram(self.merged());
        let mut family = MetricFamily::default();
        family.set_name(self.description.fq_name.clone());
        family.set_help(self.description.help.clone());
        family.set_field_type(MetricType::HISTOGRAM);
        family.set_metric(vec![metric]);
        vec![family]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_merged_into_buckets() {
        let latency = Latency::new("dialwatch_test_seconds", "A test.", &[]).expect("valid name");
        let (one, other) = (latency.recorder(), latency.recorder());
        one.record(Duration::from_millis(2), 10);
        other.record(Duration::from_millis(400), 5);
        other.record(Duration::ZERO, 1);
        other.record(Duration::from_secs(100_000), 1);
        drop(one);
        latency.recorder().record(Duration::from_millis(2), 1);

        let merged = latency.merged();
        assert_eq!(merged.get_sample_count(), 18);
        let below = |seconds: f64| {
            let bucket = merged.get_bucket().iter().find(|bucket| bucket.upper_bound() == seconds).expect("a bucket");
            bucket.cumulative_count()
        };
        assert_eq!([below(0.001), below(0.0025), below(0.25), below(0.5), below(300.0)], [1, 12, 12, 17, 17]);
        assert!((merged.get_sample_sum() - (0.002 * 11.0 + 2.0 + 3_600.0)).abs() < 0.01);
    }
}
