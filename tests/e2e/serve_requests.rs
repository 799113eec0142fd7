//! Requests that mean one thing to a client and must not mean another one to the server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::program::{House, gallerist, photo};
use crate::serve::{Server, embedding, form, form_with};

const G: &str = "/v1/galleries/gallery";

/// A gallery of templates with the subjects Ada (1) and Bob (2), and its server.
fn two_people() -> (House, Server) {
    let house = House::empty();
    house.run("init", ["--dimension", "16", "--threshold", "0.9"]).ends(0);
    let server = Server::start(&house, &[]);
    let face = |name: &str, seed| json!({ "subject": name, "embedding": embedding(16, seed) });
    let faces = json!({ "faces": [face("Ada", 1), face("Bob", 2)] });
    server.json("POST", &format!("{G}/faces"), &faces).is(201);
    (house, server)
}

#[test]
fn a_field_that_nobody_reads_changes_nothing() {
    let (_house, server) = two_people();
    let send = |method, path: &str, body: Option<&str>| {
        let body = body.map(|body| ("application/json", body.as_bytes().to_vec()));
        server.send(method, &format!("{G}{path}"), &server.token, body)
    };
    for path in ["/subjects/1?dry_run=true", "/faces/1?dry_run=true"] {
        let refused = send("DELETE", path, None).is(422);
        assert_eq!(refused["errors"][0]["field"], "dry_run", "{refused}");
    }
    send("POST", "/purge", Some(r#"{"dry_run":true}"#)).is(422);
    send("DELETE", "/subjects/1", Some(r#"{"dry_run":true}"#)).is(422);
    let merge = server.json("POST", &format!("{G}/subjects/1/merge?dry_run=true"), &json!({ "into": 2 }));
    merge.is(422);
    assert_eq!(send("GET", "", None).is(200)["sizes"]["templates"], 2);
    // Many clients send an empty object where there is nothing to send.
    send("POST", "/purge", Some("{}")).is(202);
    server.stop();
}

#[test]
fn a_receipt_names_what_was_erased_and_its_id_is_not_used_again() {
    let (house, server) = two_people();
    let erased = server.send("DELETE", &format!("{G}/subjects/1"), &server.token, None).is(202);
    let id = erased["job"]["id"].as_str().unwrap().to_owned();
    let receipt = server.job(&id);
    assert_eq!(receipt["result"]["subject"], json!({ "subject_id": 1, "face_ids": [1] }), "{receipt}");
    assert_eq!(receipt["result"]["erased"], 1);
    server.stop();
    let server = Server::start(&house, &[]);
    let other = server.send("POST", &format!("{G}/compact"), &server.token, None).is(202);
    assert_ne!(other["id"].as_str().unwrap(), id);
    server.get(&format!("/v1/jobs/{id}")).is(404);
    server.stop();
}

#[test]
fn an_erasure_goes_on_after_a_restart() {
    let (house, server) = two_people();
    server.stop();
    let gallery = house.path("gallery");
    gallerist(["subject", "remove", gallery.to_str().unwrap(), "Ada", "--yes"]).ends(0);
    let server = Server::start(&house, &[]);
    let jobs = server.get("/v1/jobs").is(200);
    let job = server.job(jobs["jobs"][0]["id"].as_str().unwrap_or_else(|| panic!("{jobs}")));
    assert_eq!((&job["kind"], &job["state"]), (&json!("purge"), &json!("done")), "{job}");
    assert_eq!(server.get(G).is(200)["sizes"]["removed"], 0);
    server.stop();
}

#[test]
fn a_retry_of_a_form_with_another_boundary_gets_the_first_reply() {
    let house = House::new();
    let server = Server::start(&house, &[]);
    let parts: [(&str, &[u8]); 2] = [("subject", b"Ada"), ("image", &photo(1))];
    let (kind, body) = form(&parts);
    let (other_kind, other_body) = form_with("another-boundary", &parts);
    let first = server.keyed(&format!("{G}/faces"), "k", (&kind, body));
    let again = server.keyed(&format!("{G}/faces"), "k", (&other_kind, other_body));
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.body, again.body);
    let (kind, body) = form(&[("subject", b"Bob"), ("image", &photo(1))]);
    let reused = server.keyed(&format!("{G}/faces"), "k", (&kind, body)).is(409);
    assert_eq!(reused["code"], "idempotency_key_reused");
    server.stop();
}

#[test]
fn the_subject_of_a_form_may_stand_anywhere() {
    let house = House::new();
    let server = Server::start(&house, &[]);
    let path = format!("{G}/faces");
    let enrolled = server.form(&path, &[("image", &photo(1)), ("subject", b"Ada")]).is(201);
    assert_eq!(enrolled["faces"][0]["subject"], "Ada");
    server.stop();
}

#[test]
fn base64_may_have_line_breaks_and_an_invalid_one_is_named() {
    let house = House::new();
    let server = Server::start(&house, &[]);
    let encoded = STANDARD.encode(photo(1));
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let enroll = |image: &str| {
        let body = json!({ "faces": [{ "subject": "Ada", "image": image }] });
        server.json("POST", &format!("{G}/faces"), &body)
    };
    enroll(&lines.join("\r\n")).is(201);
    enroll(&format!("data:image/png;base64,{encoded}")).is(200);
    let refused = enroll("https://faces.example/ada.jpg").is(422);
    assert_eq!(refused["errors"][0]["field"], "faces[0].image", "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("base64"), "{refused}");
    server.stop();
}

#[test]
fn a_token_without_scores_gets_bands_and_no_thresholds_of_its_own() {
    let (house, server) = two_people();
    let door = Server::token(&house, "door", "identify", &[]);
    let send = |path: &str, body: &Value| {
        let body = ("application/json", body.to_string().into_bytes());
        server.send("POST", &format!("{G}{path}"), &door, Some(body))
    };
    let probe = json!({ "embedding": embedding(16, 1) });
    let found = send("/identify", &json!({ "probes": [probe] })).is(200);
    let reply = &found["replies"][0];
    let bands = reply["matches"][0]["similarity"].as_f64().unwrap() * 20.0;
    assert!((bands - bands.round()).abs() < 1e-4, "{reply}");
    assert_eq!(reply["matches"].as_array().unwrap().len(), 1, "only matches are listed");
    assert_eq!(reply["certificate"]["max_similarity"], Value::Null);
    let decision = json!({ "threshold": [0.1] });
    send("/identify", &json!({ "probes": [probe], "decision": decision })).is(403);
    send("/identify", &json!({ "probes": [probe], "top_k": 6 })).is(403);
    send("/identify", &json!({ "probes": [probe], "with_template": true })).is(403);
    send("/verify", &json!({ "a": probe, "b": probe, "threshold": 0.1 })).is(403);
    server.stop();
}

#[test]
fn paths_of_the_server_are_shown_to_admin_only() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.enroll("people").ends(0);
    let server = Server::start(&house, &[]);
    let helper = Server::token(&house, "helper", "enroll", &[]);
    let shown = |token: &str| server.send("GET", &format!("{G}/subjects/1"), token, None).is(200);
    assert!(shown(&server.token)["templates"][0]["path"].as_str().unwrap().ends_with("1.png"));
    assert_eq!(shown(&helper)["templates"][0]["path"], Value::Null);
    server.stop();
}

#[test]
fn a_coded_body_and_a_reply_with_a_filter_are_refused_as_such() {
    let (house, server) = two_people();
    let head = format!(
        "POST {G}/identify HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n",
        server.token
    );
    let coded = format!(
        "{head}Content-Encoding: gzip\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    assert_eq!(server.raw(coded.as_bytes()).0, 415);
    let probe = json!({ "probes": [{ "embedding": embedding(16, 1) }], "among": { "subjects": [2] }, "with_template": true });
    let found = server.json("POST", &format!("{G}/identify"), &probe).is(200);
    let reply = &found["replies"][0];
    assert_eq!((&reply["decision"], &reply["search"]["subjects"]), (&json!("no_match"), &json!(1)));
    server.stop();
    house.write("reply.json", reply.to_string().as_bytes());
    let checked = gallerist([
        "check-certificate",
        house.path("reply.json").to_str().unwrap(),
        house.path("gallery").to_str().unwrap(),
    ]);
    assert!(checked.ends(1).out.contains("search.among"));
}

#[test]
fn a_calibration_is_a_job_with_a_result_and_later_replies_use_it() {
    let house = House::empty();
    house.run("init", ["--dimension", "16", "--threshold", "0.9"]).ends(0);
    let server = Server::start(&house, &[]);
    let face = |seed: u64| json!({ "subject": format!("p{seed}"), "embedding": embedding(16, seed) });
    let faces = json!({ "faces": (1..=200).map(face).collect::<Vec<_>>() });
    server.json("POST", &format!("{G}/faces"), &faces).is(201);
    let strangers: Vec<Value> = (1001..=1400).map(|seed| embedding(16, seed)).collect();
    let started = server.json(
        "POST",
        &format!("{G}/calibrations"),
        &json!({ "target_fpir": [0.1], "nonmated": strangers }),
    );
    let job = server.job(started.is(202)["id"].as_str().unwrap());
    assert_eq!(job["state"], "done", "{job}");
    assert_eq!(job["result"]["nonmated_searches"], 400);
    let probe = json!({ "probes": [{ "embedding": embedding(16, 1) }] });
    let found = server.json("POST", &format!("{G}/identify"), &probe).is(200);
    assert_eq!(found["replies"][0]["calibration"]["origin"], "calibrated");
    let mated: Vec<Value> = (1..=20).map(face).collect();
    let body = json!({ "mated": mated, "nonmated": strangers, "repetitions": 10 });
    let started = server.json("POST", &format!("{G}/evaluations"), &body);
    let job = server.job(started.is(202)["id"].as_str().unwrap());
    assert_eq!(job["result"]["identification"]["mated"][0], 20, "{job}");
    assert!(job["result"]["warnings"].is_array());
    server.stop();
}
