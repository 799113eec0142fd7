//! The table of `cluster --evaluate`.

use std::path::Path;

use anyhow::Result;

use super::{name, source};
use crate::cli::ExitStatus;
use crate::cli::screen::{Screen, Table, count, plural, score};
use crate::evaluation::Agreement;
use crate::reply::{ClusteringMeasured, ClusteringsMeasured};
use crate::report::clusters::{self, Clusters, MeasuredMethod};

/// Columns of a table with a row for each method.
type Columns = (&'static [&'static str], fn(&ClusteringMeasured) -> Vec<String>);

/// What is in a cluster, and the shares that agree with the subjects.
const TABLES: [Columns; 2] = [
    (&["threshold", "clusters", "single", "split", "merged", "largest cluster"], |one| {
        let threshold = one.threshold.map_or_else(|| "none".into(), score);
        let measures = &one.measures;
        let counts = [one.clusters, one.singletons, measures.people_split, measures.people_merged].map(count);
        let share = share(measures.largest_cluster_recall);
        std::iter::once(threshold).chain(counts).chain([share]).collect()
    }),
    (&["BCubed P", "R", "F", "pairs P", "R", "F", "V-measure"], |one| {
        let Agreement { precision, recall, f } = one.measures.bcubed;
        let pairs = one.measures.pairs;
        [precision, recall, f, pairs.precision, pairs.recall, pairs.f, one.measures.v_measure]
            .map(share)
            .to_vec()
    }),
];

/// Prints measured clusterings.
pub fn print(measured: &ClusteringsMeasured, out: Option<&Path>, screen: Screen) -> Result<ExitStatus> {
    screen.json(measured)?;
    let ClusteringsMeasured { faces, unknown, subjects, methods, .. } = measured;
    let strangers =
        if *unknown > 0 { format!(" and {} without a name", count(*unknown)) } else { String::new() };
    screen.text(format!(
        "{} of {}{strangers}, clustered without the names",
        plural(faces.saturating_sub(*unknown), "face"),
        plural(*subjects, "subject"),
    ))?;
    if let Some(from) = methods.first().and_then(|one| one.threshold_from) {
        screen.text(format!("threshold: {}", source(from)))?;
    }
    for (header, cells) in TABLES {
        let mut table = Table::new(&[1, 2, 3, 4, 5, 6, 7]);
        table.row(std::iter::once("").chain(header.iter().copied()));
        for one in methods {
            table.row(std::iter::once(name(one.method).to_owned()).chain(cells(one)));
        }
        table.lines(0).iter().try_for_each(|line| screen.text(line))?;
    }
    if methods.iter().all(|one| one.measures.people_with_several == 0) {
        screen.text(
            "No subject has two faces, so recall means nothing. Templates that are imported without names are one subject each: \
             `gallerist import --subjects FILE` names them, `gallerist subject merge` unites subjects.",
        )?;
    }
    if let Some(out) = out {
        screen.text(format!("the page: {}", out.join("index.html").display()))?;
    }
    Ok(ExitStatus::Done)
}

/// Writes the numbers, the charts and the page to a folder.
pub fn write(measured: &ClusteringsMeasured, (gallery, model): (&Path, &str), out: &Path) -> Result<()> {
    let method = |one: &ClusteringMeasured| MeasuredMethod {
        name: name(one.method).to_owned(),
        threshold: one.threshold,
        source: one.threshold_from.map_or("none", source).to_owned(),
        clusters: one.clusters,
        singletons: one.singletons,
        measures: one.measures,
    };
    let folder = gallery.file_name().unwrap_or(gallery.as_os_str()).to_string_lossy();
    let page = Clusters {
        title: "Clusters of faces, measured".into(),
        lede: format!("Gallery {folder} · model {model}"),
        methods: measured.methods.iter().map(method).collect(),
        by_strangers: measured.by_strangers.clone(),
        by_threshold: measured.by_threshold.clone(),
        date: time::UtcDateTime::now().date().to_string(),
        version: env!("CARGO_PKG_VERSION").into(),
    };
    let mut json = serde_json::to_vec_pretty(measured)?;
    json.push(b'\n');
    Ok(clusters::write(&page, &json, out)?)
}

fn share(share: f64) -> String {
    format!("{share:.4}")
}
