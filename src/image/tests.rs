use super::*;

#[test]
fn nothing_and_nonsense_have_their_codes() {
    let code = |bytes: &[u8]| decode(bytes, &Limits::default()).unwrap_err().code();
    assert_eq!(code(b""), "empty");
    assert_eq!(code(b"this is text, whatever its name says"), "unsupported");
    assert_eq!(code(b"GIF89a......"), "unsupported");
    assert_eq!(code(&[0xff, 0xd8, 0xff]), "decode_failed");
}
