//! A report as one HTML page. It needs no network, no scripts and no other file.

mod method;
mod sections;
mod table;
#[cfg(test)]
mod tests;
mod tiles;

pub(super) use self::table::Table;
use self::table::figure;
use super::Report;
use super::chart::{COLOURS, Chart, Escaped, STYLE};

/// The style of a page, without that of its charts.
pub(super) const PAGE: &str = include_str!("page/style.css");

/// The whole page.
pub fn html(report: &Report) -> String {
    let title = Escaped(&report.setting.title);
    let identification = report.identification.as_ref().map(sections::identification).unwrap_or_default();
    let verification = report.verification.as_ref().map(sections::verification).unwrap_or_default();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · evaluation of face recognition</title>\n<style>\n{COLOURS}{STYLE}{PAGE}</style>\n</head>\n<body>\n\
         {}<main>\n{}{}{}{identification}{verification}{}</main>\n{}</body>\n</html>\n",
        method::header(report),
        warnings(&report.warnings),
        tiles::section(report),
        method::setting(report),
        method::method(report),
        method::footer(report),
    )
}

fn warnings(warnings: &[String]) -> String {
    if warnings.is_empty() {
        return String::new();
    }
    let items: String = warnings.iter().map(|warning| format!("<li>{}</li>\n", Escaped(warning))).collect();
    format!(
        "<section class=\"warnings\" aria-labelledby=\"warnings\">\n<h2 id=\"warnings\">Warnings</h2>\n<ul>\n{items}</ul>\n</section>\n"
    )
}

/// The charts beside each other.
pub(super) fn figures(charts: &[Chart]) -> String {
    if charts.is_empty() {
        return String::new();
    }
    let figures: String = charts.iter().map(figure).collect();
    format!("<div class=\"figures\">\n{figures}</div>\n")
}
