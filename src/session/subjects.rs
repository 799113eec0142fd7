//! Subjects: listing, showing and correcting them, with the replies of [`reply`](crate::reply).

use super::error::Result;
use crate::gallery::{Chosen, Gallery, Moved, Name, Rejected, Subject, SubjectTemplate};
use crate::reply::{
    Correction, SubjectCorrected, SubjectShown, TemplateListed, TemplatesMoved, TemplatesRejected,
    TemplatesRemoved, VERSION,
};

/// A subject with its templates.
///
/// # Errors
/// The catalog failed.
pub fn shown(gallery: &Gallery, subject: &Subject) -> Result<SubjectShown> {
    Ok(SubjectShown {
        version: VERSION,
        subject_id: subject.id,
        subject: subject.name.clone(),
        templates: gallery.templates_of(subject)?.iter().map(listed).collect(),
    })
}

/// Renames a subject.
///
/// # Errors
/// There is no subject `from`; another subject has the name `to`, or one that differs from it only in case or form; the disk is
/// failing.
pub fn rename(gallery: &Gallery, from: &str, to: &Name, dry_run: bool) -> Result<SubjectCorrected> {
    gallery.may_rename(from, to)?;
    gallery.require_no_similar_name(from, to)?;
    let journal_id = if dry_run { None } else { Some(gallery.rename_subject(from, to)?) };
    Ok(corrected(Correction::Renamed, (from, Some(to.as_str())), 0, (dry_run, journal_id)))
}

/// Merges the subject `from` into the subject `into`.
///
/// # Errors
/// One of them does not exist; both are the same; the disk is failing.
pub fn merge(gallery: &Gallery, from: &str, into: &str, dry_run: bool) -> Result<SubjectCorrected> {
    let (one, other) = gallery.may_merge(from, into)?;
    let kept_apart = gallery.distinct_subjects()?.contains(one.id, other.id);
    let lists = gallery.lists_to_join(one.id, other.id)?;
    let (templates, journal_id) = match dry_run {
        true => (one.templates, None),
        false => {
            let merged = gallery.merge_subjects(from, into)?;
            (merged.templates, merged.entry)
        }
    };
    let merged = corrected(Correction::Merged, (from, Some(into)), templates, (dry_run, journal_id));
    Ok(SubjectCorrected { kept_apart, lists, ..merged })
}

/// Removes a subject with all its templates. No search finds them any more; a purge erases their bytes.
///
/// # Errors
/// There is no such subject; the disk is failing.
pub fn remove(gallery: &Gallery, name: &str, dry_run: bool) -> Result<SubjectCorrected> {
    let subject = if dry_run { gallery.subject(name)? } else { gallery.remove_subject(name)? };
    Ok(corrected(Correction::Removed, (name, None), subject.templates, (dry_run, None)))
}

fn corrected(
    event: Correction,
    (from, to): (&str, Option<&str>),
    templates: u64,
    (dry_run, journal_id): (bool, Option<i64>),
) -> SubjectCorrected {
    let what = match (event, to) {
        (Correction::Merged, Some(to)) => format!("{from} into {to}"),
        (_, Some(to)) => format!("{from} to {to}"),
        (_, None) => from.to_owned(),
    };
    let (from, to) = (from.to_owned(), to.map(str::to_owned));
    SubjectCorrected {
        version: VERSION,
        event,
        what,
        from,
        to,
        templates,
        dry_run,
        journal_id,
        kept_apart: false,
        lists: Vec::new(),
    }
}

/// Removes single templates. Also returns them as they were.
///
/// # Errors
/// A template is not in the gallery, and nothing is removed; the disk is failing.
pub fn remove_templates(gallery: &Gallery, ids: &[u64], dry_run: bool) -> Result<(TemplatesRemoved, Chosen)> {
    let chosen = if dry_run { gallery.choose(ids)? } else { gallery.remove_templates(ids)? };
    let template_ids = chosen.ids();
    let removed = TemplatesRemoved {
        version: VERSION,
        templates: template_ids.len() as u64,
        template_ids,
        subjects_gone: emptied(&chosen),
        dry_run,
    };
    Ok((removed, chosen))
}

/// Moves single templates to another subject, which is made if it does not exist. Also returns them as they were.
///
/// # Errors
/// A template is not in the gallery, or belongs to that subject already, and nothing is moved; the disk is failing.
pub fn move_templates(
    gallery: &Gallery,
    ids: &[u64],
    to: &str,
    dry_run: bool,
) -> Result<(TemplatesMoved, Chosen)> {
    let to_is_new = gallery.subject(to).is_err();
    let moved = if dry_run { gallery.may_move(ids, to)? } else { gallery.move_templates(ids, to)? };
    let Moved { chosen, ids: new_template_ids, into, entries: journal_ids } = moved;
    let template_ids = chosen.ids();
    let similar_names = if to_is_new { gallery.similar_names_to(&[Name::new(&into)?])? } else { Vec::new() };
    let moved = TemplatesMoved {
        version: VERSION,
        to: into,
        to_is_new,
        templates: template_ids.len() as u64,
        template_ids,
        new_template_ids,
        subjects_gone: emptied(&chosen),
        dry_run,
        journal_ids,
        similar_names,
    };
    Ok((moved, chosen))
}

/// Records that templates do not show a subject. Those that belong to it become unknown faces.
///
/// # Errors
/// There is no such subject; a template is not in the gallery, and nothing is recorded; the disk is failing.
pub fn reject_templates(gallery: &Gallery, ids: &[u64], subject: &str) -> Result<TemplatesRejected> {
    let Rejected { subject, removed, others, entries: journal_ids, is_gone, .. } =
        gallery.reject_templates(ids, subject)?;
    let (template_ids, new_template_ids) = removed.into_iter().unzip();
    Ok(TemplatesRejected {
        version: VERSION,
        subjects_gone: is_gone.then(|| subject.clone()).into_iter().collect(),
        subject,
        template_ids,
        new_template_ids,
        others,
        journal_ids,
    })
}

fn emptied(chosen: &Chosen) -> Vec<String> {
    chosen.emptied.iter().map(|subject| subject.name.clone()).collect()
}

fn listed(template: &SubjectTemplate) -> TemplateListed {
    TemplateListed {
        face_id: template.id,
        path: template.path.as_ref().map(|path| path.to_string_lossy().into_owned()),
        row: template.row,
        face: template.face.clone(),
    }
}
