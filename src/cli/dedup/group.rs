//! Groups of copies as text.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli::screen::{Screen, escaped, plural};
use crate::dedup::application::Foreseen;
use crate::dedup::plan::{Action, Group, Kind, Member, PathText};

/// Groups that are printed if not all are asked for.
pub const SHOWN: usize = 20;
/// Symbolic links that are printed.
const LINKS_SHOWN: usize = 10;

/// The lines of a group, the first without indentation.
pub struct Listing(Vec<String>);

impl Listing {
    /// A group of a plan. The other files of a photo that moves are below it.
    pub fn of(group: &Group) -> Self {
        let kind = match group.kind {
            Kind::Exact => "equal files",
            Kind::Similar => "the same picture",
            Kind::Burst => "a burst",
        };
        let mut lines = vec![format!("{}  {kind}", group.id)];
        for member in &group.members {
            let path = member.photo.path().unwrap_or_default();
            lines.push(format!("  {}  {}  {}", name(member.action), shown(&path), escaped(&member.why)));
            if member.action == Action::Move {
                lines.extend(companions(member).map(|path| format!("        with {}", shown(&path))));
            }
        }
        Self(lines)
    }

    /// What a dry run would do with a group. `verb`: `move` or `replace`.
    pub fn foreseen(group: &Foreseen, verb: &str) -> Self {
        let keep = format!("{:width$}", "keep", width = verb.len());
        let kept = group.kept.iter().map(|path| format!("  {keep}  {}", shown(path)));
        let files = group.files.iter().map(|path| format!("  {verb}  {}", shown(path)));
        Self(std::iter::once(group.id.clone()).chain(kept).chain(files).collect())
    }

    /// Prints it.
    pub fn print(&self, screen: Screen) -> Result<()> {
        self.0.iter().try_for_each(|line| screen.text(line))?;
        Ok(())
    }
}

fn name(action: Action) -> &'static str {
    match action {
        Action::Keep => "keep",
        Action::Move => "move",
    }
}

/// The files that move with a photo, without its other names.
fn companions(member: &Member) -> impl Iterator<Item = PathBuf> {
    let others = member.files.iter().filter(|file| !file.paths.contains(&member.photo));
    others.filter_map(|file| file.paths.first().and_then(PathText::path))
}

fn shown(path: &Path) -> String {
    escaped(&path.to_string_lossy()).into_owned()
}

/// Says that symbolic links lead to files that `are` moved: they would lead nowhere.
pub fn print_links(links: &[PathBuf], are: &str, screen: Screen) -> Result<()> {
    if links.is_empty() {
        return Ok(());
    }
    let lead = if links.len() == 1 { "leads" } else { "lead" };
    let count = plural(links.len() as u64, "symbolic link");
    screen.text(format!("{count} {lead} to files that {are}, and then nowhere:"))?;
    for link in links.iter().take(LINKS_SHOWN) {
        screen.text(format!("  {}", shown(link)))?;
    }
    if links.len() > LINKS_SHOWN {
        screen.text(format!("  and {} more", links.len() - LINKS_SHOWN))?;
    }
    Ok(())
}
