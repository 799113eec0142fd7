//! `gallerist demo`: the main commands on photos of real people. It runs the same commands that a user types.

mod photos;
mod synthetic;

use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use super::ExitStatus;
use super::screen::{Screen, plural};
use crate::decision::Decision;
use crate::encoder::Model;
use photos::Photos;

/// Demonstrate the main commands on photos of real people. Prints each command before its output. Writes only to DIR.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A folder with one folder of two photos per person, such as tests/faces of the source. The first three quarters of the people are
    /// enrolled; the others are not
    #[arg(long, value_name = "DIR", default_value = "tests/faces")]
    photos: PathBuf,
    /// Folder for the gallery and the copied photos; replaced by each run
    #[arg(long, value_name = "DIR", default_value = "target/demo")]
    dir: PathBuf,
    /// Number of synthetic templates to import before the photos
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=10_000_000))]
    distractors: u64,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    ensure!(!screen.is_json(), "the demo has no JSON output");
    let dir = &arguments.dir;
    ensure!(arguments.photos.is_dir(), "{}: no such folder", arguments.photos.display());
    photos::reset(dir)?;
    let photos = Photos::copy(&arguments.photos, dir.join("photos"))?;
    let demo = Demo { screen, gallery: dir.join("gallery"), photos };
    demo.enroll(arguments.distractors)?;
    demo.identify()?;
    demo.inspect()
}

/// The state of a demo.
struct Demo {
    screen: Screen,
    gallery: PathBuf,
    photos: Photos,
}

impl Demo {
    fn enroll(&self, distractors: u64) -> Result<()> {
        self.print_heading("A gallery is a folder, bound to one model.")?;
        self.step(&["init"], &[], &[])?;
        if distractors > 0 {
            let model = Model::default_available();
            let file = self.photos.folder("synthetic.npy");
            synthetic::write(&file, distractors, model.dimension)?;
            let many = plural(distractors, "synthetic template");
            self.print_heading(&format!("{many}, random numbers that stand for people who do not exist."))?;
            self.step(&["import"], &[&file], &["--from-model", &model.name])?;
            fs::remove_file(&file).with_context(|| format!("{}: removing it", file.display()))?;
        }
        self.print_heading(&format!(
            "{} people by one photo each: every folder is a person.",
            self.photos.people
        ))?;
        self.step(&["enroll"], &[&self.photos.folder("people")], &["--subject-from", "dir"])
    }

    fn identify(&self) -> Result<()> {
        self.print_heading("Who is this? Another photo of one of them.")?;
        self.identify_one("others")?;
        self.print_heading("The other photos of them all, answered as JSON and counted here.")?;
        let replies = self.identify_all("others")?;
        self.photos.write_variants(&replies)?;
        self.print_heading(&format!("{} people who were never enrolled.", self.photos.strangers))?;
        self.identify_one("strangers")?;
        self.identify_all("strangers")?;
        self.print_heading("Photos that are cut so tightly that only the face is left.")?;
        self.identify_all("cut")?;
        self.print_heading("Photos that lie on their side or head.")?;
        self.identify_one("turned")?;
        self.identify_all("turned").map(drop)
    }

    fn inspect(&self) -> Result<ExitStatus> {
        self.print_heading("What is in the gallery, and is every byte of it as it was written?")?;
        self.step(&["stats"], &[], &[])?;
        self.step(&["check"], &[], &[])?;
        self.print_heading(&format!(
            "The gallery stays in {}; try it with photos of your own.",
            self.gallery.display()
        ))?;
        Ok(ExitStatus::Done)
    }

    fn print_heading(&self, what: &str) -> Result<()> {
        self.screen.text("")?;
        Ok(self.screen.text(format!("# {what}"))?)
    }

    /// Identifies one photo of a folder.
    fn identify_one(&self, part: &str) -> Result<()> {
        self.step(&["identify"], &[&self.photos.first(part)?], &["--top-k", "3"])
    }

    /// Identifies all photos of a folder and prints the counts of the decisions.
    fn identify_all(&self, part: &str) -> Result<Vec<Value>> {
        let mut command =
            self.command(&["identify"], &[&self.photos.folder(part)], &["--top-k", "1", "--format", "json"])?;
        let output = command.stderr(Stdio::inherit()).output().context("running this program")?;
        let lines = String::from_utf8(output.stdout).context("the replies are not text")?;
        let replies: Vec<Value> = lines
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .context("a reply is not JSON")?;
        ensure!(!replies.is_empty(), "`gallerist identify` ended with {} and without a reply", output.status);
        self.screen.text(count(&replies))?;
        Ok(replies)
    }

    /// Runs a command on the gallery. Any decision is a success.
    fn step(&self, verb: &[&str], paths: &[&Path], options: &[&str]) -> Result<()> {
        let status = self.command(verb, paths, options)?.status().context("running this program")?;
        let decisions = [Decision::Match, Decision::NoMatch, Decision::Inconclusive].map(ExitStatus::Decided);
        let fine = |end: &ExitStatus| status.code() == Some(i32::from(end.code()));
        ensure!(
            [ExitStatus::Done].iter().chain(&decisions).any(fine),
            "`gallerist {}` ended with {status}",
            verb.join(" ")
        );
        Ok(())
    }

    /// A command of this program. Prints its command line.
    fn command(&self, verb: &[&str], paths: &[&Path], options: &[&str]) -> Result<Command> {
        let paths: Vec<&Path> =
            std::iter::once(self.gallery.as_path()).chain(paths.iter().copied()).collect();
        let mut command = Command::new(std::env::current_exe().context("finding this program")?);
        command.args(verb).args(&paths).args(options);
        let paths = paths.iter().map(|path| path.display().to_string());
        let words =
            verb.iter().map(ToString::to_string).chain(paths).chain(options.iter().map(ToString::to_string));
        let quoted = words.map(|word| if word.contains(' ') { format!("'{word}'") } else { word });
        self.screen.text(format!("$ gallerist {}", quoted.collect::<Vec<_>>().join(" ")))?;
        stdout().flush()?;
        Ok(command)
    }
}

/// `30 photos: 30 named correctly, best scores 0.783 to 0.983`. The file name of a photo is the name of its person.
fn count(replies: &[Value]) -> String {
    let named = |reply: &Value, rightly: bool| {
        let path = Path::new(reply["probe"]["path"].as_str().unwrap_or_default());
        let right =
            path.file_stem().and_then(|stem| stem.to_str()) == reply["matches"][0]["subject"].as_str();
        reply["decision"] == "match" && right == rightly
    };
    let counted = [
        ("named correctly", replies.iter().filter(|reply| named(reply, true)).count()),
        ("named as somebody else", replies.iter().filter(|reply| named(reply, false)).count()),
        ("not named", replies.iter().filter(|reply| reply["decision"] == "no_match").count()),
        ("without a usable face", replies.iter().filter(|reply| reply["decision"] == "inconclusive").count()),
    ];
    let counted: Vec<_> =
        counted.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{n} {what}")).collect();
    let mut scores: Vec<f64> =
        replies.iter().filter_map(|reply| reply["matches"][0]["similarity"].as_f64()).collect();
    scores.sort_by(f64::total_cmp);
    let scores = match (scores.first(), scores.last()) {
        (Some(least), Some(most)) => format!(", best scores {least:.3} to {most:.3}"),
        _ => String::new(),
    };
    format!("  {}: {}{scores}", plural(replies.len() as u64, "photo"), counted.join(", "))
}
