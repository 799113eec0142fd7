//! The bodies of the hostile requests.

use serde_json::json;

use crate::program::photo;
use crate::serve::form;
use crate::serve_hostile::{Cases, G};

/// A row of 64 numbers.
pub fn row() -> Vec<u8> {
    (0..64).flat_map(|n| (n as f32 - 31.5).to_le_bytes()).collect()
}

/// Bodies of identifications.
pub fn identifications(cases: &mut Cases) {
    let line = format!("POST {G}/identify");
    let numbers = |count: usize, number: &str| format!("[{}]", vec![number; count].join(","));
    let probe = |embedding: &str| format!(r#"{{"probes":[{{"embedding":{embedding}}}]}}"#);
    let good = numbers(64, "0.5");
    let with = |more: &str| format!(r#"{{"probes":[{{"embedding":{good}}}],{more}}}"#);
    for text in [
        "",
        " ",
        "{",
        "[",
        "}",
        "nonsense",
        "{\"probes\":",
        "\u{feff}{}",
        "{'probes':[]}",
        "{} {}",
        "{\"probes\":[]} x",
        "{\"a\":\u{0}}",
    ] {
        cases.json(&line, text, &[400, 422]);
    }
    cases.json(&line, b"\xff\xfe{}", &[400]);
    cases.json(&line, "[".repeat(200_000), &[400, 422]);
    cases.json(&line, "{\"a\":".repeat(100_000), &[400, 422]);
    cases.json(&line, format!("{{\"probes\":{}", "[".repeat(100_000)), &[400, 422]);
    cases.json(&line, probe(&"[".repeat(100_000)), &[400, 422]);
    for text in [
        "null",
        "[]",
        "1",
        "\"x\"",
        "{}",
        r#"{"probes":null}"#,
        r#"{"probes":{}}"#,
        r#"{"probes":[]}"#,
        r#"{"probes":[],"probes":[]}"#,
        r#"{"probes":[{}]}"#,
        r#"{"probes":[1]}"#,
        r#"{"probes":[null]}"#,
        r#"{"probes":[{"image":1}]}"#,
        r#"{"probes":[{"image":"***"}]}"#,
        r#"{"probes":[{"image":"","embedding":[]}]}"#,
        r#"{"probes":[{"url":"http://169.254.169.254/"}]}"#,
        r#"{"probes":[{"path":"/etc/passwd"}]}"#,
        r#"{"probes":[{"image":"data:text/plain;base64,***"}]}"#,
    ] {
        cases.json(&line, text, &[400, 422]);
    }
    for count in [0, 1, 63, 65, 5000] {
        cases.json(&line, probe(&numbers(count, "0.5")), &[422]);
    }
    for number in [
        "0", "1e-30", "1e400", "-1e400", "1e39", "NaN", "Infinity", "\"0.5\"", "null", "[0.5]", "true",
        "0x10", "1e", "--1", ".5",
    ] {
        cases.json(&line, probe(&numbers(64, number)), &[400, 422]);
    }
    let many = vec![format!(r#"{{"embedding":{good}}}"#); 1025].join(",");
    cases.json(&line, format!(r#"{{"probes":[{many}]}}"#), &[422]);
    for more in [
        r#""top_k":0"#,
        r#""top_k":-1"#,
        r#""top_k":1001"#,
        r#""top_k":4294967296"#,
        r#""top_k":1e9"#,
        r#""top_k":1.5"#,
        r#""top_k":"5""#,
        r#""top_k":null"#,
        r#""topk":5"#,
        r#""__proto__":{}"#,
        r#""with_template":1"#,
        r#""search":{"width":0}"#,
        r#""search":{"width":1000000}"#,
        r#""search":{"way":"fast"}"#,
        r#""search":{"way":"graph","certify":"exact"}"#,
        r#""search":{"fusion":"x"}"#,
        r#""search":5"#,
        r#""decision":{"threshold":[2]}"#,
        r#""decision":{"threshold":[0.9,0.1]}"#,
        r#""decision":{"threshold":[0.1,0.2,0.3]}"#,
        r#""decision":{"threshold":[1e400]}"#,
        r#""decision":{"threshold":[0.5],"target_fpir":[0.1]}"#,
        r#""decision":{"target_fpir":[0]}"#,
        r#""decision":{"target_fpir":[1]}"#,
        r#""decision":{"target_fpir":[-1]}"#,
        r#""decision":{"target_fpir":[0.1,0.1]}"#,
        r#""decision":{"target_fpir":["x"]}"#,
        r#""among":{"subjects":[999]}"#,
        r#""among":{"subjects":[-1]}"#,
        r#""among":{"subjects":[18446744073709551615]}"#,
        r#""among":{"not_subjects":[999]}"#,
        r#""among":{"names":[]}"#,
        r#""photos":{"min_face":1}"#,
        r#""photos":{"min_face":1e9}"#,
        r#""photos":{"min_quality":101}"#,
        r#""photos":{"min_quality":-1}"#,
        r#""photos":{"faces":"some"}"#,
        r#""photos":{"max_pixels":1}"#,
    ] {
        cases.json(&line, with(more), &[400, 422]);
    }
    cases.json(&line, with(r#""decision":{"target_fpir":[0.1]}"#), &[409]);
    for more in [r#""among":{"lists":["../x"]}"#, r#""among":{"not_lists":["none"]}"#] {
        cases.json(&line, with(more), &[404]);
    }
    for kind in [
        "text/plain",
        "",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/json5",
        "json",
        "*/*",
        "application/json/../x",
    ] {
        cases.with(&line, &[("Content-Type", kind)], with(r#""top_k":1"#).as_bytes(), &[415]);
    }
    cases.with(&line, &[], b"{}", &[415]);
    for length in [0, 1, 3, 255, 257] {
        cases.with(&line, &[("Content-Type", "application/octet-stream")], &vec![0x3e; length], &[422]);
    }
    cases.with(&line, &[("Content-Type", "application/octet-stream")], &[0xff; 256], &[422]);
    cases.with(&line, &[("Content-Type", "application/octet-stream")], &[0; 256], &[422]);
}

/// Forms.
pub fn forms(cases: &mut Cases) {
    let (identify, faces) = (format!("POST {G}/identify"), format!("POST {G}/faces"));
    let picture = photo(1);
    let parts: Vec<(&str, &[u8])> = vec![("image", &picture[..8]); 1000];
    cases.form(&identify, &parts, &[400]);
    cases.form(&faces, &parts, &[400]);
    cases.form(&identify, &[], &[400, 422]);
    for (name, content) in [
        ("", &b"x"[..]),
        ("unknown", b"x"),
        ("probes", b"[]"),
        ("subject", b"Ada"),
        ("image[]", b"x"),
        ("\0", b"x"),
        ("../image", b"x"),
    ] {
        cases.form(&identify, &[(name, content)], &[400, 422]);
    }
    for request in [&b""[..], b"{", b"[]", b"null", br#"{"probes":[]}"#, br#"{"top_k":0}"#, b"\xff"] {
        cases.form(&identify, &[("request", request), ("image", &picture)], &[400, 422]);
    }
    for request in [
        &b"{"[..],
        br#"{"faces":[]}"#,
        br#"{"names":"any"}"#,
        br#"{"photos":{"faces":"all"}}"#,
        br#"{"photos":{"min_face":0}}"#,
    ] {
        cases.form(
            &faces,
            &[("request", request), ("subject", b"Mallory"), ("image", &picture)],
            &[400, 422],
        );
    }
    for subject in [
        &b""[..],
        b" ",
        b" a",
        b"a ",
        b"a\0b",
        b"a\nb",
        b"\x1b[31m",
        "\u{202e}a".as_bytes(),
        "\u{200b}".as_bytes(),
        "\u{301}a".as_bytes(),
        b"\xff\xfe",
        &[b'a'; 513],
        &[b'a'; 100_000],
    ] {
        cases.form(&faces, &[("subject", subject), ("image", &picture)], &[422]);
    }
    let two = [("subject", &b"Mallory"[..]), ("subject", b"Trent")];
    cases.form(&faces, &[("image", &picture), two[0], ("image", &picture), two[1]], &[422]);
    cases.form(&faces, &[two[0], two[1], ("image", &picture)], &[422]);
    cases.form(&faces, &[("subject", b"Mallory")], &[422]);
    cases.form(&faces, &[("subject", b"Mallory"), ("image", b"")], &[422]);
    cases.form(&faces, &[("subject", b"Mallory"), ("image", b"no photo")], &[422]);
    cases.form(&faces, &[("subject", b"Mallory"), ("embedding", b"[1]"), ("image", &picture)], &[422]);
    cases.form(&format!("POST {G}/verify"), &[("a", &picture)], &[422]);
    cases.form(&format!("POST {G}/verify"), &[("a", &picture), ("b", &picture), ("threshold", b"2")], &[422]);
    cases.form(
        &format!("POST {G}/verify"),
        &[("a", &picture), ("b", &picture), ("threshold", b"1e400")],
        &[400, 422],
    );
    let (kind, body) = form(&[("subject", b"Mallory"), ("image", &picture)]);
    for cut in [0, 1, 20, 60, 150, 400, body.len() - 30, body.len() - 4] {
        cases.with(&faces, &[("Content-Type", &kind)], &body[..cut], &[400, 422]);
    }
    let long = format!("multipart/form-data; boundary={}", "b".repeat(1000));
    for kind in [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"",
        "multipart/form-data; boundary=other",
        &long,
    ] {
        cases.with(&faces, &[("Content-Type", kind)], &body, &[400, 422]);
    }
    cases.with(&faces, &[("Content-Type", "multipart/mixed; boundary=x")], &body, &[415]);
    let huge = format!(
        "--x\r\nContent-Disposition: form-data; name=\"image\"\r\nX: {}\r\n\r\nx\r\n--x--\r\n",
        "y".repeat(500_000)
    );
    cases.with(&faces, &[("Content-Type", "multipart/form-data; boundary=x")], huge.as_bytes(), &[400, 422]);
    let headers: String = (0..5000).map(|n| format!("X-{n}: y\r\n")).collect();
    let many =
        format!("--x\r\nContent-Disposition: form-data; name=\"image\"\r\n{headers}\r\nx\r\n--x--\r\n");
    cases.with(&faces, &[("Content-Type", "multipart/form-data; boundary=x")], many.as_bytes(), &[400, 422]);
    let traversal = "--x\r\nContent-Disposition: form-data; name=\"subject\"; filename=\"../../etc/passwd\"\r\n\r\n\r\n--x--\r\n";
    cases.with(&faces, &[("Content-Type", "multipart/form-data; boundary=x")], traversal.as_bytes(), &[422]);
    for key in ["", &"k".repeat(201), "é"] {
        cases.with(&faces, &[("Content-Type", &kind), ("Idempotency-Key", key)], &body, &[422]);
    }
}

/// Other operations.
pub fn operations(cases: &mut Cases) {
    let faces = format!("POST {G}/faces");
    let good = json!((0..64).map(|n| n as f32 - 31.5).collect::<Vec<_>>()).to_string();
    for face in [
        r#"{"subject":"Mallory"}"#.to_owned(),
        format!(r#"{{"embedding":{good}}}"#),
        format!(r#"{{"subject":1,"embedding":{good}}}"#),
        format!(r#"{{"subject":"a\u0000b","embedding":{good}}}"#),
        format!(r#"{{"subject":"a\ud800","embedding":{good}}}"#),
        format!(r#"{{"subject":"Mallory","embedding":{good},"image":""}}"#),
        format!(r#"{{"subject":"Mallory","embedding":{good},"subject_id":1}}"#),
        r#"{"subject":"Mallory","embedding":[1,2,3]}"#.to_owned(),
        r#"{"subject":"Mallory","image":"/etc/passwd"}"#.to_owned(),
    ] {
        cases.json(&faces, format!(r#"{{"faces":[{face}]}}"#), &[400, 422]);
    }
    cases.json(
        &faces,
        format!(r#"{{"faces":[{{"subject":"Mallory","embedding":{good}}}],"names":"generated"}}"#),
        &[422],
    );
    cases.with(&faces, &[("Content-Type", "application/octet-stream")], &row(), &[422]);
    let (one, two) = (format!("{G}/subjects/1"), format!("{G}/subjects/2"));
    for (line, body, statuses) in [
        (format!("PATCH {one}"), r#"{"name":""}"#, &[422][..]),
        (format!("PATCH {one}"), r#"{"name":"Ada"}"#, &[409]),
        (format!("PATCH {one}"), r#"{"name":"Bob"}"#, &[409]),
        (format!("PATCH {one}"), r#"{"name":"a\u0000"}"#, &[422]),
        (format!("PATCH {one}"), r#"{"name":["Ada"]}"#, &[422]),
        (format!("PATCH {one}"), r#"{"name":"X","admin":true}"#, &[422]),
        (format!("PATCH {one}"), "{}", &[422]),
        (format!("PATCH {G}/subjects/999"), r#"{"name":"X"}"#, &[404]),
        (format!("POST {one}/merge"), r#"{"into":1}"#, &[422]),
        (format!("POST {one}/merge"), r#"{"into":999}"#, &[404]),
        (format!("POST {one}/merge"), r#"{"into":-1}"#, &[422]),
        (format!("POST {two}/merge"), r#"{"into":"1"}"#, &[422]),
        (format!("POST {G}/faces/move"), r#"{"face_ids":[],"to":"X"}"#, &[422]),
        (format!("POST {G}/faces/move"), r#"{"face_ids":[999],"to":"X"}"#, &[404]),
        (format!("POST {G}/faces/move"), r#"{"face_ids":[1],"to":""}"#, &[422]),
        (format!("POST {G}/faces/move"), r#"{"face_ids":[1.5],"to":"X"}"#, &[422]),
        (format!("PUT {G}/lists/vip"), r#"{"subjects":[999]}"#, &[404, 422]),
        (format!("PUT {G}/lists/%00"), r#"{"subjects":[]}"#, &[422]),
        (format!("PUT {G}/lists/{}", "a".repeat(600)), r#"{"subjects":[]}"#, &[422]),
        (format!("PATCH {G}/lists/none"), r#"{"add":[1],"remove":[]}"#, &[404]),
        (format!("DELETE {G}/lists/none"), "", &[404]),
        (format!("POST {G}/search"), r#"{"embeddings":[[1,2]]}"#, &[422]),
        (format!("POST {G}/search"), r#"{"embeddings":[],"top_k":5}"#, &[422]),
        (format!("POST {G}/search"), r#"{"embeddings":[[]],"top_k":1e99}"#, &[422]),
        (format!("POST {G}/search/groups"), r#"{"embeddings":[[1e400]]}"#, &[400, 422]),
        (format!("POST {G}/range"), r#"{"embeddings":[[1,2]],"min_score":2}"#, &[422]),
        (format!("POST {G}/calibrations"), r#"{"target_fpir":[0]}"#, &[422]),
        (format!("POST {G}/calibrations"), r#"{"people":0}"#, &[422]),
        (format!("POST {G}/calibrations"), r#"{"nonmated":[[1,2]]}"#, &[422]),
        (format!("POST {G}/calibrations"), r#"{"fusion":"none"}"#, &[422]),
        (format!("POST {G}/audits"), r#"{"max_loss":2}"#, &[422]),
        (format!("POST {G}/audits"), r#"{"mated":[{"subject":"Ada","embedding":[1]}]}"#, &[422]),
        (format!("POST {G}/evaluations"), "{}", &[422]),
        (format!("POST {G}/evaluations"), r#"{"mated":[],"nonmated":[]}"#, &[422]),
        (format!("POST {G}/backups"), r#"{"to":"/etc/passwd"}"#, &[422]),
        (format!("POST {G}/detect"), r#"{"images":[]}"#, &[422]),
        (format!("POST {G}/embed"), r#"{"images":["***"]}"#, &[422]),
        (format!("POST {G}/quality"), r#"{"images":[1]}"#, &[422]),
        ("POST /v1/galleries/nowhere/identify".into(), "{}", &[404, 422]),
        ("PUT /v1/galleries/%2e%2e".into(), "{}", &[404, 422]),
        ("PUT /v1/galleries/.hidden".into(), "{}", &[422]),
        ("PUT /v1/galleries/a%2fb".into(), "{}", &[404, 422]),
        (format!("PUT /v1/galleries/{}", "a".repeat(65)), "{}", &[422]),
        ("PUT /v1/galleries/gallery".into(), "{}", &[409]),
        ("PUT /v1/galleries/new".into(), r#"{"model":"/etc/passwd"}"#, &[422]),
        ("PUT /v1/galleries/new".into(), r#"{"model":"../x.toml"}"#, &[422]),
        ("PUT /v1/galleries/new".into(), r#"{"dimension":0}"#, &[422]),
        ("PUT /v1/galleries/new".into(), r#"{"dimension":1000000000}"#, &[422]),
        ("PUT /v1/galleries/new".into(), r#"{"dimension":1e400}"#, &[400, 422]),
        ("PUT /v1/galleries/new".into(), r#"{"dimension":8,"model":"stand-in"}"#, &[422]),
        ("DELETE /v1/galleries/nowhere".into(), "", &[404]),
        ("DELETE /v1/galleries/gallery".into(), "", &[409]),
    ] {
        cases.json(&line, body, statuses);
    }
}
