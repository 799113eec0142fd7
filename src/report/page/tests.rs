use super::html;
use crate::number::{count, percent, score};
use crate::report::Report;
use crate::report::example::{HOSTILE, example, odd};

/// Elements without an end tag.
const VOID: [&str; 2] = ["meta", "!DOCTYPE"];

#[test]
fn tags_are_balanced_for_every_report() {
    for (name, report) in odd() {
        let page = html(&report);
        let mut open: Vec<&str> = Vec::new();
        for tag in page.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap();
            let element = tag.split([' ', '\n']).next().unwrap();
            if let Some(ended) = element.strip_prefix('/') {
                assert_eq!(open.pop(), Some(ended), "{name}");
            } else if !tag.ends_with('/') && !VOID.contains(&element) {
                open.push(element);
            }
        }
        assert!(open.is_empty(), "{name}: {open:?}");
    }
}

#[test]
fn strings_of_the_report_are_escaped() {
    let (_, report) = odd().into_iter().find(|(name, _)| *name == "hostile").unwrap();
    let mut report = report;
    report.warnings.push(HOSTILE.into());
    let page = html(&report);
    assert!(!page.contains("<script") && !page.contains('\u{1b}'));
    assert!(!page.contains("alert(\""));
    assert_eq!(page.matches("</title>").count(), page.matches("<title").count());
    assert_eq!(page.matches("</style>").count(), 1);
}

#[test]
fn the_page_has_the_numbers_of_the_report() {
    let report = example();
    let page = html(&report);
    let all = report.identification.unwrap();
    for point in &all.points {
        for rate in [point.fpir, point.fnir, point.fnir_rank_1] {
            assert!(page.contains(&percent(rate.value)) && page.contains(&percent(rate.interval[1])));
            assert!(page.contains(&format!("{} of {}", count(rate.errors), count(rate.trials))));
        }
        assert!(page.contains(&score(point.threshold)));
    }
    assert!(page.contains(&percent(all.cmc[0].identified.value)));
    assert!(page.contains("23,511 templates"));
    let pairs = report.verification.unwrap();
    for point in &pairs.points {
        assert!(page.contains(&percent(point.fnmr.value)) && page.contains(&percent(1.0 - point.fnmr.value)));
        assert!(page.contains(&score(point.threshold)));
    }
    assert!(page.contains(&percent(pairs.eer.value)));
    assert!(report.warnings.iter().all(|warning| page.contains(warning.as_str())));
    assert!(page.contains("3f9ac2e17b5d<") && !page.contains("3f9ac2e17b5d4"));
}

#[test]
fn the_page_loads_no_other_file() {
    let page = html(&example());
    for reference in ["src=", "@import", "url(", "<link", "<script"] {
        assert!(!page.contains(reference), "{reference}");
    }
    let addresses = page.matches("http").count();
    assert_eq!(addresses, page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
}

#[test]
fn only_what_was_measured_is_explained() {
    let named = |wanted: &str| {
        let (_, report) = odd().into_iter().find(|(name, _)| *name == wanted).unwrap();
        Report { warnings: Vec::new(), ..report }
    };
    let page = html(&named("verification only"));
    assert!(!page.contains("FNIR") && !page.contains("FPIR") && page.contains("<dt>FMR"));
    let page = html(&named("identification only"));
    assert!(!page.contains("FNMR") && page.contains("<dt>FPIR"));
    assert!(html(&named("nothing")).contains("Nothing was measured"));
}
