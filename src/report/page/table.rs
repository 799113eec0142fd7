//! Tables and figures of the page.

use crate::evaluation::Rate;
use crate::number::{count, interval, percent};
use crate::report::chart::{Chart, Escaped};

/// A table that scrolls horizontally if it is too wide. Cells are HTML.
pub struct Table {
    caption: &'static str,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new<S: Into<String>>(caption: &'static str, columns: impl IntoIterator<Item = S>) -> Self {
        Self { caption, columns: columns.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The element. Empty if there are no rows.
    pub fn html(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let head: String = self.columns.iter().map(|name| format!("<th scope=\"col\">{name}</th>")).collect();
        let body: String = self.rows.iter().map(|cells| row(cells)).collect();
        let caption = self.caption;
        format!(
            "<div class=\"scroll\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\">\n<table>\n<caption>{caption}</caption>\n\
             <thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n</div>\n"
        )
    }
}

fn row(cells: &[String]) -> String {
    let cell = |(column, cell): (usize, &String)| {
        if column == 0 { format!("<th scope=\"row\">{cell}</th>") } else { format!("<td>{cell}</td>") }
    };
    format!("<tr>{}</tr>\n", cells.iter().enumerate().map(cell).collect::<String>())
}

/// A rate with its interval and its counts.
pub fn rate(rate: &Rate) -> String {
    format!(
        "{}<small>{}</small><small>{} of {}</small>",
        percent(rate.value),
        interval(rate.interval),
        count(rate.errors),
        count(rate.trials)
    )
}

/// A rate with its interval.
pub fn share(rate: &Rate) -> String {
    format!("{}<small>{}</small>", percent(rate.value), interval(rate.interval))
}

/// The mark of a row with few errors.
pub const FEW: &str = " <span class=\"few\">few</span>";
/// The explanation of the mark.
pub const FEW_NOTE: &str = "<p class=\"note\"><span class=\"few\">few</span> This row is based on fewer than ten false alarms: other \
                            non-mated photos could have given a very different threshold.</p>\n";

/// A chart and how to read it.
pub fn figure(chart: &Chart) -> String {
    let title = Escaped(&chart.title);
    format!(
        "<figure>\n<h3>{title}</h3>\n{}\n<figcaption>{}</figcaption>\n</figure>\n",
        chart.inline(),
        Escaped(chart.reading)
    )
}
