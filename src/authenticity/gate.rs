//! Gates: a fitted classifier with its threshold and its error rates, as a document.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::classifier::{Linear, Scale, probability};
use super::error_rates::ErrorRates;
use super::measures::{MEASURES, Measure, Measures};

/// The version of the documents that this program writes and reads.
pub const VERSION: u32 = 1;
/// The first bytes of a gate file.
pub const BEGINNING: &str = "{\n  \"format\": \"gallerist authenticity gate\"";
/// Measures in a judgement.
const NAMED: usize = 3;

/// A classifier of genuine faces and attacks.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    linear: Linear,
    /// The place of each of its measures in [`MEASURES`].
    places: Vec<usize>,
    document: Document,
}

/// The content of a gate file. All lists have one entry per measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Names of the measures.
    pub measures: Vec<String>,
    /// Mean of each measure.
    pub mean: Vec<f64>,
    /// Deviation of each measure, above 0.
    pub deviation: Vec<f64>,
    /// Smallest value of each measure that it was fitted to.
    pub lowest: Vec<f64>,
    /// Largest value of each measure that it was fitted to.
    pub highest: Vec<f64>,
    /// Weight of each standardised measure; 0 for those that only tell whether a photo is like those of the fit.
    pub weights: Vec<f64>,
    /// The constant.
    pub bias: f64,
    /// A score at or above it is an attack. Scores are logarithms of the odds of an attack.
    pub threshold: f64,
    /// Values beyond the range of the fit that all but 1 % of the faces of unseen people have at most.
    pub most_outside: u32,
    /// What it was fitted to.
    pub fitted_to: FittedTo,
    /// Error rates on people that it was not fitted to, by cross-validation.
    pub unseen_people: ErrorRates,
}

/// What a gate was fitted to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FittedTo {
    /// In words.
    pub description: String,
    /// Genuine faces.
    pub genuine: Class,
    /// Attacks.
    pub attack: Class,
}

/// The examples of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Photos.
    pub photos: u64,
    /// People in them.
    pub people: u64,
}

/// The verdict about a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A person in front of the camera.
    Genuine,
    /// A picture of a picture, or a manipulated picture.
    Attack,
}

/// The judgement of a gate about a face.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Probability of an attack, 0 to 1, if attacks are as frequent as genuine faces and the photos are like those of the fit.
    pub attack_probability: f64,
    /// The probability at or above which the verdict is `attack`.
    pub threshold: f64,
    /// Number of measures beyond the range of the photos that the gate was fitted to.
    pub outside: u32,
    /// Whether so many measures are beyond their range that the error rates of the gate do not apply to this photo. The verdict is the same
    /// with and without it: a photo of another camera is no attack, and one that is unlike all examples is not known to be genuine.
    pub unlike_fit: bool,
    /// The measures that contributed most to the verdict, the most important first.
    pub reasons: Vec<Contribution>,
}

impl Judgement {
    /// The verdict alone: the probability is 0 or 1, and there are no reasons.
    #[must_use]
    pub fn without_details(&self) -> Self {
        let attack_probability = if self.verdict == Verdict::Attack { 1.0 } else { 0.0 };
        Self { attack_probability, outside: 0, reasons: Vec::new(), ..self.clone() }
    }
}

/// What a measure contributed to a verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contribution {
    /// Name of the measure.
    pub measure: String,
    /// What it is, in words.
    pub meaning: String,
    /// Its value in the face.
    pub value: f64,
    /// The mean value of the fit.
    pub usual: f64,
    /// What it adds to the logarithm of the odds of an attack.
    pub log_odds: f64,
}

/// The file: the document with its version and checksum.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Always `gallerist authenticity gate`.
    format: String,
    version: u32,
    /// SHA-256 of the document as compact JSON, in hexadecimal digits.
    sha256: String,
    gate: Document,
}

/// The value of `format`.
const FORMAT: &str = "gallerist authenticity gate";

impl Gate {
    /// The gate of a document.
    ///
    /// # Errors
    /// What is expected and what the document has instead.
    pub fn of(document: Document) -> Result<Self, String> {
        let n = document.measures.len();
        let lists = [
            ("mean", &document.mean),
            ("deviation", &document.deviation),
            ("lowest", &document.lowest),
            ("highest", &document.highest),
            ("weights", &document.weights),
        ];
        for (name, list) in lists {
            if list.len() != n {
                return Err(format!("expected {n} numbers in {name}, one per measure, got {}", list.len()));
            }
            if let Some(at) = list.iter().position(|value| !value.is_finite()) {
                return Err(format!("expected finite numbers in {name}, got {}", list[at]));
            }
        }
        if let Some(wrong) = document.deviation.iter().find(|deviation| **deviation <= 0.0) {
            return Err(format!("expected deviations above 0, got {wrong}"));
        }
        if !document.bias.is_finite() || !document.threshold.is_finite() {
            return Err("expected a finite bias and threshold".into());
        }
        if n == 0 {
            return Err("expected at least one measure, got none".into());
        }
        let mut places = Vec::with_capacity(n);
        for name in &document.measures {
            let place = MEASURES.iter().position(|measure| measure.name == name).ok_or_else(|| {
                format!(
                    "the measure {name:?} is unknown: expected one of the {} of this program",
                    MEASURES.len()
                )
            })?;
            if places.contains(&place) {
                return Err(format!("the measure {name:?} is listed twice"));
            }
            places.push(place);
        }
        let linear = Linear {
            scale: Scale { mean: document.mean.clone(), deviation: document.deviation.clone() },
            weights: document.weights.clone(),
            bias: document.bias,
        };
        Ok(Self { linear, places, document })
    }

    /// Its document.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The probability of an attack at or above which the verdict is `attack`.
    pub fn threshold(&self) -> f64 {
        probability(self.document.threshold)
    }

    /// The score of a face: the logarithm of the odds of an attack.
    pub fn score(&self, measures: &Measures) -> f64 {
        self.linear.score(&self.values(measures))
    }

    /// Judges a face.
    pub fn judge(&self, measures: &Measures) -> Judgement {
        let values = self.values(measures);
        let Document { threshold, most_outside, lowest, highest, .. } = &self.document;
        let score = self.linear.score(&values);
        let verdict = if score >= *threshold { Verdict::Attack } else { Verdict::Genuine };
        let ranges = lowest.iter().zip(highest);
        let outside =
            values.iter().zip(ranges).filter(|(value, (low, high))| *value < *low || *value > *high);
        let outside = outside.count() as u32;
        Judgement {
            verdict,
            attack_probability: probability(score),
            threshold: self.threshold(),
            outside,
            unlike_fit: outside > *most_outside,
            reasons: self.reasons(&values, measures, verdict),
        }
    }

    /// The measures that contributed most to a verdict.
    fn reasons(&self, values: &[f64], measures: &Measures, verdict: Verdict) -> Vec<Contribution> {
        let towards = if verdict == Verdict::Attack { 1.0 } else { -1.0 };
        let mut contributions: Vec<(usize, f64)> =
            self.linear.contributions(values).into_iter().enumerate().collect();
        contributions.retain(|(_, log_odds)| log_odds * towards > 0.0);
        contributions.sort_by(|(_, one), (_, other)| other.abs().total_cmp(&one.abs()));
        let named = contributions.into_iter().take(NAMED).map(|(at, log_odds)| {
            let (place, mean) = (self.places[at], self.linear.scale.mean[at]);
            let Measure { name, meaning, logarithmic, .. } = MEASURES[place];
            let usual = if logarithmic { mean.exp_m1() } else { mean };
            let value = measures.values[place];
            Contribution { measure: name.into(), meaning: meaning.into(), value, usual, log_odds }
        });
        named.collect()
    }

    /// The values of its measures, with logarithms taken.
    fn values(&self, measures: &Measures) -> Vec<f64> {
        let transformed = measures.transformed();
        self.places.iter().map(|&place| transformed[place]).collect()
    }

    /// The gate of the bytes of a gate file.
    ///
    /// # Errors
    /// What is expected and what the bytes are instead: they are damaged, of another version, or name measures that this program does not
    /// have.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let value: serde_json::Value = serde_json::from_slice(bytes)
            .map_err(|error| format!("expected the JSON that the fit of a gate writes: {error}"))?;
        if value.get("format").and_then(|format| format.as_str()) != Some(FORMAT) {
            return Err(format!("expected \"format\": {FORMAT:?}"));
        }
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(VERSION) => {}
            other => {
                let got = other.map_or_else(|| "none".into(), |version| version.to_string());
                return Err(format!("expected version {VERSION}, got {got}"));
            }
        }
        let File { sha256, gate, .. } = serde_json::from_value(value).map_err(|error| error.to_string())?;
        let expected = checksum(&gate);
        if sha256 != expected {
            return Err(format!("expected the checksum {expected}, got {sha256:?}: the file was changed"));
        }
        Self::of(gate)
    }

    /// The bytes of its file.
    pub fn encode(&self) -> Vec<u8> {
        let gate = self.document.clone();
        let file = File { format: FORMAT.into(), version: VERSION, sha256: checksum(&gate), gate };
        let mut text = serde_json::to_vec_pretty(&file).unwrap_or_default();
        text.push(b'\n');
        text
    }
}

/// SHA-256 of a document as compact JSON.
fn checksum(document: &Document) -> String {
    let text = serde_json::to_vec(document).unwrap_or_default();
    Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect()
}
