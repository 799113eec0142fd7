//! The page of compared losses.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::chart::{COLOURS, Chart, Escaped, STYLE, training};
use super::page::{PAGE, Table, figures};
use super::{WriteError, at, put, sync};
use crate::evaluation::DetPoint;
use crate::number::percent;

/// A measure of several seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The mean over the seeds, a share.
    pub mean: f64,
    /// The lowest and the highest of the seeds.
    pub seeds: [f64; 2],
    /// The 95 % interval over the people of the report, the mean over the seeds; `None` where it was not computed.
    pub people: Option<[f64; 2]>,
}

/// A loss with its measures on the people of the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The loss, or the start.
    pub name: String,
    /// Seeds.
    pub seeds: usize,
    /// Share of mated searches with the mate first.
    pub rank_1: Option<Spread>,
    /// FNIR at FPIR 10 and 1 %.
    pub fnir: Vec<Spread>,
    /// True accept rate at FMR 1e-3 and 1e-4.
    pub tar: Vec<Spread>,
    /// BCubed F of average linkage at its best threshold.
    pub bcubed: Option<Spread>,
    /// Seconds of a training.
    pub seconds: f64,
    /// The best epoch of each seed; 0: none was better than the start.
    pub best: Vec<usize>,
    /// FNMR over FMR of the first seed.
    pub det: Vec<DetPoint>,
    /// What went wrong, such as a collapse; the seed is left out.
    pub failures: Vec<String>,
}

/// Compared losses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The set, its division and the budget in words.
    pub lede: String,
    /// The start, and each loss.
    pub rows: Vec<Row>,
    /// Date, `YYYY-MM-DD`, UTC.
    pub date: String,
    /// Version of the program.
    pub version: String,
}

/// Writes `report.json`, `det.svg` and `index.html` to a folder.
///
/// # Errors
/// The folder cannot be made, or a file cannot be written.
pub fn write(comparison: &Comparison, directory: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(directory).map_err(at(directory, "making the directory"))?;
    let json = serde_json::to_vec_pretty(comparison)
        .map_err(|error| at(directory, "writing the report")(error.into()))?;
    put(&directory.join("report.json"), &json)?;
    let curves: Vec<(String, Vec<DetPoint>)> =
        comparison.rows.iter().map(|row| (row.name.clone(), row.det.clone())).collect();
    // The start is in the table; a curve for each loss is as many as can be told apart.
    let chart = training::compared(curves.get(1..).unwrap_or_default());
    if let Some(chart) = &chart {
        put(&directory.join("det.svg"), chart.file().as_bytes())?;
    }
    put(&directory.join("index.html"), html(comparison, chart).as_bytes())?;
    sync(directory)
}

fn html(comparison: &Comparison, chart: Option<Chart>) -> String {
    let Comparison { lede, rows, date, version } = comparison;
    let charts: Vec<Chart> = chart.into_iter().collect();
    let failures: Vec<String> = rows
        .iter()
        .flat_map(|row| row.failures.iter().map(move |failure| format!("{}: {failure}", row.name)))
        .map(|text| format!("<li>{}</li>\n", Escaped(&text)))
        .collect();
    let failures = if failures.is_empty() {
        String::new()
    } else {
        format!("<section><h2>Trainings that failed</h2>\n<ul>\n{}</ul>\n</section>\n", failures.concat())
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Losses side by side</title>\n\
         <style>\n{COLOURS}{STYLE}{PAGE}</style>\n</head>\n<body>\n\
         <header>\n<p class=\"kind\">Training · {}</p>\n<h1>Losses side by side</h1>\n<p class=\"lede\">{}</p>\n</header>\n\
         <main>\n<section aria-labelledby=\"losses\">\n<h2 id=\"losses\">On people who were not trained with</h2>\n{}</section>\n\
         <section aria-labelledby=\"curves\">\n<h2 id=\"curves\">Curves</h2>\n{}</section>\n{failures}\
         <section aria-labelledby=\"definitions\">\n<h2 id=\"definitions\">Definitions</h2>\n<dl>\n{DEFINITIONS}</dl>\n</section>\n</main>\n\
         <footer>\n<p>The numbers of this page are in the same folder: <a href=\"report.json\">report.json</a>.</p>\n<p>Gallerist {}, {}</p>\n\
         </footer>\n</body>\n</html>\n",
        Escaped(date),
        Escaped(lede),
        table(rows).html(),
        figures(&charts),
        Escaped(version),
        Escaped(date)
    )
}

fn table(rows: &[Row]) -> Table {
    let columns = [
        "Loss",
        "TAR at FMR 1e-3",
        "1e-4",
        "Rank 1",
        "FNIR at FPIR 10 %",
        "1 %",
        "BCubed F",
        "Best epochs",
        "Seconds",
    ];
    let mut table = Table::new(
        "Means over the seeds, with the lowest and the highest, and the interval over people",
        columns,
    );
    for row in rows {
        let best: Vec<String> = row.best.iter().map(usize::to_string).collect();
        table.row([
            Escaped(&row.name).to_string(),
            cell(row.tar.first()),
            cell(row.tar.get(1)),
            cell(row.rank_1.as_ref()),
            cell(row.fnir.first()),
            cell(row.fnir.get(1)),
            cell(row.bcubed.as_ref()),
            best.join(", "),
            if row.seconds > 0.0 { format!("{:.0}", row.seconds) } else { String::new() },
        ]);
    }
    table
}

fn cell(spread: Option<&Spread>) -> String {
    let Some(Spread { mean, seeds: [low, high], people }) = spread else { return "–".into() };
    let mut text = percent(*mean);
    if low < high {
        text += &format!("<small>{} to {}</small>", percent(*low), percent(*high));
    }
    if let Some([low, high]) = people {
        text += &format!("<small>[{} to {}]</small>", percent(*low), percent(*high));
    }
    text
}

const DEFINITIONS: &str = "<div><dt>TAR at FMR</dt><dd>Share of pairs of photos of one person that match, at the threshold where this share \
of pairs of two people matches.</dd></div>\n\
<div><dt>Rank 1, FNIR at FPIR</dt><dd>People with several photos are enrolled by the first one and searched for by the second one; people \
with one photo are non-mated probes.</dd></div>\n\
<div><dt>BCubed F</dt><dd>Of average linkage at its best threshold, which the labels choose: it compares the embeddings, not the way to \
find a threshold.</dd></div>\n\
<div><dt>Small numbers</dt><dd>The lowest and the highest of the seeds; in brackets the 95 % interval over the people, the mean over the \
seeds. Two losses whose brackets overlap widely are not told apart by these people.</dd></div>\n\
<div><dt>Best epochs</dt><dd>The epoch that was kept for each seed, chosen on other people; 0 is the start.</dd></div>\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_row_for_each_loss_and_names_failures() {
        let spread = Spread { mean: 0.95, seeds: [0.94, 0.96], people: Some([0.9, 0.99]) };
        let point = |at: f64| DetPoint {
            threshold: 0.5,
            false_positive: at,
            false_negative: 0.1 - at,
            interval: [0.0, 1.0],
        };
        let row = |name: &str| Row {
            name: name.into(),
            seeds: 3,
            rank_1: Some(spread),
            fnir: vec![spread],
            tar: vec![spread, spread],
            bcubed: None,
            seconds: 12.0,
            best: vec![3, 0],
            det: vec![point(0.001), point(0.01)],
            failures: vec!["seed 2: <collapsed>".into()],
        };
        let comparison = Comparison {
            lede: "set".into(),
            rows: vec![row("start"), row("triplet"), row("margin")],
            date: "2020-01-01".into(),
            version: "1".into(),
        };
        let folder = tempfile::tempdir().unwrap();
        write(&comparison, folder.path()).unwrap();
        let page = fs::read_to_string(folder.path().join("index.html")).unwrap();
        assert!(page.contains("<small>94.0 % to 96.0 %</small>") || page.contains("to 96.0"), "{page}");
        assert!(page.contains("seed 2: &lt;collapsed&gt;") && page.matches("<svg").count() == 1);
        let read: Comparison =
            serde_json::from_slice(&fs::read(folder.path().join("report.json")).unwrap()).unwrap();
        assert_eq!(read, comparison);
    }
}
