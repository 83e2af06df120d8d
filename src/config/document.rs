//! The text of a configuration as a tree that knows where everything stands, and the reading of types out of it.
//!
//! serde stops at the first error. Here an error is noted, what caused it is taken out of the tree, and the reading starts
//! anew: since every field has a default, that ends, and all problems are known. Never reads a file.

use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use super::problem::{Place, Problem};
use super::reading::{Fault, Reader};

/// More problems than anybody reads at once.
const PROBLEMS_MAX: usize = 100;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    /// As it is written; empty for lists, sections and where the parser does not tell.
    pub(super) written: String,
    pub(super) value: Value,
}

/// A YAML value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Nothing,
    Bool(bool),
    Whole(i64),
    LargeWhole(u64),
    Fraction(f64),
    Text(String),
    List(Vec<Node>),
    Section(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_place: Place,
    pub(super) node: Node,
}

/// A parsed configuration file.
pub(super) struct Document {
    root: Node,
}

impl Document {
    /// Parses YAML; notes keys that stand twice. What cannot be parsed at all leaves an empty document and its problem.
    pub(super) fn parse(text: &str, problems: &mut Vec<Problem>) -> Self {
        let options = serde_saphyr::options! {
            duplicate_keys: DuplicateKeyPolicy::PassThrough,
            leading_zero_numbers_as_strings: true,
            strict_booleans: true,
            with_snippet: false,
        };
        match serde_saphyr::from_str_with_options::<Spanned<Parsed>>(text, options) {
            Ok(parsed) => {
                let mut root = Node::new(parsed, text);
                root.drop_repeated_keys("", problems);
                Self { root }
            }
            Err(error) => {
                problems.push(syntax_problem(&error));
                let place = Place { line: 1, column: 1, width: 1 };
                Self { root: Node { place, written: String::new(), value: Value::Nothing } }
            }
        }
    }

    /// Reads a `T`. What cannot be read is noted and left at its default.
    pub(super) fn read<T: DeserializeOwned + Default>(&self, problems: &mut Vec<Problem>) -> T {
        let mut tree = self.root.clone();
        loop {
            let fault = match T::deserialize(Reader(&tree)) {
                Ok(read) => return read,
                Err(fault) => fault,
            };
            // What encloses a known problem is amiss only because the culprit was taken out.
            let is_consequence = !fault.path.is_empty() && problems.iter().any(|known| encloses(&fault.path, &known.path));
            if !is_consequence {
                problems.push(self.problem(&fault));
            }
            if problems.len() >= PROBLEMS_MAX || !tree.remove(&fault.path) {
                return T::default();
            }
        }
    }

    fn problem(&self, fault: &Fault) -> Problem {
        let place = if fault.at_key { self.key_place(&fault.path) } else { self.place(&fault.path) };
        let (message, help) = (fault.message.clone(), fault.help.clone());
        Problem { path: fault.path.join("."), message, place: place.or(Some(self.root.place)), help }
    }

    /// Where the value of a path stands, or the nearest section around it; `None` if none of it is in the file.
    pub(super) fn place<S: AsRef<str>>(&self, path: &[S]) -> Option<Place> {
        let mut node = &self.root;
        let mut place = None;
        for (depth, step) in path.iter().enumerate() {
            let Some((key_place, child)) = node.child(step.as_ref()) else { break };
            place = Some(if depth + 1 == path.len() { child.place } else { key_place });
            node = child;
        }
        place
    }

    /// Whether the value of a path such as `rules.rest_time.mode` stands in the file.
    pub(super) fn holds(&self, path: &str) -> bool {
        path.split('.').try_fold(&self.root, |node, step| node.child(step).map(|(_, child)| child)).is_some()
    }

    fn key_place(&self, path: &[String]) -> Option<Place> {
        let mut node = &self.root;
        let mut place = None;
        for step in path {
            let (key_place, child) = node.child(step)?;
            place = Some(key_place);
            node = child;
        }
        place
    }
}

/// Whether the field `inner` lies within the section of `path`.
fn encloses(path: &[String], inner: &str) -> bool {
    inner.strip_prefix(&path.join(".")).is_some_and(|rest| rest.starts_with('.'))
}

fn syntax_problem(error: &serde_saphyr::Error) -> Problem {
    let message = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
    let message = message.split(" at line ").next().unwrap_or_default();
    let place = error.location().map(|location| Place {
        line: (location.line() as usize).max(1),
        column: (location.column() as usize).max(1),
        width: 1,
    });
    Problem { path: String::new(), message: format!("not YAML: {message}"), place, help: None }
}

impl Node {
    fn new(parsed: Spanned<Parsed>, text: &str) -> Self {
        let place = place_of(&parsed.referenced);
        let span = parsed.defined.span();
        let written = span.byte_offset().zip(span.byte_len()).and_then(|(start, length)| {
            let start = usize::try_from(start).ok()?;
            text.get(start..start + usize::try_from(length).ok()?)
        });
        let written = written.unwrap_or_default().to_owned();
        match parsed.value {
            Parsed::Scalar(value) => Self { place, written, value },
            Parsed::List(items) => {
                let items = items.into_iter().map(|item| Self::new(item, text)).collect();
                Self { place, written: String::new(), value: Value::List(items) }
            }
            Parsed::Section(entries) => {
                let entry = |(key, node): (Spanned<String>, _)| Entry {
                    key_place: place_of(&key.referenced),
                    key: key.value,
                    node: Self::new(node, text),
                };
                Self { place, written: String::new(), value: Value::Section(entries.into_iter().map(entry).collect()) }
            }
        }
    }

    fn child(&self, step: &str) -> Option<(Place, &Self)> {
        match &self.value {
            Value::Section(entries) => entries.iter().find(|entry| entry.key == step).map(|entry| (entry.key_place, &entry.node)),
            Value::List(items) => items.get(step.parse::<usize>().ok()?).map(|node| (node.place, node)),
            _ => None,
        }
    }

    /// Takes the value of a path out of the tree. An element of a list leaves nothing in its place, so that the others
    /// keep their numbers. `false` if the path leads nowhere.
    fn remove(&mut self, path: &[String]) -> bool {
        let Some((step, rest)) = path.split_first() else { return false };
        match &mut self.value {
            Value::Section(entries) => {
                let Some(at) = entries.iter().position(|entry| entry.key == *step) else { return false };
                if rest.is_empty() {
                    entries.remove(at);
                    return true;
                }
                entries[at].node.remove(rest)
            }
            Value::List(items) => {
                let Some(item) = step.parse::<usize>().ok().and_then(|at| items.get_mut(at)) else { return false };
                if rest.is_empty() {
                    item.value = Value::Nothing;
                    return true;
                }
                item.remove(rest)
            }
            _ => false,
        }
    }

    fn drop_repeated_keys(&mut self, path: &str, problems: &mut Vec<Problem>) {
        match &mut self.value {
            Value::Section(entries) => {
                let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
                for mut entry in entries.drain(..) {
                    let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
                    if let Some(first) = kept.iter().find(|first| first.key == entry.key) {
                        let message = format!("stands here again, the first is in line {}", first.key_place.line);
                        problems.push(Problem { path, message, place: Some(entry.key_place), help: None });
                        continue;
                    }
                    entry.node.drop_repeated_keys(&path, problems);
                    kept.push(entry);
                }
                *entries = kept;
            }
            Value::List(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    item.drop_repeated_keys(&format!("{path}.{at}"), problems);
                }
            }
            _ => {}
        }
    }
}

fn place_of(location: &serde_saphyr::Location) -> Place {
    Place {
        line: (location.line() as usize).max(1),
        column: (location.column() as usize).max(1),
        width: (location.span().len() as usize).max(1),
    }
}

/// A value as the parser hands it over.
enum Parsed {
    Scalar(Value),
    List(Vec<Spanned<Parsed>>),
    Section(Vec<(Spanned<String>, Spanned<Parsed>)>),
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ParsedVisitor)
    }
}

struct ParsedVisitor;

impl<'de> Visitor<'de> for ParsedVisitor {
    type Value = Parsed;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Parsed, E> {
        Ok(Parsed::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Parsed, E> {
        Ok(Parsed::Scalar(Value::Whole(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Parsed, E> {
        Ok(Parsed::Scalar(i64::try_from(value).map_or(Value::LargeWhole(value), Value::Whole)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Parsed, E> {
        Ok(Parsed::Scalar(Value::Fraction(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Parsed, E> {
        Ok(Parsed::Scalar(Value::Text(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Parsed, E> {
        Ok(Parsed::Scalar(Value::Nothing))
    }

    fn visit_none<E>(self) -> Result<Parsed, E> {
        Ok(Parsed::Scalar(Value::Nothing))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Parsed, D::Error> {
        Parsed::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Parsed, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Parsed::List(list))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut entries: A) -> Result<Parsed, A::Error> {
        let mut section = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            section.push(entry);
        }
        Ok(Parsed::Section(section))
    }
}
