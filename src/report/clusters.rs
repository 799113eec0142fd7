//! The page of measured clusters.

use std::fs;
use std::path::Path;

use super::chart::{COLOURS, Chart, Escaped, STYLE, clusters};
use super::page::{PAGE, Table, figures};
use super::{WriteError, at, put, remove, sync};
use crate::evaluation::{Agreement, Clustering, ClusteringPoint};
use crate::number::{count, plural, score};

/// Measured clusters of a gallery.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    /// A title for people.
    pub title: String,
    /// The gallery and its model.
    pub lede: String,
    /// Each method with its clusters.
    pub methods: Vec<MeasuredMethod>,
    /// The first method with more and more strangers. Drawn from two points on.
    pub by_strangers: Vec<ClusteringPoint>,
    /// The first method at other thresholds, ascending. Drawn from two points on.
    pub by_threshold: Vec<ClusteringPoint>,
    /// Date, `YYYY-MM-DD`, UTC.
    pub date: String,
    /// Version of the program.
    pub version: String,
}

/// A method and its clusters.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredMethod {
    /// The method in words.
    pub name: String,
    /// Its threshold, a cosine.
    pub threshold: Option<f32>,
    /// The source of the threshold in words.
    pub source: String,
    /// Clusters, those of single faces included.
    pub clusters: u64,
    /// Clusters of single faces.
    pub singletons: u64,
    /// The measures against the names.
    pub measures: Clustering,
}

/// Writes the numbers as they are in `json` (`report.json`), the charts (`*.svg`) and the page (`index.html`) to a folder. Each file is
/// written completely or not at all. Charts of an earlier report that this one does not have are removed.
///
/// # Errors
/// The folder cannot be made, or a file cannot be written.
pub fn write(clusters: &Clusters, json: &[u8], directory: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(directory).map_err(at(directory, "making the directory"))?;
    put(&directory.join("report.json"), json)?;
    let charts = charts(clusters);
    for name in clusters::NAMES {
        let path = directory.join(format!("{name}.svg"));
        match charts.iter().find(|chart| chart.name == name) {
            Some(chart) => put(&path, chart.file().as_bytes())?,
            None => remove(&path)?,
        }
    }
    put(&directory.join("index.html"), html(clusters, &charts).as_bytes())?;
    sync(directory)
}

fn charts(of: &Clusters) -> Vec<Chart> {
    let chosen = of.methods.first().and_then(|method| method.threshold);
    let by_threshold = chosen.and_then(|chosen| clusters::by_threshold(&of.by_threshold, chosen));
    clusters::by_strangers(&of.by_strangers).into_iter().chain(by_threshold).collect()
}

fn html(clusters: &Clusters, charts: &[Chart]) -> String {
    let Clusters { title, lede, methods, date, version, .. } = clusters;
    let (title, lede) = (Escaped(title), Escaped(lede));
    let faces = methods.first().map(|method| faces(&method.measures)).unwrap_or_default();
    let links: Vec<String> = std::iter::once("report.json".to_owned())
        .chain(charts.iter().map(|chart| format!("{}.svg", chart.name)))
        .map(|name| format!("<a href=\"{name}\">{name}</a>"))
        .collect();
    let curves = match methods.first().filter(|_| !charts.is_empty()) {
        Some(first) => format!(
            "<section aria-labelledby=\"curves\">\n<h2 id=\"curves\">{}</h2>\n{}</section>\n",
            Escaped(&capital(&first.name)),
            figures(charts)
        ),
        None => String::new(),
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{COLOURS}{STYLE}{PAGE}</style>\n</head>\n<body>\n\
         <header>\n<p class=\"kind\">Evaluation of clusters · {}</p>\n<h1>{title}</h1>\n<p class=\"lede\">{lede} · {faces}</p>\n</header>\n\
         <main>\n<section aria-labelledby=\"methods\">\n<h2 id=\"methods\">Methods</h2>\n{}{}</section>\n{curves}\
         <section aria-labelledby=\"definitions\">\n<h2 id=\"definitions\">Definitions</h2>\n<dl>\n{DEFINITIONS}</dl>\n</section>\n</main>\n\
         <footer>\n<p>The numbers and charts of this page are in the same folder: {}.</p>\n<p>Gallerist {}, {}</p>\n</footer>\n</body>\n</html>\n",
        Escaped(date),
        agreement(methods).html(),
        counts(methods).html(),
        links.join(", "),
        Escaped(version),
        Escaped(date)
    )
}

fn faces(measures: &Clustering) -> String {
    let named = format!("{} of {}", plural(measures.faces, "face"), plural(measures.people, "subject"));
    match measures.strangers {
        0 => named,
        strangers => format!("{named} and {} without a name", count(strangers)),
    }
}

fn agreement(methods: &[MeasuredMethod]) -> Table {
    let columns =
        ["Method", "BCubed precision", "Recall", "F", "Pairs: precision", "Recall", "F", "V-measure"];
    let mut table = Table::new("Agreement with the names", columns);
    for method in methods {
        let Clustering { bcubed, pairs, v_measure, .. } = method.measures;
        let of = |one: Agreement| [one.precision, one.recall, one.f].map(share);
        let cells = of(bcubed).into_iter().chain(of(pairs)).chain([share(v_measure)]);
        table.row(std::iter::once(Escaped(&method.name).to_string()).chain(cells));
    }
    table
}

fn counts(methods: &[MeasuredMethod]) -> Table {
    let columns =
        ["Method", "Threshold", "Clusters", "Single faces", "People split", "Merged", "Largest cluster"];
    let mut table = Table::new("Clusters", columns);
    for method in methods {
        let threshold = method.threshold.map_or_else(|| "none".to_owned(), score);
        let measures = &method.measures;
        table.row([
            Escaped(&method.name).to_string(),
            format!("{threshold}<small>{}</small>", Escaped(&method.source)),
            count(method.clusters),
            count(method.singletons),
            count(measures.people_split),
            count(measures.people_merged),
            share(measures.largest_cluster_recall),
        ]);
    }
    table
}

fn share(share: f64) -> String {
    format!("{share:.4}")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

const DEFINITIONS: &str = "<div><dt>BCubed</dt><dd>Averages over named faces: precision is the share of a face's cluster that shows its \
person, recall the share of its person that is in the cluster. A face without a name counts as a stranger.</dd></div>\n\
<div><dt>Pairs</dt><dd>The same for pairs of faces: a person with many photos weighs more.</dd></div>\n\
<div><dt>V-measure</dt><dd>The harmonic mean of homogeneity and completeness, from entropies.</dd></div>\n\
<div><dt>Split, merged</dt><dd>People whose faces are in several clusters; people who share a cluster with another person.</dd></div>\n\
<div><dt>Largest cluster</dt><dd>The share of a person's faces in the person's largest cluster, averaged over people with at least two \
faces.</dd></div>\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::clustering;

    fn example(points: usize) -> Clusters {
        let measures = clustering(&[1, 1, 2, 3], &[Some(1), Some(1), Some(2), None]);
        let method = MeasuredMethod {
            name: "two-stage <linkage>".into(),
            threshold: Some(0.5),
            source: "given".into(),
            clusters: 3,
            singletons: 2,
            measures,
        };
        let point = |at: usize| ClusteringPoint {
            faces: 10 * (at as u64 + 1),
            strangers: 10 * at as u64,
            threshold: 0.4 + 0.1 * at as f32,
            bcubed: measures.bcubed,
        };
        let points: Vec<_> = (0..points).map(point).collect();
        Clusters {
            title: "Clusters".into(),
            lede: "gallery".into(),
            methods: vec![method],
            by_strangers: points.clone(),
            by_threshold: points,
            date: "2020-01-01".into(),
            version: "1".into(),
        }
    }

    fn written(clusters: &Clusters, folder: &Path) -> (Vec<String>, String) {
        write(clusters, b"{}\n", folder).unwrap();
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        (names, fs::read_to_string(folder.join("index.html")).unwrap())
    }

    #[test]
    fn charts_are_written_where_there_are_points_and_those_of_an_earlier_report_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (names, page) = written(&example(3), folder.path());
        assert_eq!(names, ["clusters-strangers.svg", "clusters-threshold.svg", "index.html", "report.json"]);
        assert_eq!(page.matches("<svg").count(), 2);
        assert!(
            page.contains("two-stage &lt;linkage&gt;")
                && page.contains("3 faces of 2 subjects and 1 without")
        );
        let (names, page) = written(&example(1), folder.path());
        assert_eq!(names, ["index.html", "report.json"]);
        assert_eq!((page.matches("<svg").count(), page.contains("clusters-threshold")), (0, false));
    }
}
