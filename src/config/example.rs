//! The built-in configuration as a file a person can start from: every field, its default, and what it means.
//!
//! Made from the types, their defaults and their doc comments: there is no second list of fields to keep.

use std::collections::BTreeSet;

use serde_json::Value;

use super::RawConfig;

const HEAD: &str = "\
# The configuration of dialwatch. Every field is here with its default: delete what you do not change.
# `dialwatch check -c FILE` says what is wrong with a file.
";
/// Comments are broken before this column.
const WIDTH: usize = 110;

/// The built-in configuration with comments, as YAML.
pub fn example() -> String {
    let schema = schemars::schema_for!(RawConfig).to_value();
    let plain = serde_saphyr::to_string(&RawConfig::default()).unwrap_or_default();
    let mut text = HEAD.to_owned();
    // The sections around a line: how far each is indented, and its schema.
    let mut around: Vec<(usize, &Value)> = Vec::new();
    let mut said = BTreeSet::new();
    for line in plain.lines().filter(|line| !line.trim().is_empty()) {
        let content = line.trim_start().trim_start_matches("- ");
        let indent = line.len() - content.len();
        around.retain(|(outer, _)| *outer < indent);
        let parent = around.last().map_or(&schema, |(_, node)| node);
        let key = content.split(':').next().unwrap_or_default();
        let field = property(&schema, parent, key);
        if indent == 0 {
            text.push('\n');
        }
        if let Some(meaning) = field.and_then(|field| meaning(&schema, field, key)).filter(|text| said.insert(*text)) {
            comment(&mut text, line.len() - line.trim_start().len(), meaning);
        }
        match line.strip_suffix(" null") {
            Some(unset) => text.push_str(&unset.replacen(key, &format!("# {key}"), 1)),
            None => text.push_str(line),
        }
        text.push('\n');
        around.extend(field.map(|field| (indent, field)));
    }
    text
}

/// The schema a reference leads to.
fn resolved<'s>(root: &'s Value, node: &'s Value) -> &'s Value {
    let path = node.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    path.and_then(|path| root.pointer(path)).unwrap_or(node)
}

/// The schema of a field of a section, of an element of a list, or of one of several forms.
fn property<'s>(root: &'s Value, node: &'s Value, key: &str) -> Option<&'s Value> {
    let node = resolved(root, node);
    let inner = node.get("items").into_iter().chain(node.get("oneOf").and_then(Value::as_array).into_iter().flatten());
    let own = node.get("properties").and_then(|fields| fields.get(key));
    own.or_else(|| inner.into_iter().find_map(|inner| property(root, inner, key)))
}

/// What a field means: its own words, or those of its type where it has none but its name.
fn meaning<'s>(root: &'s Value, field: &'s Value, key: &str) -> Option<&'s str> {
    let said = |node: &'s Value| node.get("description").and_then(Value::as_str).filter(|text| *text != key);
    said(field).or_else(|| said(resolved(root, field)))
}

fn comment(text: &mut String, indent: usize, meaning: &str) {
    let mut line = format!("{:indent$}#", "");
    for word in meaning.split_whitespace() {
        if line.len() + word.len() >= WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = format!("{:indent$}#", "");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}
