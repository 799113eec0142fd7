//! A plan as one HTML page: pictures side by side, why they match, which one is kept and why. Choices that are made on the page can be saved
//! as a plan. The page needs no network and no other file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rayon::prelude::*;

use super::chart::{COLOURS, Escaped};
use crate::control::Control;
use crate::dedup::plan::{Action, Group, Kind, Member, Plan};
use crate::number::{self, count};

const STYLE: &str = include_str!("copies/style.css");
const SCRIPT: &str = include_str!("copies/script.js");
/// Longest side of a picture on the page, in pixels.
pub const LONGEST: u32 = 220;
/// Groups whose pictures are made at once.
const BATCH: usize = 64;

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
    for (batch, groups) in plan.groups.chunks(BATCH).enumerate() {
        if control.is_stopped() {
            return Ok(false);
        }
        let sections: Vec<String> = groups
            .par_iter()
            .enumerate()
            .map(|(at, group)| section(batch * BATCH + at, group, root.as_deref(), pictures))
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
    root.map(|root| format!(" in {}", Escaped(&root.to_string_lossy()))).unwrap_or_default()
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

fn section(number: usize, group: &Group, root: Option<&Path>, pictures: Pictures<'_>) -> String {
    let kind = match group.kind {
        Kind::Exact => "Equal files",
        Kind::Similar => "The same picture",
        Kind::Burst => "A burst: different photos of one moment",
    };
    let members: String = group
        .members
        .iter()
        .enumerate()
        .map(|(at, member)| figure(number, at, member, root, pictures))
        .collect();
    // Two pictures need half of the width.
    let wide = if group.members.len() > 2 { " class=\"wide\"" } else { "" };
    format!(
        "<section data-group=\"{number}\"{wide} aria-labelledby=\"g{number}\">\n<h2 id=\"g{number}\">{kind} <span class=\"quiet\">{}</span></h2>\n\
         <p class=\"wrong\" hidden>Keep at least one.</p>\n<div>\n{members}</div>\n\
         <label><input type=\"checkbox\" autocomplete=\"off\"> keep all, and do not ask again</label>\n</section>\n",
        Escaped(&group.id)
    )
}

fn figure(group: usize, at: usize, member: &Member, root: Option<&Path>, pictures: Pictures<'_>) -> String {
    let path = member.photo.path().unwrap_or_default();
    let name = root.and_then(|root| path.strip_prefix(root).ok()).unwrap_or(&path).to_string_lossy();
    let picture = match pictures(&path) {
        Some(jpeg) => {
            let data = STANDARD.encode(jpeg);
            format!(
                "<img loading=\"lazy\" decoding=\"async\" alt=\"\" src=\"data:image/jpeg;base64,{data}\">"
            )
        }
        None => "<span class=\"none\">no picture</span>".into(),
    };
    let (class, checked) = match member.action {
        Action::Keep => ("keep", ""),
        Action::Move => ("move", " checked"),
    };
    let size = match member.width {
        0 => String::new(),
        _ => format!("{} x {}, ", member.width, member.height),
    };
    let bytes: u64 = member.files.iter().map(|file| file.bytes).sum();
    let files =
        if member.files.len() > 1 { format!(", {} files", member.files.len()) } else { String::new() };
    let taken = member.taken.as_ref().map(|taken| format!(", taken {}", Escaped(taken))).unwrap_or_default();
    format!(
        "<figure class=\"{class}\">{picture}<figcaption><label for=\"m{group}-{at}\"><input type=\"checkbox\" id=\"m{group}-{at}\" \
         data-member=\"{at}\" autocomplete=\"off\"{checked}> move</label><span class=\"path\">{}</span>\
         <span class=\"quiet\">{size}{}{files}{taken}<br>{}</span></figcaption></figure>\n",
        Escaped(&name),
        number::bytes(bytes),
        Escaped(&member.why),
    )
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
        let (count, detail) = (unread.paths.len(), Escaped(&unread.detail));
        writeln!(out, "<tr><td>{count}<td>{detail}<td>{}</tr>", Escaped(&example.to_string_lossy()))?;
    }
    writeln!(out, "</table></section>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedup::plan::{Counts, PathText, PlannedFile};

    #[test]
    fn names_cannot_break_out_of_the_page() {
        let name = "/x/</script><script>alert(\"1\")</script>.jpg";
        let path = PathText::Text(name.into());
        let file = PlannedFile { paths: vec![path.clone()], bytes: 3, blake3: "00".into() };
        let member = Member {
            action: Action::Keep,
            why: "<b>".into(),
            photo: path,
            width: 1,
            height: 1,
            taken: None,
            files: vec![file],
        };
        let group = Group { id: "1".into(), kind: Kind::Exact, keep_all: false, members: vec![member] };
        let plan = Plan {
            version: 1,
            roots: vec![],
            references: vec![],
            keep: vec![],
            groups: vec![group],
            unread: vec![],
            counts: Counts::default(),
        };
        let mut page = Vec::new();
        assert!(write(&plan, &|_| None, &Control::none(), &mut page).unwrap());
        let page = String::from_utf8(page).unwrap();
        assert_eq!(page.matches("<script").count(), 2);
        assert!(page.contains("no picture") && page.contains("&lt;b&gt;") && !page.contains("<b>"));
    }
}
