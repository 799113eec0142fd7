//! Requests and replies of the service for faces: photos as bytes or templates, many in one request.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Among, DecisionRequest, IdentifyRequest, PhotoRequest, Refusal, Renamed, Reply, SearchRequest,
    Verification,
};
use crate::decision::Decision;
use crate::face::{Provenance, Quality};
use crate::ingest::Faces;
use crate::reason::Reason;

/// The bytes of a photo file; in JSON in base64, of the standard or the URL alphabet. A `data:` URL is accepted too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoBytes(pub Vec<u8>);

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

impl Serialize for PhotoBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64::engine::general_purpose::STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for PhotoBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let data = text.strip_prefix("data:").and_then(|url| url.split_once(";base64,"));
        let text = data.map_or(&*text, |(_, data)| data);
        let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
        let decoded = GeneralPurpose::new(alphabet, LENIENT).decode(&text);
        decoded.map(Self).map_err(|error| serde::de::Error::custom(format!("expected base64: {error}")))
    }
}

impl JsonSchema for PhotoBytes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PhotoBytes".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "contentEncoding": "base64",
            "description": "The bytes of a JPEG, PNG or WebP file in base64."
        })
    }
}

/// A face: a photo of it, or its template.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum GivenFace {
    /// A photo.
    Image {
        /// Its bytes.
        image: PhotoBytes,
    },
    /// A template of the gallery's model. It is normalised to length 1.
    Embedding {
        /// Its components.
        embedding: Vec<f32>,
    },
}

/// The fields of a face. Read one by one, so that an error names the invalid field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    subject: Option<String>,
    image: Option<PhotoBytes>,
    embedding: Option<Vec<f32>>,
}

impl Fields {
    fn face<E: serde::de::Error>(self) -> Result<(Option<String>, GivenFace), E> {
        let face = match (self.image, self.embedding) {
            (Some(image), None) => GivenFace::Image { image },
            (None, Some(embedding)) => GivenFace::Embedding { embedding },
            _ => {
                return Err(E::custom(
                    "expected either `image` (base64) or `embedding` (an array of numbers)",
                ));
            }
        };
        Ok((self.subject, face))
    }
}

impl<'de> Deserialize<'de> for GivenFace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        match Fields::deserialize(deserializer)?.face()? {
            (None, face) => Ok(face),
            (Some(_), _) => Err(D::Error::custom("unknown field `subject`")),
        }
    }
}

impl<'de> Deserialize<'de> for FaceToEnroll {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Fields::deserialize(deserializer)?.face()? {
            (None, _) => Err(serde::de::Error::missing_field("subject")),
            (Some(subject), GivenFace::Image { image }) => Ok(Self::Image { subject, image }),
            (Some(subject), GivenFace::Embedding { embedding }) => Ok(Self::Embedding { subject, embedding }),
        }
    }
}

/// Which faces of the photos are used.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FaceOptions {
    /// Which faces of a photo are used.
    pub faces: Faces,
    /// Smallest shorter side of a face, in pixels. `null`: 40, and 1/40 of the photo's longer side if that is more.
    #[schemars(range(min = 12, max = 10_000))]
    pub min_face: Option<f32>,
    /// Lowest quality of a face.
    #[schemars(range(min = 0, max = 100))]
    pub min_quality: u8,
    /// Whether photos with more than one face are refused.
    pub single_face: bool,
}

impl From<&PhotoRequest> for FaceOptions {
    /// The options without limits.
    fn from(request: &PhotoRequest) -> Self {
        let PhotoRequest { faces, min_face, min_quality, single_face, .. } = *request;
        Self { faces, min_face, min_quality, single_face }
    }
}

impl FaceOptions {
    /// The request for photos, with the other fields of `limits`.
    pub fn request(&self, limits: &PhotoRequest) -> PhotoRequest {
        let Self { faces, min_face, min_quality, single_face } = self.clone();
        PhotoRequest { faces, min_face, min_quality, single_face, ..limits.clone() }
    }
}

/// The request for an identification of many faces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentifyFaces {
    /// The probes.
    #[schemars(length(min = 1, max = 1024))]
    pub probes: Vec<GivenFace>,
    /// Which faces of the photos are used.
    #[serde(default)]
    pub photos: FaceOptions,
    /// Length of the candidate list.
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = 1000))]
    pub top_k: u32,
    /// Whether the replies contain the templates of the probes.
    #[serde(default)]
    pub with_template: bool,
    /// How the gallery is searched.
    #[serde(default)]
    pub search: SearchRequest,
    /// The threshold of the decision.
    #[serde(default)]
    pub decision: DecisionRequest,
    /// The subjects among whom the probes are searched.
    #[serde(default)]
    pub among: Among,
}

fn five() -> u32 {
    5
}

impl IdentifyFaces {
    /// The request for each probe.
    pub fn request(&self) -> IdentifyRequest {
        IdentifyRequest {
            top_k: self.top_k,
            with_template: self.with_template,
            search: self.search.clone(),
            decision: self.decision.clone(),
            among: self.among.clone(),
        }
    }
}

impl From<IdentifyRequest> for IdentifyFaces {
    /// The request without probes.
    fn from(request: IdentifyRequest) -> Self {
        let IdentifyRequest { top_k, with_template, search, decision, among } = request;
        let photos = FaceOptions::default();
        Self { probes: Vec::new(), photos, top_k, with_template, search, decision, among }
    }
}

/// Durations in milliseconds. Of the photos of a request, the longest is given for each step.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Timings {
    /// Waiting for a thread that processes photos, and for the search or the write.
    pub queue_ms: f64,
    /// Decoding.
    pub decode_ms: f64,
    /// Detection, alignment and quality.
    pub detect_ms: f64,
    /// Encoding.
    pub encode_ms: f64,
    /// Searching, with other probes at the same time.
    pub search_ms: f64,
    /// Writing, with other faces at the same time, until the templates are durable.
    pub write_ms: f64,
    /// From the complete request to the reply.
    pub total_ms: f64,
}

/// The reply of an identification of many faces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IdentifiedFaces {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The replies, in the order of the probes. `probe.row` is the position of the probe. A photo of which all faces are used has one reply
    /// per face.
    pub replies: Vec<Reply>,
    /// Durations.
    pub timings: Timings,
}

/// A face to enroll, and its subject.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum FaceToEnroll {
    /// A photo of the subject.
    Image {
        /// Name of the subject, new or in the gallery.
        subject: String,
        /// The bytes of the photo.
        image: PhotoBytes,
    },
    /// A template of the subject.
    Embedding {
        /// Name of the subject, new or in the gallery.
        subject: String,
        /// Its components. It is normalised to length 1.
        embedding: Vec<f32>,
    },
}

/// The request for an enrollment of many faces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrollFaces {
    /// The faces. Templates are enrolled all or none; each photo by itself.
    #[schemars(length(min = 1, max = 1024))]
    pub faces: Vec<FaceToEnroll>,
    /// Which faces of the photos are used. All faces of a photo cannot get the same name.
    #[serde(default)]
    pub photos: FaceOptions,
    /// What the names mean.
    #[serde(default)]
    pub names: Names,
}

/// What the names in an enrollment mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// Each is the name of a subject, new or in the gallery.
    #[default]
    Given,
    /// Each is generated from a photo, and each face in the photo is a new subject: the second face has `#2` after the name, and so on. A
    /// number is appended to a name that is already used. For photos only.
    Generated,
}

/// The reply of an enrollment of many faces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnrolledFaces {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The results, in the order of the faces. Everything in them is durable.
    pub faces: Vec<FaceEnrolled>,
    /// Durations.
    pub timings: Timings,
}

/// The result for a face to enroll.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum FaceEnrolled {
    /// Templates were added.
    Enrolled {
        /// Name of the subject.
        subject: String,
        /// Id of the subject.
        subject_id: u64,
        /// Name of the subject of each template, if there are several templates.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        subjects: Vec<String>,
        /// Generated names that were already used, and the names that were used instead.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        renamed: Vec<Renamed>,
        /// Ids of the templates.
        face_ids: Vec<u64>,
        /// Faces that the detector found in the photo; absent for a template.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        faces: Option<usize>,
        /// Faces that were not measured, because only the largest was requested.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_looked_at: Option<usize>,
        /// A remark about unused faces.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Left, top, right, bottom of the face in pixels of the upright photo.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bounds: Option<[f32; 4]>,
        /// Quality of the face.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quality: Option<Quality>,
        /// Faces that were refused in the same photo.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        refused: Vec<UnusedFace>,
    },
    /// It was in the gallery before.
    Unchanged {
        /// Name of its subject in the gallery.
        subject: Option<String>,
        /// Ids of its templates.
        face_ids: Vec<u64>,
        /// `duplicate`, or `other_name` if it is in the gallery under another name.
        reason: Reason,
        /// The reason in words; may be empty.
        detail: String,
    },
    /// It gave no template.
    Skipped {
        /// The reason.
        reason: Reason,
        /// The reason in words; may be empty.
        detail: String,
        /// The refused faces in the photo.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        refused: Vec<UnusedFace>,
    },
}

/// The request for the faces in photos.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnalyzePhotos {
    /// The photos.
    #[schemars(length(min = 1, max = 64))]
    pub images: Vec<PhotoBytes>,
    /// Which faces of the photos are used.
    #[serde(default = "all_faces")]
    pub photos: FaceOptions,
}

/// Options with which all faces of a photo are used.
pub fn all_faces() -> FaceOptions {
    FaceOptions { faces: Faces::All, ..FaceOptions::default() }
}

/// The faces in photos.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnalyzedPhotos {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The photos, in the order of the request.
    pub photos: Vec<AnalyzedPhoto>,
    /// Durations.
    pub timings: Timings,
}

/// The faces in a photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnalyzedPhoto {
    /// Position of the photo in the request.
    pub input: usize,
    /// The used faces.
    pub faces: Vec<AnalyzedFace>,
    /// Refused faces.
    pub refused: Vec<UnusedFace>,
    /// Faces that were not measured, because only the largest was requested.
    pub not_looked_at: usize,
    /// Why no face is used; `null` if one is.
    pub reason: Option<Reason>,
    /// The reason in words; may be empty.
    pub detail: String,
}

/// A used face.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnalyzedFace {
    /// Number of the face in the detector's order, from 0.
    pub face: usize,
    /// Its place and its quality.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// Its template, a unit vector, if it was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Vec<f32>>,
}

/// A refused face.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UnusedFace {
    /// Number of the face in the detector's order, from 0.
    pub face: usize,
    /// Left, top, right, bottom in pixels of the upright photo.
    pub bounds: [f32; 4],
    /// Why it was refused.
    pub reason: Reason,
    /// The reason in words; may be empty.
    pub detail: String,
}

/// The request for a verification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyFaces {
    /// The first face.
    pub a: GivenFace,
    /// The second face.
    pub b: GivenFace,
    /// Score at or above which both count as one person. `null`: the model's threshold, uncalibrated.
    #[serde(default)]
    #[schemars(range(min = -1, max = 1))]
    pub threshold: Option<f32>,
    /// Which faces of the photos are used. The largest face of each photo is compared.
    #[serde(default)]
    pub photos: FaceOptions,
}

/// The reply of a verification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum VerifiedFaces {
    /// Two faces were compared.
    Compared(Box<Verification>),
    /// A photo gave no template.
    Refused {
        /// The decision: `inconclusive`.
        decision: Decision,
        /// The photos or faces without a template. `probe.row` is 0 for `a` and 1 for `b`.
        refused: Vec<Refusal>,
    },
}
