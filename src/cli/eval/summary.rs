//! The summary of an evaluation as text.

use std::path::Path;

use anyhow::Result;

use crate::cli::screen::{Screen, Table, aim, interval, percent};
use crate::evaluation::{Identification, Verification};
use crate::report::Report;

pub fn print(report: &Report, out: &Path, screen: Screen) -> Result<()> {
    if screen.is_json() {
        screen.json(report)?;
        return Ok(());
    }
    let mut table = Table::new(&[1, 2]);
    if let Some(identification) = &report.identification {
        print_identification(identification, &mut table);
    }
    if let Some(verification) = &report.verification {
        print_verification(verification, &mut table);
    }
    table.lines(0).iter().try_for_each(|line| screen.text(line))?;
    report.warnings.iter().try_for_each(|warning| screen.text(format!("warning: {warning}")))?;
    screen.text(format!("the page: {}", out.join("index.html").display()))?;
    Ok(())
}

fn print_identification(identification: &Identification, table: &mut Table) {
    table.row(["", "value", "threshold", "95 % interval"]);
    for point in &identification.points {
        let what = format!("FNIR at FPIR {}", aim(point.target_fpir));
        let threshold = format!("{:.3}", point.threshold);
        table.row([what, percent(point.fnir.value), threshold, interval(point.fnir.interval)]);
    }
    if let Some(first) = identification.cmc.first() {
        let rate = first.identified;
        table.row(["rank 1".into(), percent(rate.value), String::new(), interval(rate.interval)]);
    }
}

fn print_verification(verification: &Verification, table: &mut Table) {
    for point in &verification.points {
        let what = format!("TAR at FMR {}", aim(point.target_fmr));
        let [low, high] = point.fnmr.interval;
        let threshold = format!("{:.3}", point.threshold);
        table.row([what, percent(1.0 - point.fnmr.value), threshold, interval([1.0 - high, 1.0 - low])]);
    }
    let eer = verification.eer;
    let threshold = format!("{:.3}", verification.eer_threshold);
    table.row(["EER".into(), percent(eer.value), threshold, interval(eer.interval)]);
    let accuracy = verification.accuracy;
    let threshold = format!("{:.3}", verification.accuracy_threshold);
    table.row(["accuracy".into(), percent(accuracy.value), threshold, interval(accuracy.interval)]);
}
