//! Output: aligned columns, progress bars on a terminal, and JSON lines. All text is printed and escaped here.

mod escape;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde::Serialize;

use crate::number;
pub use crate::number::{bytes, count, plural};
use crate::session::Progress;
pub use escape::{SafeLog, escaped};

/// A measured share for a terminal: `0.31 %`, `99.3 %`.
pub fn percent(share: f64) -> String {
    with_blanks(&number::percent(share))
}

/// A target share for a terminal: `1 %`.
pub fn aim(share: f64) -> String {
    with_blanks(&number::aim(share))
}

/// An interval for a terminal: `7.1 % to 9.8 %`.
pub fn interval(ends: [f64; 2]) -> String {
    with_blanks(&number::interval(ends))
}

/// Replaces non-breaking spaces. Terminals do not break lines there, and users search for what they can type.
fn with_blanks(text: &str) -> String {
    text.replace('\u{a0}', " ")
}

/// The format of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// What a command does after its reader has closed the standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedOutput {
    /// It ends, because it has nothing else to do.
    Stop,
    /// It continues without output, for its work or its exit code.
    Continue,
}

/// The standard output in one of the two formats. Results go to the standard output; progress, warnings and errors go to the standard
/// error.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    format: Format,
    closed_output: ClosedOutput,
}

/// The first error of the standard output, if it failed.
static LOST_OUTPUT: OnceLock<io::Error> = OnceLock::new();

impl Screen {
    pub fn new(format: Format, closed_output: ClosedOutput) -> Self {
        Self { format, closed_output }
    }

    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// The first error of the standard output, if the command continued without it.
    pub fn lost_output() -> Option<&'static io::Error> {
        LOST_OUTPUT.get()
    }

    /// Prints one line of text, escaped. Does nothing in JSON.
    pub fn text(self, line: impl AsRef<str>) -> io::Result<()> {
        if self.is_json() {
            return Ok(());
        }
        self.write_line(|out| out.write_all(escaped(line.as_ref()).as_bytes()))
    }

    /// Prints one JSON object on a line of its own. Does nothing in text.
    pub fn json(self, value: &impl Serialize) -> io::Result<()> {
        if !self.is_json() {
            return Ok(());
        }
        self.write_line(|out| Ok(serde_json::to_writer(out, value)?))
    }

    /// Writes and flushes a complete line, so that the reader sees it before the work continues.
    fn write_line(self, write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        if Self::lost_output().is_some() {
            return Ok(());
        }
        let mut line = Vec::new();
        write(&mut line)?;
        line.push(b'\n');
        let mut out = io::stdout().lock();
        match out.write_all(&line).and_then(|()| out.flush()) {
            Err(error) if self.closed_output == ClosedOutput::Continue => {
                let _ = LOST_OUTPUT.set(error); // the first error is reported
                Ok(())
            }
            done => done,
        }
    }
}

/// A progress bar on the standard error. It is shown only on a terminal.
pub struct Bar {
    bar: RefCell<ProgressBar>,
    unit: Cell<&'static str>,
}

impl Bar {
    /// A hidden bar. The first progress shows it.
    pub fn new() -> Self {
        Self { bar: RefCell::new(ProgressBar::hidden()), unit: Cell::new("") }
    }

    /// Shows progress. A new unit starts a new bar.
    pub fn show(&self, progress: Progress) {
        if !io::stderr().is_terminal() {
            return;
        }
        if self.unit.replace(progress.unit) != progress.unit {
            self.bar.borrow().finish_and_clear();
            *self.bar.borrow_mut() = drawn(progress);
        }
        self.bar.borrow().set_position(progress.done);
    }

    /// Runs `print` while the bar is hidden.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.borrow().suspend(print)
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.borrow().finish_and_clear();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.finish();
    }
}

fn drawn(Progress { unit, done, total }: Progress) -> ProgressBar {
    let is_narrow = console::Term::stderr().size().1 < 80;
    let template = match total {
        Some(_) if is_narrow => format!("{{human_pos}} of {{human_len}} {unit}"),
        None if is_narrow => format!("{{human_pos}} {unit}"),
        Some(_) => format!("{{bar:30}} {{human_pos}} of {{human_len}} {unit}{{pace}}"),
        None => format!("{{spinner}} {{human_pos}} {unit}{{pace}}"),
    };
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(8));
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.with_key("pace", move |state: &ProgressState, out: &mut dyn fmt::Write| {
            // Before the first step nothing is known.
            if state.pos() > done {
                let _ = write!(out, "  {:.0}/s", state.per_sec());
                if total.is_some() {
                    let _ = write!(out, "  {:#} left", HumanDuration(state.eta()));
                }
            }
        }));
    }
    // Earlier work must not influence the estimate of the remaining time.
    bar.set_position(done);
    bar.reset_eta();
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// Prints one line on the standard error, escaped. An error of the standard error is ignored.
pub fn print_error(line: impl AsRef<str>) {
    let _ = writeln!(io::stderr().lock(), "{}", escaped(line.as_ref()));
}

/// A score for a terminal: `0.812`.
pub fn score(value: f32) -> String {
    if !value.is_finite() {
        return number::UNKNOWN.to_owned();
    }
    let text = format!("{value:.3}");
    if text == "-0.000" { "0.000".to_owned() } else { text }
}

/// Rows of text in columns. Each column is as wide as its widest cell. The columns in `right` are right-aligned.
pub struct Table {
    right: &'static [usize],
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(right: &'static [usize]) -> Self {
        Self { right, rows: Vec::new() }
    }

    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let cell = |cell: S| escaped(&cell.into()).into_owned();
        self.rows.push(cells.into_iter().map(cell).collect());
    }

    /// The lines of the table, each with `indent` spaces in front.
    pub fn lines(&self, indent: usize) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| width_of(cell)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        self.rows
            .iter()
            .map(|row| {
                let mut line = " ".repeat(indent);
                for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                    let blanks = " ".repeat(width - width_of(cell));
                    if column > 0 {
                        line.push_str("  ");
                    }
                    if self.right.contains(&column) {
                        line.push_str(&blanks);
                        line.push_str(cell);
                    } else {
                        line.push_str(cell);
                        line.push_str(&blanks);
                    }
                }
                line.trim_end().to_owned()
            })
            .collect()
    }
}

/// Width of a text on a terminal, in columns.
fn width_of(text: &str) -> usize {
    console::measure_text_width(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_plain_spaces() {
        assert_eq!([0.01, 0.0152, 1e-5].map(percent), ["1.0 %", "1.5 %", "0.0010 %"]);
        assert_eq!([0.01, 0.001, 1e-5].map(aim), ["1 %", "0.1 %", "0.001 %"]);
        assert_eq!(interval([0.071, 0.098]), "7.1 % to 9.8 %");
    }

    #[test]
    fn scores_are_numbers_or_unknown() {
        assert_eq!([0.81249, -0.0001, -1.0, f32::NAN].map(score), ["0.812", "0.000", "-1.000", "–"]);
    }

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&[0]);
        table.row(["1", "Ada Lovelace", "0.812"]);
        table.row(["10", "Zoë", "0.1"]);
        assert_eq!(table.lines(2), ["   1  Ada Lovelace  0.812", "  10  Zoë           0.1"]);
        table.row(["11", "a\nb", "0.2"]);
        assert_eq!(table.lines(0)[2], "11  a\\nb          0.2");
    }
}
