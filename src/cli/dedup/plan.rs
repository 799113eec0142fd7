//! `gallerist dedup plan`

use std::collections::BTreeMap;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use super::group::{Listing, SHOWN, print_links};
use super::{DecisionsArgument, elsewhere, file, monitored};
use crate::cli::engine::{SizeArguments, bytes as memory};
use crate::cli::screen::{Screen, bytes, escaped, plural};
use crate::cli::{ExitStatus, folders};
use crate::dedup::application::applied;
use crate::dedup::cache::Cache;
use crate::dedup::plan::{PathText, Plan};
use crate::dedup::{KEEP, Keep, PlanRequest, plan};
use crate::image::Limits;
use crate::image::picture::preview_of;
use crate::report::PAGE;
use crate::report::copies;
use crate::session::replacement::{replace, require_own, require_two};

/// Files that are printed for each reason for which files were not compared.
const UNREAD_SHOWN: usize = 10;

/// Find copies of photos, and write what would be moved to a plan. Only reads the photos. Copies are equal files, and the same picture in
/// another size, quality or format, slightly cropped, turned, mirrored, recoloured, framed or captioned. Photos of one moment (bursts) are
/// listed and stay. A second run decodes only new photos.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Folders, or photos
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// File of the plan (JSON)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// File of a page (HTML) with the pictures side by side, on which choices can be changed and saved as a plan
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// Folder whose photos are compared and never moved; repeatable
    #[arg(long, value_name = "DIR")]
    reference: Vec<PathBuf>,
    /// Rule that selects the photo to keep; the first that distinguishes two photos decides: original, largest, best-quality, oldest,
    /// newest, most-metadata, folder:PATH; repeatable [default: original largest most-metadata best-quality oldest]
    #[arg(long, value_name = "RULE", value_parser = str::parse::<Keep>)]
    keep: Vec<Keep>,
    /// Find only files with equal bytes
    #[arg(long)]
    exact: bool,
    /// Print every group, not only the first 20
    #[arg(long)]
    all: bool,
    /// File of the cache [default: photos.sqlite in the cache folder of the user]
    #[arg(long, value_name = "FILE")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    decisions: DecisionsArgument,
    #[command(flatten)]
    size: SizeArguments,
    /// Memory for decoding one photo, such as 4G; a photo that needs more is refused [default: 4G]
    #[arg(long, value_name = "BYTES", value_parser = memory, help_heading = "Photos")]
    max_memory: Option<u64>,
}

impl Arguments {
    fn limits(&self) -> Limits {
        let defaults = Limits::default();
        Limits {
            pixels: self.size.max_pixels.unwrap_or(defaults.pixels),
            file_bytes: self.size.max_file.unwrap_or(defaults.file_bytes),
            memory: self.max_memory.unwrap_or(defaults.memory),
        }
    }
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    for path in arguments.paths.iter().chain(&arguments.reference) {
        ensure!(path.exists(), "{}: no such file or folder", path.display());
    }
    require_own(&arguments.out, "{")?;
    if let Some(page) = &arguments.page {
        require_own(page, PAGE)?;
        require_two(&arguments.out, page)?;
    }
    check_out(&arguments.out)?;
    let option = "--cache FILE";
    let path = file(arguments.cache.as_deref(), folders::cache(), ("photos.sqlite", option))?;
    let cache = Cache::open(&path).with_context(|| elsewhere("cache", &path, option))?;
    let decisions = arguments.decisions.open()?;
    let mut keep = arguments.keep.clone();
    keep.extend(KEEP.iter().filter(|rule| !arguments.keep.contains(rule)).cloned());
    let request = PlanRequest {
        roots: arguments.paths.clone(),
        references: arguments.reference.clone(),
        keep,
        exact_only: arguments.exact,
        limits: arguments.limits(),
    };
    let Some(planned) = monitored(|control| plan(&request, &cache, &decisions, control))? else {
        screen.text("stopped; what was read stays in the cache, so the same command goes on from there")?;
        return Ok(ExitStatus::Interrupted);
    };
    write(&arguments.out, &planned.plan.to_json())?;
    if let Some(page) = &arguments.page
        && !write_page(page, &planned.plan, &request.limits)?
    {
        screen.text("stopped; the plan is written, the page is not")?;
        return Ok(ExitStatus::Interrupted);
    }
    screen.json(&planned.plan)?;
    print(&planned.plan, planned.decoded, arguments, screen)?;
    Ok(if planned.plan.counts.photos > 0 { ExitStatus::Done } else { ExitStatus::NothingUsable })
}

/// Refuses to replace a plan that was applied: `undo` finds the run by it.
fn check_out(out: &Path) -> Result<()> {
    // Reading a pipe would wait for a writer.
    let Some(text) = out.is_file().then(|| std::fs::read_to_string(out).ok()).flatten() else {
        return Ok(());
    };
    let run = Plan::from_json(&text, out).ok().and_then(|plan| applied(&plan));
    if let Some(run) = run {
        bail!(
            "{} is a plan that was applied, and its run in {} can be undone by it; give another file with --out, or undo it first: gallerist dedup undo {0}",
            out.display(),
            run.display()
        );
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    let file = replace(path, |file| file.write_all(text.as_bytes()).with_context(|| failure(path)))?;
    Ok(file.finish()?)
}

/// Returns `false` if it was stopped. The page appears when it is complete.
fn write_page(path: &Path, plan: &Plan, limits: &Limits) -> Result<bool> {
    let pictures = |photo: &Path| preview_of(photo, copies::LONGEST, limits);
    let mut is_complete = false;
    let file = replace(path, |file| {
        let mut out = BufWriter::new(file);
        is_complete = monitored(|control| copies::write(plan, &pictures, control, &mut out))
            .and_then(|complete| out.flush().map(|()| complete))
            .with_context(|| failure(path))?;
        anyhow::Ok(())
    })?;
    if is_complete {
        file.finish()?;
    }
    Ok(is_complete)
}

fn failure(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

fn print(plan: &Plan, decoded: u64, arguments: &Arguments, screen: Screen) -> Result<()> {
    let shown = if arguments.all { plan.groups.len() } else { SHOWN };
    for group in plan.groups.iter().take(shown) {
        Listing::of(group).print(screen)?;
    }
    if plan.groups.len() > shown {
        screen.text(format!(
            "and {} more (--all prints them)",
            plural((plan.groups.len() - shown) as u64, "group")
        ))?;
    }
    print_links(&plan.links().into_iter().collect::<Vec<_>>(), "would be moved", screen)?;
    print_unread(plan, &arguments.out, screen)?;
    let counts = plan.counts;
    let groups = format!(
        "{} of equal files, {} of the same picture, {}",
        plural(counts.exact_groups, "group"),
        counts.similar_groups,
        plural(counts.bursts, "burst")
    );
    screen.text(format!("{}, {decoded} of them decoded now: {groups}", plural(counts.photos, "photo")))?;
    if counts.kept_groups > 0 {
        let groups = plural(counts.kept_groups, "group");
        screen.text(format!(
            "not listed: {groups} of which you chose to keep all (another --decisions FILE lists them)"
        ))?;
    }
    if counts.photos == 0 {
        let roots: Vec<String> = arguments.paths.iter().map(|path| path.display().to_string()).collect();
        let reason = if plan.unread.is_empty() { "there is none" } else { "none could be read" };
        screen.text(format!("no photo was compared: in {}, {reason}", roots.join(", ")))?;
    }
    let (files, size) = (plural(counts.moved_files, "file"), bytes(counts.moved_bytes));
    screen.text(format!("the plan would move {files} ({size}); nothing was changed"))?;
    if counts.moved_files == 0 {
        return Ok(());
    }
    let out = arguments.out.display();
    screen
        .text(format!("next: gallerist dedup apply {out}        # lists what it would do; --yes does it"))?;
    Ok(())
}

/// The files that were not compared: for each reason some of them with the details, and where the others are.
fn print_unread(plan: &Plan, out: &Path, screen: Screen) -> Result<()> {
    let mut by_reason: BTreeMap<&str, Vec<(&PathText, &str)>> = BTreeMap::new();
    for unread in &plan.unread {
        let files = unread.paths.iter().map(|path| (path, unread.detail.as_str()));
        by_reason.entry(&unread.reason).or_default().extend(files);
    }
    for (reason, files) in by_reason {
        screen.text(format!("not compared as pictures: {}, {reason}", plural(files.len() as u64, "file")))?;
        for (path, detail) in files.iter().take(UNREAD_SHOWN) {
            let path = path.path().unwrap_or_default();
            screen.text(format!("  {}: {}", escaped(&path.to_string_lossy()), escaped(detail)))?;
        }
        if files.len() > UNREAD_SHOWN {
            let more = files.len() - UNREAD_SHOWN;
            screen
                .text(format!("  and {more} more; {} names all of them, under \"unread\"", out.display()))?;
        }
    }
    Ok(())
}
