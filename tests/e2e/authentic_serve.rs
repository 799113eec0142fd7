//! The authenticity gate of a server: the verdict beside the identity, the policy, and what a token without details sees.

use serde_json::{Value, json};

use crate::authentic::{gate, picture, small};
use crate::program::House;
use crate::serve::{Server, form};

const IDENTIFY: &str = "/v1/galleries/gallery/identify";

/// A gallery of Ada, by a genuine photo, and Bob, by a photo that is an attack. Its server has the gate and a policy.
fn guarded(policy: &str) -> (House, Server) {
    let house = House::new();
    house.write("people/Ada/1.png", &picture(1, false));
    house.write("people/Bob/1.png", &picture(2, true));
    house.write("people/Cyd/1.png", &small());
    house.enroll("people").ends(0);
    let path = gate();
    let server = Server::start(&house, &["--gate", path.to_str().unwrap(), "--authenticity", policy]);
    (house, server)
}

/// The reply for one photo, for a token.
#[track_caller]
fn identify(server: &Server, token: &str, photo: &[u8]) -> Value {
    let (kind, body) = form(&[("image", photo)]);
    let mut found = server.send("POST", IDENTIFY, token, Some((&kind, body))).is(200);
    assert_eq!(found["replies"].as_array().unwrap().len(), 1, "{found}");
    found["replies"][0].take()
}

/// The verdict of a reply.
fn verdict(reply: &Value) -> &Value {
    &reply["probe"]["authenticity"]["judgement"]["verdict"]
}

#[test]
fn a_server_that_refuses_answers_genuine_photos_and_no_attack() {
    let (_house, server) = guarded("refuse");
    let genuine = identify(&server, &server.token, &picture(1, false));
    assert_eq!((&genuine["decision"], verdict(&genuine)), (&json!("match"), &json!("genuine")), "{genuine}");
    assert_eq!(genuine["matches"][0]["subject"], "Ada");
    let attack = identify(&server, &server.token, &picture(2, true));
    assert_eq!(
        (&attack["decision"], verdict(&attack)),
        (&json!("inconclusive"), &json!("attack")),
        "{attack}"
    );
    assert_eq!(attack["doubt"], "not_authentic");
    // The identity is reported beside the verdict: the same person is the best candidate.
    assert_eq!(
        (&attack["matches"][0]["subject"], &attack["matches"][0]["match"]),
        (&json!("Bob"), &json!(true))
    );
    let small = identify(&server, &server.token, &small());
    assert_eq!(
        (&small["decision"], &small["doubt"]),
        (&json!("inconclusive"), &json!("not_judged")),
        "{small}"
    );
    let authenticity = &small["probe"]["authenticity"];
    assert!(authenticity["detail"].as_str().unwrap().contains("at least 48 x 48"), "{authenticity}");
    server.stop();
}

#[test]
fn a_server_that_warns_decides_by_the_identity_alone() {
    let (_house, server) = guarded("warn");
    for (photo, subject, found) in [
        (picture(1, false), "Ada", json!("genuine")),
        (picture(2, true), "Bob", json!("attack")),
        (small(), "Cyd", Value::Null),
    ] {
        let reply = identify(&server, &server.token, &photo);
        assert_eq!((&reply["decision"], &reply["doubt"]), (&json!("match"), &Value::Null), "{reply}");
        assert_eq!((&reply["matches"][0]["subject"], verdict(&reply)), (&json!(subject), &found));
        assert_eq!(reply["probe"]["authenticity"]["policy"], "warn");
    }
    server.stop();
}

#[test]
fn a_token_that_may_only_identify_sees_the_verdict_without_its_reasons() {
    let (house, server) = guarded("refuse");
    let door = Server::token(&house, "door", "identify", &[]);
    let all = identify(&server, &server.token, &picture(2, true));
    let few = identify(&server, &door, &picture(2, true));
    assert_eq!((&few["decision"], &few["doubt"]), (&all["decision"], &all["doubt"]));
    let (all, few) = (&all["probe"]["authenticity"]["judgement"], &few["probe"]["authenticity"]["judgement"]);
    assert_eq!((&few["verdict"], &few["unlike_fit"]), (&all["verdict"], &all["unlike_fit"]));
    assert_eq!((&few["reasons"], &few["attack_probability"]), (&json!([]), &json!(1.0)));
    assert!(!all["reasons"].as_array().unwrap().is_empty(), "{all}");
    server.stop();
}

#[test]
fn a_server_without_a_policy_warns_and_one_with_a_damaged_gate_does_not_start() {
    let house = House::new();
    house.write("people/Bob/1.png", &picture(2, true));
    house.enroll("people").ends(0);
    let path = gate();
    let server = Server::start(&house, &["--gate", path.to_str().unwrap()]);
    let reply = identify(&server, &server.token, &picture(2, true));
    assert_eq!((&reply["decision"], verdict(&reply)), (&json!("match"), &json!("attack")), "{reply}");
    server.stop();
    let damaged = house.write("damaged.json", b"{}");
    let said = house
        .run("serve", ["--bind".as_ref(), "127.0.0.1:0".as_ref(), "--gate".as_ref(), damaged.as_os_str()])
        .ends(1);
    assert!(said.err.contains("damaged.json: not a usable gate"), "{}", said.err);
}
