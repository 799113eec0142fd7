//! Sessions with the stand-in encoder: photos as bytes, templates, and measurements from memory.

use std::cell::Cell;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use image::{ImageBuffer, ImageFormat, Rgb};
use sha2::{Digest, Sha256};

use super::*;
use crate::decision::Decision;
use crate::encoder::Model;
use crate::experiment::Probe;
use crate::fusion::Fusion;
use crate::gallery::{ImportedPhoto, ImportedRow, Name, Person};
use crate::reason::Reason;
use crate::reply::{DecisionRequest, IdentifyRequest, PhotoRequest, Reply, SearchRequest, Way};
use crate::template::Template;

fn session() -> (tempfile::TempDir, Session) {
    let folder = tempfile::tempdir().unwrap();
    let binding = Model::named("stand-in").unwrap().binding();
    let request = EngineRequest::default();
    let session = Session::create(&folder.path().join("g"), &binding, GraphWhen::Never, request).unwrap();
    (folder, session)
}

fn photo(number: u32) -> Vec<u8> {
    let pixels = ImageBuffer::from_fn(200, 200, |x, y| {
        Rgb([(x * number) as u8, (y * (number + 3)) as u8, ((x ^ y) * (2 * number + 1)) as u8])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn person(name: &str) -> Person {
    Person::Named(Name::new(name).unwrap())
}

/// A unit vector that depends on a number.
fn template(number: u64, dimension: usize) -> Template {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
    let mut component = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    Template::from_raw(&(0..dimension).map(|_| component()).collect::<Vec<_>>()).unwrap()
}

fn identified(session: &Session, bytes: &[u8]) -> Vec<Reply> {
    let request = IdentifyRequest::default();
    let policy = session.policy(&request.search, &request.decision).unwrap();
    let replies = session.identify_photo(bytes, &PhotoRequest::default(), (&request, &policy)).unwrap();
    let text = serde_json::to_string(&replies).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Reply>>(&text).unwrap(), replies, "{text}");
    replies
}

#[test]
fn bytes_are_enrolled_once_and_identified() {
    let (_folder, session) = session();
    let photos = PhotoRequest::default();
    for (number, name) in [(1, "Ada"), (2, "Grace")] {
        let done = session.enroll_photo(&photo(number), "", &person(name), &photos).unwrap();
        assert!(matches!(&done, Enrolled::Added(templates, _) if templates.len() == 1), "{done:?}");
    }
    let again = session.enroll_photo(&photo(1), "", &person("Ada"), &photos).unwrap();
    assert!(matches!(&again, Enrolled::Skipped(skip, _) if skip.reason == Reason::Duplicate), "{again:?}");
    let other = session.enroll_photo(&photo(1), "", &person("Grace"), &photos).unwrap();
    assert!(matches!(&other, Enrolled::Skipped(skip, _) if skip.reason == Reason::OtherName), "{other:?}");
    assert_eq!(session.gallery().counts().unwrap(), (2, 2));
    match &identified(&session, &photo(2))[..] {
        [Reply::Identified(reply)] => {
            assert_eq!((reply.decision, reply.matches[0].subject.as_str()), (Decision::Match, "Grace"));
        }
        replies => panic!("{replies:?}"),
    }
    let all = PhotoRequest { faces: crate::ingest::Faces::All, ..photos };
    assert!(matches!(
        session.enroll_photo(&photo(3), "", &person("Ada"), &all),
        Err(SessionError::SharedName)
    ));
}

#[test]
fn a_photo_with_a_template_of_an_unknown_face_gets_no_further_faces() {
    let (_folder, session) = session();
    let (bytes, dimension) = (photo(1), session.gallery().binding().dimension);
    let hash = Sha256::digest(&bytes).into();
    let photo = ImportedPhoto { hash, path: "1.png".into(), face: None, other_paths: Vec::new() };
    let row = ImportedRow {
        row: 0,
        person: Some(person("Ada")),
        template: template(1, dimension),
        photo: Some(photo),
    };
    let source = session.gallery().source(&[7; 32], Path::new("a.npy"), 1).unwrap();
    session.gallery().import(&source, &[row]).unwrap();
    let again = session.enroll_photo(&bytes, "1.png", &person("Ada"), &PhotoRequest::default()).unwrap();
    assert!(matches!(&again, Enrolled::Skipped(skip, _) if skip.reason == Reason::Duplicate), "{again:?}");
    assert_eq!(session.gallery().counts().unwrap(), (1, 1));
}

#[test]
fn bytes_that_are_no_photo_are_refused_with_a_reason() {
    let (_folder, session) = session();
    let refused = session.enroll_photo(b"no photo", "", &person("Ada"), &PhotoRequest::default()).unwrap();
    assert!(matches!(&refused, Enrolled::Skipped(skip, _) if skip.reason == Reason::Unsupported));
    match &identified(&session, b"no photo")[..] {
        [Reply::Refused(reply)] => {
            assert_eq!(
                (reply.decision, &reply.probe.reasons[..]),
                (Decision::Inconclusive, &[Reason::Unsupported][..])
            );
        }
        replies => panic!("{replies:?}"),
    }
}

#[test]
fn pairs_of_bytes_and_of_templates_are_verified() {
    let (_folder, session) = session();
    let (engine, photos) = (session.engine().unwrap(), PhotoRequest::default());
    let binding = session.gallery().binding();
    let threshold = threshold(Some(0.9), binding).unwrap();
    let (one, other) = (photo(1), photo(2));
    let verify = |pair| match verify_bytes(engine, pair, &photos, &threshold).unwrap() {
        Verified::Compared(compared) => compared,
        verified => panic!("{verified:?}"),
    };
    assert_eq!(verify([&one, &one]).decision, Decision::Match);
    assert!(verify([&one, &other]).similarity < verify([&one, &one]).similarity);
    let refused = verify_bytes(engine, [&one, b""], &photos, &threshold).unwrap();
    assert!(matches!(refused, Verified::Refused(refused) if refused.len() == 1));
    let template = template(1, binding.dimension);
    let compared = verify_templates([&template, &template], &threshold, binding).unwrap();
    assert_eq!(compared.decision, Decision::Match);
    let shorter = self::template(1, binding.dimension / 2);
    assert!(verify_templates([&template, &shorter], &threshold, binding).is_err());
    for wrong in [f32::NAN, 5.0, -1.5] {
        assert!(super::threshold(Some(wrong), binding).is_err(), "{wrong}");
    }
}

/// A remembered policy must be the one of a new session, also after a document was stored and after the gallery has grown.
fn assert_policies_are_remembered(session: &Session, calibration: &crate::calibration::Calibration, id: i64) {
    let request = |rates: &[f64], way| {
        let search = SearchRequest { way, ..SearchRequest::default() };
        (search, DecisionRequest { target_fpir: rates.to_vec(), ..DecisionRequest::default() })
    };
    let requests = [
        request(&[], Way::Auto),
        request(&[0.1], Way::Auto),
        request(&[0.1, 0.2], Way::Auto),
        request(&[], Way::Graph),
    ];
    let text = |policy: Result<Policy>| format!("{policy:?}");
    let compare = |id| {
        for (search, decision) in &requests {
            // Nothing is remembered by a new cache.
            let fresh = policy::policy(session.gallery(), &Parsed::default(), (search, decision), None);
            assert!(
                fresh.as_ref().is_ok_and(|one| one.threshold.calibrated.as_ref().unwrap().id == id),
                "{fresh:?}"
            );
            let fresh = text(fresh);
            assert_eq!(text(session.policy(search, decision)), fresh);
            assert_eq!(text(session.policy(search, decision)), fresh);
            let beside = session.gallery().during_a_write(|| text(session.policy(search, decision)));
            assert_eq!(beside.expect("it waited for the catalog"), fresh);
        }
    };
    compare(id);
    compare(session.keep_calibration(calibration).unwrap());
    let other = crate::calibration::Calibration { targets: vec![0.3], ..calibration.clone() };
    compare(session.keep_calibration(&other).unwrap());
    let dimension = session.gallery().binding().dimension;
    session.enroll_templates(&[(template(9_999, dimension), person("one more"))]).unwrap();
    compare(id + 2);
    session.gallery().remove_subject("one more").unwrap();
    compare(id + 2);
    compare(session.keep_calibration(calibration).unwrap());
}

#[test]
fn templates_are_enrolled_once_and_measured_from_memory() {
    let (_folder, session) = session();
    let dimension = session.gallery().binding().dimension;
    let people: Vec<(Template, Person)> = (0..60)
        .map(|number| (template(number, dimension), person(&format!("person {}", number / 2))))
        .collect();
    assert_eq!(session.enroll_templates(&people).unwrap(), 60);
    assert_eq!(session.enroll_templates(&people).unwrap(), 0, "the same templates again");
    assert_eq!(session.gallery().counts().unwrap(), (30, 60));

    let probe = |number| Probe {
        name: format!("probe {number}"),
        person: None,
        template: template(number, dimension),
    };
    let request = CalibrateRequest {
        strangers: Strangers::Probes((1000..1100).map(probe).collect()),
        target_fpir: vec![0.1],
        fusion: Fusion::Max,
        photos: PhotoRequest::default(),
        skip_invalid: false,
    };
    let done = Cell::new(0);
    let stop = AtomicBool::new(false);
    let control = Control { stop: &stop, progress: &|progress| done.set(progress.done) };
    let measured = session.calibrate(&request, &control).unwrap().unwrap();
    assert_eq!((measured.calibration.maxima.len(), done.get()), (100, 100));
    let id = session.keep_calibration(&measured.calibration).unwrap();
    let asked = IdentifyRequest::default();
    let policy = session.policy(&asked.search, &asked.decision).unwrap();
    assert_eq!(policy.threshold.calibrated.as_ref().map(|one| one.id), Some(id));

    assert_policies_are_remembered(&session, &measured.calibration, id);

    let mated = Mated::Probes(vec![(template(4, dimension), "person 2".into())]);
    let request = AuditRequest {
        mated,
        sample: 50,
        seed: 1,
        max_loss: 0.001,
        doubles_above: None,
        top_k: 5,
        photos: PhotoRequest::default(),
        skip_invalid: false,
    };
    let audited = session.audit(&request, &policy, &control).unwrap().unwrap();
    assert_eq!(audited.audit.mates.map(|mates| (mates.probes, mates.missed)), Some((1, 0)));
    let unknown =
        AuditRequest { mated: Mated::Probes(vec![(template(4, dimension), "nobody".into())]), ..request };
    assert!(session.audit(&unknown, &policy, &control).is_err());

    stop.store(true, Ordering::Relaxed);
    let stopped = session.audit(&AuditRequest { mated: Mated::Own, ..unknown }, &policy, &control).unwrap();
    assert!(stopped.is_err(), "a request to stop ends the audit");
}

#[test]
fn requests_survive_json() {
    fn same<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(request: &T) {
        let text = serde_json::to_string(request).unwrap();
        assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), request, "{text}");
    }
    let photos = PhotoRequest { min_face: Some(33.5), ..PhotoRequest::default() };
    let naming = Naming::Given(Name::new("Ada").unwrap());
    same(&FuseRequest {
        members: vec!["dlib-128".into()],
        fit: Some("people".into()),
        dimension: Some(64),
        mirror: true,
        out: "one.toml".into(),
        engine: EngineRequest::default(),
        photos: photos.clone(),
    });
    same(&EnrollRequest { paths: vec!["a.jpg".into()], naming, photos: photos.clone() });
    same(&ImportRequest { file: "a.npy".into(), other_names: OtherNames::Keep, ..ImportRequest::default() });
    let probe = Probe { name: "one".into(), person: None, template: template(1, 8) };
    for strangers in [
        Strangers::Given("a".into(), None),
        Strangers::Probes(vec![probe]),
        Strangers::LeftOut { people: 20, seed: 1 },
    ] {
        let (target_fpir, fusion) = (vec![0.01], Fusion::Mean);
        same(&CalibrateRequest {
            strangers,
            target_fpir,
            fusion,
            photos: photos.clone(),
            skip_invalid: true,
        });
    }
    for text in ["[1.0,null]", "[]", "[0.0,0.0]"] {
        assert!(serde_json::from_str::<Template>(text).is_err(), "{text}");
    }
    assert!(serde_json::from_str::<Name>("\" blank\"").is_err(), "a name is checked when it is read");
}

#[test]
fn requests_that_contradict_themselves_are_refused() {
    let (_folder, session) = session();
    let decision = crate::reply::DecisionRequest::default();
    let graph = SearchRequest {
        way: Way::Graph,
        certify: Some(crate::reply::Proof::Exact),
        ..SearchRequest::default()
    };
    assert!(matches!(session.policy(&graph, &decision), Err(SessionError::GraphProvesNothing)));
    let threshold = |given: &[f32]| {
        let decision = crate::reply::DecisionRequest { threshold: given.to_vec(), ..Default::default() };
        session.policy(&SearchRequest::default(), &decision)
    };
    assert!(threshold(&[0.3, 0.6]).is_ok());
    for wrong in [&[0.6, 0.3][..], &[0.0, 1.0], &[0.1, 0.2, 0.3], &[2.0], &[f32::NAN]] {
        assert!(threshold(wrong).is_err(), "{wrong:?}");
    }
    let photos = PhotoRequest { min_quality: 101, ..PhotoRequest::default() };
    let refused = session.enroll_photo(&photo(1), "", &person("Ada"), &photos).unwrap_err();
    assert!(refused.to_string().starts_with("min_quality: "), "{refused}");
}
