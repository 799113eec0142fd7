//! Names that differ only in case or in the form of their characters.

use super::*;

fn add(gallery: &Gallery, source: u8, names: &[&str]) {
    let row = |(row, name): (usize, &&str)| ImportedRow {
        row: row as u64,
        person: Some(Person::Named(Name::new(name).unwrap())),
        template: template(u64::from(source) * 10 + row as u64),
        photo: None,
    };
    let source = gallery.source(&[source; 32], Path::new("rows.npy"), names.len() as u64).unwrap();
    gallery.import(&source, &names.iter().enumerate().map(row).collect::<Vec<_>>()).unwrap();
}

#[test]
fn a_new_name_that_differs_only_in_case_or_form_is_reported_with_the_earlier_one() {
    let kind = Kind::local();
    let gallery = kind.open(Access::ReadWrite);
    add(&gallery, 1, &["Tony", "Émile", "Ada"]);
    let last = gallery.last_subject().unwrap();
    assert_eq!(gallery.similar_names(last).unwrap(), [[""; 2]; 0]);
    add(&gallery, 2, &["tony", "Ada", "ÉMILE", "Bea", "bea"]);
    let similar = gallery.similar_names(last).unwrap();
    assert_eq!(similar, [["tony", "Tony"], ["ÉMILE", "Émile"], ["bea", "Bea"]]);
    assert_eq!(gallery.similar_names(gallery.last_subject().unwrap()).unwrap(), [[""; 2]; 0]);
}

#[test]
fn a_subject_gets_no_name_that_is_similar_to_that_of_another_one() {
    let kind = Kind::local();
    let gallery = kind.open(Access::ReadWrite);
    add(&gallery, 1, &["Tony", "Ada"]);
    let name = |text: &str| Name::new(text).unwrap();
    let refused = gallery.require_no_similar_name("Ada", &name("TONY")).unwrap_err();
    assert!(matches!(&refused, GalleryError::SimilarName { other, .. } if other == "Tony"), "{refused}");
    gallery.require_no_similar_name("Tony", &name("tony")).unwrap();
    gallery.require_no_similar_name("Ada", &name("Tonya")).unwrap();
}

#[test]
fn names_that_are_given_are_compared_with_those_of_all_subjects() {
    let kind = Kind::local();
    let gallery = kind.open(Access::ReadWrite);
    add(&gallery, 1, &["Tony", "Ada", "TONY"]);
    let name = |text: &str| Name::new(text).unwrap();
    let similar = gallery.similar_names_to(&[name("Tony"), name("Bob"), name("ada"), name("Ada")]).unwrap();
    assert_eq!(similar, [["Tony", "TONY"], ["ada", "Ada"]]);
    assert!(name("ada").is_similar_to("Ada") && !name("Ada").is_similar_to("Ada"));
}
