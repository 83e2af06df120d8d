//! Colours, and texts that fit: what the live summary and the closing table share.

use crate::engine::detector::Severity;
use crate::status::AppStatus;

/// Colours, if anybody sees them.
#[derive(Clone, Copy)]
pub struct Paint(pub bool);

impl Paint {
    /// Colours where a terminal shows them and nobody asked for none (`NO_COLOR`, <https://no-color.org>).
    pub fn on(is_terminal: bool) -> Self {
        Self(is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()))
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// What stands out.
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// What stands back.
    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// In the colour of a severity.
    pub fn of(self, severity: Severity, text: &str) -> String {
        let code = match severity {
            Severity::Notice => "36",
            Severity::Violation => "33",
            Severity::Major => "31",
            Severity::Severe => "1;31",
        };
        self.wrap(code, text)
    }
}

/// The text in at most `width` columns, with a mark where it goes on.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.extend((width > 0).then_some('…'));
    cut
}

/// What an app filed, in a few words.
pub fn filed(app: &AppStatus) -> String {
    let words = |filed: &crate::status::Filed| format!("{}: {}", filed.industry, filed.scene).replace('_', " ");
    app.filed.as_ref().map_or_else(|| "nothing filed".into(), words)
}
