//! A serde deserializer over the tree of a configuration: its errors say where they arose and what to write instead.
//!
//! Takes numbers for text where text is wanted (`home_country: 86`), never the other way round.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::document::{Entry, Node, Value};

/// The first thing that cannot be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Fault {
    /// The way to it from the root: keys, and the numbers of list elements.
    pub(super) path: Vec<String>,
    /// Whether the key is meant rather than its value.
    pub(super) at_key: bool,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl Fault {
    fn new(message: String) -> Self {
        Self { message, ..Self::default() }
    }

    fn under(mut self, step: &str) -> Self {
        self.path.insert(0, step.to_owned());
        self
    }
}

impl Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {}, found {}", plain_expected(expected), plain_found(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let help = choice("field", field, expected);
        Self { at_key: true, message: "no such field".into(), help, ..Self::default() }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let help = choice("value", variant, expected);
        Self { message: format!("`{variant}` is not known here"), help, ..Self::default() }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("`{field}` is missing"))
    }
}

/// What to write instead of an unknown word.
pub(super) fn choice(kind: &str, word: &str, known: &[&str]) -> Option<String> {
    let quoted = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let nearest = known.iter().map(|known| (strsim::jaro_winkler(word, known), *known)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        None => Some("nothing can be set here yet".into()),
        Some((likeness, nearest)) if likeness > 0.85 => Some(format!("is `{nearest}` meant? known here: {}", quoted(known))),
        Some(_) if known.len() == 1 => Some(format!("the only {kind} here is {}", quoted(known))),
        Some(_) => Some(format!("known here: {}", quoted(known))),
    }
}

fn plain_expected(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "u8" => format!("a whole number from 0 to {}", u8::MAX),
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" | "usize" => "a whole number from 0 on".into(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        "a string" => "text".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "a list".into(),
        _ if text.starts_with("struct ") || text == "a map" => "a section of fields".into(),
        _ => text,
    }
}

fn plain_found(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("{value}"),
        Unexpected::Unsigned(value) => format!("{value}"),
        Unexpected::Signed(value) => format!("{value}"),
        Unexpected::Float(value) => format!("{value}"),
        Unexpected::Str(text) => format!("the text `{text}`"),
        Unexpected::Unit | Unexpected::Option => "nothing".into(),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "a section".into(),
        other => other.to_string(),
    }
}

/// Reads a value.
#[derive(Clone, Copy)]
pub(super) struct Reader<'t>(pub(super) &'t Node);

impl<'t> Reader<'t> {
    /// The text of a scalar: what was written, where the parser took it for something else than text.
    fn text(self) -> Option<&'t str> {
        match &self.0.value {
            Value::Text(text) => Some(text),
            Value::Bool(_) | Value::Whole(_) | Value::LargeWhole(_) | Value::Fraction(_) => Some(&self.0.written),
            _ => None,
        }
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.0.value {
            Value::Nothing => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Whole(value) => visitor.visit_i64(*value),
            Value::LargeWhole(value) => visitor.visit_u64(*value),
            Value::Fraction(value) => visitor.visit_f64(*value),
            Value::Text(text) => visitor.visit_str(text),
            Value::List(items) => visitor.visit_seq(List { items, at: 0 }),
            Value::Section(entries) => visitor.visit_map(Section { entries, at: 0 }),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.text() {
            Some(text) => visitor.visit_str(text),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0.value {
            Value::Nothing => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    /// A section with nothing in it is an empty one: its lines may be commented out.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0.value {
            Value::Nothing => visitor.visit_map(Section { entries: &[], at: 0 }),
            Value::List(_) => Err(Fault::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0.value {
            Value::Nothing => visitor.visit_seq(List { items: &[], at: 0 }),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if let Some(text) = self.text() {
            return visitor.visit_enum(Choice { name: text, content: None });
        }
        match &self.0.value {
            Value::Section(entries) => match entries.as_slice() {
                [entry] => visitor.visit_enum(Choice { name: &entry.key, content: Some(&entry.node) }),
                _ => Err(Fault::new(format!("expected one field, found {}", entries.len()))),
            },
            Value::List(_) => Err(Fault::invalid_type(Unexpected::Seq, &visitor)),
            _ => Err(Fault::invalid_type(Unexpected::Unit, &visitor)),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        identifier ignored_any
    }
}

struct List<'t> {
    items: &'t [Node],
    at: usize,
}

impl<'de> SeqAccess<'de> for List<'_> {
    type Error = Fault;

    /// Elements that hold nothing are passed over: a dash alone, or one whose problem is known already.
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        while let Some(node) = self.items.get(self.at) {
            self.at += 1;
            if !matches!(node.value, Value::Nothing) {
                let step = (self.at - 1).to_string();
                return seed.deserialize(Reader(node)).map(Some).map_err(|fault| fault.under(&step));
            }
        }
        Ok(None)
    }
}

struct Section<'t> {
    entries: &'t [Entry],
    at: usize,
}

impl<'de> MapAccess<'de> for Section<'_> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some(entry) = self.entries.get(self.at) else { return Ok(None) };
        let key: StrDeserializer<'_, Fault> = entry.key.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|fault| Fault { at_key: true, ..fault.under(&entry.key) })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let entry = self.entries.get(self.at).ok_or_else(|| Fault::new("a value without its key was asked for".into()))?;
        self.at += 1;
        seed.deserialize(Reader(&entry.node)).map_err(|fault| fault.under(&entry.key))
    }
}

/// A word, or one field whose name is the word.
struct Choice<'t> {
    name: &'t str,
    content: Option<&'t Node>,
}

impl<'de, 't> EnumAccess<'de> for Choice<'t> {
    type Error = Fault;
    type Variant = Content<'t>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Content<'t>), Fault> {
        let name: StrDeserializer<'_, Fault> = self.name.into_deserializer();
        let variant = seed.deserialize(name)?;
        Ok((variant, Content { name: self.name, node: self.content }))
    }
}

struct Content<'t> {
    name: &'t str,
    node: Option<&'t Node>,
}

impl<'t> Content<'t> {
    fn node(&self) -> Result<&'t Node, Fault> {
        self.node.ok_or_else(|| Fault::new(format!("`{}` needs fields of its own", self.name)))
    }
}

impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.node {
            None => Ok(()),
            Some(_) => Err(Fault::new(format!("`{}` takes no fields", self.name))),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(Reader(self.node()?)).map_err(|fault| fault.under(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        Reader(self.node()?).deserialize_seq(visitor).map_err(|fault| fault.under(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        Reader(self.node()?).deserialize_map(visitor).map_err(|fault| fault.under(self.name))
    }
}
