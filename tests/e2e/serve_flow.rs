//! The way of a user through the server: enroll, identify, verify, correct, undo, erase.

use serde_json::{Value, json};

use crate::privacy::holding;
use crate::program::{House, faces, photo};
use crate::serve::{Server, embedding};

const G: &str = "/v1/galleries/gallery";

/// The id of the subject with this name.
#[track_caller]
fn id(server: &Server, name: &str) -> u64 {
    let page = server.get(&format!("{G}/subjects?name={}", name.replace(' ', "%20"))).is(200);
    page["subjects"][0]["subject_id"].as_u64().unwrap_or_else(|| panic!("{name} is not there: {page}"))
}

/// Identifies one photo and returns the reply for it.
#[track_caller]
fn identify(server: &Server, photo: &[u8]) -> Value {
    let found = server.form(&format!("{G}/identify"), &[("image", photo)]).is(200);
    assert_eq!(found["replies"].as_array().unwrap().len(), 1);
    found["replies"][0].clone()
}

/// Goes the whole way with two photos of Ada, one of Bob and one of a stranger.
fn go(house: &House, [ada, other_ada, bob, stranger]: [&[u8]; 4]) {
    const NAME: &str = "Ada Lovelace-Byron";
    let server = Server::start(house, &[]);
    let me = server.get("/v1/me").is(200);
    assert_eq!(me["scopes"], json!(["identify", "enroll", "admin"]));
    let parts: [(&str, &[u8]); 4] =
        [("subject", NAME.as_bytes()), ("image", ada), ("subject", b"Bob"), ("image", bob)];
    let enrolled = server.form(&format!("{G}/faces"), &parts).is(201);
    let results: Vec<&Value> =
        enrolled["faces"].as_array().unwrap().iter().map(|face| &face["result"]).collect();
    assert_eq!(results, ["enrolled", "enrolled"]);
    let again = server.form(&format!("{G}/faces"), &parts).is(200);
    assert!(again["faces"].as_array().unwrap().iter().all(|face| face["result"] == "unchanged"), "{again}");

    let reply = identify(&server, other_ada);
    assert_eq!(
        (&reply["decision"], &reply["matches"][0]["subject"]),
        (&json!("match"), &json!(NAME)),
        "{reply}"
    );
    let verified = server.form(&format!("{G}/verify"), &[("a", ada), ("b", other_ada)]).is(200);
    assert_eq!(verified["decision"], "match");
    let verified = server.form(&format!("{G}/verify"), &[("a", ada), ("b", bob)]).is(200);
    assert_eq!(verified["decision"], "no_match");

    let (first, second) = (id(&server, NAME), id(&server, "Bob"));
    let renamed =
        server.json("PATCH", &format!("{G}/subjects/{second}"), &json!({ "name": "Robert" })).is(200);
    assert_eq!((&renamed["from"], &renamed["to"]), (&json!("Bob"), &json!("Robert")));
    let taken = server.json("PATCH", &format!("{G}/subjects/{second}"), &json!({ "name": NAME })).is(409);
    assert_eq!(taken["code"], "name_taken");
    let merged =
        server.json("POST", &format!("{G}/subjects/{second}/merge"), &json!({ "into": first })).is(200);
    assert_eq!(identify(&server, bob)["matches"][0]["subject"], NAME);
    let entry = merged["journal_id"].as_i64().unwrap();
    let undone = server.send("POST", &format!("{G}/journal/{entry}/undo"), &server.token, None);
    assert_eq!(undone.is(200)["verb"], "merge");
    assert_eq!(identify(&server, bob)["matches"][0]["subject"], "Robert");
    let journal = server.get(&format!("{G}/journal")).is(200);
    assert!(journal["entries"].as_array().unwrap().len() >= 3, "{journal}");

    let erased =
        server.send("DELETE", &format!("{G}/subjects/{}", id(&server, NAME)), &server.token, None).is(202);
    assert_ne!(identify(&server, ada)["decision"], "match", "the subject is hidden at once");
    let job = server.job(erased["job"]["id"].as_str().unwrap());
    assert_eq!(job["state"], "done", "{job}");
    assert!(job["result"].is_object(), "the job's result is the receipt: {job}");
    assert_eq!(holding(house, NAME.as_bytes()), [] as [std::path::PathBuf; 0]);
    assert_eq!(identify(&server, stranger)["decision"], "no_match");
    server.stop();
    assert_eq!(holding(house, NAME.as_bytes()), [] as [std::path::PathBuf; 0]);
    house.holds(1);
}

#[test]
fn two_people_are_enrolled_identified_corrected_and_erased() {
    let photos = [1, 1, 2, 3].map(photo);
    go(&House::new(), photos.each_ref().map(Vec::as_slice));
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn another_photo_of_a_person_is_identified_over_http() {
    let photos = ["001/neutral.jpg", "001/smiling.jpg", "003/neutral.jpg", "004/neutral.jpg"];
    let photos = photos.map(|path| std::fs::read(faces().join(path)).unwrap());
    let house = House::empty();
    house.run("init", [] as [&str; 0]).ends(0);
    go(&house, photos.each_ref().map(Vec::as_slice));
}

#[test]
fn lists_limit_who_is_searched_here_and_on_a_server() {
    let house = House::new();
    for (name, seed) in [("Ada", 1), ("Bob", 2)] {
        house.photo(format!("people/{name}/1.png"), seed);
    }
    house.enroll("people").ends(0);
    let (ada, bob) = (house.path("people/Ada/1.png"), house.path("people/Bob/1.png"));
    let server = Server::start(&house, &[]);
    let list = format!("{G}/lists/vip");
    server.json("PUT", &list, &json!({ "subjects": [id(&server, "Ada")] })).is(200);
    let cases = [
        (["--list", "vip"], &ada, 10, 1),
        (["--list", "vip"], &bob, 11, 1),
        (["--not-list", "vip"], &ada, 11, 1),
        (["--not-list", "vip"], &bob, 10, 1),
        (["--list", "nobody"], &ada, 1, 0),
    ];
    let remote = cases.map(|(words, photo, code, _)| {
        let words =
            ["identify", "gallery", photo.to_str().unwrap(), "--format", "json"].into_iter().chain(words);
        server.run(words).ends(code)
    });
    server.stop();
    for ((words, photo, code, searched), remote) in cases.into_iter().zip(remote) {
        let words = [photo.to_str().unwrap(), "--format", "json"].into_iter().chain(words);
        let local = house.run("identify", words).ends(code);
        for reply in local.json().iter().chain(&remote.json()) {
            assert_eq!(reply["search"]["subjects"], searched, "{reply}");
        }
        assert_eq!(local.json().len(), remote.json().len());
        if searched == 0 {
            assert!(local.err.contains("there is no list"), "{}", local.err);
            assert!(
                remote.err.contains("there is no list") && remote.err.contains("unknown_list"),
                "{}",
                remote.err
            );
        }
    }
}

#[test]
fn a_gallery_without_a_threshold_says_how_to_give_one() {
    let house = House::empty();
    house.run("init", ["--dimension", "16"]).ends(0);
    let server = Server::start(&house, &[]);
    let mut probe = json!({ "probes": [{ "embedding": embedding(16, 1) }] });
    let refused = server.json("POST", &format!("{G}/identify"), &probe).is(409);
    assert_eq!(refused["code"], "no_threshold");
    assert!(refused["detail"].as_str().unwrap().contains("`decision.threshold`"), "{refused}");
    probe["decision"] = json!({ "threshold": [0.9] });
    server.json("POST", &format!("{G}/identify"), &probe).is(200);
    server.stop();
}

#[test]
fn a_gallery_of_templates_takes_templates_only() {
    let house = House::empty();
    house.run("init", ["--dimension", "16", "--threshold", "0.9"]).ends(0);
    let server = Server::start(&house, &[]);
    let faces = json!({ "faces": [{ "subject": "Ada", "embedding": embedding(16, 1) }] });
    server.json("POST", &format!("{G}/faces"), &faces).is(201);
    let probe = json!({ "probes": [{ "embedding": embedding(16, 1) }] });
    let found = server.json("POST", &format!("{G}/identify"), &probe).is(200);
    assert_eq!(found["replies"][0]["matches"][0]["subject"], "Ada");
    let refused = server.form(&format!("{G}/identify"), &[("image", &photo(1))]).is(409);
    assert_eq!(refused["code"], "templates_only");
    server.stop();
}
