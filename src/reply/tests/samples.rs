//! One reply of each large type, with every field set.

use super::super::*;
use crate::authenticity::{Contribution, Judgement, Verdict};
use crate::calibration::{Growth, Strangers, Suspect, Tail};
use crate::decision::{Certificate, Decision, Method, Missed, Operating, Origin, certificate::Kind};
use crate::face::{Provenance, Quality};
use crate::fusion::Fusion;
use crate::gallery::Mode;
use crate::template::Binding;

pub fn binding() -> Binding {
    Binding { model: "stand-in".into(), fingerprint: "f00".into(), dimension: 4, threshold: Some(0.3) }
}

pub fn model() -> Model {
    Model::from(&binding())
}

fn quality() -> Quality {
    Quality {
        size_px: 80.5,
        detector_score: 0.99,
        sharpness: 20.25,
        yaw: -3.1,
        pitch: 2.2,
        roll: 0.1,
        overall: 77,
    }
}

pub fn face() -> Provenance {
    Provenance {
        bounds: [0.1, 0.2, 30.3, 40.4],
        score: 0.99,
        landmarks: [[0.1, 0.2]; 5],
        turned: 90,
        quality: quality(),
    }
}

pub fn authenticity() -> Authenticity {
    let reason = Contribution {
        measure: "noise".into(),
        meaning: "noise".into(),
        value: 0.7,
        usual: 1.5,
        log_odds: 1.1,
    };
    let judgement = Judgement {
        verdict: Verdict::Attack,
        attack_probability: 0.9,
        threshold: 0.5,
        outside: 1,
        unlike_fit: false,
        reasons: vec![reason],
    };
    Authenticity::new(AuthenticityPolicy::Refuse, Ok(judgement))
}

pub fn probe() -> Probe {
    Probe {
        path: "a.jpg".into(),
        row: Some(3),
        face: Some(1),
        faces: Some(4),
        not_looked_at: Some(3),
        bounds: Some([0.1, 0.2, 30.3, 40.4]),
        turned: Some(90),
        quality: Some(quality()),
        authenticity: Some(authenticity()),
        reasons: Vec::new(),
        detail: Some("clear".into()),
        template: Some(vec![0.1, -0.2, 1.0 / 3.0]),
    }
}

pub fn certificate() -> Certificate {
    Certificate {
        kind: Kind::Sampled,
        delta: Some(1e-5),
        missed: Some(Missed { rate: 0.001, interval: [0.0, 0.002] }),
        searched: 12,
        max_similarity: Some(0.1),
        complete: false,
    }
}

pub fn operating() -> Operating {
    Operating {
        target_fpir: 0.01,
        threshold: 0.4,
        fpir_ci95: [0.008, 0.012],
        subjects: 100,
        method: Method::Counted,
        alarms: 10,
        extrapolated: true,
        lowest_target: 1e-4,
    }
}

fn basis() -> Basis {
    let point = OperatingPoint::from(&operating());
    Basis {
        origin: Origin::Calibrated,
        note: Some("note".into()),
        id: Some(1),
        nonmated_searches: Some(1000),
        n_subjects: Some(100),
        n_templates: Some(200),
        fusion: Some(Fusion::Mean),
        stale: Some(vec!["grown".into()]),
        lowest_target: Some(1e-4),
        target_fpir: Some(0.01),
        threshold: Some(0.4),
        fpir_ci95: Some([0.008, 0.012]),
        method: Some(Method::Counted),
        extrapolated: Some(false),
        no_match: Some(point),
    }
}

pub fn identification() -> Identification {
    let candidate = Match {
        subject_id: 1,
        subject: "Ada".into(),
        face_id: 2,
        similarity: 0.1,
        distance: 0.9,
        is_match: true,
        false_alarm_rate: Some(0.5),
    };
    let search = Searched {
        mode: Mode::Scan,
        fusion: Fusion::Quality,
        top_k: 5,
        subjects: 100,
        templates: 200,
        among: None,
    };
    Identification {
        version: VERSION,
        decision: Decision::Match,
        doubt: Some(crate::decision::Doubt::BetweenThresholds),
        probe: probe(),
        matches: vec![candidate],
        threshold: 0.3,
        no_match_below: 0.1,
        calibration: basis(),
        certificate: certificate(),
        search,
        model: model(),
        processing_time_ms: 0.125,
    }
}

pub fn pairs() -> PairsMeasured {
    PairsMeasured {
        version: VERSION,
        pairs: 10,
        pairs_compared: 9,
        photos: 18,
        photos_without_face: 1,
        photos_with_several_faces: 2,
        failure_to_acquire: 0.1,
        accuracy: 0.9,
        best_threshold: 0.1,
        accuracy_all_pairs: 0.8,
        threshold: 0.3,
        accuracy_at_threshold: 0.7,
        false_match_rate_at_threshold: 0.6,
        false_non_match_rate_at_threshold: 0.5,
        seconds: 0.25,
        photos_per_second: 72.0,
        model: model(),
    }
}

pub fn calibrated() -> Calibrated {
    let tail =
        Tail { above: 0.1, excesses: 50, share: 0.2, shape: -0.1, scale: 0.3, fit: [0.5, 0.6], heavy: true };
    let growth = Growth {
        threshold: 0.3,
        alarms: 30,
        parts: vec![crate::calibration::growth::Part {
            subjects: 50,
            alarms: 20,
            fpir: 0.02,
            interval: [0.01, 0.03],
            predicted: 0.015,
        }],
        exponent: 0.7,
        interval: [0.6, 0.8],
    };
    Calibrated {
        version: VERSION,
        id: Some(1),
        operating_points: vec![operating()],
        n_subjects: 100,
        n_templates: 200,
        fusion: Fusion::Max,
        strangers: Strangers::Given,
        nonmated_searches: 1000,
        design: 1.5,
        tail: Some(tail),
        growth: Some(growth),
        suspects: vec![Suspect { probe: "a.jpg".into(), subject: "Ada".into(), score: 0.1 }],
        warnings: vec!["few".into()],
        model: model(),
    }
}
