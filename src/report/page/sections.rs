//! The sections about one-to-many searches and one-to-one comparisons: tables, then charts.

use super::figures;
use super::table::{FEW, FEW_NOTE, Table, rate, share};
use super::tiles::accepted;
use crate::evaluation::{FpirBySize, Identification, Verification};
use crate::number::{UNKNOWN, aim, count, percent, score};
use crate::report::chart;

/// The section: tables, then charts.
pub fn identification(identification: &Identification) -> String {
    format!(
        "<section aria-labelledby=\"identification\">\n<h2 id=\"identification\">Identification: who is this?</h2>\n\
         <p>A photo is searched in the gallery. For somebody who is in it, the search should find them; for a stranger it should \
         find nobody. A higher threshold names fewer strangers and misses more of the people in the gallery.</p>\n{}{}<div class=\"pair\">\n{}{}</div>\n</section>\n",
        operating_points(identification),
        figures(&chart::of_identification(identification)),
        ranks(identification),
        growth(identification),
    )
}

fn operating_points(identification: &Identification) -> String {
    let mut table = Table::new(
        "Misses at each rate of false alarms",
        [
            "FPIR aimed at",
            "Threshold",
            "FPIR<small>strangers who are named</small>",
            "FNIR, any rank<small>people who are missed</small>",
            "FNIR, rank 1<small>missed or not first</small>",
        ],
    );
    for point in &identification.points {
        let few = if point.few { FEW } else { "" };
        table.row([
            format!("{}{few}", aim(point.target_fpir)),
            score(point.threshold),
            rate(&point.fpir),
            rate(&point.fnir),
            rate(&point.fnir_rank_1),
        ]);
    }
    let note = if identification.points.iter().any(|point| point.few) { FEW_NOTE } else { "" };
    table.html() + note
}

fn ranks(identification: &Identification) -> String {
    let mut table = Table::new("The right person among the first R", ["Rank R", "Found", "Searches"]);
    for point in identification.cmc.iter().filter(|point| [1, 5, 10, 20, 50].contains(&point.rank)) {
        table.row([point.rank.to_string(), share(&point.identified), count(point.identified.trials)]);
    }
    table.html()
}

/// A row for each size of the gallery, a column for each threshold.
fn growth(identification: &Identification) -> String {
    let growths = &identification.growth;
    let mut sizes: Vec<u64> =
        growths.iter().flat_map(|growth| growth.points.iter().map(|point| point.subjects)).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let column = |growth: &FpirBySize| {
        format!("FPIR at {}<small>{} aimed at</small>", score(growth.threshold), aim(growth.target_fpir))
    };
    let columns = std::iter::once("People in the gallery".to_owned()).chain(growths.iter().map(column));
    let mut table = Table::new("False alarms while the gallery grows", columns);
    for subjects in sizes {
        let cell = |growth: &FpirBySize| match growth.points.iter().find(|point| point.subjects == subjects) {
            Some(point) => {
                format!("{}<small>predicted {}</small>", rate(&point.fpir), percent(point.predicted))
            }
            None => UNKNOWN.to_owned(),
        };
        table.row(std::iter::once(count(subjects)).chain(growths.iter().map(cell)));
    }
    table.html()
}

/// The section: tables, then charts.
pub fn verification(verification: &Verification) -> String {
    format!(
        "<section aria-labelledby=\"verification\">\n<h2 id=\"verification\">Verification: are these the same person?</h2>\n\
         <p>Two photos are compared. Two of one person should reach the threshold, two of different people should not. No gallery is \
         involved: these numbers describe the model, not how a search in many people turns out.</p>\n{}{}{}</section>\n",
        verification_points(verification),
        overall(verification),
        figures(&chart::of_verification(verification)),
    )
}

fn verification_points(verification: &Verification) -> String {
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
