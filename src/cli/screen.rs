//! What a person sees: aligned columns, progress bars on a terminal, JSON lines for programs. All text goes through here, and is escaped here.

mod escape;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde::Serialize;

use crate::number;
pub use crate::number::{bytes, count};
use crate::session::Progress;
pub use escape::{SafeLog, escaped};

/// A measured share as terminals show it: `0.31 %`, `99.3 %`.
pub fn percent(share: f64) -> String {
    with_blanks(&number::percent(share))
}

/// A share that was asked for: `1 %`.
pub fn aim(share: f64) -> String {
    with_blanks(&number::aim(share))
}

/// `7.1 % to 9.8 %`.
pub fn interval(ends: [f64; 2]) -> String {
    with_blanks(&number::interval(ends))
}

/// Terminals break no lines between a number and its unit, and people search for what they can type.
fn with_blanks(text: &str) -> String {
    text.replace('\u{a0}', " ")
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// What becomes of a verb whose output nobody takes any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It has nothing else to do and ends.
    Stop,
    /// It does its work, or finds its exit code, without output.
    GoOn,
}

/// The standard output in one of the two formats. Results go to the standard output; progress,
/// warnings and errors to the standard error.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    format: Format,
    unread: Unread,
}

/// Why the standard output takes nothing any more, if so.
static LOST: OnceLock<io::Error> = OnceLock::new();

impl Screen {
    pub fn new(format: Format, unread: Unread) -> Self {
        Self { format, unread }
    }

    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Why output was lost, if the verb went on without it.
    pub fn lost() -> Option<&'static io::Error> {
        LOST.get()
    }

    /// Prints one line of text, escaped; nothing in JSON.
    pub fn text(self, line: impl AsRef<str>) -> io::Result<()> {
        if self.is_json() {
            return Ok(());
        }
        self.put(|out| out.write_all(escaped(line.as_ref()).as_bytes()))
    }

    /// Prints one JSON object on a line of its own; nothing in text.
    pub fn json(self, value: &impl Serialize) -> io::Result<()> {
        if !self.is_json() {
            return Ok(());
        }
        self.put(|out| Ok(serde_json::to_writer(out, value)?))
    }

    /// Puts a whole line out, at once: whoever reads sees it before the work goes on.
    fn put(self, write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        if Self::lost().is_some() {
            return Ok(());
        }
        let mut line = Vec::new();
        write(&mut line)?;
        line.push(b'\n');
        let mut out = io::stdout().lock();
        match out.write_all(&line).and_then(|()| out.flush()) {
            Err(error) if self.unread == Unread::GoOn => {
                let _ = LOST.set(error); // the first one is told
                Ok(())
            }
            done => done,
        }
    }
}

/// A progress bar on the standard error, if that is a terminal.
pub struct Bar {
    bar: RefCell<ProgressBar>,
    unit: Cell<&'static str>,
}

impl Bar {
    /// A bar that is shown once there is progress.
    pub fn new() -> Self {
        Self { bar: RefCell::new(ProgressBar::hidden()), unit: Cell::new("") }
    }

    /// Shows progress. Another unit than before begins anew.
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

    /// Prints something without disturbing the bar.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
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
    let template = match total {
        Some(_) => format!("{{bar:30}} {{human_pos}} of {{human_len}} {unit}  {{rate}}  {{eta}} left"),
        None => format!("{{spinner}} {{human_pos}} {unit}  {{rate}}"),
    };
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(8));
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "{:.0}/s", state.per_sec());
        }));
    }
    // What was done before does not count for the time that is left.
    bar.set_position(done);
    bar.reset_eta();
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// Prints one line on the standard error, escaped. One that cannot be written is lost: there is nobody to tell.
pub fn complain(line: impl AsRef<str>) {
    let _ = writeln!(io::stderr().lock(), "{}", escaped(line.as_ref()));
}

/// A score as terminals show it: `0.812`.
pub fn score(value: f32) -> String {
    if !value.is_finite() {
        return number::UNKNOWN.to_owned();
    }
    let text = format!("{value:.3}");
    if text == "-0.000" { "0.000".to_owned() } else { text }
}

/// Rows of text in columns as wide as their widest entry. Columns named in `right` are right-aligned.
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

    /// The finished lines, each with `indent` blanks in front.
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

/// Columns a text takes on a terminal.
fn width_of(text: &str) -> usize {
    console::measure_text_width(text)
}

/// `1 photo`, `2 photos`, `2 searches`, `2 replies`.
pub fn plural(n: u64, one: &str) -> String {
    let (stem, ending) = match one.strip_suffix("ly") {
        Some(stem) => (format!("{stem}l"), "ies"),
        None => (one.to_owned(), if one.ends_with("ch") { "es" } else { "s" }),
    };
    if n == 1 { format!("1 {one}") } else { format!("{} {stem}{ending}", count(n)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_told_with_blanks_of_terminals() {
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

    #[test]
    fn numbers_are_readable() {
        assert_eq!(plural(1, "photo"), "1 photo");
        assert_eq!(plural(2000, "photo"), "2,000 photos");
        assert_eq!([plural(2, "search"), plural(3, "reply")], ["2 searches", "3 replies"]);
    }
}
