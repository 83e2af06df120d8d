//! Alerts as JSON lines, to a file or to stdout.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

/// Writes one JSON object a line.
pub struct JsonLines {
    writer: BufWriter<Box<dyn Write + Send>>,
}

impl JsonLines {
    /// Writes to `writer`.
    pub fn new(writer: Box<dyn Write + Send>) -> Self {
        Self { writer: BufWriter::with_capacity(1 << 16, writer) }
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

    /// Writes to the end of the file at `path`; `-` is stdout.
    ///
    /// # Errors
    /// If the file cannot be opened or created.
    pub fn append(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Self::create(path);
        }
        Ok(Self::new(Box::new(File::options().append(true).create(true).open(path)?)))
    }

    /// Writes one object.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&mut self, object: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.writer, object)?;
        self.writer.write_all(b"\n")
    }

    /// Sees to it that everything written has arrived.
    ///
    /// # Errors
    /// If it has not.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
