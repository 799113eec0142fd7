//! `gallerist subject remove --template`, `subject move` and `subject reject`: corrections of single templates.

use anyhow::Result;

use super::origin;
use crate::cli::naming::print_similar;
use crate::cli::screen::Screen;
use crate::gallery::Gallery;
use crate::reply::TemplatesRejected;
use crate::session::subjects;

pub fn remove(gallery: &Gallery, ids: &[u64], dry_run: bool, screen: Screen) -> Result<()> {
    let (removed, chosen) = subjects::remove_templates(gallery, ids, dry_run)?;
    let done = if dry_run { "would have removed" } else { "removed" };
    for template in &chosen.templates {
        screen.text(format!("{done} #{} of {}  {}", template.id, template.subject, origin(template)))?;
    }
    for id in &chosen.unknown {
        screen.text(format!("{done} #{id}, a face without a name"))?;
    }
    print_emptied(&removed.subjects_gone, dry_run, screen)?;
    Ok(screen.json(&removed)?)
}

pub fn relocate(gallery: &Gallery, ids: &[u64], to: &str, dry_run: bool, screen: Screen) -> Result<()> {
    let (moved, chosen) = subjects::move_templates(gallery, ids, to, dry_run)?;
    let into = &moved.to;
    for (at, template) in chosen.templates.iter().enumerate() {
        let (id, from, origin) = (template.id, &template.subject, origin(template));
        screen.text(match moved.new_template_ids.get(at) {
            Some(now) => format!("moved #{id} of {from} to {into}, as #{now}  {origin}"),
            None => format!("would have moved #{id} of {from} to {into}  {origin}"),
        })?;
    }
    for (at, id) in (chosen.templates.len()..).zip(&chosen.unknown) {
        screen.text(match moved.new_template_ids.get(at) {
            Some(now) => format!("#{id} shows {into} now, as #{now}"),
            None => format!("#{id} would show {into}"),
        })?;
    }
    if moved.to_is_new {
        let was = if dry_run { "would be" } else { "is" };
        screen.text(format!("{into} {was} new in the gallery"))?;
    }
    print_similar(&moved.similar_names, screen)?;
    print_emptied(&moved.subjects_gone, dry_run, screen)?;
    Ok(screen.json(&moved)?)
}

pub fn reject(gallery: &Gallery, ids: &[u64], subject: &str, screen: Screen) -> Result<()> {
    let rejected = subjects::reject_templates(gallery, ids, subject)?;
    let TemplatesRejected { subject, template_ids, new_template_ids, others, .. } = &rejected;
    for (id, now) in template_ids.iter().zip(new_template_ids) {
        screen.text(format!("#{id} does not show {subject}, and has no name now, as #{now}"))?;
    }
    for id in others {
        screen.text(format!("#{id} does not show {subject}"))?;
    }
    print_emptied(&rejected.subjects_gone, false, screen)?;
    Ok(screen.json(&rejected)?)
}

fn print_emptied(emptied: &[String], dry_run: bool, screen: Screen) -> Result<()> {
    let gone = if dry_run { "would be gone too" } else { "is gone too" };
    for name in emptied {
        screen.text(format!("{name} {gone}: no template is left"))?;
    }
    Ok(())
}
