//! Where the live summary appears: redrawn in place on a terminal, a line every few seconds anywhere else.
//!
//! It leaves the cursor as it is, so that a process that is cut off leaves nothing behind but text.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::paint::Paint;
use super::summary::Summary;

/// How often a terminal is redrawn.
const FRAME_EVERY: Duration = Duration::from_millis(200);
/// How often a line is written.
const LINE_EVERY: Duration = Duration::from_secs(3);
/// The size of a terminal that does not tell it, in columns and lines.
const SIZE: (u16, u16) = (80, 24);

/// The screen: stderr.
pub struct Screen {
    paint: Paint,
    can_redraw: bool,
    /// Lines of the last frame.
    drawn: usize,
    next: Option<Instant>,
}

impl Screen {
    /// A screen with nothing on it.
    pub fn new() -> Self {
        let is_terminal = io::stderr().is_terminal();
        let is_dumb = std::env::var_os("TERM").is_some_and(|kind| kind == "dumb");
        Self { paint: Paint::on(is_terminal), can_redraw: is_terminal && !is_dumb, drawn: 0, next: None }
    }

    /// Shows what `summary` says, if it is time to.
    pub fn show(&mut self, summary: impl FnOnce() -> Summary) {
        if self.next.is_some_and(|next| Instant::now() < next) {
            return;
        }
        let text = if self.can_redraw {
            let (width, height) = size();
            let frame = summary().frame(width.saturating_sub(1).into(), height.saturating_sub(1).into(), self.paint);
            self.redrawn(&frame)
        } else {
            summary().line() + "\n"
        };
        // Nothing can be done where nobody looks.
        let _ = io::stderr().write_all(text.as_bytes());
        self.next = Some(Instant::now() + if self.can_redraw { FRAME_EVERY } else { LINE_EVERY });
    }

    /// Wipes off what can be redrawn.
    pub fn wipe(&mut self) {
        let text = self.redrawn(&[]);
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// What draws a frame over the one before, in one piece: nothing flickers.
    fn redrawn(&mut self, frame: &[String]) -> String {
        let mut text = String::new();
        if self.drawn > 0 {
            // Up to the first line of the last frame.
            text += &format!("\r\u{1b}[{}A", self.drawn);
        }
        frame.iter().for_each(|line| text += &format!("{line}\u{1b}[K\n"));
        if self.drawn > frame.len() {
            text += "\u{1b}[J";
        }
        self.drawn = frame.len();
        text
    }
}

/// Columns and lines of the terminal.
fn size() -> (u16, u16) {
    terminal_size::terminal_size_of(io::stderr()).map_or(SIZE, |(width, height)| (width.0, height.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<String> {
        (0..count).map(|line| format!("line {line}")).collect()
    }

    #[test]
    fn a_frame_covers_the_one_before() {
        let mut screen = Screen { paint: Paint(false), can_redraw: true, drawn: 0, next: None };
        assert_eq!(screen.redrawn(&lines(2)), "line 0\u{1b}[K\nline 1\u{1b}[K\n");
        assert_eq!(screen.redrawn(&lines(3)), "\r\u{1b}[2Aline 0\u{1b}[K\nline 1\u{1b}[K\nline 2\u{1b}[K\n");
        assert_eq!(screen.redrawn(&lines(1)), "\r\u{1b}[3Aline 0\u{1b}[K\n\u{1b}[J", "what was longer is wiped off");
        assert_eq!(screen.redrawn(&[]), "\r\u{1b}[1A\u{1b}[J");
        assert_eq!(screen.redrawn(&[]), "");
    }
}
