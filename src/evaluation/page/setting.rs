//! What was evaluated, and how.

use crate::evaluation::chart;
use crate::evaluation::chart::escaped::Escaped;
use crate::evaluation::report::{Identification, Report, Verification};
use crate::number::count;

/// The top of the page.
pub fn header(report: &Report) -> String {
    let setting = &report.setting;
    let searched = report.identification.as_ref().map(|identification| {
        let probes = identification.mated[0].saturating_add(identification.non_mated[0]);
        format!(
            "{} in a gallery of {}",
            plural(probes, "search", "searches"),
            people(identification.subjects)
        )
    });
    let compared = report.verification.as_ref().map(|verification| {
        let pairs = verification.pairs[0].saturating_add(verification.pairs[1]);
        format!("{} compared", plural(pairs, "pair of photos", "pairs of photos"))
    });
    let said: Vec<String> = searched.into_iter().chain(compared).collect();
    format!(
        "<header>\n<p class=\"kind\">Evaluation of face recognition · {}</p>\n<h1>{}</h1>\n<p class=\"lede\">{}</p>\n</header>\n",
        Escaped(&setting.date),
        Escaped(&setting.title),
        said.join(" · "),
    )
}

/// The terms and the command line.
pub fn section(report: &Report) -> String {
    let setting = &report.setting;
    let fingerprint: String = setting.fingerprint.chars().take(12).collect();
    let fingerprint = if fingerprint.is_empty() {
        "<small>templates made elsewhere</small>".to_owned()
    } else {
        format!("<small>fingerprint <code>{}</code></small>", Escaped(&fingerprint))
    };
    let mut terms = vec![("Model", format!("{}{fingerprint}", Escaped(&setting.model)))];
    terms.extend(report.identification.iter().flat_map(searches));
    terms.extend(report.verification.as_ref().map(pairs));
    terms.push(("Fusion", Escaped(&setting.fusion).to_string()));
    terms.push(("Search", Escaped(&setting.search).to_string()));
    let version = Escaped(&setting.version);
    terms.push(("Date", format!("{}<small>Gallerist {version}</small>", Escaped(&setting.date))));
    let terms: String =
        terms.iter().map(|(name, text)| format!("<div><dt>{name}</dt><dd>{text}</dd></div>\n")).collect();
    format!(
        "<section aria-labelledby=\"setting\">\n<h2 id=\"setting\">What was evaluated</h2>\n<dl>\n{terms}</dl>\n\
         <pre><code>{}</code></pre>\n</section>\n",
        command(&setting.command)
    )
}

/// The words of a command line, each kept together where it fits a line: `--seed` is not to be broken after its first hyphen.
fn command(command: &str) -> String {
    let words: Vec<String> =
        command.split(' ').map(|word| format!("<span>{}</span>", Escaped(word))).collect();
    words.join(" ")
}

fn searches(identification: &Identification) -> [(&'static str, String); 3] {
    let probes = |[searches, subjects]: [u64; 2], unusable: u64| {
        format!(
            "{}<small>of {}; {} without a usable face</small>",
            plural(searches, "photo", "photos"),
            people(subjects),
            count(unusable)
        )
    };
    let templates = plural(identification.templates, "template", "templates");
    let [mated, non_mated] = identification.failed_to_acquire;
    [
        ("Gallery", format!("{}<small>{templates}</small>", people(identification.subjects))),
        ("Probes of people in the gallery", probes(identification.mated, mated)),
        ("Probes of strangers", probes(identification.non_mated, non_mated)),
    ]
}

fn pairs(verification: &Verification) -> (&'static str, String) {
    let [mated, non_mated] = verification.pairs;
    let unusable = verification.failed_to_acquire[0].saturating_add(verification.failed_to_acquire[1]);
    let text = format!(
        "{} of one person, {} of strangers<small>{} in all; {} pairs without a usable face in one of the photos</small>",
        count(mated),
        count(non_mated),
        people(verification.subjects),
        count(unusable)
    );
    ("Pairs", text)
}

/// Where the numbers behind the page are.
pub fn footer(report: &Report) -> String {
    let mut charts = report.identification.as_ref().map_or_else(Vec::new, chart::of_identification);
    charts.extend(report.verification.as_ref().map_or_else(Vec::new, chart::of_verification));
    let tables = ["report.json", "det.csv", "cmc.csv", "roc.csv", "growth.csv", "histogram.csv"];
    let names = tables.map(String::from).into_iter();
    let links: Vec<String> = names
        .chain(charts.iter().map(|chart| format!("{}.svg", chart.name)))
        .map(|name| format!("<a href=\"{name}\">{name}</a>"))
        .collect();
    format!(
        "<footer>\n<p>The numbers and pictures of this page lie beside it: {}.</p>\n<p>Gallerist {}, {}</p>\n</footer>\n",
        links.join(", "),
        Escaped(&report.setting.version),
        Escaped(&report.setting.date)
    )
}

fn people(n: u64) -> String {
    plural(n, "person", "people")
}

fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}
