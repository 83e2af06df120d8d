//! Registrations: what each app filed about itself.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::super::number::Number;
use super::super::record::{APP_ID_BYTES_MAX, FiledCaller, Registration};
use super::super::terms::{self, Fault};
use super::super::time::LocalClock;
use super::feedback::{Moment, word};
use super::json::{self, Field, Fill, Int, Shape, Target, Text};
use super::{DecodeError, Limits, Reason};

/// Reads one registration. Deletions are none of it: the caller knows them by their missing value.
pub fn registration(bytes: &[u8], limits: &Limits<'_>) -> Result<Registration, DecodeError> {
    let mut wire = Wired::default();
    json::read_object(bytes, limits, &mut wire)?;
    wire.finish(limits)
}

#[derive(Default)]
struct Wired<'a> {
    app_id: Text<'a>,
    name: Text<'a>,
    industry: Text<'a>,
    scene: Text<'a>,
    seats: Int,
    callers: Many<Caller<'a>>,
    timezone: Text<'a>,
    declared_use: Many<Word<'a>>,
    since: Field<Moment>,
    regions: Many<Word<'a>>,
    limits: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    AppId,
    Name,
    Industry,
    Scene,
    Seats,
    Callers,
    Timezone,
    DeclaredUse,
    Since,
    Regions,
    Limits,
    #[serde(other)]
    Other,
}

impl<'a> Target<'a> for Wired<'a> {
    type Key = Key;

    fn field<A: MapAccess<'a>>(&mut self, key: Key, map: &mut A) -> Result<(), A::Error> {
        match key {
            Key::AppId => self.app_id.update(json::id(map)?),
            Key::Name => self.name.read(map)?,
            Key::Industry => self.industry.read(map)?,
            Key::Scene => self.scene.read(map)?,
            Key::Seats => self.seats.read(map)?,
            Key::Callers => self.callers.update(map)?,
            Key::Timezone => self.timezone.read(map)?,
            Key::DeclaredUse => self.declared_use.update(map)?,
            Key::Since => self.since.read(map)?,
            Key::Regions => self.regions.update(map)?,
            Key::Limits => {
                let raw = json::raw(map)?;
                if raw != "null" {
                    self.limits = Some(raw);
                }
            }
            Key::Other => json::skip(map)?,
        }
        Ok(())
    }
}

impl Wired<'_> {
    fn finish(mut self, limits: &Limits<'_>) -> Result<Registration, DecodeError> {
        let app_id = self.app_id.require("app_id", Reason::NotText)?;
        let timezone = word("timezone", &mut self.timezone)?;
        if timezone.as_deref().is_some_and(|name| LocalClock::named(name).is_none()) {
            return Err(DecodeError::new("timezone", Reason::UnknownTimeZone));
        }
        let limits_json = self.limits.unwrap_or_default();
        check_limits(&limits_json)?;
        Ok(Registration {
            app_id: super::identifier("app_id", app_id, APP_ID_BYTES_MAX)?.into_owned(),
            name: word("name", &mut self.name)?.unwrap_or_default(),
            industry: word("industry", &mut self.industry)?.unwrap_or_default(),
            scene: word("scene", &mut self.scene)?.unwrap_or_default(),
            seats: count(|| "seats".into(), &mut self.seats)?,
            callers: self.callers.callers(limits)?,
            timezone,
            declared_use: self.declared_use.words("declared_use")?.iter().map(|word| word.to_lowercase()).collect(),
            since: match self.since.take("since", Reason::NotTime)? {
                Some(since) => Some(since.checked("since")?),
                None => None,
            },
            regions: self.regions.words("regions")?,
            limits_json: limits_json.into_owned(),
        })
    }
}

/// Checks that every limit is one that a rule takes.
fn check_limits(limits: &str) -> Result<(), DecodeError> {
    if limits.is_empty() {
        return Ok(());
    }
    if !limits.starts_with('{') {
        return Err(DecodeError::new("limits", Reason::NotObject));
    }
    terms::check_limits(limits).map_err(|Fault { path, wrong }| {
        let field = if path.is_empty() { "limits".into() } else { format!("limits.{path}") };
        DecodeError::new(field, Reason::WrongLimit(wrong))
    })
}

/// A count that fits; `None` where none is given.
fn count(field: impl Fn() -> Cow<'static, str>, value: &mut Int) -> Result<Option<u32>, DecodeError> {
    match std::mem::take(value) {
        Int::Absent => Ok(None),
        Int::Unreadable => Err(DecodeError::new(field(), Reason::NotNumber)),
        Int::Value(value) => u32::try_from(value).map(Some).map_err(|_| DecodeError::new(field(), Reason::NotCount)),
    }
}

/// A list, or one element alone. Where the key repeats, the last list wins.
#[derive(Default)]
struct Many<T> {
    elements: Vec<(T, Shape)>,
    is_object: bool,
}

impl<T: Default> Many<T> {
    fn update<'de, A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<(), A::Error>
    where
        T: Target<'de>,
    {
        let mut newer = Self::default();
        let shape = map.next_value_seed(Fill(&mut newer))?;
        if shape != Shape::Null {
            newer.is_object = shape == Shape::Object;
            *self = newer;
        }
        Ok(())
    }

    /// The elements that say something, each with its place.
    fn elements(self, field: &'static str) -> Result<impl Iterator<Item = (usize, (T, Shape))>, DecodeError> {
        if self.is_object {
            return Err(DecodeError::new(field, Reason::NotList));
        }
        Ok(self.elements.into_iter().enumerate().filter(|(_, (_, shape))| *shape != Shape::Null))
    }
}

impl<'de, T: Target<'de> + Default> Target<'de> for Many<T> {
    type Key = IgnoredAny;

    fn field<A: MapAccess<'de>>(&mut self, _: IgnoredAny, map: &mut A) -> Result<(), A::Error> {
        json::skip(map)
    }

    fn list<A: SeqAccess<'de>>(&mut self, elements: A) -> Result<(), A::Error> {
        json::elements(elements, |_, element, shape| self.elements.push((std::mem::take(element), shape)))
    }

    fn scalar(&mut self, text: Cow<'de, str>) {
        let mut element = T::default();
        element.scalar(text);
        self.elements.push((element, Shape::Scalar));
    }
}

#[derive(Default)]
struct Word<'a>(Text<'a>);

impl<'a> Target<'a> for Word<'a> {
    type Key = IgnoredAny;

    fn field<A: MapAccess<'a>>(&mut self, _: IgnoredAny, map: &mut A) -> Result<(), A::Error> {
        json::skip(map)
    }

    fn scalar(&mut self, text: Cow<'a, str>) {
        self.0 = Text::Value(text);
    }
}

impl Many<Word<'_>> {
    fn words(self, field: &'static str) -> Result<Vec<String>, DecodeError> {
        let mut words = Vec::new();
        for (_, (mut element, shape)) in self.elements(field)? {
            if shape != Shape::Scalar {
                return Err(DecodeError::new(field, Reason::NotText));
            }
            words.extend(word(field, &mut element.0)?);
        }
        Ok(words)
    }
}

/// A caller number alone, or with the calls it may carry.
#[derive(Default)]
struct Caller<'a> {
    number: Text<'a>,
    channels: Int,
}

impl Many<Caller<'_>> {
    fn callers(self, limits: &Limits<'_>) -> Result<Vec<FiledCaller>, DecodeError> {
        self.elements("callers")?.map(|(index, (caller, _))| caller.finish(index, limits)).collect()
    }
}

impl Caller<'_> {
    fn finish(mut self, index: usize, limits: &Limits<'_>) -> Result<FiledCaller, DecodeError> {
        let reason = match &self.number {
            Text::Value(text) => match Number::parse(text, limits.home_country) {
                Some(number) => {
                    let channels = count(|| format!("callers[{index}].channels").into(), &mut self.channels)?;
                    return Ok(FiledCaller { number, channels });
                }
                None => Reason::Empty,
            },
            Text::Absent => Reason::Missing,
            Text::Unreadable => Reason::NotText,
        };
        Err(DecodeError::new(format!("callers[{index}].number"), reason))
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum CallerKey {
    Number,
    Channels,
    #[serde(other)]
    Other,
}

impl<'a> Target<'a> for Caller<'a> {
    type Key = CallerKey;

    fn field<A: MapAccess<'a>>(&mut self, key: CallerKey, map: &mut A) -> Result<(), A::Error> {
        match key {
            CallerKey::Number => self.number.read(map)?,
            CallerKey::Channels => self.channels.read(map)?,
            CallerKey::Other => json::skip(map)?,
        }
        Ok(())
    }

    fn scalar(&mut self, text: Cow<'a, str>) {
        self.number.update(Text::Value(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Registration, String> {
        registration(text.as_bytes(), &Limits::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (field, expected) in [
            (r#""callers":["13000000001",{"channels":2}]"#, "callers[1].number: is missing"),
            (r#""callers":["13000000001",null,{"number":[1]}]"#, "callers[2].number: is not text"),
            (r#""callers":[" "]"#, "callers[0].number: is empty"),
            (r#""callers":[{"number":1,"channels":-1}]"#, "callers[0].channels: is not a count"),
            (r#""callers":[{"number":1,"channels":"many"}]"#, "callers[0].channels: is not a number"),
            (r#""callers":{"number":1}"#, "callers: is not a list"),
            (r#""seats":-1"#, "seats: is not a count"),
            (r#""seats":4294967296"#, "seats: is not a count"),
            (r#""seats":"some""#, "seats: is not a number"),
            (r#""timezone":"Mars/Olympus""#, "timezone: is not the name of an IANA time zone"),
            (r#""declared_use":["a",["b"]]"#, "declared_use: is not text"),
            (r#""regions":{}"#, "regions: is not a list"),
            (r#""limits":[1]"#, "limits: is not an object"),
            (r#""limits":"none""#, "limits: is not an object"),
            (r#""limits":{"siesta":{}}"#, "limits.siesta: is not the name of a rule"),
            (r#""limits":{"rest_time":{"from":"09:00"}}"#, "limits.rest_time.from: is not a limit of this rule"),
            (r#""limits":{"rest_time.lunch":1}"#, "limits.rest_time.lunch: is not true or false"),
            (r#""since":"long ago""#, "since: is not a time: Unix seconds, Unix milliseconds or RFC 3339 are"),
            (r#""since":1"#, "since: is not between 2000 and 2100"),
            (r#""app_id":"  ""#, "app_id: is empty"),
        ] {
            assert_eq!(read(&format!(r#"{{"app_id":"a",{field}}}"#)), Err(expected.to_owned()), "{field}");
        }
        assert_eq!(read("{}"), Err("app_id: is missing".to_owned()));
    }

    #[test]
    fn one_stands_for_a_list_of_one() {
        let one = read(r#"{"app_id":"a","callers":13000000001,"declared_use":"Agent_Calls","regions":"广东"}"#)
            .expect("a registration");
        assert_eq!(one.callers, [FiledCaller { number: Number::parse("13000000001", "86").expect("a number"), channels: None }]);
        assert_eq!((one.declared_use, one.regions), (vec!["agent_calls".to_owned()], vec!["广东".to_owned()]));
    }

    #[test]
    fn limits_are_kept_as_they_stand() {
        for limits in [r#"{"rest_time": {"lunch":true}}"#, r#"{"rest_time.lunch":true }"#, "{}"] {
            let read = read(&format!(r#"{{"app_id":"a","limits": {limits} }}"#)).expect("a registration");
            assert_eq!(read.limits_json, limits);
        }
    }
}
