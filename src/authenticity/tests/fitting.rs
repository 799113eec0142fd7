//! Gates: fitting, judging, and their files.

use std::sync::LazyLock;

use super::super::{BEGINNING, COUNT, Example, FitError, Gate, MEASURES, Measures, Verdict, fit};
use super::{close, noise};

/// Faces of `people` people, five of each class. `gap` is the distance of the classes in one measure, in deviations of its noise.
fn examples(people: usize, gap: f64) -> Vec<Example> {
    let mut examples = Vec::new();
    for person in 0..people {
        for face in 0..5 {
            for attack in [false, true] {
                let seed = u64::from(attack);
                let mut values = [0.0; COUNT];
                for (at, value) in values.iter_mut().enumerate().take(6) {
                    *value = 10.0 + noise(person * 5 + face, at, seed);
                }
                values[20] += noise(person * 5 + face, 20, seed) + if attack { gap * 0.29 } else { 0.0 };
                examples.push(Example {
                    person: format!("person {person}"),
                    attack,
                    measures: Measures { values },
                });
            }
        }
    }
    examples
}

/// A gate of classes that differ.
static FITTED: LazyLock<Gate> = LazyLock::new(|| fit(&examples(12, 6.0), "generated").unwrap());

#[test]
fn classes_that_differ_are_told_apart_on_unseen_people() {
    let gate = &*FITTED;
    let rates = &gate.document().unseen_people;
    assert!(rates.eer.unwrap().rate < 0.05, "{rates:?}");
    assert!(rates.apcer.unwrap().rate < 0.1 && rates.bpcer.unwrap().rate < 0.1, "{rates:?}");
    assert_eq!((rates.genuine, rates.attacks, rates.people), (60, 60, 12));
    let of =
        |attack| examples(12, 6.0).into_iter().find(|example| example.attack == attack).unwrap().measures;
    let (genuine, attack) = (gate.judge(&of(false)), gate.judge(&of(true)));
    assert_eq!((genuine.verdict, attack.verdict), (Verdict::Genuine, Verdict::Attack));
    assert!(genuine.attack_probability < 0.2 && attack.attack_probability > 0.8, "{genuine:?} {attack:?}");
    assert_eq!(attack.reasons[0].measure, MEASURES[20].name);
    assert!(!attack.unlike_fit);
}

#[test]
fn classes_that_do_not_differ_have_an_error_of_one_half() {
    let rates = fit(&examples(12, 0.0), "generated").unwrap().document().unseen_people.clone();
    assert!(rates.eer.unwrap().rate > 0.3, "{rates:?}");
}

#[test]
fn a_face_unlike_all_examples_is_reported() {
    let gate = &*FITTED;
    let judgement = gate.judge(&Measures { values: [1e4; COUNT] });
    assert!(judgement.unlike_fit && judgement.outside == COUNT as u32, "{judgement:?}");
    assert!(judgement.attack_probability.is_finite());
}

#[test]
fn too_few_people_and_an_empty_class_are_refused() {
    let error = fit(&examples(3, 6.0), "").unwrap_err();
    assert_eq!(error, FitError::TooFew { class: "genuine", faces: 15, people: 3 });
    let genuine: Vec<Example> = examples(12, 6.0).into_iter().filter(|example| !example.attack).collect();
    let error = fit(&genuine, "").unwrap_err();
    assert_eq!(error, FitError::TooFew { class: "attack", faces: 0, people: 0 });
    assert!(error.to_string().contains("at least 20 of at least 4,"), "{error}");
}

#[test]
fn a_gate_is_read_as_it_was_written() {
    let gate = &*FITTED;
    let bytes = gate.encode();
    assert!(bytes.starts_with(BEGINNING.as_bytes()));
    assert_eq!(Gate::decode(&bytes).unwrap(), *gate);
}

#[test]
fn a_gate_of_the_first_sixty_measures_is_read_and_judges_as_before() {
    // Programs before the measure of compression wrote such gates. Measures are added at the end.
    let mut document = FITTED.document().clone();
    document.measures.truncate(60);
    for list in [
        &mut document.mean,
        &mut document.deviation,
        &mut document.lowest,
        &mut document.highest,
        &mut document.weights,
    ] {
        list.truncate(60);
    }
    let earlier = Gate::decode(&Gate::of(document).unwrap().encode()).unwrap();
    assert_eq!(earlier.document().measures.last().unwrap(), "pattern_other");
    for Example { measures, .. } in examples(3, 6.0) {
        assert_eq!(earlier.judge(&measures).verdict, FITTED.judge(&measures).verdict);
        close(earlier.score(&measures), FITTED.score(&measures));
    }
}

#[test]
fn a_damaged_gate_is_refused_with_what_was_expected() {
    let text = String::from_utf8(FITTED.encode()).unwrap();
    let refused = |text: &str| Gate::decode(text.as_bytes()).unwrap_err();
    assert!(refused("").contains("expected the JSON"));
    assert!(refused(&text[..text.len() / 2]).contains("expected the JSON"));
    assert!(refused("{}").contains("expected \"format\""));
    assert!(refused(&text.replace("\"version\": 1", "\"version\": 2")).contains("expected version 1, got 2"));
    assert!(refused(&text.replace("generated", "genErated")).contains("expected the checksum"));
    assert!(refused(&text.replace("\"bias\"", "\"bIas\"")).contains("bIas"));
}

#[test]
fn a_document_that_contradicts_itself_is_refused() {
    let sound = FITTED.document().clone();
    let mut short = sound.clone();
    short.weights.pop();
    assert!(Gate::of(short).unwrap_err().contains(&format!("expected {COUNT} numbers in weights")));
    let mut wrong = sound.clone();
    wrong.deviation[3] = 0.0;
    assert!(Gate::of(wrong).unwrap_err().contains("above 0"));
    let mut wrong = sound.clone();
    wrong.mean[0] = f64::NAN;
    assert!(Gate::of(wrong).unwrap_err().contains("finite"));
    let mut wrong = sound.clone();
    wrong.measures[0] = "aura".into();
    assert!(Gate::of(wrong).unwrap_err().contains("\"aura\" is unknown"));
    let mut wrong = sound;
    wrong.measures[0] = wrong.measures[1].clone();
    assert!(Gate::of(wrong).unwrap_err().contains("twice"));
}
