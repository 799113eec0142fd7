//! Charts of an evaluation, as SVG for light and dark backgrounds, as separate files and in a page.

mod axis;
mod canvas;
pub mod clusters;
mod det;
mod frame;
mod growth;
mod histogram;
mod labels;
mod shares;
#[cfg(test)]
mod tests;
pub mod training;

use self::canvas::{Anchor, Canvas};
use self::frame::{Frame, WIDTH};
use crate::evaluation::{Identification, Verification};

pub use self::canvas::Escaped;

/// The colours, as custom properties.
pub const COLOURS: &str = include_str!("chart/colours.css");
/// The style of the elements of a chart.
pub const STYLE: &str = include_str!("chart/style.css");

/// Names of all charts.
pub const NAMES: [&str; 7] = [
    "identification-det",
    "cmc",
    "identification-histogram",
    "growth",
    "verification-det",
    "roc",
    "verification-histogram",
];

/// Height of the title above a chart in a separate file.
const HEADING: f64 = 34.0;

/// A complete chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The name of its file without the extension.
    pub name: &'static str,
    /// A title for people.
    pub title: String,
    /// A description for people who cannot see it.
    pub description: String,
    /// How to read it, and which direction is better.
    pub reading: &'static str,
    body: String,
    height: f64,
}

impl Chart {
    fn new(
        name: &'static str,
        title: &str,
        description: String,
        reading: &'static str,
        frame: Frame,
    ) -> Self {
        let (body, height) = frame.finish();
        Self { name, title: title.to_owned(), description, reading, body, height }
    }

    /// A separate file, with title and style.
    pub fn file(&self) -> String {
        let mut heading = Canvas::default();
        heading.text("heading", [10.0, -10.0], Anchor::Start, &self.title);
        let heading = heading.finish();
        let body = format!(
            "<style>\n{COLOURS}{STYLE}</style>\n<rect class=\"ground\" x=\"0\" y=\"-{HEADING}\" width=\"100%\" height=\"100%\"/>\n{heading}{}",
            self.body
        );
        let height = self.height + HEADING;
        let size = format!("width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 -{HEADING} {WIDTH} {height}\"");
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", self.element(&size, &body))
    }

    /// The element for a page that contains the style.
    pub fn inline(&self) -> String {
        self.element(&format!("viewBox=\"0 0 {WIDTH} {}\"", self.height), &self.body)
    }

    fn element(&self, size: &str, body: &str) -> String {
        let (name, title, description) = (self.name, Escaped(&self.title), Escaped(&self.description));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" {size} role=\"img\" aria-labelledby=\"{name}-title {name}-desc\">\n\
             <title id=\"{name}-title\">{title}</title>\n<desc id=\"{name}-desc\">{description}</desc>\n{body}</svg>"
        )
    }
}

/// The charts of an identification. Charts without data are left out.
pub fn of_identification(identification: &Identification) -> Vec<Chart> {
    [
        det::identification(identification),
        shares::cmc(&identification.cmc),
        histogram::identification(identification),
        growth::chart(&identification.growth),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The charts of a verification. Charts without data are left out.
pub fn of_verification(verification: &Verification) -> Vec<Chart> {
    [det::verification(verification), shares::roc(verification), histogram::verification(verification)]
        .into_iter()
        .flatten()
        .collect()
}
