//! `gallerist identify`

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::engine::{EngineArguments, PhotoArguments};
use super::enroll::FacesArgument;
use super::rows::RowArguments;
use super::searching::{DecisionArguments, SearchOptions};
use super::{End, NothingUsable, Screen, interrupt, opening, reply};
use crate::decision::Decision;
use crate::reply::IdentifyRequest;
use crate::session::{Control, Policy, Reply, Session, Stopped};

/// Tell who is in a photo, or that nobody in the gallery is. Ends with 10 if any probe matches, else 12 if
/// any allows no decision, else 11. A photo with faces that were refused or not looked at is never "no match".
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// Probe photos, or folders of them
    #[arg(required_unless_present = "vectors")]
    photos: Vec<PathBuf>,
    /// Probes that are templates already, one row each; `-` reads the standard input
    #[arg(long, value_name = "FILE.npy", conflicts_with = "photos")]
    vectors: Option<PathBuf>,
    #[command(flatten)]
    rows: RowArguments,
    /// Candidates to list
    #[arg(short = 'k', long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    top_k: u32,
    /// Which faces of a photo to look up: all, or the largest, where one near the middle counts for more
    #[arg(long, value_enum, default_value = "largest")]
    faces: FacesArgument,
    /// Put each probe's template into its JSON reply, for `check-certificate`
    #[arg(long)]
    with_template: bool,
    #[command(flatten)]
    decision: DecisionArguments,
    #[command(flatten)]
    search: SearchOptions,
    #[command(flatten)]
    look: PhotoArguments,
    #[command(flatten)]
    engine: EngineArguments,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<End> {
    for path in &arguments.photos {
        anyhow::ensure!(path.symlink_metadata().is_ok(), "{}: no such file or folder", path.display());
    }
    let control = Control { stop: interrupt::watch(), progress: &|_| {} };
    let session = opening::session_to_read(&arguments.gallery, &arguments.engine)?;
    let request = arguments.request()?;
    let policy = session.policy(&request.search, &request.decision)?;
    let decisions = RefCell::new(Vec::new());
    let print = |reply: Reply| {
        decisions.borrow_mut().push(match &reply {
            Reply::Identified(reply) => reply.decision,
            Reply::Refused(reply) => reply.decision,
        });
        reply::print(&reply, screen)
    };
    let asked = (&request, &policy);
    let done = match &arguments.vectors {
        Some(path) => arguments.vectors(path, &session, asked, &control, (screen, &decisions), print)?,
        None => {
            let photos = arguments.look.request(arguments.faces);
            session.identify_photos(&arguments.photos, &photos, asked, &control, print)?
        }
    };
    if done.looked_at < done.total {
        return interrupt::report(done, screen);
    }
    let decisions = decisions.into_inner();
    if decisions.is_empty() {
        return Err(NothingUsable("there is no probe in what was given".into()).into());
    }
    let any = |wanted| decisions.contains(&wanted).then_some(End::Decided(wanted));
    Ok(any(Decision::Match).or(any(Decision::Inconclusive)).unwrap_or(End::Decided(Decision::NoMatch)))
}

impl Arguments {
    fn request(&self) -> Result<IdentifyRequest> {
        let (search, decision) = (self.search.request(), self.decision.request()?);
        Ok(IdentifyRequest { top_k: self.top_k, with_template: self.with_template, search, decision })
    }

    /// Looks the rows of a file up, until it is to stop.
    fn vectors(
        &self,
        path: &Path,
        session: &Session,
        asked: (&IdentifyRequest, &Policy),
        control: &Control<'_>,
        (screen, decisions): (Screen, &RefCell<Vec<Decision>>),
        print: impl FnMut(Reply) -> Result<()>,
    ) -> Result<Stopped> {
        let (file, left_out) = self.rows.open(path, screen)?;
        decisions.borrow_mut().extend(left_out.iter().map(|_| Decision::Inconclusive));
        let looked_at = session.identify_rows(&file, asked, control, print)? + left_out.len() as u64;
        Ok(Stopped { looked_at, total: file.rows, unit: "input" })
    }
}
