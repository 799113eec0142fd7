//! The sections on identification and verification: tables, then charts.

use super::figures;
use super::table::{FEW, FEW_NOTE, Table, rate, share};
use super::tiles::accepted;
use crate::evaluation::{FpirBySize, Identification, Verification};
use crate::number::{UNKNOWN, aim, count, percent, score};
use crate::report::chart;

/// The section: tables, then charts.
pub fn identification(identification: &Identification) -> String {
    format!(
        "<section aria-labelledby=\"identification\">\n<h2 id=\"identification\">Identification (1:N)</h2>\n\
         <p>A photo is searched in the gallery. A mated search should find the mate; a non-mated search should \
         find no subject. A higher threshold gives fewer false alarms and more misses.</p>\n{}{}<div class=\"pair\">\n{}{}</div>\n\
         </section>\n",
        operating_points(identification),
        figures(&chart::of_identification(identification)),
        ranks(identification),
        growth(identification),
    )
}

fn operating_points(identification: &Identification) -> String {
    let mut table = Table::new(
        "Misses for each false alarm rate",
        [
            "Target FPIR",
            "Threshold",
            "FPIR<small>non-mated searches with a false alarm</small>",
            "FNIR, any rank<small>mated searches with a miss</small>",
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
    let mut table = Table::new("The mate among the first R", ["Rank R", "Found", "Searches"]);
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
        format!("FPIR at {}<small>target {}</small>", score(growth.threshold), aim(growth.target_fpir))
    };
    let columns = std::iter::once("Subjects in the gallery".to_owned()).chain(growths.iter().map(column));
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
        "<section aria-labelledby=\"verification\">\n<h2 id=\"verification\">Verification (1:1)</h2>\n\
         <p>Two photos are compared. A mated pair should reach the threshold, a non-mated pair should not. No gallery is \
         involved: these numbers describe the model, not a search among many subjects.</p>\n{}{}{}</section>\n",
        verification_points(verification),
        overall(verification),
        figures(&chart::of_verification(verification)),
    )
}

fn verification_points(verification: &Verification) -> String {
    let mut table = Table::new(
        "Matching mated pairs for each false match rate",
        [
            "Target FMR",
            "Threshold",
            "FMR<small>non-mated pairs that match</small>",
            "TAR<small>mated pairs that match</small>",
            "FNMR<small>mated pairs that do not match</small>",
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
        "Accuracy<small>threshold chosen on the same pairs, so slightly too high</small>".to_owned(),
        share(&verification.accuracy),
        score(verification.accuracy_threshold),
        both,
    ]);
    table.html()
}
