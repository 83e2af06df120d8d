//! Registrations: what each app filed about itself.

use std::borrow::Cow;

use serde::de::{MapAccess, SeqAccess};

use super::super::number::Number;
use super::super::record::{APP_ID_BYTES_MAX, FiledCaller, Registration};
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

impl<'a> Target<'a> for Wired<'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "app_id" => self.app_id.update(json::id(map)?),
            "name" => self.name.update(map.next_value()?),
            "industry" => self.industry.update(map.next_value()?),
            "scene" => self.scene.update(map.next_value()?),
            "seats" => self.seats.update(map.next_value()?),
            "callers" => self.callers.update(map)?,
            "timezone" => self.timezone.update(map.next_value()?),
            "declared_use" => self.declared_use.update(map)?,
            "since" => self.since.update(map.next_value()?),
            "regions" => self.regions.update(map)?,
            "limits" => {
                let raw = json::raw(map)?;
                if raw != "null" {
                    self.limits = Some(raw);
                }
            }
            _ => json::skip(map)?,
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
        if !limits_json.is_empty() && !limits_json.starts_with('{') {
            return Err(DecodeError::new("limits", Reason::NotObject));
        }
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
    fn field<A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
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
    fn field<A: MapAccess<'a>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
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

impl<'a> Target<'a> for Caller<'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "number" => self.number.update(map.next_value()?),
            "channels" => self.channels.update(map.next_value()?),
            _ => json::skip(map)?,
        }
        Ok(())
    }

    fn scalar(&mut self, text: Cow<'a, str>) {
        self.number.update(Text::Value(text));
    }
}
