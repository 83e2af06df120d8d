//! JSON as it is found in the wild: field types that take what can be read, and objects filled key by key.
//!
//! The rules, for every format: a key may repeat, and its last value that says something wins; `null` and empty text
//! say nothing; numbers may be text and text may be numbers; unknown keys are skipped. A value that cannot be read where
//! it matters is remembered as such, so that the error can name its field.
//!
//! Never recurses deeper than [`NESTING_MAX`], never allocates for text without escapes.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{DecodeError, Limits, Place, Reason};

/// How deep values may nest. The parser skips values by recursion without a bound of its own, at up to a kilobyte of
/// stack a level in debug builds; no thread has less than two megabytes.
pub(super) const NESTING_MAX: usize = 1_024;

/// Fills `target` from a source value. On an error `target` holds what was read before it.
pub(super) fn read<'de>(bytes: &'de [u8], limits: &Limits<'_>, target: &mut impl Target<'de>) -> Result<Shape, DecodeError> {
    let max = limits.record_bytes_max;
    if bytes.len() > max {
        return Err(DecodeError::whole(Reason::RecordTooLong { max }));
    }
    if nests_too_deep(bytes) {
        return Err(DecodeError::whole(Reason::TooDeep));
    }
    // Checked here once, since the parser does not check what it skips.
    let text = simdutf8::basic::from_utf8(bytes).map_err(|_| not_utf8(bytes))?;
    let mut deserializer = sonic_rs::Deserializer::from_str(text);
    let shape = Fill(target).deserialize(&mut deserializer).map_err(|error| not_json(&error, None))?;
    deserializer.end().map_err(|error| not_json(&error, Some(Reason::Trailing)))?;
    Ok(shape)
}

/// Fills `target` from a source value that must be an object.
pub(super) fn read_object<'de>(bytes: &'de [u8], limits: &Limits<'_>, target: &mut impl Target<'de>) -> Result<(), DecodeError> {
    match read(bytes, limits, target)? {
        Shape::Object => Ok(()),
        _ => Err(DecodeError::whole(Reason::NotObject)),
    }
}

/// Keeps the place and the kind of an error and drops its text, which quotes the record.
#[cold]
fn not_json(error: &sonic_rs::Error, reason: Option<Reason>) -> DecodeError {
    let reason = reason.unwrap_or(if error.is_eof() { Reason::Truncated } else { Reason::NotJson });
    let place = Place::Text { line: error.line(), column: error.column() };
    DecodeError { at: Some(place), ..DecodeError::whole(reason) }
}

#[cold]
fn not_utf8(bytes: &[u8]) -> DecodeError {
    let good = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let before = &bytes[..good];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
    DecodeError { at: Some(Place::Text { line, column }), ..DecodeError::whole(Reason::NotUtf8) }
}

/// Whether a value may nest deeper than [`NESTING_MAX`]. Each bound is dearer and sharper than the one before it.
fn nests_too_deep(bytes: &[u8]) -> bool {
    bytes.len() > NESTING_MAX && opening_brackets(bytes) > NESTING_MAX && depth(bytes) > NESTING_MAX
}

/// `[` and `{` in `bytes`, also those in text; they differ in one bit.
fn opening_brackets(bytes: &[u8]) -> usize {
    // Counting in bytes lets the compiler count many at once; 255 of them cannot overflow.
    bytes.chunks(255).map(|chunk| usize::from(chunk.iter().map(|byte| u8::from(byte | 0x20 == b'{')).sum::<u8>())).sum()
}

/// How deep brackets outside of text nest.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut in_text, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// What a source says in one field.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Field<T> {
    /// Nothing: the key is absent, `null` or empty.
    #[default]
    Absent,
    /// Something that cannot be read as a `T`.
    Unreadable,
    /// This.
    Value(T),
}

/// A whole number, also written as text or with a fraction, which is cut off.
pub(super) type Int = Field<i64>;
/// Text, also written as a number.
pub(super) type Text<'a> = Field<Cow<'a, str>>;

impl<T> Field<T> {
    /// Takes what the same key says again: the last readable value wins.
    #[inline]
    pub(super) fn update(&mut self, newer: Self) {
        if matches!((&*self, &newer), (_, Self::Value(_)) | (Self::Absent, Self::Unreadable)) {
            *self = newer;
        }
    }

    /// Takes the value of the key that was just read.
    #[inline]
    pub(super) fn read<'de, A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<(), A::Error>
    where
        T: Scalar<'de>,
    {
        map.next_value_seed(Slot(self))
    }

    /// The value, if there is one; an error if it cannot be read.
    pub(super) fn take(&mut self, field: &'static str, unreadable: Reason) -> Result<Option<T>, DecodeError> {
        match std::mem::take(self) {
            Self::Absent => Ok(None),
            Self::Unreadable => Err(DecodeError::new(field, unreadable)),
            Self::Value(value) => Ok(Some(value)),
        }
    }

    /// The value; an error if there is none.
    pub(super) fn require(&mut self, field: &'static str, unreadable: Reason) -> Result<T, DecodeError> {
        self.take(field, unreadable)?.ok_or_else(|| DecodeError::new(field, Reason::Missing))
    }

    /// The value, where one that cannot be read is as good as none.
    pub(super) fn readable(&mut self) -> Option<T> {
        match std::mem::take(self) {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

/// A type that can be read from a JSON scalar, in whatever form that comes.
pub(super) trait Scalar<'de>: Sized {
    fn from_text(text: Cow<'de, str>) -> Field<Self>;

    fn from_integer(_: i64) -> Field<Self> {
        Field::Unreadable
    }

    fn from_float(_: f64) -> Field<Self> {
        Field::Unreadable
    }

    fn from_bool(_: bool) -> Field<Self> {
        Field::Unreadable
    }
}

impl<'de> Scalar<'de> for i64 {
    fn from_text(text: Cow<'de, str>) -> Int {
        let text = text.trim_ascii();
        match text.parse() {
            Ok(integer) => Field::Value(integer),
            Err(_) if text.is_empty() => Field::Absent,
            Err(_) => text.parse().map_or(Field::Unreadable, Self::from_float),
        }
    }

    fn from_integer(integer: i64) -> Int {
        Field::Value(integer)
    }

    fn from_float(float: f64) -> Int {
        // Beyond 2^53 a float is no integer any more, and no field has such values.
        if float.abs() <= 9e15 { Field::Value(float as i64) } else { Field::Unreadable }
    }
}

impl<'de> Scalar<'de> for Cow<'de, str> {
    fn from_text(text: Cow<'de, str>) -> Text<'de> {
        if text.is_empty() { Field::Absent } else { Field::Value(text) }
    }

    fn from_integer(integer: i64) -> Text<'de> {
        Field::Value(Cow::Owned(integer.to_string()))
    }

    fn from_float(float: f64) -> Text<'de> {
        Field::Value(Cow::Owned(float.to_string()))
    }
}

impl<'de> Scalar<'de> for bool {
    fn from_text(text: Cow<'de, str>) -> Field<Self> {
        match text.trim_ascii() {
            "" => Field::Absent,
            "true" | "1" => Field::Value(true),
            "false" | "0" => Field::Value(false),
            _ => Field::Unreadable,
        }
    }

    fn from_integer(integer: i64) -> Field<Self> {
        match integer {
            0 => Field::Value(false),
            1 => Field::Value(true),
            _ => Field::Unreadable,
        }
    }

    fn from_bool(value: bool) -> Field<Self> {
        Field::Value(value)
    }
}

/// Reads a value straight into its field.
struct Slot<'f, T>(&'f mut Field<T>);

impl<'de, T: Scalar<'de>> DeserializeSeed<'de> for Slot<'_, T> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Scalar<'de>> Visitor<'de> for Slot<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.0.update(T::from_bool(value));
        Ok(())
    }

    fn visit_i64<E: Error>(self, integer: i64) -> Result<(), E> {
        self.0.update(T::from_integer(integer));
        Ok(())
    }

    fn visit_u64<E: Error>(self, integer: u64) -> Result<(), E> {
        self.0.update(i64::try_from(integer).map_or_else(|_| T::from_float(integer as f64), T::from_integer));
        Ok(())
    }

    fn visit_f64<E: Error>(self, float: f64) -> Result<(), E> {
        self.0.update(T::from_float(float));
        Ok(())
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        self.0.update(T::from_text(Cow::Borrowed(text)));
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.update(T::from_text(Cow::Owned(text.to_owned())));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<(), A::Error> {
        self.0.update(Field::Unreadable);
        skip_elements(elements)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.update(Field::Unreadable);
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// A JSON value as it stands in the source.
pub(super) fn raw<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Cow<'de, str>, A::Error> {
    Ok(map.next_value::<sonic_rs::LazyValue<'de>>()?.as_raw_cow())
}

/// An id: text or a whole number, whose digits are borrowed too.
pub(super) fn id<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Text<'de>, A::Error> {
    Ok(match raw(map)? {
        Cow::Borrowed("null") => Field::Absent,
        Cow::Borrowed(raw) => match raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) {
            Some(text) => Cow::from_text(Cow::Borrowed(text)),
            None if raw.bytes().all(|byte| byte.is_ascii_digit()) => Field::Value(Cow::Borrowed(raw)),
            None => Field::Unreadable,
        },
        // Text with escapes.
        Cow::Owned(raw) => sonic_rs::from_str(&raw).map_or(Field::Unreadable, |text| Cow::from_text(Cow::Owned(text))),
    })
}

/// What a value turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Null,
    Scalar,
    List,
    Object,
}

/// Something that is filled from a JSON value: from the fields of an object, as a rule.
pub(super) trait Target<'de> {
    /// The keys it knows, and one for all others.
    type Key: Deserialize<'de>;

    /// Takes the value of `key` out of `map`, or skips it by [`skip`].
    fn field<A: MapAccess<'de>>(&mut self, key: Self::Key, map: &mut A) -> Result<(), A::Error>;

    /// Takes the elements of a list; skips them unless overridden.
    fn list<A: SeqAccess<'de>>(&mut self, elements: A) -> Result<(), A::Error> {
        skip_elements(elements)
    }

    /// Takes text or a number that stands where an object could; ignores it unless overridden.
    fn scalar(&mut self, _: Cow<'de, str>) {}
}

/// Skips the value of a key, whatever it is.
pub(super) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

fn skip_elements<'de, A: SeqAccess<'de>>(mut elements: A) -> Result<(), A::Error> {
    while elements.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Reads every element of a list into a fresh target and hands it over with its index and shape.
pub(super) fn elements<'de, T, A>(mut list: A, mut each: impl FnMut(usize, &mut T, Shape)) -> Result<(), A::Error>
where
    T: Target<'de> + Default,
    A: SeqAccess<'de>,
{
    let mut target = T::default();
    let mut index = 0;
    while let Some(shape) = list.next_element_seed(Fill(&mut target))? {
        each(index, &mut target, shape);
        target = T::default();
        index += 1;
    }
    Ok(())
}

/// Fills a target from the next value.
pub(super) struct Fill<'t, T>(pub(super) &'t mut T);

impl<'de, T: Target<'de>> DeserializeSeed<'de> for Fill<'_, T> {
    type Value = Shape;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Target<'de>> Visitor<'de> for Fill<'_, T> {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        while let Some(key) = map.next_key_seed(PhantomData)? {
            self.0.field(key, &mut map)?;
        }
        Ok(Shape::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Shape, A::Error> {
        self.0.list(elements)?;
        Ok(Shape::List)
    }

    fn visit_unit<E: Error>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_i64<E: Error>(self, integer: i64) -> Result<Shape, E> {
        self.0.scalar(Cow::Owned(integer.to_string()));
        Ok(Shape::Scalar)
    }

    fn visit_u64<E: Error>(self, integer: u64) -> Result<Shape, E> {
        self.0.scalar(Cow::Owned(integer.to_string()));
        Ok(Shape::Scalar)
    }

    fn visit_f64<E: Error>(self, float: f64) -> Result<Shape, E> {
        self.0.scalar(Cow::Owned(float.to_string()));
        Ok(Shape::Scalar)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Shape, E> {
        self.0.scalar(Cow::Borrowed(text));
        Ok(Shape::Scalar)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Shape, E> {
        self.0.scalar(Cow::Owned(text.to_owned()));
        Ok(Shape::Scalar)
    }
}
