use super::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const COMPONENTS: usize = 24;

/// Photos of people. Both members see the first eight components of a person, each with its own noise; the rest of a member is noise of
/// the same size for all people.
fn photos(people: usize, noise: [f32; 2]) -> Vec<Photo> {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut number = move || -> f32 { (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0 };
    let mut photos = Vec::new();
    for person in 0..people {
        let identity: Vec<f32> = (0..8).map(|_| number()).collect();
        for _ in 0..1 + person % 4 {
            let mut member = |noise: f32| {
                let signal = identity.iter().map(|value| value + noise * number()).collect::<Vec<_>>();
                let rest = (8..COMPONENTS).map(|_| 0.3 * noise * number()).collect::<Vec<_>>();
                normalised([signal, rest].concat())
            };
            let vector = normalised([member(noise[0]), member(noise[1])].concat());
            photos.push(Photo { person: format!("person {person}"), vector });
        }
    }
    photos
}

fn request(dimension: usize) -> Request {
    Request { members: vec![COMPONENTS; 2], names: vec!["a".into(), "b".into()], dimension }
}

fn missed(line: &Line) -> f64 {
    line.fnmr[0].value
}

#[test]
fn two_members_in_few_components_miss_less_than_each() {
    let fitted = fit(&request(8), photos(400, [0.4, 0.4]), &|| true).unwrap();
    assert_eq!(fitted.projection.len(), 8 * 2 * COMPONENTS);
    let names: Vec<&str> = fitted.report.lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "side by side", "fused"]);
    let [a, b, side, fused] = fitted.report.lines.as_slice() else { panic!("four lines") };
    assert!(missed(fused) < 0.7 * missed(a) && missed(fused) < 0.7 * missed(b), "{:?}", fitted.report);
    assert!(missed(fused) <= missed(side), "the noise outside the first components is gone");
    assert_eq!((fused.dimension, side.dimension), (8, 48));
    assert!(fitted.report.threshold > 0.0 && fitted.report.threshold < 1.0);
}

#[test]
fn the_better_member_gets_the_larger_weight() {
    let fitted = fit(&request(16), photos(600, [0.25, 1.2]), &|| true).unwrap();
    assert!(fitted.weights[0] > fitted.weights[1], "{:?}", fitted.weights);
    let equal = fit(&request(16), photos(600, [0.4, 0.4]), &|| true).unwrap();
    assert_eq!((equal.weights, equal.whitening), (vec![1.0, 1.0], 0.0), "noise changes nothing");
}

#[test]
fn no_person_is_in_two_parts() {
    let all = photos(300, [0.3, 0.3]);
    let counts = [0, 1, 2].map(|wanted| all.iter().filter(|photo| part(&photo.person) == wanted).count());
    assert!(counts[0] > counts[1] + counts[2] && counts[1] > 60 && counts[2] > 60, "{counts:?}");
    let fitted = fit(&request(8), all, &|| true).unwrap();
    assert_eq!(fitted.fitted_to[0], counts[0] + counts[1]);
    assert_eq!(fitted.report.photos, counts[2]);
}

#[test]
fn the_projection_has_orthogonal_rows_in_order_of_their_moment() {
    let all = photos(200, [0.3, 0.3]);
    let rows = projection::fit(&request(8), &all, &[1.0, 1.0], 0.0);
    let rows: Vec<&[f32]> = rows.chunks(2 * COMPONENTS).collect();
    for (at, one) in rows.iter().enumerate() {
        for (other_at, other) in rows.iter().enumerate() {
            let expected = if at == other_at { 1.0 } else { 0.0 };
            assert!((dot(one, other) - expected).abs() < 1e-4);
        }
    }
    let moment = |row: &[f32]| all.iter().map(|photo| dot(row, &photo.vector).powi(2)).sum::<f32>();
    assert!(rows.windows(2).all(|pair| moment(pair[0]) >= moment(pair[1]) * 0.999));
    let whitened = projection::fit(&request(8), &all, &[1.0, 1.0], 1.0);
    let moments: Vec<f32> = whitened.chunks(2 * COMPONENTS).map(moment).collect();
    assert!(moments.iter().all(|moment| (moment / moments[0] - 1.0).abs() < 0.01), "{moments:?}");
}

#[test]
fn too_few_photos_and_people_are_refused_with_what_is_needed() {
    let told =
        |dimension, people| fit(&request(dimension), photos(people, [0.3, 0.3]), &|| true).unwrap_err();
    let error = told(48, 60).to_string();
    assert!(error.contains("at least 192 photos") && error.contains("48 components"), "{error}");
    let error = told(4, 60).to_string();
    assert!(error.contains("expected at least 20") && error.contains("about 100"), "{error}");
    assert!(matches!(fit(&request(8), photos(300, [0.3, 0.3]), &|| false), Err(FitError::Stopped)));
}
