//! Clusters of faces as one HTML page: who is on which pictures. Names, moves and rejections that are entered on the page can be saved as a review.
//! The page needs no network and no other file.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::chart::{COLOURS, Escaped};

const STYLE: &str = include_str!("people/style.css");
const SCRIPT: &str = include_str!("people/script.js");

/// A cluster on the page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cluster {
    /// Id of its subject, if it has one.
    pub subject_id: Option<u64>,
    /// Name of its subject.
    pub subject: Option<String>,
    /// Number of its faces.
    pub faces: u64,
    /// Ids of all its faces without a subject.
    pub face_ids: Vec<u64>,
    /// Names of other subjects that may be the same person, each with its score in brackets.
    #[serde(skip)]
    pub alike: Vec<String>,
    /// The faces that are shown.
    #[serde(skip)]
    pub shown: Vec<ShownFace>,
}

/// A face on the page.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownFace {
    /// Id of the template.
    pub id: u64,
    /// Where it is from.
    pub path: String,
    /// A JPEG; `None` if there is no picture.
    pub picture: Option<Vec<u8>>,
}

/// What the script of the page reads.
#[derive(Serialize)]
struct Data<'a> {
    gallery: &'a str,
    clusters: &'a [Cluster],
}

/// The whole page. `gallery` is the id of the gallery, which a saved review has. `names` are the names that are proposed while the user types.
pub fn html(lede: &str, gallery: &str, clusters: &[Cluster], names: &[String]) -> String {
    let sections: String = clusters.iter().enumerate().map(|(at, cluster)| section(at, cluster)).collect();
    let options: String = names.iter().map(|name| format!("<option value=\"{}\">", Escaped(name))).collect();
    // `<` could end the element.
    let json = serde_json::to_string(&Data { gallery, clusters }).unwrap_or_default().replace('<', "\\u003c");
    let none = if clusters.is_empty() { "<p>There are no clusters of several faces.</p>\n" } else { "" };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>People</title>\n\
         <style>\n{COLOURS}{STYLE}</style>\n</head>\n<body>\n<header><div><h1>People</h1>\n<span>{}</span>\n\
         <span id=\"changes\" role=\"status\"></span>\n<button id=\"save\" type=\"button\" disabled>Save review</button></div>\n\
         <p class=\"quiet\">Give each cluster a name; clusters with the same name become one person. Select the faces that do not belong to the \
         cluster, the most doubtful ones are the first, and say who they are if you know. Then save the review and apply it with <code>gallerist cluster GALLERY --apply review.json</code>.</p>\
         </header>\n<main>\n<datalist id=\"names\">{options}</datalist>\n{none}{sections}</main>\n\
         <script id=\"data\" type=\"application/json\">{json}</script>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        Escaped(lede)
    )
}

fn section(at: usize, cluster: &Cluster) -> String {
    let name = cluster.subject.as_deref().unwrap_or_default();
    let heading = if name.is_empty() { "without a name" } else { name };
    let mut section = format!(
        "<section data-cluster=\"{at}\" aria-labelledby=\"c{at}\">\n<h2 id=\"c{at}\">{} <span class=\"quiet\">{} {}</span></h2>\n\
         <div class=\"names\"><label>Name <input type=\"text\" class=\"name\" list=\"names\" value=\"{}\" autocomplete=\"off\" maxlength=\"255\"></label>\n\
         <label>Selected faces are <input type=\"text\" class=\"other\" list=\"names\" placeholder=\"somebody else\" autocomplete=\"off\" maxlength=\"255\"></label>\n\
         <span class=\"note\" role=\"status\"></span></div>\n{}<div>\n",
        Escaped(heading),
        cluster.faces,
        if cluster.faces == 1 { "face" } else { "faces" },
        Escaped(name),
        alike(&cluster.alike)
    );
    for face in &cluster.shown {
        let picture = match &face.picture {
            Some(jpeg) => format!(
                "<img loading=\"lazy\" decoding=\"async\" width=\"112\" height=\"112\" alt=\"\" src=\"data:image/jpeg;base64,{}\">",
                STANDARD.encode(jpeg)
            ),
            None => "<span class=\"none\">no picture</span>".into(),
        };
        let path = Escaped(&face.path);
        let _ = writeln!(
            section,
            "<label class=\"face\" title=\"{path}\"><input type=\"checkbox\" data-face=\"{id}\" aria-label=\"{path}: not this person\">{picture}</label>",
            id = face.id
        );
    }
    let more = cluster.faces.saturating_sub(cluster.shown.len() as u64);
    if more > 0 {
        let _ = writeln!(section, "<span class=\"quiet more\">and {more} more</span>");
    }
    section + "</div>\n</section>\n"
}

/// The line about subjects that may be the same person.
fn alike(names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names = names.join(", ");
    format!(
        "<p class=\"quiet\">May be the same person as {}; the same name makes them one.</p>\n",
        Escaped(&names)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_the_page() {
        let name = "</script><script>alert(\"1\")</script>";
        let shown = vec![
            ShownFace { id: 7, path: "\"><b>".into(), picture: Some(vec![0xff, 0xd8]) },
            ShownFace { id: 8, path: "a".into(), picture: None },
        ];
        let cluster = Cluster {
            subject_id: Some(1),
            subject: Some(name.into()),
            faces: 5,
            face_ids: vec![7],
            alike: vec!["<b>Bob (0.61)".into()],
            shown,
        };
        let page = html("a & b", "<i>", &[cluster], &[name.into()]);
        assert_eq!(page.matches("<script").count(), 2);
        assert!(
            !page.contains("<b>")
                && !page.contains("<i>")
                && page.contains("\"gallery\":\"\\u003ci>\"")
                && page.contains("a &amp; b")
                && page.contains("and 3 more")
        );
        assert!(page.contains("no picture") && page.contains("src=\"data:image/jpeg;base64,/9g=\""));
        assert!(!page.contains("http:") && !page.contains("https:"), "it needs nothing else");
        assert!(page.contains("May be the same person as &lt;b&gt;Bob (0.61);"), "{page}");
        assert!(html("", "", &[], &[]).contains("no clusters of several faces"));
    }
}
