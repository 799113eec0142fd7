//! What is said about one-to-one comparisons.

use super::figures;
use super::table::{FEW, FEW_NOTE, Table, rate, share};
use super::tile::accepted;
use crate::evaluation::chart;
use crate::evaluation::report::Verification;
use crate::number::{aim, count, score};

/// The section: tables, then charts.
pub fn section(verification: &Verification) -> String {
    format!(
        "<section aria-labelledby=\"verification\">\n<h2 id=\"verification\">Verification: are these the same person?</h2>\n\
         <p>Two photos are compared. Two of one person should reach the threshold, two of different people should not. No gallery is \
         involved: these numbers describe the model, not how a search in many people turns out.</p>\n{}{}{}</section>\n",
        operating(verification),
        overall(verification),
        figures(&chart::of_verification(verification)),
    )
}

fn operating(verification: &Verification) -> String {
    let mut table = Table::new(
        "Recognised pairs at each rate of false matches",
        [
            "FMR aimed at",
            "Threshold",
            "FMR<small>strangers taken for one person</small>",
            "TAR<small>pairs of one person recognised</small>",
            "FNMR<small>pairs of one person missed</small>",
        ],
    );
    for point in &verification.points {
        let few = if point.few { FEW } else { "" };
        table.row([
            format!("{}{few}", aim(point.target_fmr)),
            score(point.threshold),
            rate(&point.fmr),
            rate(&accepted(&point.fnmr)),
            rate(&point.fnmr),
        ]);
    }
    let note = if verification.points.iter().any(|point| point.few) { FEW_NOTE } else { "" };
    table.html() + note
}

fn overall(verification: &Verification) -> String {
    let mut table = Table::new("One threshold for all pairs", ["", "Rate", "Threshold", "Pairs"]);
    let both = count(verification.pairs[0].saturating_add(verification.pairs[1]));
    table.row([
        "Equal error rate<small>FMR and FNMR are the same</small>".to_owned(),
        share(&verification.eer),
        score(verification.eer_threshold),
        both.clone(),
    ]);
    table.row([
        "Accuracy<small>chosen on the same pairs: a little flattering</small>".to_owned(),
        share(&verification.accuracy),
        score(verification.accuracy_threshold),
        both,
    ]);
    table.html()
}
