//! Makes a plan: finds files, examines photos, groups copies, selects what is kept.

mod choice;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::burst;
use super::cache::{Cache, ContentHash, Examined, Facts, Refusal};
use super::contents::Collection;
use super::decisions::Decisions;
use super::draft::{Draft, DraftMember, Drafter};
use super::error::{DedupError, Result};
use super::examination::{Examination, examine};
use super::files::{File, Found, Stamp, find};
use super::keep::Keep;
use super::plan::{Action, Counts, Group, Kind, Member, PathText, Plan, PlannedFile, Unread, VERSION, hex};
use crate::control::Control;
use crate::image::Limits;

/// What a plan is made from.
#[derive(Debug, Clone)]
pub struct PlanRequest {
    /// Folders, or photos.
    pub roots: Vec<PathBuf>,
    /// Folders whose photos are compared and never moved. They need not be below `roots`.
    pub references: Vec<PathBuf>,
    /// The rules that select the kept item.
    pub keep: Vec<Keep>,
    /// Whether only equal bytes count.
    pub exact_only: bool,
    /// Limits of one photo.
    pub limits: Limits,
}

/// A plan and what it cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// Photos that were decoded for it. The others were in the cache.
    pub decoded: u64,
}

/// Makes a plan. `None` if it was stopped; what was examined stays in the cache.
///
/// # Errors
/// A root does not exist, or the cache or the decisions cannot be read.
pub fn plan(
    request: &PlanRequest,
    cache: &Cache,
    decisions: &Decisions,
    control: &Control<'_>,
) -> Result<Option<Planned>> {
    let real =
        |path: &PathBuf| std::fs::canonicalize(path).map_err(|error| DedupError::io("find", path, error));
    let roots: Vec<PathBuf> = request.roots.iter().map(real).collect::<Result<_>>()?;
    let references: Vec<PathBuf> = request.references.iter().map(real).collect::<Result<_>>()?;
    let keep = request.keep.iter().map(|rule| match rule {
        Keep::Folder(folder) => real(folder).map(Keep::Folder),
        rule => Ok(rule.clone()),
    });
    let keep: Vec<Keep> = keep.collect::<Result<_>>()?;
    let everywhere: BTreeSet<PathBuf> = roots.iter().chain(&references).cloned().collect();
    let Some(found) = find(&everywhere.into_iter().collect::<Vec<_>>(), control) else { return Ok(None) };
    let Some(examination) = examine(&found.files, cache, &request.limits, control)? else { return Ok(None) };
    let collection = Collection::new(&found, &examination);
    let stars = if request.exact_only {
        Some(Vec::new())
    } else {
        collection.stars(cache, decisions, &request.limits, control)?
    };
    let Some(stars) = stars else { return Ok(None) };
    let drafter = Drafter {
        collection: &collection,
        references: &references,
        keep: &keep,
        cache,
        limits: &request.limits,
    };
    let Some(drafts) = drafter.drafts(&stars, control)? else { return Ok(None) };
    cache.finish()?;
    let links = &found.links;
    let planner = Planner { drafter: &drafter, collection: &collection, roots: &roots, decisions, links };
    let (groups, kept_groups) = planner.groups(drafts, &Hashes(cache))?;
    let counts = Counts { kept_groups, ..counts(&groups, examination.photos.len() as u64) };
    let texts = |paths: &[PathBuf]| paths.iter().map(|path| path.as_path().into()).collect();
    let plan = Plan {
        version: VERSION,
        roots: texts(&roots),
        references: texts(&references),
        keep: keep.iter().map(Keep::to_string).collect(),
        groups,
        unread: unread(&found, &examination),
        counts,
    };
    Ok(Some(Planned { plan, decoded: examination.decoded }))
}

/// Computes the hashes of companions.
struct Hashes<'a>(&'a Cache);

impl Hashes<'_> {
    fn of(&self, file: &File) -> Result<ContentHash> {
        if let Some(content) = self.0.content(file)? {
            return Ok(content);
        }
        let content = content_hash(file.path())?;
        self.0.store(&[(file, content)], &[])?;
        Ok(content)
    }
}

/// BLAKE3 of a file's content.
///
/// # Errors
/// It cannot be read.
pub fn content_hash(path: &Path) -> Result<ContentHash> {
    let file = std::fs::File::open(path).map_err(|error| DedupError::io("open", path, error))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(|error| DedupError::io("read", path, error))?;
    Ok(*hasher.finalize().as_bytes())
}

struct Planner<'a> {
    drafter: &'a Drafter<'a>,
    collection: &'a Collection<'a>,
    roots: &'a [PathBuf],
    decisions: &'a Decisions,
    links: &'a BTreeMap<Stamp, BTreeSet<PathBuf>>,
}

impl Planner<'_> {
    /// The groups, and how many are not among them because the user keeps all of them.
    fn groups(&self, all: Vec<Draft>, hashes: &Hashes<'_>) -> Result<(Vec<Group>, u64)> {
        let mut drafts = Vec::with_capacity(all.len());
        let mut kept: BTreeSet<ContentHash> = BTreeSet::new();
        for mut draft in all {
            if self.decisions.keeps_all(&draft.contents)? {
                kept.extend(&draft.contents);
            } else {
                self.prefer_linked(&mut draft);
                drafts.push(draft);
            }
        }
        let is_here = |content: &ContentHash| self.collection.contents.contains_key(content);
        let pairs = self.decisions.different()?.into_iter();
        let pairs: Vec<_> = pairs.filter(|(one, other)| is_here(one) && is_here(other)).collect();
        // Each group that is kept has all its pairs, so one content of it is in none of them the second.
        kept.extend(pairs.iter().map(|(one, _)| *one));
        let second: BTreeSet<ContentHash> = pairs.iter().map(|(_, other)| *other).collect();
        kept.retain(|content| !second.contains(content));
        let mut groups = self.decided(&drafts, hashes)?;
        groups.extend(self.bursts(&drafts, hashes)?);
        groups.sort_by(|one, other| {
            (one.kind, &one.members[0].photo).cmp(&(other.kind, &other.members[0].photo))
        });
        Ok((groups, kept.len() as u64))
    }

    /// Decides which members move: those of which every photo has a copy in one kept item.
    fn decided(&self, drafts: &[Draft], hashes: &Hashes<'_>) -> Result<Vec<Group>> {
        let kept: BTreeSet<usize> = drafts.iter().map(|draft| draft.members[0].item).collect();
        let mut keepers: HashMap<(usize, usize), usize> = HashMap::new();
        for draft in drafts {
            for member in &draft.members[1..] {
                keepers.insert((member.item, member.photo), draft.members[0].item);
            }
        }
        let mut is_moved = BTreeSet::new();
        let mut groups = Vec::new();
        for draft in drafts {
            let mut members = Vec::with_capacity(draft.members.len());
            let keeper = draft.members[0].item;
            for (at, member) in draft.members.iter().enumerate() {
                let obstacle =
                    if at == 0 { None } else { self.obstacle(member.item, keeper, &kept, &keepers, hashes)? };
                let obstacle = obstacle.or_else(|| member.obstacle.map(str::to_owned));
                // An item whose photos are in several groups is moved by the first of them.
                let moves = at > 0 && obstacle.is_none();
                let is_first = moves && is_moved.insert(member.item);
                if moves && !is_first {
                    continue;
                }
                let sidecars = if moves { self.sidecars(member.item, keeper, hashes)? } else { None };
                let why = match (obstacle, sidecars) {
                    (Some(obstacle), _) => format!("{}; kept: {obstacle}", member.why),
                    (None, Some(sidecars)) => format!("{}; {sidecars}", member.why),
                    (None, None) => member.why.clone(),
                };
                members.push(self.member(
                    member,
                    if moves { Action::Move } else { Action::Keep },
                    why,
                    hashes,
                )?);
            }
            if members.len() > 1 {
                groups.push(Group { id: id(&draft.contents), kind: draft.kind, keep_all: false, members });
            }
        }
        Ok(groups)
    }

    fn member(
        &self,
        member: &DraftMember,
        action: Action,
        why: String,
        hashes: &Hashes<'_>,
    ) -> Result<Member> {
        let item = &self.collection.items[member.item];
        let mut files = Vec::new();
        for number in item.photos.iter().chain(&item.companions) {
            let file = &self.collection.files[*number];
            let content = match self.collection.examination.photos.get(number) {
                Some((content, _)) => *content,
                None => hashes.of(file)?,
            };
            let paths = file.paths.iter().map(|path| path.as_path().into()).collect();
            let links = self.links.get(&file.stamp).into_iter().flatten();
            let links = links.map(|link| link.as_path().into()).collect();
            files.push(PlannedFile { paths, bytes: file.stamp.bytes, blake3: hex(&content), links });
        }
        let examined = self.collection.examination.photos.get(&member.photo).map(|(_, examined)| examined);
        let facts = match examined {
            Some(Examined::Picture(facts, _)) => facts.clone(),
            _ => Facts::default(),
        };
        let photo = self.collection.files[member.photo].path().into();
        Ok(Member { action, why, photo, width: facts.width, height: facts.height, taken: facts.taken, files })
    }

    /// Bursts among the items that stay.
    fn bursts(&self, drafts: &[Draft], hashes: &Hashes<'_>) -> Result<Vec<Group>> {
        let copies: BTreeSet<usize> =
            drafts.iter().flat_map(|draft| &draft.members[1..]).map(|member| member.item).collect();
        let mut shots = Vec::new();
        for (number, (content, facts, signature)) in self.collection.pictures.iter().enumerate() {
            let place = self.collection.contents[content].iter().find(|(item, _)| !copies.contains(item));
            if let Some(&(item, photo)) = place {
                shots.extend(burst::Shot::of(facts, signature, number).map(|shot| (shot, item, photo)));
            }
        }
        let mut groups = Vec::new();
        for frames in burst::bursts(&shots) {
            let contents: Vec<ContentHash> =
                frames.iter().map(|at| self.collection.pictures[shots[*at].0.picture].0).collect();
            let mut items = BTreeSet::new();
            let mut members = Vec::new();
            for &at in &frames {
                let (_, item, photo) = shots[at];
                if items.insert(item) {
                    let member = DraftMember { item, photo, why: String::new(), obstacle: None };
                    members.push(self.member(
                        &member,
                        Action::Keep,
                        "a photo of the same moment".into(),
                        hashes,
                    )?);
                }
            }
            if members.len() > 1 && !self.decisions.keeps_all(&contents)? {
                groups.push(Group { id: id(&contents), kind: Kind::Burst, keep_all: false, members });
            }
        }
        Ok(groups)
    }
}

fn id(contents: &[ContentHash]) -> String {
    let mut contents: Vec<&ContentHash> = contents.iter().collect();
    contents.sort();
    let mut hasher = blake3::Hasher::new();
    for content in contents {
        hasher.update(content);
    }
    hex(&hasher.finalize().as_bytes()[..8])
}

fn unread(found: &Found, examination: &Examination) -> Vec<Unread> {
    let mut by_reason: BTreeMap<(String, String), Vec<PathText>> = BTreeMap::new();
    let mut add = |code: &str, detail: &str, path: &Path| {
        by_reason.entry((code.into(), detail.into())).or_default().push(path.into());
    };
    found.unreadable.iter().for_each(|(path, detail)| add("unreadable", detail, path));
    for library in &found.libraries {
        add(
            "library",
            "another program manages the photos in it, and would lose those that are moved",
            library,
        );
    }
    for (number, code, detail) in &examination.unread {
        add(code, detail, found.files[*number].path());
    }
    for (number, (_, examined)) in &examination.photos {
        if let Examined::Refused(Refusal { code, detail, .. }) = examined {
            add(code, detail, found.files[*number].path());
        }
    }
    by_reason.into_iter().map(|((reason, detail), paths)| Unread { reason, detail, paths }).collect()
}

fn counts(groups: &[Group], photos: u64) -> Counts {
    let mut counts = Counts { photos, ..Counts::default() };
    for group in groups {
        match group.kind {
            Kind::Exact => counts.exact_groups += 1,
            Kind::Similar => counts.similar_groups += 1,
            Kind::Burst => counts.bursts += 1,
        }
        for member in group.members.iter().filter(|member| member.action == Action::Move) {
            counts.moved_items += 1;
            // Each name of a file is moved.
            counts.moved_files += member.files.iter().map(|file| file.paths.len() as u64).sum::<u64>();
            counts.moved_bytes += member.files.iter().map(|file| file.bytes).sum::<u64>();
        }
    }
    counts
}
