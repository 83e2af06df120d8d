//! Event time: the newtypes for moments and minutes, the clock of a stream, and local time.
//!
//! Never reads the machine's clock: every moment here came in with a record or a tick.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One second, in milliseconds.
pub const SECOND_MS: i64 = 1_000;
/// One minute, in milliseconds: the unit in which traffic is judged.
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
/// One hour, in seconds.
pub const HOUR_S: u32 = 3_600;
/// One day, in seconds.
pub const DAY_S: u32 = 24 * HOUR_S;
/// One day, in minutes.
pub const DAY_MINUTES: u32 = 24 * 60;

/// A moment of event time, in Unix milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest moment a record may carry: 2000-01-01. Anything before is a unit error or an empty field.
    pub const EARLIEST: Self = Self(946_684_800_000);
    /// The first moment a record may no longer carry: 2100-01-01.
    pub const LATEST: Self = Self(4_102_444_800_000);

    /// From Unix milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From Unix seconds.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds * SECOND_MS)
    }

    /// Unix milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Unix seconds, rounded down. Fits, since records lie between [`Self::EARLIEST`] and [`Self::LATEST`].
    pub const fn seconds(self) -> u32 {
        (self.0 / SECOND_MS) as u32
    }

    /// The minute this moment lies in.
    pub const fn minute(self) -> Minute {
        Minute((self.0 / MINUTE_MS) as u32)
    }

    /// This moment moved by `millis`, which may be negative.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0 + millis)
    }

    /// Whether a record may carry this moment at all.
    pub fn is_plausible(self) -> bool {
        (Self::EARLIEST..Self::LATEST).contains(&self)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with milliseconds only where there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => write!(f, "{moment}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl Serialize for Timestamp {
    /// Text for people and JSON, milliseconds for snapshots.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(Self);
        }
        let text = String::deserialize(deserializer)?;
        let moment: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self(moment.as_millisecond()))
    }
}

/// A minute of event time, counted from the Unix epoch: the pane in which calls are collected and judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Minute(pub u32);

impl Minute {
    /// The first moment of the minute.
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0 as i64 * MINUTE_MS)
    }

    /// The day it lies in, counted from the Unix epoch, in UTC.
    pub const fn day(self) -> u32 {
        self.0 / DAY_MINUTES
    }

    /// The first moment after the minute.
    pub const fn end(self) -> Timestamp {
        Timestamp((self.0 as i64 + 1) * MINUTE_MS)
    }

    /// The minute after.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// How far one stream (a Kafka partition, or all the files of a replay) has come in event time.
///
/// The source owns it and tells its shards by `Input::Tick`; a shard never guesses the time from its own share of the
/// records, and therefore judges the same with any number of shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamClock {
    newest: Timestamp,
}

impl StreamClock {
    /// Notes the end of a call. Returns the newest end seen when it has entered a new minute: that is a tick to pass on
    /// before the call itself.
    pub fn observe(&mut self, end: Timestamp) -> Option<Timestamp> {
        if end <= self.newest {
            return None;
        }
        let tick = (end.minute() > self.newest.minute()).then_some(end);
        self.newest = end;
        tick
    }

    /// The newest end seen; the epoch before the first.
    pub fn newest(&self) -> Timestamp {
        self.newest
    }
}

/// The time zone in which an app's callees are taken to live.
#[derive(Clone, Debug)]
pub struct LocalClock {
    zone: jiff::tz::TimeZone,
}

/// A moment on a wall clock: what rest times and weekly patterns go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// Seconds since local midnight.
    pub second_of_day: u32,
    /// 0 on Monday at 00:00, 167 on Sunday at 23:00.
    pub hour_of_week: u32,
    /// Days since 1970-01-01 in local time: names a night or a day.
    pub day: u32,
}

impl LocalClock {
    /// The zone of an IANA name such as `Asia/Shanghai`; `None` if there is no such zone. The table is compiled in.
    pub fn named(name: &str) -> Option<Self> {
        jiff::tz::db().get(name).ok().map(|zone| Self { zone })
    }

    /// A zone a whole number of hours ahead of UTC, without summer time.
    pub fn utc_plus(hours: i8) -> Self {
        Self { zone: jiff::tz::TimeZone::fixed(jiff::tz::Offset::constant(hours)) }
    }

    /// Seconds to add to UTC at this moment. Constant within a minute, so a closed minute needs it once.
    pub fn offset_s(&self, at: Timestamp) -> i32 {
        jiff::Timestamp::from_millisecond(at.millis()).map_or(0, |moment| self.zone.to_offset(moment).seconds())
    }
}

impl LocalTime {
    /// The wall clock at `at_s` (Unix seconds) in a zone `offset_s` ahead of UTC.
    pub fn new(at_s: u32, offset_s: i32) -> Self {
        let local_s = (i64::from(at_s) + i64::from(offset_s)).max(0) as u64;
        let day = (local_s / u64::from(DAY_S)) as u32;
        let second_of_day = (local_s % u64::from(DAY_S)) as u32;
        // 1970-01-01 was a Thursday: three days after a Monday.
        let day_of_week = (day + 3) % 7;
        Self { second_of_day, hour_of_week: day_of_week * 24 + second_of_day / HOUR_S, day }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_ticks_once_a_minute_and_never_back() {
        let mut clock = StreamClock::default();
        assert_eq!(clock.observe(Timestamp::from_seconds(61)), Some(Timestamp::from_seconds(61)));
        assert_eq!(clock.observe(Timestamp::from_seconds(119)), None);
        assert_eq!(clock.observe(Timestamp::from_seconds(10)), None);
        assert_eq!(clock.newest(), Timestamp::from_seconds(119));
        assert_eq!(clock.observe(Timestamp::from_seconds(120)), Some(Timestamp::from_seconds(120)));
    }

    #[test]
    fn what_was_written_is_read_again() {
        for at in [Timestamp::from_millis(1_773_020_460_123), Timestamp::EARLIEST] {
            let text = serde_json::to_string(&at).expect("JSON");
            assert_eq!(serde_json::from_str::<Timestamp>(&text).expect(&text), at);
            let bytes = postcard::to_stdvec(&at).expect("bytes");
            assert_eq!(postcard::from_bytes::<Timestamp>(&bytes).expect("read"), at);
        }
        assert!(serde_json::from_str::<Timestamp>("\"yesterday\"").is_err());
    }

    #[test]
    fn local_time_knows_the_hour_of_the_week() {
        let shanghai = LocalClock::named("Asia/Shanghai").expect("compiled in");
        // 2026-03-09 was a Monday; 01:41 UTC is 09:41 in Shanghai.
        let at = Timestamp::from_millis(1_773_020_460_000);
        assert_eq!(at.to_string(), "2026-03-09T01:41:00Z");
        let local = LocalTime::new(at.seconds(), shanghai.offset_s(at));
        assert_eq!((local.hour_of_week, local.second_of_day), (9, 9 * 3600 + 41 * 60));
        assert!(LocalClock::named("Mars/Olympus").is_none());
    }
}
