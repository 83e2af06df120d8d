//! Durations as people write them: `5m`, `1h 30m`, `250ms`, `2d`.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A duration of whole milliseconds, never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration {
    millis: i64,
}

/// The units, longest first.
const UNITS: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Duration {
    /// Of so many minutes.
    pub const fn minutes(minutes: i64) -> Self {
        Self { millis: minutes * 60_000 }
    }

    /// Of so many milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self { millis }
    }

    /// In milliseconds.
    pub const fn millis(self) -> i64 {
        self.millis
    }

    /// As the standard library has it.
    pub const fn std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.millis.unsigned_abs())
    }
}

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a duration: write numbers with a unit of d, h, m, s or ms, such as 5m or 1h 30m")]
pub struct NotADuration;

impl FromStr for Duration {
    type Err = NotADuration;

    fn from_str(text: &str) -> Result<Self, NotADuration> {
        let mut rest = text.trim();
        if rest == "0" {
            return Ok(Self::default());
        }
        let mut millis = 0_i64;
        let mut units = UNITS.as_slice();
        while !rest.is_empty() || units.len() == UNITS.len() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let count: i64 = rest[..digits].parse().map_err(|_| NotADuration)?;
            rest = rest[digits..].trim_start();
            let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (at, unit) = units.iter().enumerate().find(|(_, unit)| unit.0 == &rest[..letters]).ok_or(NotADuration)?;
            millis = count.checked_mul(unit.1).and_then(|part| millis.checked_add(part)).ok_or(NotADuration)?;
            rest = rest[letters..].trim_start();
            units = &units[at + 1..];
        }
        Ok(Self { millis })
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.millis == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.millis;
        let mut separator = "";
        for (unit, unit_ms) in UNITS {
            if rest >= unit_ms {
                write!(f, "{separator}{}{unit}", rest / unit_ms)?;
                rest %= unit_ms;
                separator = " ";
            }
        }
        Ok(())
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Whole numbers with a unit of d, h, m, s or ms, longest unit first: 5m, 1h 30m.",
            "pattern": r"^\s*(0|(\d+\s*d\s*)?(\d+\s*h\s*)?(\d+\s*m\s*)?(\d+\s*s\s*)?(\d+\s*ms)?)\s*$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, millis, shown) in [
            ("5m", 300_000, "5m"),
            ("90s", 90_000, "1m 30s"),
            ("1h 30m", 5_400_000, "1h 30m"),
            ("1h30m", 5_400_000, "1h 30m"),
            (" 2 d ", 172_800_000, "2d"),
            ("250ms", 250, "250ms"),
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
        ] {
            let duration: Duration = text.parse().expect(text);
            assert_eq!((duration.millis(), duration.to_string().as_str()), (millis, shown), "{text}");
            assert_eq!(shown.parse(), Ok(duration), "{shown}");
        }
        for text in
            ["", "5", "m", "-5m", "5 minutes", "5m 1h", "5m5m", "1.5h", "99999999999999999999d", "9223372036854775807d", "5µ"]
        {
            assert_eq!(text.parse::<Duration>(), Err(NotADuration), "{text}");
        }
    }
}
