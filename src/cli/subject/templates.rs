//! `gallerist subject remove --template` and `subject move`: corrections of single templates.

use anyhow::Result;

use super::origin;
use crate::cli::screen::Screen;
use crate::gallery::{Chosen, Gallery, Moved};
use crate::reply::{TemplatesMoved, TemplatesRemoved, VERSION};

pub fn remove(gallery: &Gallery, ids: &[u64], dry_run: bool, screen: Screen) -> Result<()> {
    let chosen = if dry_run { gallery.choose(ids)? } else { gallery.remove_templates(ids)? };
    let done = if dry_run { "would have removed" } else { "removed" };
    for template in &chosen.templates {
        screen.text(format!("{done} #{} of {}  {}", template.id, template.subject, origin(template)))?;
    }
    print_emptied(&chosen, dry_run, screen)?;
    let template_ids: Vec<_> = chosen.templates.iter().map(|template| template.id).collect();
    screen.json(&TemplatesRemoved {
        version: VERSION,
        templates: template_ids.len() as u64,
        template_ids,
        subjects_gone: emptied(&chosen),
        dry_run,
    })?;
    Ok(())
}

pub fn relocate(gallery: &Gallery, ids: &[u64], to: &str, dry_run: bool, screen: Screen) -> Result<()> {
    let is_new = gallery.subject(to).is_err();
    let moved = if dry_run { gallery.may_move(ids, to)? } else { gallery.move_templates(ids, to)? };
    let Moved { chosen, ids: now, into, .. } = &moved;
    for (at, template) in chosen.templates.iter().enumerate() {
        let (id, from, origin) = (template.id, &template.subject, origin(template));
        screen.text(match now.get(at) {
            Some(now) => format!("moved #{id} of {from} to {into}, as #{now}  {origin}"),
            None => format!("would have moved #{id} of {from} to {into}  {origin}"),
        })?;
    }
    if is_new {
        let was = if dry_run { "would be" } else { "is" };
        screen.text(format!("{into} {was} new in the gallery"))?;
    }
    print_emptied(chosen, dry_run, screen)?;
    let template_ids: Vec<_> = chosen.templates.iter().map(|template| template.id).collect();
    screen.json(&TemplatesMoved {
        version: VERSION,
        to: into.to_string(),
        to_is_new: is_new,
        templates: template_ids.len() as u64,
        template_ids,
        new_template_ids: now.clone(),
        subjects_gone: emptied(chosen),
        dry_run,
    })?;
    Ok(())
}

fn emptied(chosen: &Chosen) -> Vec<String> {
    chosen.emptied.iter().map(|subject| subject.name.clone()).collect()
}

fn print_emptied(chosen: &Chosen, dry_run: bool, screen: Screen) -> Result<()> {
    let gone = if dry_run { "would be gone too" } else { "is gone too" };
    for name in emptied(chosen) {
        screen.text(format!("{name} {gone}: no template is left"))?;
    }
    Ok(())
}
