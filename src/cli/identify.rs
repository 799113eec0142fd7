//! `gallerist identify`

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::authentic::GateArguments;
use super::engine::{EngineArguments, PhotoArguments};
use super::naming::FacesArgument;
#[cfg(feature = "server")]
use super::remote::{self, ServerArguments};
use super::rows::RowArguments;
use super::searching::{DecisionArguments, SearchOptions};
use super::{ExitStatus, NothingUsable, Screen, interrupt, opening, reply};
use crate::decision::Decision;
use crate::reply::{Among, IdentifyRequest, Reply};
use crate::session::{Control, Policy, Session, Stopped};

/// Identify the people in photos. Ends with exit code 10 if any probe is a match, otherwise with 12 if any probe is inconclusive, otherwise
/// with 11. A photo with refused or unused faces is never "no match".
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// Probe photos, or folders of photos
    #[arg(required_unless_present = "vectors")]
    photos: Vec<PathBuf>,
    /// Probes that are templates, one per row; `-` is the standard input
    #[arg(long, value_name = "FILE.npy", conflicts_with_all = ["photos", "gate"])]
    vectors: Option<PathBuf>,
    #[command(flatten)]
    rows: RowArguments,
    /// Length of the candidate list
    #[arg(short = 'k', long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    top_k: u32,
    /// Faces of a photo to identify: all, or the largest, with preference for the middle of the photo
    #[arg(long, value_enum, default_value = "largest")]
    faces: FacesArgument,
    /// Add the template of each probe to its JSON reply, for `check-certificate`
    #[arg(long)]
    with_template: bool,
    #[command(flatten)]
    decision: DecisionArguments,
    #[command(flatten)]
    search: SearchOptions,
    #[command(flatten)]
    photo_options: PhotoArguments,
    /// Search among the subjects on this list only; may be given several times
    #[arg(long = "list", value_name = "NAME", help_heading = "Search")]
    lists: Vec<String>,
    /// Leave out the subjects on this list; may be given several times
    #[arg(long = "not-list", value_name = "NAME", help_heading = "Search")]
    not_lists: Vec<String>,
    #[command(flatten)]
    gate: GateArguments,
    #[command(flatten)]
    engine: EngineArguments,
    #[cfg(feature = "server")]
    #[command(flatten)]
    server: ServerArguments,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    for path in &arguments.photos {
        anyhow::ensure!(path.symlink_metadata().is_ok(), "{}: no such file or folder", path.display());
    }
    let control = Control { stop: interrupt::stop_flag(), progress: &|_| {} };
    let request = arguments.request()?;
    let decisions = RefCell::new(Vec::new());
    let print = |reply: Reply| {
        decisions.borrow_mut().push(match &reply {
            Reply::Identified(reply) => reply.decision,
            Reply::Refused(reply) => reply.decision,
        });
        reply::print(&reply, screen)
    };
    let done = arguments.identify(&request, &control, (screen, &decisions), print)?;
    if done.looked_at < done.total {
        return interrupt::report(done, screen);
    }
    let decisions = decisions.into_inner();
    if decisions.is_empty() {
        return Err(NothingUsable("the given paths contain no probe".into()).into());
    }
    let any = |wanted| decisions.contains(&wanted).then_some(ExitStatus::Decided(wanted));
    Ok(any(Decision::Match).or(any(Decision::Inconclusive)).unwrap_or(ExitStatus::Decided(Decision::NoMatch)))
}

impl Arguments {
    fn request(&self) -> Result<IdentifyRequest> {
        let (search, decision) = (self.search.request(), self.decision.request()?);
        let (top_k, with_template) = (self.top_k, self.with_template);
        let lists = Some(self.lists.clone()).filter(|lists| !lists.is_empty());
        let among = Among { lists, not_lists: self.not_lists.clone(), ..Among::default() };
        Ok(IdentifyRequest { top_k, with_template, search, decision, among })
    }

    fn identify(
        &self,
        request: &IdentifyRequest,
        control: &Control<'_>,
        (screen, decisions): (Screen, &RefCell<Vec<Decision>>),
        print: impl FnMut(Reply) -> Result<()>,
    ) -> Result<Stopped> {
        let photos = self.photo_options.request(self.faces);
        #[cfg(feature = "server")]
        if let Some(client) = self.server.client()? {
            self.gate.require_none("the server judges faces by its own gate: give it to `serve`")?;
            let Some(path) = &self.vectors else {
                return remote::identify::photos(
                    &client,
                    (&self.gallery, &self.photos),
                    (request, &photos),
                    print,
                );
            };
            let rows = (&self.rows, screen);
            let (done, left_out) =
                remote::identify::vectors(&client, (&self.gallery, path), request, rows, print)?;
            decisions.borrow_mut().extend((0..left_out).map(|_| Decision::Inconclusive));
            return Ok(done);
        }
        let session = opening::session_to_read(&self.gallery, &self.engine)?.guarded(self.gate.guard()?);
        let policy = session.identification_policy(request)?;
        let asked = (request, &policy);
        match &self.vectors {
            Some(path) => self.rows(path, &session, asked, control, (screen, decisions), print),
            None => session.identify_photos(&self.photos, &photos, asked, control, print),
        }
    }

    /// Identifies the rows of a file until a stop is requested.
    fn rows(
        &self,
        path: &Path,
        session: &Session,
        asked: (&IdentifyRequest, &Policy),
        control: &Control<'_>,
        (screen, decisions): (Screen, &RefCell<Vec<Decision>>),
        print: impl FnMut(Reply) -> Result<()>,
    ) -> Result<Stopped> {
        let (file, left_out) = self.rows.open(path, screen)?;
        if left_out.len() as u64 == file.rows {
            return Err(NothingUsable(format!("{}: no probe in it is usable", path.display())).into());
        }
        decisions.borrow_mut().extend(left_out.iter().map(|_| Decision::Inconclusive));
        let looked_at = session.identify_rows(&file, asked, control, print)? + left_out.len() as u64;
        Ok(Stopped { looked_at, total: file.rows, unit: "input" })
    }
}
