//! What is said about one-to-many searches.

use super::figures;
use super::table::{FEW, FEW_NOTE, Table, rate, share};
use crate::evaluation::chart;
use crate::evaluation::report::{Growth, Identification};
use crate::number::{UNKNOWN, aim, count, percent, score};

/// The section: tables, then charts.
pub fn section(identification: &Identification) -> String {
    format!(
        "<section aria-labelledby=\"identification\">\n<h2 id=\"identification\">Identification: who is this?</h2>\n\
         <p>A photo is searched in the gallery. For somebody who is in it, the search should find them; for a stranger it should \
         find nobody. A higher threshold names fewer strangers and misses more of the people in the gallery.</p>\n{}{}<div class=\"pair\">\n{}{}</div>\n</section>\n",
        operating(identification),
        figures(&chart::of_identification(identification)),
        ranks(identification),
        growth(identification),
    )
}

fn operating(identification: &Identification) -> String {
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
    let column = |growth: &Growth| {
        format!("FPIR at {}<small>{} aimed at</small>", score(growth.threshold), aim(growth.target_fpir))
    };
    let columns = std::iter::once("People in the gallery".to_owned()).chain(growths.iter().map(column));
    let mut table = Table::new("False alarms while the gallery grows", columns);
    for subjects in sizes {
        let cell = |growth: &Growth| match growth.points.iter().find(|point| point.subjects == subjects) {
            Some(point) => {
                format!("{}<small>predicted {}</small>", rate(&point.fpir), percent(point.predicted))
            }
            None => UNKNOWN.to_owned(),
        };
        table.row(std::iter::once(count(subjects)).chain(growths.iter().map(cell)));
    }
    table.html()
}
