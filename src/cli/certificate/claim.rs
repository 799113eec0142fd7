//! What a reply claims, as far as it takes to compute it anew: the questions that were asked. The answers are compared as JSON.

use crate::gallery::Mode;
use serde_json::Value;

use crate::decision::Origin;
use crate::decision::certificate::Kind;
use crate::fusion::Fusion;

/// A reply with a certificate.
pub struct Claim {
    /// The list: subjects, templates, scores.
    pub listed: Vec<Listed>,
    pub top_k: u32,
    pub fusion: Fusion,
    pub mode: Mode,
    pub kind: Kind,
    /// Rows that were looked at.
    pub searched: u64,
    pub max_similarity: Option<f32>,
    pub delta: Option<f64>,
    pub origin: Origin,
    pub threshold: f32,
    pub no_match_below: f32,
    /// Targets of the calibration: of the match, and of the absence of one if that is another.
    pub targets: Vec<f64>,
    pub milliseconds: f64,
}

/// One candidate.
pub struct Listed {
    pub subject: u64,
    pub template: u64,
    pub similarity: f32,
}

impl Claim {
    /// Reads a reply; the first field that is not of its kind is the error.
    pub fn of(reply: &Value) -> Result<Self, String> {
        let matches = at(reply, &["matches"]);
        let listed = matches.as_array().ok_or("matches: expected a list")?;
        let calibration = at(reply, &["calibration"]);
        let targets = [at(calibration, &["target_fpir"]), at(calibration, &["no_match", "target_fpir"])];
        let certificate = at(reply, &["certificate"]);
        Ok(Self {
            listed: (0..).zip(listed).map(|(rank, one)| candidate(rank, one)).collect::<Result<_, _>>()?,
            top_k: whole(reply, &["search", "top_k"])?
                .try_into()
                .map_err(|_| "search.top_k: expected a number of candidates")?,
            fusion: word(reply, &["search", "fusion"])?,
            mode: mode(at(reply, &["search", "mode"]).as_str().unwrap_or_default())?,
            kind: word(reply, &["certificate", "kind"])?,
            searched: whole(reply, &["certificate", "searched"])?,
            max_similarity: match at(certificate, &["max_similarity"]) {
                Value::Null => None,
                _ => Some(cosine(reply, &["certificate", "max_similarity"])?),
            },
            delta: at(certificate, &["delta"]).as_f64(),
            origin: word(reply, &["calibration", "origin"])?,
            threshold: cosine(reply, &["threshold"])?,
            no_match_below: cosine(reply, &["no_match_below"])?,
            targets: targets.into_iter().filter_map(Value::as_f64).collect(),
            milliseconds: at(reply, &["processing_time_ms"])
                .as_f64()
                .filter(|time| *time >= 0.0)
                .ok_or("processing_time_ms: expected a time")?,
        })
    }
}

fn candidate(rank: usize, one: &Value) -> Result<Listed, String> {
    let place = |problem: String| format!("matches[{rank}].{problem}");
    Ok(Listed {
        subject: whole(one, &["subject_id"]).map_err(place)?,
        template: whole(one, &["face_id"]).map_err(place)?,
        similarity: cosine(one, &["similarity"]).map_err(place)?,
    })
}

fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |value, key| &value[*key])
}

fn whole(value: &Value, path: &[&str]) -> Result<u64, String> {
    at(value, path).as_u64().ok_or_else(|| format!("{}: expected a whole number from 0", path.join(".")))
}

fn cosine(value: &Value, path: &[&str]) -> Result<f32, String> {
    let number = at(value, path).as_f64().filter(|number| (-1.0..=1.0).contains(number));
    number
        .map(|number| number as f32)
        .ok_or_else(|| format!("{}: expected a cosine from -1 to 1", path.join(".")))
}

/// One of a closed set of words.
fn word<T: serde::de::DeserializeOwned>(value: &Value, path: &[&str]) -> Result<T, String> {
    serde_json::from_value(at(value, path).clone()).map_err(|error| format!("{}: {error}", path.join(".")))
}

fn mode(name: &str) -> Result<Mode, String> {
    match (name, name.strip_prefix("graph-").map(str::parse)) {
        ("exact", _) => Ok(Mode::Exact),
        ("scan", _) => Ok(Mode::Scan),
        (_, Some(Ok(width))) => Ok(Mode::Graph { width }),
        _ => Err(format!("search.mode: expected exact, scan or graph-WIDTH, got {name:?}")),
    }
}
