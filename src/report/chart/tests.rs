use super::canvas::width;
use super::frame::WIDTH;
use super::labels::Rect;
use super::{COLOURS, Chart, of_identification, of_verification};
use crate::report::Report;
use crate::report::example::odd;

fn charts(report: &Report) -> Vec<Chart> {
    let mut charts = report.identification.as_ref().map_or_else(Vec::new, of_identification);
    charts.extend(report.verification.as_ref().map_or_else(Vec::new, of_verification));
    charts
}

fn all() -> impl Iterator<Item = (String, Chart)> {
    odd().into_iter().flat_map(|(name, report)| {
        charts(&report).into_iter().map(move |chart| (format!("{name}: {}", chart.name), chart))
    })
}

fn attribute<'a>(tag: &'a str, name: &str) -> &'a str {
    let start = tag.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
    tag[start..].split('"').next().unwrap()
}

/// The boxes of all texts, with the measure that placed them, slightly reduced.
fn texts(body: &str) -> Vec<(Rect, String)> {
    body.split("<text ")
        .skip(1)
        .map(|element| {
            let tag = format!(" {}", element.split('>').next().unwrap());
            let text = element.split('>').nth(1).unwrap().split('<').next().unwrap();
            let text = text.replace("&lt;", "<").replace("&amp;", "&");
            let [x, y] = ["x", "y"].map(|name| attribute(&tag, name).parse::<f64>().unwrap());
            let width = width(&text);
            let part = match attribute(&tag, "text-anchor") {
                "start" => 0.0,
                "middle" => 0.5,
                _ => 1.0,
            };
            let rect = Rect { x: x - part * width + 0.3, y: y - 9.5, width: width - 0.6, height: 12.0 };
            (rect, text)
        })
        .collect()
}

#[test]
fn labels_do_not_overlap_and_stay_in_the_picture() {
    for (name, chart) in all() {
        let texts = texts(&chart.body);
        assert!(texts.len() > 3, "{name}");
        for (index, (rect, text)) in texts.iter().enumerate() {
            let inside =
                rect.x >= 0.0 && rect.right() <= WIDTH && rect.y >= 0.0 && rect.bottom() <= chart.height;
            assert!(inside, "{name}: {text:?} {rect:?}");
            for (other, second) in &texts[index + 1..] {
                assert!(!rect.overlaps(other), "{name}: {text:?} and {second:?}");
            }
        }
    }
}

#[test]
fn files_are_well_formed() {
    for (name, chart) in all() {
        let file = chart.file();
        let mut open: Vec<&str> = Vec::new();
        for tag in file.split('<').skip(2) {
            let tag = tag.split('>').next().unwrap();
            let element = tag.split([' ', '\n']).next().unwrap();
            assert_eq!(tag.matches('"').count() % 2, 0, "{name}: {tag}");
            if let Some(ended) = element.strip_prefix('/') {
                assert_eq!(open.pop(), Some(ended), "{name}");
            } else if !tag.ends_with('/') {
                open.push(element);
            }
        }
        assert!(open.is_empty(), "{name}: {open:?}");
        assert!(1.35 * width(&chart.title) < WIDTH - 20.0, "{name}: the title in its larger letters");
        assert!(file.contains("role=\"img\"") && file.contains("<desc id="), "{name}");
    }
}

#[test]
fn coordinates_are_numbers() {
    for (name, chart) in all() {
        for part in chart.body.split(" d=\"").skip(1) {
            let path = part.split('"').next().unwrap();
            let numbers = path.split(['M', 'L', 'Z', ' ']).filter(|number| !number.is_empty());
            assert!(numbers.clone().count() >= 4, "{name}: {path}");
            assert!(numbers.clone().all(|number| number.parse::<f64>().unwrap().is_finite()), "{name}");
        }
    }
}

fn found(wanted: &str, chart: &str) -> Chart {
    let (_, report) = odd().into_iter().find(|(name, _)| *name == wanted).unwrap();
    charts(&report).into_iter().find(|one| one.name == chart).unwrap()
}

#[test]
fn zero_errors_are_labelled_as_none_observed() {
    for name in ["identification-det", "growth"] {
        assert!(found("no errors", name).body.contains("0 observed"), "{name}");
    }
    assert!(found("three probes", "identification-det").body.contains("at FPIR 1\u{a0}%, 0 observed"));
}

#[test]
fn every_operating_point_has_a_label() {
    let det = found("example", "identification-det");
    assert_eq!(det.body.matches(" at FPIR ").count(), 3);
    assert_eq!(found("example", "roc").body.matches(" at FMR ").count(), 4);
    let histogram = found("near thresholds", "identification-histogram");
    assert_eq!(histogram.body.matches("class=\"flag\"").count(), 8);
}

#[test]
fn an_axis_that_does_not_start_at_zero_states_its_start() {
    assert!(found("example", "cmc").body.contains("axis starts at 90\u{a0}%"));
    assert!(!found("only errors", "cmc").body.contains("axis starts"));
}

#[test]
fn empty_data_has_no_chart() {
    let names = |wanted: &str| -> Vec<&'static str> {
        let (_, report) = odd().into_iter().find(|(name, _)| *name == wanted).unwrap();
        charts(&report).iter().map(|chart| chart.name).collect()
    };
    assert!(names("nothing").is_empty() && names("nothing in it").is_empty());
    assert!(!names("empty growth").contains(&"growth"));
    assert_eq!(names("example"), super::NAMES);
}

/// Relative luminance (WCAG 2).
fn luminance(colour: &str) -> f64 {
    let part = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
}

#[test]
fn colours_are_readable_on_light_and_dark_backgrounds() {
    let (light, dark) = COLOURS.split_once("@media").unwrap();
    for scheme in [light, dark] {
        let colour = |name: &str| {
            let start = scheme.find(&format!("--{name}: #")).unwrap() + name.len() + 5;
            luminance(&scheme[start..start + 6])
        };
        let contrast = |a: &str, b: &str| {
            let (a, b) = (colour(a), colour(b));
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        for name in ["ink", "quiet", "accent", "caution", "s0", "s1", "s2", "s3", "s4", "s5"] {
            assert!(contrast(name, "ground") >= 4.5, "{name}: {}", contrast(name, "ground"));
        }
        assert!(contrast("quiet", "raised") >= 4.5 && contrast("caution", "caution-ground") >= 4.5);
    }
}

#[test]
fn colours_for_old_viewers_equal_the_light_scheme() {
    let (light, _) = COLOURS.split_once("@media").unwrap();
    let pairs = super::STYLE.lines().filter(|line| line.contains("var(--"));
    for line in pairs {
        for part in line.split("var(--").skip(1) {
            let name = part.split(')').next().unwrap();
            let start = light.find(&format!("--{name}: #")).unwrap() + name.len() + 4;
            assert!(line.contains(&light[start..start + 7]), "{line}");
        }
    }
}

#[test]
#[ignore = "writes a page for inspection: GALLERIST_PAGE names the directory"]
fn pages_for_inspection() {
    let directory = std::path::PathBuf::from(std::env::var_os("GALLERIST_PAGE").unwrap());
    for (name, report) in odd() {
        crate::report::write(&report, &directory.join(name.replace(' ', "-"))).unwrap();
    }
}
