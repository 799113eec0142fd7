//! The outcomes of a run's inputs: each input is counted under exactly one heading.

use std::collections::BTreeMap;

use anyhow::Result;

use super::screen::{Screen, Table, count, plural};
use crate::ingest::Skip;

/// The reason of a photo that was taken before as somebody else.
pub const OTHER_NAME: &str = "other_name";

/// Inputs by outcome.
#[derive(Default)]
pub struct Counts {
    /// Inputs whose templates were written.
    pub done: u64,
    /// Their templates.
    pub templates: u64,
    /// Faces that were refused in photos of which others were taken.
    pub refused_faces: u64,
    /// Inputs that were done before.
    pub unchanged: u64,
    /// Inputs that were left out, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// System files that were found beside the inputs and are not counted as inputs.
    pub system_files: u64,
}

impl Counts {
    /// Counts an input that was left out.
    pub fn skip(&mut self, reason: &str) {
        *self.skipped.entry(reason.to_owned()).or_default() += 1;
    }

    fn skipped_as(&self, reason: &str) -> u64 {
        self.skipped.get(reason).copied().unwrap_or(0)
    }

    /// Inputs that were counted so far.
    pub fn inputs(&self) -> u64 {
        self.done + self.unchanged + self.skipped.values().sum::<u64>()
    }

    /// Inputs of which nothing is known because the machine failed.
    pub fn temporary_failures(&self) -> u64 {
        self.skipped_as(Skip::temporary("").code)
    }

    /// Photos that were taken before under other names than they have now.
    pub fn other_names(&self) -> u64 {
        self.skipped_as(OTHER_NAME)
    }

    /// Whether any input has templates now.
    pub fn is_of_use(&self) -> bool {
        self.done + self.unchanged + self.skipped_as("duplicate") + self.other_names() > 0
    }

    /// The headings, which add up to the number of inputs.
    pub fn print_headings(&self, screen: Screen, done: &str, unchanged: &str) -> Result<()> {
        let mut table = Table::new(&[0]);
        table.row([count(self.done), done.into()]);
        table.row([count(self.unchanged), unchanged.into()]);
        for (reason, n) in &self.skipped {
            table.row([count(*n), format!("skipped: {reason}")]);
        }
        table.lines(2).iter().try_for_each(|line| screen.text(line))?;
        Ok(())
    }

    /// A remark about failures of the machine, if there were any.
    pub fn print_failures(&self, screen: Screen) -> Result<()> {
        if self.temporary_failures() > 0 {
            let inputs = plural(self.temporary_failures(), "input");
            screen.text(format!(
                "{inputs} could not be looked at because the machine failed (memory, files, disk): the same command tries again"
            ))?;
        }
        Ok(())
    }
}
