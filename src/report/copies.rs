//! A plan as one HTML page: pictures side by side, why they match, which one is kept and why. Choices that are made on the page can be saved
//! as a plan. The page needs no network and no other file.

mod figure;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use self::figure::{Shown, text};
use super::chart::COLOURS;
use crate::control::Control;
use crate::dedup::plan::Plan;
use crate::number::{count, plural};

const STYLE: &str = include_str!("copies/style.css");
const SCRIPT: &str = include_str!("copies/script.js");
/// Longest side of a picture on the page, in pixels.
pub const LONGEST: u32 = 220;
/// Groups whose pictures are made at once.
const BATCH: usize = 64;
/// Symbolic links that are named above the groups.
const LINKS: usize = 10;

/// Makes the JPEG of a photo, at most [`LONGEST`] pixels on its longer side. `None` if it cannot be read.
pub type Pictures<'a> = &'a (dyn Fn(&Path) -> Option<Vec<u8>> + Sync);

/// Writes the page. Returns `false` if it was stopped.
///
/// # Errors
/// `out` cannot be written.
pub fn write(
    plan: &Plan,
    pictures: Pictures<'_>,
    control: &Control<'_>,
    out: &mut impl Write,
) -> io::Result<bool> {
    let counts = plan.counts;
    let root = common_root(plan);
    let shown = Shown { plan, root: root.as_deref(), pictures };
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Copies of photos</title>\n\
         <style>\n{COLOURS}{STYLE}</style>\n</head>\n<body>\n<header><div><h1>Copies of photos</h1>\n\
         <span>{} photos{}</span>\n<span id=\"sum\" role=\"status\"></span>\n<button id=\"save\" type=\"button\">Save plan</button></div>\n\
         <div><label>Show <select id=\"show\" autocomplete=\"off\">{}</select></label>\n\
         <label>Path <input id=\"search\" type=\"search\" placeholder=\"a part of it\" autocomplete=\"off\"></label>\n\
         <span id=\"shown\" role=\"status\"></span></div></header>\n<main>\n",
        count(counts.photos),
        place(plan),
        options(plan)
    )?;
    links(plan, out)?;
    for (batch, groups) in plan.groups.chunks(BATCH).enumerate() {
        if control.is_stopped() {
            return Ok(false);
        }
        let sections: Vec<String> = groups
            .par_iter()
            .enumerate()
            .map(|(at, group)| shown.section(batch * BATCH + at, group))
            .collect();
        sections.iter().try_for_each(|section| out.write_all(section.as_bytes()))?;
        let done = batch * BATCH + groups.len();
        control.report("groups shown", done as u64, Some(plan.groups.len() as u64));
    }
    if plan.groups.is_empty() {
        writeln!(out, "<p>No copies were found.</p>")?;
    }
    unread(plan, out)?;
    // `<` could end the element.
    let json = serde_json::to_string(plan)?.replace('<', "\\u003c");
    write!(
        out,
        "</main>\n<script id=\"plan\" type=\"application/json\">{json}</script>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )?;
    Ok(true)
}

/// The folder of all photos, if the plan has one.
fn common_root(plan: &Plan) -> Option<PathBuf> {
    match plan.roots.as_slice() {
        [root] if plan.references.is_empty() => root.path(),
        _ => None,
    }
}

fn place(plan: &Plan) -> String {
    let root = common_root(plan);
    root.map(|root| format!(" in {}", text(&root.to_string_lossy()))).unwrap_or_default()
}

/// What the page can show, with the number of groups.
fn options(plan: &Plan) -> String {
    let counts = plan.counts;
    let kinds = [
        ("all", "all groups", plan.groups.len() as u64),
        ("exact", "equal files", counts.exact_groups),
        ("similar", "the same picture", counts.similar_groups),
        ("burst", "bursts", counts.bursts),
    ];
    let option = |(value, name, groups): (&str, &str, u64)| {
        format!("<option value=\"{value}\">{name} ({})</option>", count(groups))
    };
    let changed = "<option value=\"changed\">changed on this page</option>";
    kinds.into_iter().map(option).chain([changed.to_owned()]).collect()
}

/// Names symbolic links that would lead nowhere.
fn links(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    let links = plan.links();
    if links.is_empty() {
        return Ok(());
    }
    let lead = if links.len() == 1 { "leads" } else { "lead" };
    let count = plural(links.len() as u64, "symbolic link");
    write!(out, "<p>{count} {lead} to files that the plan would move, and then nowhere:")?;
    for link in links.iter().take(LINKS) {
        write!(out, "<br>{}", text(&link.to_string_lossy()))?;
    }
    if links.len() > LINKS {
        write!(out, "<br>and {} more", links.len() - LINKS)?;
    }
    writeln!(out, "</p>")
}

fn unread(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    if plan.unread.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<section class=\"wide\" aria-labelledby=\"unread\"><h2 id=\"unread\">Not compared</h2>\n<table><tr><th>files<th>reason<th>an example</tr>"
    )?;
    for unread in &plan.unread {
        let example = unread.paths.first().and_then(|path| path.path()).unwrap_or_default();
        let (count, detail) = (unread.paths.len(), text(&unread.detail));
        writeln!(out, "<tr><td>{count}<td>{detail}<td>{}</tr>", text(&example.to_string_lossy()))?;
    }
    writeln!(out, "</table></section>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedup::plan::{Action, Counts, Group, Kind, Member, PathText, PlannedFile};

    fn file(path: &str, content: &str) -> PlannedFile {
        let paths = vec![PathText::Text(path.into())];
        PlannedFile { paths, bytes: 3, blake3: content.into(), links: vec![] }
    }

    fn member(action: Action, files: Vec<PlannedFile>) -> Member {
        let photo = files[0].paths[0].clone();
        Member { action, why: "<b>".into(), photo, width: 1, height: 1, taken: None, files }
    }

    fn page(members: Vec<Member>, pictures: Pictures<'_>) -> String {
        let group = Group { id: "1".into(), kind: Kind::Exact, keep_all: false, members };
        let plan = Plan {
            version: 1,
            roots: vec![],
            references: vec![PathText::Text("/archive".into())],
            keep: vec![],
            groups: vec![group],
            unread: vec![],
            counts: Counts::default(),
        };
        let mut page = Vec::new();
        assert!(write(&plan, pictures, &Control::none(), &mut page).unwrap());
        String::from_utf8(page).unwrap()
    }

    /// The page without the plan in it.
    fn shown(page: &str) -> &str {
        page.split("<script").next().unwrap()
    }

    #[test]
    fn names_cannot_break_out_of_the_page() {
        let name = "/x/</script><script>alert(\"1\")</script>.jpg";
        let page = page(vec![member(Action::Keep, vec![file(name, "00")])], &|_| None);
        assert_eq!(page.matches("<script").count(), 2);
        assert!(page.contains("no picture") && page.contains("&lt;b&gt;") && !page.contains("<b>"));
    }

    #[test]
    fn characters_that_are_not_seen_are_written_out() {
        let page = page(vec![member(Action::Keep, vec![file("/x/a\u{202e}gpj.exe\n", "00")])], &|_| None);
        assert!(shown(&page).contains("a\\u{202e}gpj.exe\\n"), "{page}");
    }

    #[test]
    fn files_with_equal_bytes_share_one_picture() {
        let names = [("/a", "01"), ("/b", "01"), ("/c", "02"), ("/d", "01"), ("/none", "03"), ("/e", "03")];
        let members = names.map(|(name, content)| member(Action::Keep, vec![file(name, content)]));
        let page = page(members.to_vec(), &|path| (path != "/none").then(|| vec![1, 2, 3]));
        let shown = shown(&page);
        assert_eq!(shown.matches("src=\"data:").count(), 3, "{shown}");
        assert_eq!(shown.matches("data-same=\"0\"").count(), 2, "{shown}");
        assert_eq!(shown.matches("no picture").count(), 1, "{shown}");
    }

    #[test]
    fn a_photo_of_a_reference_folder_cannot_be_marked_and_companions_and_links_are_named() {
        let mut photo = file("/x/1.jpg", "01");
        photo.links = vec![PathText::Text("/x/best.jpg".into())];
        let copy = member(Action::Move, vec![photo, file("/x/1.xmp", "02")]);
        let page = page(vec![member(Action::Keep, vec![file("/archive/1.jpg", "01")]), copy], &|_| None);
        let shown = shown(&page);
        assert_eq!(shown.matches(" disabled").count(), 1, "{shown}");
        assert!(shown.contains("with 1.xmp") && shown.contains("linked from /x/best.jpg"), "{shown}");
        assert!(shown.contains("1 symbolic link leads to files that the plan would move"), "{shown}");
    }
}
