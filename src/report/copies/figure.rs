//! A group on the page, and its pictures.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Pictures;
use crate::dedup::plan::{Action, Group, Kind, Member, PathText, Plan};
use crate::number;
use crate::report::chart::Escaped;
use crate::report::escape::escaped;

/// What is shown of a plan.
pub(super) struct Shown<'a> {
    pub plan: &'a Plan,
    /// The folder below which paths are shown.
    pub root: Option<&'a Path>,
    pub pictures: Pictures<'a>,
}

impl Shown<'_> {
    /// The element of a group.
    pub fn section(&self, number: usize, group: &Group) -> String {
        let kind = match group.kind {
            Kind::Exact => "Equal files",
            Kind::Similar => "The same picture",
            Kind::Burst => "A burst: different photos of one moment",
        };
        // The first member with a picture of each content.
        let mut first: HashMap<&str, usize> = HashMap::new();
        let mut members = String::new();
        for (at, member) in group.members.iter().enumerate() {
            let content = content(member);
            let picture = match content.and_then(|content| first.get(content)) {
                Some(same) => format!(
                    "<img decoding=\"async\" alt=\"the same picture as number {} of this group\" data-same=\"{same}\">",
                    same + 1
                ),
                None => match (self.pictures)(&member.photo.path().unwrap_or_default()) {
                    Some(jpeg) => {
                        first.extend(content.map(|content| (content, at)));
                        let data = STANDARD.encode(jpeg);
                        format!(
                            "<img loading=\"lazy\" decoding=\"async\" alt=\"\" src=\"data:image/jpeg;base64,{data}\">"
                        )
                    }
                    None => "<span class=\"none\">no picture</span>".into(),
                },
            };
            members += &self.figure(&format!("m{number}-{at}"), at, member, &picture);
        }
        // Two pictures need half of the width.
        let wide = if group.members.len() > 2 { " class=\"wide\"" } else { "" };
        format!(
            "<section data-group=\"{number}\"{wide} aria-labelledby=\"g{number}\">\n<h2 id=\"g{number}\">{kind} <span class=\"quiet\">{}</span></h2>\n\
             <p class=\"wrong\" hidden>Keep at least one.</p>\n<div>\n{members}</div>\n\
             <label><input type=\"checkbox\" autocomplete=\"off\"> keep all, and do not ask again</label>\n</section>\n",
            Escaped(&group.id)
        )
    }

    fn figure(&self, id: &str, at: usize, member: &Member, picture: &str) -> String {
        let (class, checked) = match member.action {
            Action::Keep => ("keep", ""),
            Action::Move => ("move", " checked"),
        };
        let disabled = if self.plan.is_reference(member) { " disabled" } else { "" };
        let size = match member.width {
            0 => String::new(),
            _ => format!("{} x {}, ", member.width, member.height),
        };
        let bytes: u64 = member.files.iter().map(|file| file.bytes).sum();
        let taken = member.taken.as_ref().map(|taken| format!(", taken {}", text(taken))).unwrap_or_default();
        let mut details = format!("{size}{}{taken}<br>{}", number::bytes(bytes), text(&member.why));
        let companions = member.files.iter().filter(|file| !file.paths.contains(&member.photo));
        for path in companions.filter_map(|file| file.paths.first().and_then(PathText::path)) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let _ = write!(details, "<br>with {}", text(&name)); // writing to a String never fails
        }
        for link in member.files.iter().flat_map(|file| &file.links).filter_map(PathText::path) {
            let _ = write!(details, "<br>linked from {}", text(&self.name(&link)));
        }
        let name = self.name(&member.photo.path().unwrap_or_default());
        format!(
            "<figure class=\"{class}\">{picture}<figcaption><label for=\"{id}\"><input type=\"checkbox\" id=\"{id}\" \
             data-member=\"{at}\" autocomplete=\"off\"{checked}{disabled}> move</label><span class=\"path\">{}</span>\
             <span class=\"quiet\">{details}</span></figcaption></figure>\n",
            text(&name),
        )
    }

    /// A path below the folder of the plan.
    fn name(&self, path: &Path) -> String {
        let below = self.root.and_then(|root| path.strip_prefix(root).ok()).unwrap_or(path);
        below.to_string_lossy().into_owned()
    }
}

/// The content of the photo of a member.
fn content(member: &Member) -> Option<&str> {
    member.files.iter().find(|file| file.paths.contains(&member.photo)).map(|file| file.blake3.as_str())
}

/// A text for the page. Characters that are not seen, such as those that change the direction of writing, are written out.
pub(super) fn text(plain: &str) -> String {
    Escaped(&escaped(plain)).to_string()
}
