//! Every reply is the same after a trip to JSON and back.

mod samples;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Debug;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::encoder::ChannelOrder;
use crate::fit::{Line, Rate, Report};
use crate::reason::Reason;
use samples::{binding, certificate, face, identification, model, operating, probe};

/// The JSON of a reply, after a check that it parses to the same reply.
fn parsed_again<T: Serialize + DeserializeOwned + PartialEq + Debug>(reply: T) -> Value {
    let text = serde_json::to_string(&reply).unwrap();
    let again: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(again, reply, "{text}");
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
    serde_json::from_str(&text).unwrap()
}

fn skipped() -> Skipped {
    Skipped { path: "a.jpg".into(), reason: Reason::NoFace, detail: "no face".into() }
}

fn counts() -> Counts {
    let skipped = BTreeMap::from([(Reason::NoFace, 2), (Reason::Duplicate, 1)]);
    Counts { done: 3, templates: 4, refused_faces: 1, unchanged: 5, skipped, system_files: 6 }
}

#[test]
fn identifications_survive_json() {
    let found = parsed_again(identification());
    assert_eq!((&found["version"], &found["decision"]), (&json!(VERSION), &json!("match")));
    assert_eq!(found["matches"][0]["match"], true);
    let refusal = Refusal::new(Probe { reasons: vec![Reason::NoFace], ..Probe::default() }, model());
    assert_eq!(parsed_again(refusal)["version"], VERSION);
    let verification = Verification {
        version: VERSION,
        decision: crate::decision::Decision::NoMatch,
        doubt: None,
        similarity: -0.1,
        distance: 1.1,
        threshold: 0.3,
        calibration: identification().calibration,
        a: probe(),
        b: Probe::default(),
        model: model(),
    };
    assert_eq!(parsed_again(verification)["decision"], "no_match");
    let candidate =
        Candidate { face_id: 1, subject_id: 2, subject: "Ada".into(), similarity: 0.1, distance: 0.9 };
    let lookup = Lookup {
        probe: 3,
        matches: vec![candidate],
        complete: true,
        searched: 4,
        max_similarity: Some(0.1),
        processing_time_ms: 0.5,
    };
    assert_eq!(parsed_again(lookup)["matches"][0]["subject"], "Ada");
    let verdict = Verdict {
        reply: 1,
        certificate: Some(certificate()),
        holds: false,
        problems: vec!["wrong".into()],
        not_proven: Vec::new(),
    };
    assert_eq!(parsed_again(verdict)["holds"], false);
}

#[test]
fn events_of_enrolling_and_encoding_survive_json() {
    let renamed = vec![Renamed { from: "Ada".into(), to: "Ada-2".into() }];
    let path = || "a.jpg".to_owned();
    let face = FaceSkipped {
        path: path(),
        face: 1,
        bounds: [0.1, 0.2, 30.3, 40.4],
        reason: Reason::TooSmall,
        detail: String::new(),
    };
    for (event, name) in [
        (
            EnrollEvent::Enrolled {
                path: path(),
                subjects: vec!["Ada-2".into()],
                template_ids: vec![7],
                faces: 2,
                not_looked_at: 1,
                note: Some("2 faces".into()),
                renamed,
            },
            "enrolled",
        ),
        (EnrollEvent::Unchanged { path: path() }, "unchanged"),
        (EnrollEvent::Skipped(skipped()), "skipped"),
        (EnrollEvent::FaceSkipped(face), "face_skipped"),
        (EnrollEvent::Summary(EnrollSummary::new(&counts(), 1, Some(2), 0.25)), "summary"),
    ] {
        assert_eq!(parsed_again(event)["event"], name);
    }
    for (event, name) in [
        (EncodeEvent::Encoded { path: Some(path()), subjects: vec![None, Some("Ada".into())] }, "encoded"),
        (EncodeEvent::Unchanged { path: path() }, "unchanged"),
        (
            EncodeEvent::SeveralFaces { path: path(), faces: 3, not_looked_at: 2, note: "3 faces".into() },
            "several_faces",
        ),
        (EncodeEvent::Skipped(skipped()), "skipped"),
        (EncodeEvent::FaceSkipped(skipped()), "face_skipped"),
        (EncodeEvent::Summary(EncodeSummary::new(&counts(), 0.25, Some(3))), "summary"),
    ] {
        assert_eq!(parsed_again(event)["event"], name);
    }
    assert_eq!(EnrollSummary::new(&counts(), 1, None, 0.25).counts(), counts());
    assert_eq!(EncodeSummary::new(&counts(), 0.25, Some(3)).inputs, 11);
}

#[test]
fn events_of_imports_and_interruptions_survive_json() {
    let summary = ImportSummary {
        version: VERSION,
        rows: 9,
        imported: 5,
        imported_before: 1,
        renamed: 1,
        repeated: 1,
        skipped: 2,
        seconds: 0.25,
        interrupted: false,
        similar_names: vec![["Tony".into(), "tony".into()]],
    };
    for (event, name) in [
        (ImportEvent::Skipped { row: 1, reason: Reason::NotFinite, detail: "NaN".into() }, "skipped"),
        (ImportEvent::Imported { rows_done: 8, rows: 9 }, "imported"),
        (ImportEvent::Summary(summary), "summary"),
    ] {
        assert_eq!(parsed_again(event)["event"], name);
    }
    let row = RowSkipped { path: "a.npy".into(), row: 3, reason: Reason::NoDirection, detail: "0".into() };
    assert_eq!(parsed_again(row)["event"], "skipped");
    let unit = || "template".to_owned();
    let stopped = Interrupted { version: VERSION, unit: unit(), total: 9, looked_at: 4, not_looked_at: 5 };
    assert_eq!(parsed_again(stopped)["event"], "interrupted");
    let stopped = ExportInterrupted {
        version: VERSION,
        unit: unit(),
        total: 9,
        exported: 0,
        looked_at: 0,
        not_looked_at: 9,
    };
    assert_eq!(parsed_again(stopped)["event"], "interrupted");
}

#[test]
fn replies_about_galleries_survive_json() {
    let backup = || crate::gallery::Backup { subjects: 1, templates: 2, files: 3, bytes: 4 };
    let gallery = || "G".to_owned();
    parsed_again(Created { version: VERSION, gallery: gallery(), model: binding() });
    let set = ThresholdSet { version: VERSION, threshold: 0.1, before: Some(0.3), dry_run: false };
    assert_eq!(parsed_again(set)["event"], "threshold");
    let compacted = Compacted { version: VERSION, rewritten: 1, segments: 2, erased: 3, seconds: 0.5 };
    assert_eq!(parsed_again(compacted)["event"], "compacted");
    let planned = Purged {
        version: VERSION,
        erased: 1,
        removed: 1,
        rewritten: None,
        held_by_views: None,
        catalog_held: None,
        room_needed: 2,
        room_available: 3,
        dry_run: true,
    };
    assert_eq!(parsed_again(planned.clone()).get("rewritten"), None);
    let done = Purged {
        rewritten: Some(1),
        held_by_views: Some(0),
        catalog_held: Some(false),
        dry_run: false,
        ..planned
    };
    assert_eq!(parsed_again(done)["catalog_held"], false);
    let made = BackupMade { version: VERSION, to: "B".into(), backup: backup(), seconds: 0.5 };
    assert_eq!(parsed_again(made)["event"], "backup");
    let restored = RestoreMade {
        version: VERSION,
        gallery: gallery(),
        restored: 2,
        erased: 0,
        moved: 1,
        names_unknown: Some("unreadable".into()),
        unreadable: 0,
        erasures_known: true,
        backup: backup(),
        dry_run: false,
    };
    assert_eq!(parsed_again(restored)["event"], "restore");
    let inspection = crate::gallery::Inspection {
        templates: 1,
        unknown: 0,
        files: 2,
        problems: vec!["wrong".into()],
        more_problems: 0,
        leftovers: vec!["left".into()],
    };
    let found = parsed_again(Versioned::new(inspection));
    assert_eq!((&found["version"], &found["templates"]), (&json!(VERSION), &json!(1)));
}

#[test]
fn statistics_survive_json() {
    let sizes = crate::gallery::Summary {
        subjects: 1,
        templates: 2,
        unknown: 3,
        removed: 4,
        segments: 5,
        buffered: 6,
        index_bytes: 7,
        catalog_bytes: 8,
    };
    let overview = CalibrationOverview {
        fusion: crate::fusion::Fusion::Top2,
        n_subjects: 1,
        n_templates: 2,
        nonmated_searches: 3,
        made: 4,
        operating: Some(operating()),
        stale: vec!["grown".into()],
    };
    let states = [
        (None, "null"),
        (Some(StatsCalibration::Unreadable { error: "damaged".into() }), r#"{"error":"damaged"}"#),
    ];
    let stats = |calibration| Stats {
        version: VERSION,
        model: binding(),
        sizes: sizes.clone(),
        calibration,
        open_ms: 0.5,
    };
    for (state, expected) in states {
        assert_eq!(parsed_again(stats(state))["calibration"].to_string(), expected);
    }
    let readable = parsed_again(stats(Some(StatsCalibration::Readable(Box::new(overview)))));
    assert_eq!(readable["calibration"]["fusion"], "top2");
}

#[test]
fn replies_about_subjects_survive_json() {
    let template = TemplateListed { face_id: 1, path: None, row: Some(3), face: Some(face()) };
    let ada = || "Ada".to_owned();
    parsed_again(SubjectListed { subject_id: 1, subject: ada(), templates: 2 });
    parsed_again(SubjectShown { version: VERSION, subject_id: 1, subject: ada(), templates: vec![template] });
    for (event, name) in
        [(Correction::Renamed, "renamed"), (Correction::Merged, "merged"), (Correction::Removed, "removed")]
    {
        let reply = SubjectCorrected {
            version: VERSION,
            event,
            what: ada(),
            from: ada(),
            to: Some(ada()),
            templates: 2,
            dry_run: true,
            journal_id: Some(4),
            kept_apart: false,
            lists: vec!["hidden".into()],
        };
        assert_eq!(parsed_again(reply)["event"], name);
    }
    let removed = TemplatesRemoved {
        version: VERSION,
        template_ids: vec![1, 2],
        templates: 2,
        subjects_gone: vec![ada()],
        dry_run: false,
    };
    assert_eq!(parsed_again(removed)["event"], "removed");
    let moved = TemplatesMoved {
        version: VERSION,
        to: ada(),
        to_is_new: true,
        template_ids: vec![1],
        new_template_ids: vec![2],
        templates: 1,
        subjects_gone: Vec::new(),
        dry_run: false,
        journal_ids: vec![5],
        similar_names: vec![["ada".into(), ada()]],
    };
    assert_eq!(parsed_again(moved)["event"], "moved");
}

#[test]
fn models_and_measurements_survive_json() {
    let name = || "stand-in".to_owned();
    parsed_again(ModelPath { version: VERSION, path: "w.pt".into() });
    let setting = TriedSetting {
        chip: "arcface-112".into(),
        channels: ChannelOrder::Bgr,
        mean: [127.5; 3],
        scale: [0.5, 0.25, 0.125],
        d_prime: Some(5.5),
        rank_1: None,
        taken: true,
    };
    parsed_again(ImportedModel {
        version: VERSION,
        name: name(),
        manifest: "w.toml".into(),
        written: true,
        dimension: 4,
        chip: "arcface-112".into(),
        channels: ChannelOrder::Rgb,
        mean: [1.0, 2.0, 3.0],
        scale: [0.5; 3],
        threshold: 0.4,
        threshold_basis: "guess".into(),
        licence: "MIT".into(),
        fingerprint: "f".into(),
        detector: "mtcnn".into(),
        unused_detector: Some("det.onnx".into()),
        file: "w.onnx".into(),
        operator_set: 17,
        operations: 9,
        parameters: 1000,
        products: 2000,
        settings: vec![setting],
        warnings: vec!["none".into()],
    });
    parsed_again(ModelListed {
        name: name(),
        dimension: 4,
        licence: "MIT".into(),
        default: true,
        installed: false,
    });
    let info = ModelInfo {
        version: VERSION,
        name: name(),
        dimension: 4,
        licence: "MIT".into(),
        provenance: "here".into(),
        caveats: vec!["none".into()],
        threshold: 0.457,
        threshold_basis: "guess".into(),
        members: vec![ModelMember { name: name(), fingerprint: "e".into(), weight: 0.7 }],
        detector: "mtcnn".into(),
        files: vec![ModelFile { model: name(), path: "w.pt".into(), sha256: "a".into() }],
        fingerprint: "f".into(),
    };
    parsed_again(info.clone());
    let rate = Rate { value: 0.1, interval: [0.05, 0.2], errors: 3, trials: 30 };
    let line =
        Line { name: name(), dimension: 4, rank_1: Some(rate), fnir: vec![rate; 2], fnmr: vec![rate; 2] };
    let report = Report {
        photos: 60,
        people: 30,
        non_mated_pairs: 1700,
        searches: [20, 10],
        lines: vec![line],
        threshold: 0.4,
    };
    parsed_again(ModelFused {
        version: VERSION,
        manifest: "duo.toml".into(),
        model: info,
        mirror: false,
        whitening: Some(0.25),
        fitted_to: Some([200, 90]),
        report: Some(report),
    });
    parsed_again(samples::pairs());
    parsed_again(samples::calibrated());
}

#[test]
fn numbers_are_the_same_f32_after_json() {
    for value in [0.1, 1.0 / 3.0, -0.457_123_46, f32::MIN_POSITIVE, 1.0 - f32::EPSILON, -1.0, 0.0] {
        let mut reply = identification();
        reply.threshold = value;
        reply.probe.template = Some(vec![value, -value]);
        parsed_again(reply);
        let set = ThresholdSet { version: VERSION, threshold: value, before: Some(value), dry_run: false };
        parsed_again(set);
    }
}

#[test]
fn results_of_a_service_survive_json() {
    let unused =
        UnusedFace { face: 1, bounds: [0.5, 1.0, 2.0, 3.0], reason: Reason::LowQuality, detail: "x".into() };
    let enrolled = FaceEnrolled::Enrolled {
        subject: "a.jpg (2)".into(),
        subject_id: 1,
        subjects: vec!["a.jpg (2)".into(), "a.jpg#2".into()],
        renamed: vec![Renamed { from: "a.jpg".into(), to: "a.jpg (2)".into() }],
        face_ids: vec![2, 3],
        faces: Some(3),
        not_looked_at: Some(0),
        note: None,
        bounds: Some([1.0; 4]),
        quality: None,
        refused: vec![unused.clone()],
    };
    assert_eq!(parsed_again(enrolled)["refused"][0]["reason"], "low_quality");
    let skipped =
        FaceEnrolled::Skipped { reason: Reason::NoFace, detail: String::new(), refused: Vec::new() };
    let problem = ProblemBody {
        r#type: "about:blank".into(),
        title: "Unprocessable Entity".into(),
        status: 422,
        code: "no_face".into(),
        detail: "no face".into(),
        id: "1".into(),
        errors: vec![InvalidField { field: "faces[0]".into(), reason: "x".into() }],
        faces: vec![skipped],
    };
    assert_eq!(parsed_again(problem)["faces"][0]["result"], "skipped");
    let refused = vec![Refusal::new(Probe { row: Some(1), ..Probe::default() }, model())];
    let refused = VerifiedFaces::Refused { decision: crate::decision::Decision::Inconclusive, refused };
    assert_eq!(parsed_again(refused)["refused"][0]["probe"]["row"], 1);
    let request = EnrollFaces { faces: Vec::new(), photos: FaceOptions::default(), names: Names::Generated };
    assert_eq!(parsed_again(request)["names"], "generated");
}

#[test]
fn clusters_survive_json() {
    let overview = ClusterOverview {
        cluster: 1,
        faces: 3,
        unknown: 1,
        subjects: vec!["Ada".into()],
        path: Some("a.jpg".into()),
    };
    let found = parsed_again(FacesClustered {
        version: VERSION,
        method: ClusterMethod::TwoStage,
        threshold: Some(0.5),
        threshold_from: Some(ClusterThresholdFrom::Strangers),
        names_obeyed: true,
        faces: 4,
        unknown: 1,
        clusters: 2,
        singletons: 1,
        labelled: Some(1),
        largest: vec![overview],
        left_out: Some(ClustersLeftOut { clusters: 1, singletons: 1, faces: 1 }),
    });
    assert_eq!((&found["method"], &found["threshold_from"]), (&json!("two_stage"), &json!("strangers")));
    let face = ClusteredFace {
        face_id: 7,
        path: None,
        row: Some(3),
        bounds: Some([1.0, 2.0, 3.5, 4.0]),
        subject: None,
        cluster: 1,
        centrality: 0.5,
        label: None,
    };
    let line = parsed_again(face.clone());
    assert_eq!((&line["subject"], line.get("label")), (&Value::Null, None));
    let path = Some(Path::new(OsStr::from_bytes(b"bad\xff")).into());
    assert_eq!(parsed_again(ClusteredFace { path, ..face })["path"], json!({ "hex": "626164ff" }));
    let measures = crate::evaluation::clustering(&[1, 1, 2], &[Some(1), Some(1), None]);
    let measured = ClusteringMeasured {
        method: ClusterMethod::Density,
        threshold: None,
        threshold_from: None,
        clusters: 2,
        singletons: 1,
        measures,
    };
    let bcubed = measures.bcubed;
    let point = crate::evaluation::ClusteringPoint { faces: 3, strangers: 1, threshold: 0.5, bcubed };
    let all = ClusteringsMeasured {
        version: VERSION,
        faces: 3,
        unknown: 1,
        subjects: 1,
        methods: vec![measured],
        by_strangers: vec![point],
        by_threshold: Vec::new(),
    };
    let all = parsed_again(all);
    assert_eq!(all["methods"][0]["measures"]["bcubed"]["f"], 1.0);
    assert_eq!((&all["by_strangers"][0]["strangers"], all.get("by_threshold")), (&json!(1), None));
}
