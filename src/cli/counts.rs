//! The counts of a run as text. Each input is counted under exactly one heading.

use anyhow::Result;

use super::screen::{Screen, Table, count, plural};
use crate::reply::Counts;

/// Prints the headings with their counts, which add up to the number of inputs.
pub fn print_headings(counts: &Counts, screen: Screen, done: &str, unchanged: &str) -> Result<()> {
    let mut table = Table::new(&[0]);
    table.row([count(counts.done), done.into()]);
    table.row([count(counts.unchanged), unchanged.into()]);
    for (reason, n) in &counts.skipped {
        table.row([count(*n), format!("skipped: {reason}")]);
    }
    table.lines(2).iter().try_for_each(|line| screen.text(line))?;
    Ok(())
}

/// Prints how many inputs could not be processed because of a failure of the machine, if there are any.
pub fn print_failures(counts: &Counts, screen: Screen) -> Result<()> {
    if counts.temporary_failures() > 0 {
        let inputs = plural(counts.temporary_failures(), "input");
        screen.text(format!(
            "{inputs} could not be processed because the machine failed (memory, files, disk); the same command tries again"
        ))?;
    }
    Ok(())
}
