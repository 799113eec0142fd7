//! A whole program: enrolls the bytes of two photos, and tells whose face is in the bytes of a third.

use std::error::Error;

use gallerist::encoder::Model;
use gallerist::gallery::{GraphWhen, Name, Person};
use gallerist::reply::{EngineRequest, IdentifyRequest, PhotoRequest, Reply};
use gallerist::session::Session;

const PHOTOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../faces");

fn main() -> Result<(), Box<dyn Error>> {
    let photo = |person| std::fs::read(format!("{PHOTOS}/{person}/neutral.jpg"));
    let folder = std::env::temp_dir().join(format!("people-{}", std::process::id()));
    let binding = Model::find("stand-in")?.binding(); // a model without networks, for tests; others need libtorch
    let session = Session::create(&folder, &binding, GraphWhen::Never, EngineRequest::default())?;
    for person in ["001", "003"] {
        let name = Person::Named(Name::new(person)?);
        session.enroll_photo(&photo(person)?, format!("{person}.jpg"), &name, &PhotoRequest::default())?;
    }

    let request = IdentifyRequest::default();
    let policy = session.identification_policy(&request)?;
    for reply in session.identify_photo(&photo("003")?, &PhotoRequest::default(), (&request, &policy))? {
        let Reply::Identified(reply) = reply else { return Err("no face was found".into()) };
        println!("{:?}: {} scores {}", reply.decision, reply.matches[0].subject, reply.matches[0].similarity);
        assert_eq!((reply.matches[0].subject.as_str(), reply.matches.len()), ("003", 2));
    }
    Ok(std::fs::remove_dir_all(&folder)?)
}
