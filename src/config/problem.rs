//! What is wrong with a configuration, and the drawing of it the way compilers draw errors.
//!
//! Never stops at the first problem: whoever edits a file wants all of them at once.

use std::fmt;

/// A stretch of a configuration file, in characters, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The first character in the line.
    pub column: usize,
    /// How many characters, at least one; what runs over the end of the line is not drawn.
    pub width: usize,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field, as a path such as `rules.blind_dialing.mode`; empty if the whole file is meant.
    pub path: String,
    /// What is wrong with it, in lower case without a full stop.
    pub message: String,
    /// Where it stands, if it stands in the file at all.
    pub place: Option<Place>,
    /// What to do about it, if that is not plain from the message.
    pub help: Option<String>,
}

/// Everything wrong with one configuration file: `Display` draws it.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Problems {
    file_name: String,
    lines: Vec<String>,
    list: Vec<Problem>,
}

impl Problems {
    /// Problems of the file `file_name` that holds `text`, in the order of the file.
    pub fn new(file_name: &str, text: &str, mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|problem| problem.place.map_or((0, 0), |place| (place.line, place.column)));
        Self { file_name: file_name.to_owned(), lines: text.lines().map(str::to_owned).collect(), list }
    }

    /// Each of them.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    fn draw(&self, f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
        f.write_str("error: ")?;
        if !problem.path.is_empty() {
            write!(f, "{}: ", problem.path)?;
        }
        writeln!(f, "{}", problem.message)?;
        let Some(place) = problem.place else {
            writeln!(f, " --> {}", self.file_name)?;
            return self.help(f, problem, 0);
        };
        let margin = place.line.to_string().len();
        writeln!(f, "{:margin$}--> {}:{}:{}", "", self.file_name, place.line, place.column)?;
        if let Some(line) = self.lines.get(place.line - 1) {
            let room = line.chars().count().saturating_sub(place.column - 1).max(1);
            // Tabs in front of the mark keep it under what it marks.
            let indent: String = line.chars().take(place.column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            writeln!(f, "{:margin$} |", "")?;
            writeln!(f, "{} | {line}", place.line)?;
            writeln!(f, "{:margin$} | {indent}{}", "", "^".repeat(place.width.clamp(1, room)))?;
        }
        self.help(f, problem, margin)
    }

    fn help(&self, f: &mut fmt::Formatter<'_>, problem: &Problem, margin: usize) -> fmt::Result {
        problem.help.as_ref().map_or(Ok(()), |help| writeln!(f, "{:margin$} = help: {help}", ""))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.list {
            self.draw(f, problem)?;
            writeln!(f)?;
        }
        match self.list.len() {
            1 => write!(f, "1 problem in {}", self.file_name),
            count => write!(f, "{count} problems in {}", self.file_name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_drawn_under_its_place() {
        let problem = Problem {
            path: "lateness".into(),
            message: "is not a duration".into(),
            place: Some(Place { line: 10, column: 11, width: 40 }),
            help: Some("write `5m`".into()),
        };
        let text = format!("{}lateness: soon\n", "\n".repeat(9));
        assert_eq!(
            Problems::new("a.yaml", &text, vec![problem]).to_string(),
            "error: lateness: is not a duration\n  --> a.yaml:10:11\n   |\n10 | lateness: soon\n   |           ^^^^\n   \
             = help: write `5m`\n\n1 problem in a.yaml"
        );
    }
}
