//! Which items stay, and what is lost if another one moves.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::{Hashes, Planner};
use crate::dedup::contents::Collection;
use crate::dedup::draft::{Draft, DraftMember};
use crate::dedup::error::Result;
use crate::dedup::item;
use crate::dedup::keep::Keep;

impl Planner<'_> {
    /// Keeps the file to which a symbolic link leads instead of one with equal bytes, so that the link still leads to it. A rule about a
    /// folder and a file that belongs to the photo count more.
    pub fn prefer_linked(&self, draft: &mut Draft) {
        let Collection { items, files, examination, .. } = self.collection;
        let content =
            |member: &DraftMember| examination.photos.get(&member.photo).map(|(content, _)| *content);
        let is_linked = |member: &DraftMember| self.links.contains_key(&files[member.photo].stamp);
        let folders = |member: &DraftMember| -> Vec<bool> {
            let path = files[member.photo].path();
            let folder = |rule: &Keep| match rule {
                Keep::Folder(folder) => Some(path.starts_with(folder)),
                _ => None,
            };
            self.drafter.keep.iter().filter_map(folder).collect()
        };
        let companions = |member: &DraftMember| items[member.item].companions.len();
        let Some(kept) = draft.members.first() else { return };
        if is_linked(kept) || self.drafter.is_reference(kept.item) {
            return;
        }
        let is_as_good = |member: &&DraftMember| {
            is_linked(member)
                && content(member) == content(kept)
                && folders(member) == folders(kept)
                && companions(member) >= companions(kept)
                && item::paths(&items[member.item], files).all(|path| self.is_inside(path))
        };
        let Some(at) = draft.members.iter().position(|member| is_as_good(&member)) else { return };
        draft.members[..=at].rotate_right(1);
        draft.members[0].why = "kept: a symbolic link leads to it".into();
        draft.members[1].why = "equal bytes".into();
    }

    fn is_inside(&self, path: &Path) -> bool {
        self.roots.iter().any(|root| path.starts_with(root))
    }

    /// Why an item is not moved although one of its photos has a copy in `keeper`.
    pub fn obstacle(
        &self,
        item: usize,
        keeper: usize,
        kept: &BTreeSet<usize>,
        keepers: &HashMap<(usize, usize), usize>,
        hashes: &Hashes<'_>,
    ) -> Result<Option<String>> {
        let (own, other) = (&self.collection.items[item], &self.collection.items[keeper]);
        let name = |number: usize| self.name(number);
        if self.drafter.is_reference(item) {
            return Ok(Some("in a reference folder".into()));
        }
        if !item::paths(own, self.collection.files).all(|path| self.is_inside(path)) {
            return Ok(Some("a link leads to it, out of the searched folders".into()));
        }
        if kept.contains(&item) {
            return Ok(Some("another of its photos is the one that is kept".into()));
        }
        for photo in &own.photos {
            if keepers.get(&(item, *photo)) != Some(&keeper) {
                return Ok(Some(format!("it moves together with {}, which has no copy there", name(*photo))));
            }
        }
        let is_video = |number: &&usize| item::is_video(self.collection.files[**number].path());
        for video in own.companions.iter().filter(is_video) {
            let hash = hashes.of(&self.collection.files[*video])?;
            let mut has_copy = false;
            for other in other.companions.iter().filter(is_video) {
                has_copy |= hashes.of(&self.collection.files[*other])? == hash;
            }
            if !has_copy {
                return Ok(Some(format!("its video {} has no copy there", name(*video))));
            }
        }
        Ok(None)
    }

    /// What is moved with an item and has no equal beside the kept one: sidecars, in which programs keep tags and captions.
    pub fn sidecars(&self, item: usize, keeper: usize, hashes: &Hashes<'_>) -> Result<Option<String>> {
        let files = self.collection.files;
        let of = |item: usize| {
            let companions = self.collection.items[item].companions.iter().copied();
            companions.filter(|number| item::is_sidecar(files[*number].path()))
        };
        let mut kept = Vec::new();
        for number in of(keeper) {
            kept.push(hashes.of(&files[number])?);
        }
        let mut different = Vec::new();
        for number in of(item) {
            if !kept.contains(&hashes.of(&files[number])?) {
                different.push(self.name(number));
            }
        }
        let names = different.join(", ");
        let is = if different.len() > 1 { "are sidecars" } else { "is a sidecar" };
        Ok(match (different.is_empty(), kept.is_empty()) {
            (true, _) => None,
            (false, true) => Some(format!("{names}, which moves with it, {is}, and the kept photo has none")),
            (false, false) => Some(format!(
                "{names}, which moves with it, {is} with another content than that of the kept photo"
            )),
        })
    }

    /// The name of a file without its folder.
    fn name(&self, number: usize) -> String {
        self.collection.files[number].path().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}
