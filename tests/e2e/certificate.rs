//! Changed replies: a change of any field of a reply is detected, or the field is listed as not proven.

use serde_json::{Value, json};

use crate::decision::{D, gallery, put, run};
use crate::faces::row_of;
use crate::program::{House, Said, gallerist, people, vectors};

fn check(house: &House, replies: &str) -> Said {
    let path = house.write("replies.json", replies.as_bytes());
    gallerist([
        "check-certificate".as_ref(),
        path.as_os_str(),
        house.gallery().as_os_str(),
        "--format".as_ref(),
        "json".as_ref(),
    ])
}

/// A gallery of 60 people, calibrated for two rates.
fn calibrated() -> House {
    let house = gallery(60, 2);
    house.write("strangers.npy", &vectors(2000, D, 11));
    run(&house, "calibrate", "--nonmated @strangers.npy --target-fpir 0.05,0.2").ends(0);
    put(&house, "probes", people(6, 1, D, 1, 9));
    house
}

fn replies(house: &House, words: &str) -> Vec<Value> {
    run(house, "identify", &format!("--vectors @probes.npy --format json {words}")).json()
}

/// Every number, text, boolean and list below a value, by its path.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| leaves(value, &format!("{path}/{key}"), found))
        }
        Value::Array(items) if !items.is_empty() => {
            found.push(path.to_owned());
            items.iter().enumerate().for_each(|(at, value)| leaves(value, &format!("{path}/{at}"), found));
        }
        _ => found.push(path.to_owned()),
    }
}

/// Another value of the same type.
fn changed(value: &Value) -> Value {
    match value {
        Value::Bool(flag) => json!(!flag),
        Value::Number(number) => match number.as_u64() {
            Some(number) => json!(number + 1),
            None => json!(number.as_f64().unwrap() * 0.9 + 0.01),
        },
        Value::String(text) => json!(format!("{text}x")),
        Value::Array(items) if items.is_empty() => json!(["something"]),
        Value::Array(items) => json!(items[..items.len() - 1]),
        _ => json!("something"),
    }
}

/// The path as `check-certificate` writes it: `/matches/0/face_id` is `matches[0].face_id`.
fn field(path: &str) -> String {
    let mut field = String::new();
    for part in path.split('/').skip(1) {
        match part.parse::<usize>() {
            Ok(at) => field.push_str(&format!("[{at}]")),
            Err(_) if field.is_empty() => field.push_str(part),
            Err(_) => field.push_str(&format!(".{part}")),
        }
    }
    field
}

#[test]
fn every_field_is_verified_or_listed() {
    let house = calibrated();
    for words in [
        "--target-fpir 0.05,0.2",
        "--threshold 0.3,0.6",
        "--search scan --certify bounded",
        "--fusion max --with-template",
        "-k 100",
    ] {
        let honest = &replies(&house, words)[0];
        let verdict = &check(&house, &honest.to_string()).ends(0).json()[0];
        assert_eq!((&verdict["holds"], &verdict["problems"]), (&json!(true), &json!([])), "{words}");
        let unproven: Vec<&str> =
            verdict["not_proven"].as_array().unwrap().iter().map(|field| field.as_str().unwrap()).collect();
        let mut paths = Vec::new();
        leaves(honest, "", &mut paths);
        let mut forgeries = Vec::new();
        for path in paths {
            let listed = unproven.iter().any(|unproven| field(&path).starts_with(unproven));
            // Another template is another probe with other scores.
            if listed || (path.starts_with("/probe/template/") && !path.ends_with("/0")) {
                continue;
            }
            let mut forged = honest.clone();
            let value = forged.pointer_mut(&path).unwrap();
            *value = changed(value);
            forgeries.push((path, forged));
        }
        assert!(forgeries.len() > 40, "{words}: {}", forgeries.len());
        let lines: Vec<String> = forgeries.iter().map(|(_, forged)| forged.to_string()).collect();
        let verdicts = check(&house, &lines.join("\n")).ends(1).json();
        for ((path, _), verdict) in forgeries.iter().zip(&verdicts) {
            assert_eq!(verdict["holds"], false, "{words}: {path} was changed without being detected");
        }
        assert_eq!(forgeries.len(), verdicts.len());
        // Missing fields, and fields that a reply does not have.
        let mut lines = Vec::new();
        for key in honest.as_object().unwrap().keys() {
            let mut shorter = honest.clone();
            shorter.as_object_mut().unwrap().remove(key);
            lines.push(shorter.to_string());
        }
        for place in ["", "/matches/0", "/probe", "/search", "/certificate", "/calibration"] {
            let mut longer = honest.clone();
            longer.pointer_mut(place).unwrap()["extra"] = json!(1);
            lines.push(longer.to_string());
        }
        // A reply without a certificate counts as one without a search, so its photo is processed.
        for (line, verdict) in lines.iter().zip(check(&house, &lines.join("\n")).ends(1).json()) {
            assert_eq!(verdict["holds"], false, "{line}");
        }
    }
}

#[test]
fn thresholds_names_order_and_length_are_recomputed() {
    let house = calibrated();
    let honest = replies(&house, "--target-fpir 0.05,0.2 -k 5")
        .into_iter()
        .find(|reply| reply["decision"] == "match")
        .unwrap();
    let problems = |change: &dyn Fn(&mut Value)| {
        let mut forged = honest.clone();
        change(&mut forged);
        let verdict = check(&house, &forged.to_string()).ends(1).json()[0].clone();
        verdict["problems"].to_string()
    };
    let found = problems(&|reply| {
        reply["threshold"] = json!(0.99);
        reply["no_match_below"] = json!(0.99);
        reply["decision"] = json!("no_match");
        reply["matches"][0]["match"] = json!(false);
    });
    assert!(found.contains("threshold: got 0.99") && found.contains("decision"), "{found}");
    let found = problems(&|reply| reply["matches"][0]["subject"] = json!("Somebody Else"));
    assert!(found.contains("matches[0].subject") && found.contains("person 1-"), "{found}");
    let found = problems(&|reply| reply["matches"][0]["face_id"] = json!(-1));
    assert!(found.contains("matches[0].face_id"), "{found}");
    let found = problems(&|reply| reply["matches"].as_array_mut().unwrap().swap(0, 1));
    assert!(found.contains("its score is higher than the previous one"), "{found}");
    let found = problems(&|reply| reply["matches"].as_array_mut().unwrap().truncate(3));
    assert!(found.contains("3 candidates, expected 5"), "{found}");
    let found = problems(&|reply| {
        let twice = reply["matches"][0].clone();
        reply["matches"][1] = twice;
    });
    assert!(found.contains("is listed twice"), "{found}");
    let found = problems(&|reply| {
        reply["matches"].as_array_mut().unwrap().clear();
        reply["decision"] = json!("no_match");
    });
    assert!(found.contains("subjects were missed"), "{found}");
    let found = problems(&|reply| reply["calibration"]["id"] = json!(7));
    assert!(found.contains("calibration.id"), "{found}");
    let found = problems(&|reply| reply["calibration"] = json!({ "origin": "uncalibrated" }));
    assert!(found.contains("calibration.origin"), "{found}");
}

#[test]
fn templates_of_replies_are_compared_number_by_number() {
    let house = calibrated();
    let honest = &replies(&house, "--with-template")[0];
    let problem = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut forged = honest.clone();
        change(forged["probe"]["template"].as_array_mut().unwrap());
        check(&house, &forged.to_string()).ends(1).json()[0]["problems"].to_string()
    };
    assert!(problem(&|numbers| numbers[3] = json!("junk")).contains("template[3]"));
    assert!(problem(&|numbers| numbers[3] = json!(null)).contains("template[3]"));
    assert!(problem(&|numbers| numbers[3] = json!(1e30)).contains("template[3]"));
    assert!(problem(&|numbers| numbers.push(json!(0.5))).contains("33 components, expected 32"));
    assert!(
        problem(&|numbers| numbers.iter_mut().for_each(|number| *number = json!(0.0))).contains("length")
    );
}

#[test]
fn photos_and_refused_faces_are_processed_again() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.enroll("people").ends(0);
    house.write("probes/group.png", &row_of(&[7, 1, 8], &[8]));
    house.photo("probes/one.png", 1);
    house.write("probes/text.jpg", b"no photo");
    let probes = house.path("probes");
    let look = ["--min-quality", "60"];
    for faces in ["all", "largest"] {
        let words = ["--faces", faces, "--threshold", "0.95", "--format", "json"];
        let said = house.run(
            "identify",
            std::iter::once(probes.as_os_str()).chain(words.iter().chain(&look).map(AsRef::as_ref)),
        );
        let check = |replies: &str| {
            let path = house.write("replies.json", replies.as_bytes());
            let words = [path.as_os_str(), house.gallery().as_os_str()].map(ToOwned::to_owned);
            let look = look.map(Into::into);
            gallerist(["check-certificate".into()].into_iter().chain(words).chain(look))
        };
        let told = check(&said.out).ends(0).out;
        assert!(told.contains("all hold"), "{told}");
        assert!(told.contains("not proven: "), "{told}");
        let mut lines: Vec<Value> = said.json();
        for line in &mut lines {
            let mut forged = line.clone();
            match forged["probe"]["reasons"].as_array().unwrap().is_empty() {
                true => forged["probe"]["bounds"][0] = json!(77.0),
                false => forged["probe"]["reasons"] = json!(["no_face"]),
            }
            check(&forged.to_string()).ends(1);
            line["probe"]["faces"] = json!(9);
            check(&line.to_string()).ends(1);
        }
    }
}

#[test]
fn pipes_do_not_block_and_large_files_are_refused() {
    let house = calibrated();
    let honest = &replies(&house, "")[0];
    let pipe = house.path("pipe.npy");
    if std::process::Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
        for path in [pipe.to_str().unwrap(), "/dev/zero"] {
            let mut forged = honest.clone();
            forged["probe"]["path"] = json!(path);
            let verdict = &check(&house, &forged.to_string()).ends(1).json()[0];
            assert!(verdict["problems"].to_string().contains("not a regular file"), "{verdict}");
        }
    }
    let mut long = b"[".to_vec();
    long.resize(17 << 20, b'1');
    let path = house.write("long.json", &long);
    let said =
        gallerist(["check-certificate".as_ref(), path.as_os_str(), house.gallery().as_os_str()]).ends(1);
    assert!(said.err.contains("line 1 is longer than"), "{}", said.err);
    let said =
        gallerist(["check-certificate".as_ref(), "/dev/zero".as_ref(), house.gallery().as_os_str()]).ends(1);
    assert!(said.err.contains("longer than"), "{}", said.err);
    // One invalid line is one invalid reply.
    let verdicts = check(&house, &format!("{honest}\nnot JSON\n{honest}\n")).ends(1).json();
    assert_eq!(
        verdicts.iter().map(|verdict| verdict["holds"] == true).collect::<Vec<_>>(),
        [true, false, true]
    );
    check(&house, "").ends(3);
}
