//! Alerts as JSON lines, to a file or to stdout. A file that grows too long is laid aside and another begun.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::{Delivery, Sink};
use crate::config::RawJsonl;
use crate::engine::alert::Alert;

/// Writes one JSON object a line.
pub struct JsonLines {
    writer: BufWriter<Box<dyn Write + Send>>,
    rotation: Option<Rotation>,
}

/// When a file is laid aside, and how many are kept. A line is never cut in two.
struct Rotation {
    path: PathBuf,
    bytes_max: u64,
    files_kept: usize,
    bytes: u64,
}

impl JsonLines {
    /// Writes to `writer`.
    pub fn new(writer: Box<dyn Write + Send>) -> Self {
        Self { writer: BufWriter::with_capacity(1 << 16, writer), rotation: None }
    }

    /// Writes to the file at `path`, which is emptied first; `-` is stdout.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn create(path: &Path) -> io::Result<Self> {
        let writer: Box<dyn Write + Send> =
            if path == Path::new("-") { Box::new(io::stdout()) } else { Box::new(File::create(path)?) };
        Ok(Self::new(writer))
    }

    /// Writes to the end of a file as configured; a relative path starts at `folder`, `-` is stdout.
    ///
    /// # Errors
    /// If the file cannot be opened or created.
    pub fn keeping(raw: &RawJsonl, folder: &Path) -> io::Result<Self> {
        if raw.path == Path::new("-") {
            return Self::create(&raw.path);
        }
        let path = folder.join(&raw.path);
        let file = appended(&path)?;
        let bytes = file.metadata()?.len();
        let rotation = Rotation { path, bytes_max: raw.rotate_bytes, files_kept: raw.files_kept, bytes };
        Ok(Self { rotation: (raw.rotate_bytes > 0).then_some(rotation), ..Self::new(Box::new(file)) })
    }

    /// Writes one object.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&mut self, object: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(object)?;
        line.push(b'\n');
        if let Some(rotation) = self.rotation.as_ref().filter(|rotation| rotation.is_full(line.len())) {
            self.writer.flush()?;
            let file = rotation.rotate()?;
            self.writer = BufWriter::with_capacity(1 << 16, Box::new(file));
            self.rotation.iter_mut().for_each(|rotation| rotation.bytes = 0);
        }
        self.rotation.iter_mut().for_each(|rotation| rotation.bytes += line.len() as u64);
        self.writer.write_all(&line)
    }

    /// Sees to it that everything written has arrived.
    ///
    /// # Errors
    /// If it has not.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Sink for JsonLines {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn deliver(&mut self, alerts: &[Alert]) -> Delivery {
        let written = alerts.iter().try_for_each(|alert| self.write(alert)).and_then(|()| self.flush());
        written.map_or_else(|error| Delivery::Retry(Duration::ZERO, error.to_string()), |()| Delivery::Done)
    }
}

impl Rotation {
    fn is_full(&self, line_bytes: usize) -> bool {
        self.bytes > 0 && self.bytes + line_bytes as u64 > self.bytes_max
    }

    /// Lays the file aside as `path.1`, the one before as `path.2` and so on, and begins another.
    fn rotate(&self) -> io::Result<File> {
        let aside = |number: usize| {
            let mut path = self.path.clone().into_os_string();
            path.push(format!(".{number}"));
            PathBuf::from(path)
        };
        for number in (1..self.files_kept).rev() {
            match fs::rename(aside(number), aside(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, aside(1))?;
        appended(&self.path)
    }
}

fn appended(path: &Path) -> io::Result<File> {
    File::options().append(true).create(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::alert::tests::example;

    #[test]
    fn a_long_file_is_laid_aside_and_no_line_is_lost_before_the_oldest_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let line_bytes = serde_json::to_vec(&example("app-10")).expect("JSON").len() as u64 + 1;
        let raw = RawJsonl { path: "alerts.jsonl".into(), rotate_bytes: 3 * line_bytes, files_kept: 2 };
        let mut seen = 10;
        for _ in 0..2 {
            // It goes on with a file that is there.
            let mut lines = JsonLines::keeping(&raw, folder.path()).expect("a file");
            for _ in 0..5 {
                assert_eq!(lines.deliver(&[example(&format!("app-{seen}"))]), Delivery::Done);
                seen += 1;
            }
        }
        let apps = |name: &str| -> Vec<String> {
            let text = fs::read_to_string(folder.path().join(name)).expect(name);
            text.lines().map(|line| serde_json::from_str::<Alert>(line).expect("whole").app_id).collect()
        };
        assert_eq!(apps("alerts.jsonl"), ["app-19"]);
        assert_eq!(apps("alerts.jsonl.1"), ["app-16", "app-17", "app-18"]);
        assert_eq!(apps("alerts.jsonl.2"), ["app-13", "app-14", "app-15"]);
        assert_eq!(fs::read_dir(folder.path()).expect("files").count(), 3, "two are kept");
    }
}
