//! The objects inside a call record: who served it and where its person is at home. Only what is needed of them is read.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::super::json::{self, Int, Target, Text};

/// `SeatUser`: the last agent of the call. Also accepted as bare text.
#[derive(Default)]
pub(super) struct Seat<'a> {
    user_id: Text<'a>,
    staff_number: Text<'a>,
    mail: Text<'a>,
}

impl<'a> Seat<'a> {
    /// Whether it names nobody.
    pub(super) fn is_empty(&self) -> bool {
        matches!((&self.user_id, &self.staff_number, &self.mail), (Text::Absent, Text::Absent, Text::Absent))
    }

    /// The agent, by whatever name it has.
    pub(super) fn readable(&mut self) -> Option<Cow<'a, str>> {
        self.user_id.readable().or_else(|| self.staff_number.readable()).or_else(|| self.mail.readable())
    }
}

#[derive(Deserialize)]
#[serde(field_identifier)]
pub(super) enum SeatKey {
    UserId,
    StaffNumber,
    Mail,
    #[serde(other)]
    Other,
}

impl<'a> Target<'a> for Seat<'a> {
    type Key = SeatKey;

    fn field<A: MapAccess<'a>>(&mut self, key: SeatKey, map: &mut A) -> Result<(), A::Error> {
        match key {
            SeatKey::UserId => self.user_id.read(map)?,
            SeatKey::StaffNumber => self.staff_number.read(map)?,
            SeatKey::Mail => self.mail.read(map)?,
            SeatKey::Other => json::skip(map)?,
        }
        Ok(())
    }

    fn scalar(&mut self, text: Cow<'a, str>) {
        self.user_id.update(if text.is_empty() { Text::Absent } else { Text::Value(text) });
    }
}

/// `ServeParticipants`: of all the legs only the agent who took the call last.
#[derive(Default)]
pub(super) struct Participants<'a> {
    /// That agent's name.
    pub(super) took_it: Option<Cow<'a, str>>,
}

impl<'a> Target<'a> for Participants<'a> {
    type Key = IgnoredAny;

    fn field<A: MapAccess<'a>>(&mut self, _: IgnoredAny, map: &mut A) -> Result<(), A::Error> {
        json::skip(map)
    }

    fn list<A: SeqAccess<'a>>(&mut self, elements: A) -> Result<(), A::Error> {
        json::elements(elements, |_, participant: &mut Participant<'a>, _| {
            if participant.accept.readable().is_some_and(|seconds| seconds > 0) {
                // A leg to an agent's telephone has no address; its number is not taken for one.
                let name = participant.mail.readable().or_else(|| participant.leg.readable());
                self.took_it = Some(name.unwrap_or(Cow::Borrowed("seat")));
            }
        })
    }
}

#[derive(Default)]
struct Participant<'a> {
    mail: Text<'a>,
    leg: Text<'a>,
    accept: Int,
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum ParticipantKey {
    Mail,
    Type,
    AcceptTimestamp,
    #[serde(other)]
    Other,
}

impl<'a> Target<'a> for Participant<'a> {
    type Key = ParticipantKey;

    fn field<A: MapAccess<'a>>(&mut self, key: ParticipantKey, map: &mut A) -> Result<(), A::Error> {
        match key {
            ParticipantKey::Mail => self.mail.read(map)?,
            ParticipantKey::Type => self.leg.read(map)?,
            ParticipantKey::AcceptTimestamp => self.accept.read(map)?,
            ParticipantKey::Other => json::skip(map)?,
        }
        Ok(())
    }
}

/// `TelLocation`: where the person's number is at home.
#[derive(Default)]
pub(super) struct Location<'a> {
    province: Text<'a>,
    city: Text<'a>,
}

impl<'a> Location<'a> {
    /// Province and city as one text, as `CallerLocation` has them.
    pub(super) fn readable(&mut self) -> Option<Cow<'a, str>> {
        match (self.province.readable(), self.city.readable()) {
            (Some(province), Some(city)) if province != city => Some(Cow::Owned([province, city].concat())),
            (province, city) => province.or(city),
        }
    }
}

#[derive(Deserialize)]
#[serde(field_identifier)]
pub(super) enum LocationKey {
    Province,
    City,
    #[serde(other)]
    Other,
}

impl<'a> Target<'a> for Location<'a> {
    type Key = LocationKey;

    fn field<A: MapAccess<'a>>(&mut self, key: LocationKey, map: &mut A) -> Result<(), A::Error> {
        match key {
            LocationKey::Province => self.province.read(map)?,
            LocationKey::City => self.city.read(map)?,
            LocationKey::Other => json::skip(map)?,
        }
        Ok(())
    }

    fn scalar(&mut self, text: Cow<'a, str>) {
        self.province.update(if text.is_empty() { Text::Absent } else { Text::Value(text) });
    }
}
