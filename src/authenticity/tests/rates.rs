//! Error rates and the classifier against values that were computed by hand.

use super::super::classifier::{Linear, Row, Scale, probability};
use super::super::{ErrorRates, Trial};
use super::close;

fn trials(genuine: &[f64], attacks: &[f64], threshold: f64) -> Vec<Trial> {
    let trial = |attack| {
        move |(at, &score): (usize, &f64)| Trial { person: format!("{at}"), attack, score, threshold }
    };
    let (one, other) = (genuine.iter().enumerate(), attacks.iter().enumerate());
    one.map(trial(false)).chain(other.map(trial(true))).collect()
}

#[test]
fn error_rates_are_shares_of_their_class() {
    let rates = ErrorRates::of(&trials(&[0.0, 1.0, 2.0, 3.0], &[2.5, 4.0, 5.0, 6.0], 4.5), 1);
    close(rates.apcer.unwrap().rate, 0.5);
    close(rates.bpcer.unwrap().rate, 0.0);
    close(rates.eer.unwrap().rate, 0.25);
    close(rates.bpcer_at_apcer_5.unwrap().rate, 0.25);
    assert_eq!((rates.genuine, rates.attacks, rates.people), (4, 4, 4));
    let [low, high] = rates.apcer.unwrap().ci95;
    assert!((0.0..=0.25).contains(&low) && (0.75..=1.0).contains(&high), "{rates:?}");
}

#[test]
fn separate_classes_have_no_errors_and_equal_scores_half() {
    let rates = ErrorRates::of(&trials(&[0.0, 1.0], &[2.0, 3.0], 1.5), 1);
    assert_eq!(rates.eer.unwrap().rate, 0.0);
    assert_eq!(rates.bpcer_at_apcer_5.unwrap().rate, 0.0);
    let rates = ErrorRates::of(&trials(&[1.0; 5], &[1.0; 5], 1.0), 1);
    close(rates.eer.unwrap().rate, 0.5);
    assert_eq!((rates.apcer.unwrap().rate, rates.bpcer.unwrap().rate), (0.0, 1.0)); // at the threshold is an attack
    assert_eq!(rates.bpcer_at_apcer_5.unwrap().rate, 1.0);
}

#[test]
fn one_class_alone_has_its_own_rate_only() {
    let rates = ErrorRates::of(&trials(&[0.0, 1.0, 2.0, 3.0], &[], 2.5), 1);
    close(rates.bpcer.unwrap().rate, 0.25);
    assert_eq!((rates.apcer, rates.eer, rates.bpcer_at_apcer_5), (None, None, None));
    assert_eq!(ErrorRates::of(&[], 1).bpcer, None);
}

/// At the minimum the penalty balances the residuals: w = (1 - p) / penalty, where p is the probability of the right class.
#[test]
fn the_classifier_is_at_the_minimum_of_its_loss() {
    let row = |value: f64, attack| Row { values: vec![value, 7.0], attack, weight: 2.0 };
    let rows = [row(3.0, true), row(1.0, false)];
    let rows: Vec<&Row> = rows.iter().collect();
    let scale = Scale::of(&rows);
    assert_eq!((scale.mean[0], scale.deviation[0], scale.deviation[1]), (2.0, 1.0, 1.0));
    let fitted = Linear::fit(&rows, &scale, &[0], 0.1).unwrap();
    let weight = fitted.weights[0];
    close(weight, (1.0 - probability(weight)) / 0.1);
    close(fitted.weights[1], 0.0);
    close(fitted.bias, 0.0);
    close(fitted.score(&[3.0, 7.0]), weight);
    close(fitted.score(&[1e9, 7.0]), 4.0 * weight);
    close(rows[0].loss(weight), -2.0 * probability(weight).ln());
    close(rows[1].loss(-1e3), 0.0);
}

#[test]
fn a_fit_needs_both_classes() {
    let row = Row { values: vec![1.0], attack: true, weight: 1.0 };
    let rows = [&row, &row];
    assert_eq!(Linear::fit(&rows, &Scale::of(&rows), &[0], 0.1), None);
    assert_eq!(Linear::fit(&[], &Scale::of(&[]), &[], 0.1), None);
}
