//! Faces in the bodies of requests: JSON, multipart forms with photos, and rows of little-endian `f32`.

use std::io::Cursor;

use axum::http::header;
use bytes::Bytes;
use multer::Multipart;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::call::{Call, parse, unsupported};
use super::problem::{Problem, Result};
use super::served::Served;
use crate::gallery::{Name, Person};
use crate::reply::{
    AnalyzePhotos, DecisionRequest, EnrollFaces, FaceOptions, FaceToEnroll, GivenFace, IdentifyFaces,
    IdentifyRequest, Names, VerifyFaces, all_faces,
};
use crate::template::Template;

/// Most parts of a form.
const PARTS: usize = 256;
/// Most probes or faces of a request.
pub const MOST_FACES: usize = 1024;
/// Most photos of a request.
pub const MOST_PHOTOS: usize = 64;

/// A face of a request.
pub enum Face {
    /// The bytes of a photo.
    Photo(Bytes),
    /// A template of the gallery's dimension.
    Template(Template),
}

impl Face {
    /// The bytes of the photo, if it is one.
    pub fn photo(&self) -> Option<Bytes> {
        if let Self::Photo(bytes) = self { Some(bytes.clone()) } else { None }
    }
}

/// An identification.
pub struct Identify {
    /// The probes.
    pub faces: Vec<Face>,
    /// What is asked about each.
    pub request: IdentifyRequest,
    /// Which faces of photos are used.
    pub photos: FaceOptions,
}

/// An enrollment.
pub struct Enroll {
    /// The faces and their subjects.
    pub faces: Vec<(Face, Person)>,
    /// Which faces of photos are used.
    pub photos: FaceOptions,
}

/// The query of an identification whose body is rows of numbers.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IdentifyQuery {
    /// Length of the candidate list, for a body of rows.
    #[schemars(range(min = 1, max = 1000))]
    pub top_k: Option<u32>,
    /// Target FPIR, for a body of rows.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub target_fpir: Option<f64>,
    /// Score at or above which a candidate matches, for a body of rows.
    #[schemars(range(min = -1, max = 1))]
    pub threshold: Option<f32>,
}

/// The query of an enrollment whose body is rows of numbers.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EnrollQuery {
    /// The subject of all rows, for a body of rows.
    pub subject: Option<String>,
}

/// A form with photos. The fields `subject` (enrollment) apply to the photos after them. `request` has the other fields in JSON.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct PhotoForm {
    /// Photos.
    pub image: Vec<Octets>,
    /// The other fields of the request, in JSON.
    pub request: Option<String>,
    /// Name of the subject of the photos that follow.
    pub subject: Option<String>,
}

/// A form with two photos.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct PairForm {
    /// The first photo.
    pub a: Octets,
    /// The second photo.
    pub b: Octets,
    /// Score at or above which both count as one person.
    pub threshold: Option<f32>,
    /// The other fields of the request, in JSON.
    pub request: Option<String>,
}

/// The fields of an enrollment without `faces`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct EnrollOptions {
    photos: FaceOptions,
    names: Names,
}

/// The fields of a verification without `a` and `b`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct VerifyOptions {
    threshold: Option<f32>,
    photos: FaceOptions,
}

/// Bytes. As a body of templates: rows of little-endian `f32`, as many per row as the gallery has dimensions.
#[derive(Debug, Serialize, Deserialize)]
pub struct Octets;

impl JsonSchema for Octets {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Octets".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "binary",
            "description": "Bytes. As a body of templates: rows of little-endian f32, as many per row as the gallery has dimensions."
        })
    }
}

/// Reads an identification.
///
/// # Errors
/// The body is of an unknown type or invalid.
pub async fn identify(call: &Call, served: &Served) -> Result<Identify> {
    let query: IdentifyQuery = call.query()?;
    let (mut asked, faces) = match call.media_type().as_str() {
        "application/json" => {
            let mut asked: IdentifyFaces = parse_off_thread(call).await?;
            let faces = given(std::mem::take(&mut asked.probes), served, "probes")?;
            (asked, faces)
        }
        "multipart/form-data" => {
            let form = form(call).await?;
            let text = form.iter().find(|part| part.name == "request").map(|part| part.data.clone());
            let asked = match text {
                Some(text) => parse::<RequestWithoutProbes>(&text)?.0,
                None => IdentifyRequest::default().into(),
            };
            (asked, images(form, "image", &["request"])?.into_iter().map(Face::Photo).collect())
        }
        "application/octet-stream" => {
            let faces = rows(&call.body, served)?.into_iter().map(Face::Template).collect();
            (IdentifyRequest::default().into(), faces)
        }
        other => {
            return Err(unsupported(
                other,
                "application/json, multipart/form-data or application/octet-stream",
            ));
        }
    };
    require_number(faces.len(), MOST_FACES, "probes")?;
    if let Some(top_k) = query.top_k {
        asked.top_k = top_k;
    }
    if query.target_fpir.is_some() || query.threshold.is_some() {
        let (target_fpir, threshold) =
            (query.target_fpir.into_iter().collect(), query.threshold.into_iter().collect());
        asked.decision = DecisionRequest { target_fpir, threshold };
    }
    if !(1..=1000).contains(&asked.top_k) {
        return Err(Problem::field("top_k", format!("expected 1 to 1000, got {}", asked.top_k)));
    }
    Ok(Identify { faces, request: asked.request(), photos: asked.photos })
}

/// The fields of an identification without `probes`.
struct RequestWithoutProbes(IdentifyFaces);

impl<'de> Deserialize<'de> for RequestWithoutProbes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut value = serde_json::Value::deserialize(deserializer)?;
        let Some(fields) = value.as_object_mut() else { return Err(D::Error::custom("expected an object")) };
        if fields.insert("probes".into(), serde_json::Value::Array(Vec::new())).is_some() {
            return Err(D::Error::custom("`probes` are the image parts of the form"));
        }
        serde_json::from_value(value).map(Self).map_err(D::Error::custom)
    }
}

/// Reads an enrollment.
///
/// # Errors
/// The body is of an unknown type or invalid.
pub async fn enroll(call: &Call, served: &Served) -> Result<Enroll> {
    let query: EnrollQuery = call.query()?;
    let (faces, photos) = match call.media_type().as_str() {
        "application/json" => {
            let asked: EnrollFaces = parse_off_thread(call).await?;
            let mut faces = Vec::with_capacity(asked.faces.len());
            for (at, face) in asked.faces.into_iter().enumerate() {
                faces.push(to_enroll(face, at, served, asked.names)?);
            }
            (faces, asked.photos)
        }
        "multipart/form-data" => form_to_enroll(form(call).await?)?,
        "application/octet-stream" => {
            let subject = query
                .subject
                .ok_or_else(|| Problem::field("subject", "a body of rows needs ?subject=NAME"))?;
            let person = named(&subject, Names::Given, || "subject".into())?;
            let rows = rows(&call.body, served)?;
            (
                rows.into_iter().map(|row| (Face::Template(row), person.clone())).collect(),
                FaceOptions::default(),
            )
        }
        other => {
            return Err(unsupported(
                other,
                "application/json, multipart/form-data or application/octet-stream",
            ));
        }
    };
    require_number(faces.len(), MOST_FACES, "faces")?;
    Ok(Enroll { faces, photos })
}

fn to_enroll(face: FaceToEnroll, at: usize, served: &Served, names: Names) -> Result<(Face, Person)> {
    let field = |name: &str| format!("faces[{at}].{name}");
    let (face, subject) = match face {
        FaceToEnroll::Image { subject, image } => (Face::Photo(image.0.into()), subject),
        FaceToEnroll::Embedding { .. } if names == Names::Generated => {
            return Err(Problem::field(field("embedding"), "generated names are for photos"));
        }
        FaceToEnroll::Embedding { subject, embedding } => {
            (Face::Template(template(&embedding, served, || field("embedding"))?), subject)
        }
    };
    Ok((face, named(&subject, names, || field("subject"))?))
}

fn form_to_enroll(form: Vec<Part>) -> Result<(Vec<(Face, Person)>, FaceOptions)> {
    let text = form.iter().find(|part| part.name == "request").map(|part| &part.data);
    let EnrollOptions { photos, names } = text.map(|text| parse(text)).transpose()?.unwrap_or_default();
    // A single subject is that of all images, wherever it stands. Otherwise each is that of the images after it.
    let given = form.iter().filter(|part| part.name == "subject").count();
    let mut faces: Vec<(Bytes, Option<Person>)> = Vec::new();
    let (mut subject, mut is_used) = (None, true);
    for part in form {
        match &*part.name {
            "request" => {}
            "subject" => {
                let name = String::from_utf8(part.data.into())
                    .map_err(|_| Problem::field("subject", "not UTF-8"))?;
                if !is_used && given > 1 {
                    return Err(Problem::field("subject", "expected an image between two subjects"));
                }
                (subject, is_used) = (Some(named(&name, names, || "subject".into())?), false);
            }
            "image" => {
                is_used = true;
                faces.push((part.data, subject.clone()));
            }
            other => return Err(Problem::field(other, "unknown field")),
        }
    }
    if !is_used && given > 1 {
        return Err(Problem::field("subject", "expected an image after the last subject"));
    }
    let fallback = subject.filter(|_| given == 1);
    let named = |(photo, person): (Bytes, Option<Person>)| {
        let person = person.or_else(|| fallback.clone());
        let missing = || Problem::field("subject", "expected a name for each image");
        Ok((Face::Photo(photo), person.ok_or_else(missing)?))
    };
    Ok((faces.into_iter().map(named).collect::<Result<_>>()?, photos))
}

/// Reads the two faces of a verification and the rest of the request.
///
/// # Errors
/// The body is of an unknown type or invalid.
pub async fn verify(call: &Call, served: &Served) -> Result<([Face; 2], Option<f32>, FaceOptions)> {
    match call.media_type().as_str() {
        "application/json" => {
            let VerifyFaces { a, b, threshold, photos } = parse_off_thread(call).await?;
            let a = one_given(a, served, || "a.embedding".into())?;
            Ok(([a, one_given(b, served, || "b.embedding".into())?], threshold, photos))
        }
        "multipart/form-data" => {
            let (mut a, mut b, mut threshold, mut options) = (None, None, None, VerifyOptions::default());
            for part in form(call).await? {
                match &*part.name {
                    "a" => a = Some(Face::Photo(part.data)),
                    "b" => b = Some(Face::Photo(part.data)),
                    "threshold" => threshold = Some(parse(&part.data)?),
                    "request" => options = parse(&part.data)?,
                    other => return Err(Problem::field(other, "unknown field")),
                }
            }
            let (Some(a), Some(b)) = (a, b) else {
                return Err(Problem::field("a", "expected two photos, a and b"));
            };
            Ok(([a, b], threshold.or(options.threshold), options.photos))
        }
        other => Err(unsupported(other, "application/json or multipart/form-data")),
    }
}

/// Reads photos to analyze.
///
/// # Errors
/// The body is of an unknown type or invalid.
pub async fn photos(call: &Call) -> Result<(Vec<Bytes>, FaceOptions)> {
    let (photos, options) = match call.media_type().as_str() {
        "application/json" => {
            let AnalyzePhotos { images, photos } = parse_off_thread(call).await?;
            (images.into_iter().map(|image| image.0.into()).collect(), photos)
        }
        "multipart/form-data" => (images(form(call).await?, "image", &[])?, all_faces()),
        other => return Err(unsupported(other, "application/json or multipart/form-data")),
    };
    require_number(photos.len(), MOST_PHOTOS, "images")?;
    Ok((photos, options))
}

fn require_number(number: usize, most: usize, field: &str) -> Result<()> {
    if (1..=most).contains(&number) {
        return Ok(());
    }
    Err(Problem::field(field, format!("expected 1 to {most}, got {number}")))
}

/// Parses a large body on another thread, so that other requests do not wait for it.
async fn parse_off_thread<T: serde::de::DeserializeOwned + Send + 'static>(call: &Call) -> Result<T> {
    const LARGE: usize = 64 << 10;
    if call.body.len() < LARGE {
        return parse(&call.body);
    }
    let body = call.body.clone();
    call.work(move || parse(&body)).await
}

fn given(faces: Vec<GivenFace>, served: &Served, list: &str) -> Result<Vec<Face>> {
    let faces = faces.into_iter().enumerate();
    faces.map(|(at, face)| one_given(face, served, || format!("{list}[{at}].embedding"))).collect()
}

fn one_given(face: GivenFace, served: &Served, field: impl FnOnce() -> String) -> Result<Face> {
    Ok(match face {
        GivenFace::Image { image } => Face::Photo(image.0.into()),
        GivenFace::Embedding { embedding } => Face::Template(template(&embedding, served, field)?),
    })
}

/// A template of the gallery's dimension.
///
/// # Errors
/// It has another dimension, or no direction.
pub fn template(numbers: &[f32], served: &Served, field: impl FnOnce() -> String) -> Result<Template> {
    let expected = served.session.gallery().binding().dimension;
    if numbers.len() != expected {
        let reason = format!("expected {expected} numbers, got {}", numbers.len());
        return Err(Problem { code: "wrong_dimension", ..Problem::field(field(), reason) });
    }
    Template::from_raw(numbers).map_err(|error| Problem {
        code: error.reason().code(),
        ..Problem::field(field(), error.to_string())
    })
}

/// Rows of little-endian numbers.
fn rows(body: &[u8], served: &Served) -> Result<Vec<Template>> {
    let dimension = served.session.gallery().binding().dimension;
    if body.is_empty() || !body.len().is_multiple_of(4 * dimension) {
        let expected =
            format!("expected rows of {dimension} little-endian f32 ({} bytes each)", 4 * dimension);
        return Err(Problem::field("body", format!("{expected}, got {} bytes", body.len())));
    }
    let row = |(at, bytes): (usize, &[u8])| {
        let (numbers, _) = bytes.as_chunks::<4>();
        let numbers: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        template(&numbers, served, || format!("row {at}"))
    };
    body.chunks_exact(4 * dimension).enumerate().map(row).collect()
}

/// The subject of a face to enroll.
fn named(name: &str, names: Names, field: impl FnOnce() -> String) -> Result<Person> {
    match names {
        Names::Given => person(name, field),
        Names::Generated => {
            let name = Name::generated(name).map_err(|error| Problem::field(field(), error.to_string()))?;
            Ok(Person::Unknown(name))
        }
    }
}

/// The subject with this name.
///
/// # Errors
/// It is not a valid name.
pub fn person(name: &str, field: impl FnOnce() -> String) -> Result<Person> {
    Ok(Person::Named(Name::new(name).map_err(|error| Problem::field(field(), error.to_string()))?))
}

/// A hash of the content of a request. The boundary of a form is left out: most clients choose another one for each attempt.
pub fn identity(call: &Call) -> [u8; 32] {
    let kind =
        call.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut hash = Sha256::new();
    match multer::parse_boundary(kind) {
        Err(_) => hash.update(&call.body),
        Ok(boundary) => {
            let delimiter = format!("--{boundary}");
            let lines = call.body.split(|&byte| byte == b'\n');
            for line in
                lines.map(|line| if line.starts_with(delimiter.as_bytes()) { b"--".as_slice() } else { line })
            {
                hash.update(line);
                hash.update(b"\n");
            }
        }
    }
    hash.finalize().into()
}

/// A part of a form.
struct Part {
    name: String,
    data: Bytes,
}

/// The parts of a form, in their order.
async fn form(call: &Call) -> Result<Vec<Part>> {
    let invalid = |error: multer::Error| Problem::malformed(format!("the form is not valid: {error}"));
    let kind =
        call.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).map_err(invalid)?;
    let mut form = Multipart::with_reader(Cursor::new(call.body.clone()), boundary);
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.map_err(invalid)? {
        if parts.len() == PARTS {
            return Err(Problem::malformed(format!("the form has more than {PARTS} parts")));
        }
        let name = field.name().unwrap_or_default().to_owned();
        parts.push(Part { name, data: field.bytes().await.map_err(invalid)? });
    }
    Ok(parts)
}

/// The parts with a name. The others must be known.
fn images(form: Vec<Part>, name: &str, others: &[&str]) -> Result<Vec<Bytes>> {
    if let Some(unknown) = form.iter().find(|part| part.name != name && !others.contains(&&*part.name)) {
        return Err(Problem::field(unknown.name.clone(), "unknown field"));
    }
    Ok(form.into_iter().filter(|part| part.name == name).map(|part| part.data).collect())
}
