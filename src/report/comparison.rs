//! A page of pictures side by side, as one HTML file: no network, no scripts and no other file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::chart::{COLOURS, Escaped};

const STYLE: &str = include_str!("comparison/style.css");

/// A list of comparisons.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Its heading.
    pub heading: String,
    /// A line below it.
    pub lede: String,
    /// The comparisons, in their order.
    pub comparisons: Vec<Comparison>,
}

/// Two pictures and their score.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The score, as text.
    pub score: String,
    /// A remark.
    pub note: String,
    /// The two.
    pub sides: [Side; 2],
}

/// One of two pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The name below the picture.
    pub name: String,
    /// Lines below the name.
    pub details: Vec<String>,
    /// A JPEG; `None` if there is no picture.
    pub picture: Option<Vec<u8>>,
}

/// The whole page.
pub fn html(title: &str, lede: &str, sections: &[Section]) -> String {
    let body: String = sections.iter().enumerate().map(|(number, one)| section(number, one)).collect();
    let (title, lede) = (Escaped(title), Escaped(lede));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{COLOURS}{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n<p class=\"lede\">{lede}</p>\n</header>\n\
         <main>\n{body}</main>\n</body>\n</html>\n"
    )
}

fn section(number: usize, section: &Section) -> String {
    let comparisons: String = section.comparisons.iter().map(comparison).collect();
    let list = if comparisons.is_empty() {
        "<p class=\"none\">None.</p>\n".to_owned()
    } else {
        format!("<ol>\n{comparisons}</ol>\n")
    };
    format!(
        "<section aria-labelledby=\"section-{number}\">\n<h2 id=\"section-{number}\">{}</h2>\n<p>{}</p>\n{list}</section>\n",
        Escaped(&section.heading),
        Escaped(&section.lede)
    )
}

fn comparison(one: &Comparison) -> String {
    let [left, right] = &one.sides;
    format!(
        "<li>\n<p class=\"score\">{}</p>\n<div class=\"sides\">\n{}{}</div>\n<p class=\"note\">{}</p>\n</li>\n",
        Escaped(&one.score),
        side(left),
        side(right),
        Escaped(&one.note)
    )
}

fn side(side: &Side) -> String {
    let name = Escaped(&side.name);
    let picture = match &side.picture {
        Some(jpeg) => format!(
            "<img loading=\"lazy\" width=\"192\" height=\"192\" alt=\"{name}\" src=\"data:image/jpeg;base64,{}\">",
            STANDARD.encode(jpeg)
        ),
        None => "<div class=\"absent\">no picture</div>".to_owned(),
    };
    let details: String =
        side.details.iter().map(|line| format!("<small>{}</small>", Escaped(line))).collect();
    format!("<figure>\n{picture}\n<figcaption><b>{name}</b>{details}</figcaption>\n</figure>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_pictures_are_inside() {
        let side = |name: &str, picture| Side { name: name.into(), details: vec!["a&b".into()], picture };
        let sides = [side("<i>Ada\"", Some(vec![0xff, 0xd8])), side("Bob", None)];
        let one = Comparison { score: "0.900".into(), note: "x<y".into(), sides };
        let section = |comparisons| Section { heading: "Twice?".into(), lede: "all".into(), comparisons };
        let page = html("A & B", "2 subjects", &[section(vec![one]), section(Vec::new())]);
        assert!(page.contains("src=\"data:image/jpeg;base64,/9g=\"") && page.contains("no picture"));
        assert!(
            page.contains("&lt;i&gt;Ada") && !page.contains("<i>") && page.contains("A &amp; B"),
            "{page}"
        );
        assert!(page.contains("None.") && page.contains("x&lt;y"));
        assert!(!page.contains("http") && !page.contains("<script"), "it needs nothing else");
    }
}
