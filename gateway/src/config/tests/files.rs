//! Values that stand in files which variables name.

use std::fs;

use super::*;

/// A file with these bytes, which ends with the folder.
fn written(bytes: &[u8]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("value");
    fs::write(&path, bytes).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

const URL: &str = "mysql://daemun:canary@db.example.com/daemun";

#[test]
fn a_value_may_stand_in_a_file() {
    for end in ["", "\n", "\r\n"] {
        let (_folder, path) = written(format!("{URL}{end}").as_bytes());
        for name in ["DAEMUN_STORAGE__MARIADB__URL_FILE", "daemun_storage__mariadb__url-file"] {
            let layers = file("[storage.mariadb]\nurl = \"mysql://weaker/daemun\"")
                .env([(name, path.as_str())]);
            let loaded = layers.load::<Settings>().unwrap();
            let url = loaded.settings.storage.mariadb.url.as_ref().unwrap();
            assert_eq!(url.expose(), URL, "{name} {end:?}");
            let origin = format!("env {name}");
            assert_eq!(loaded.origin("storage.mariadb.url"), Some(origin.clone()));
            assert!(loaded.sources().contains(&origin));
            assert!(!loaded.explain().unwrap().contains("canary"));
        }
    }
}

#[test]
fn a_file_holds_what_its_key_holds() {
    let (_folder, number) = written(b"7\n");
    let (_folder, text) = written(b"two\nlines\n");
    let layers = Layers::new().env([
        ("DAEMUN_GATEWAY__DRAIN_S_FILE", number.as_str()),
        ("DAEMUN_APPS__DEMO__NAME_FILE", &text),
        ("DAEMUN_PUBLIC_URL_FILE", ""),
        // This one is a key of its own.
        ("DAEMUN_STORAGE__MARIADB__CA_FILE", "/etc/ca.pem"),
    ]);
    let settings = settings(&layers);
    assert_eq!(settings.gateway.drain_s, 7);
    assert_eq!(settings.apps["demo"].name, "two\nlines");
    assert_eq!(settings.public_url, None);
    assert_eq!(settings.storage.mariadb.ca_file, Some(PathBuf::from("/etc/ca.pem")));
}

#[test]
fn mistakes_with_files_show_neither_the_name_nor_the_content() {
    let long = vec![b'x'; 64 * 1024 + 1];
    let cases: [(&[u8], &str); 4] = [
        (b"", "the named file is empty"),
        (b"\n", "the named file is empty"),
        (b"canary\xff", "the named file's text is not valid UTF-8"),
        (&long, "the named file is longer than 65536 bytes"),
    ];
    for (bytes, message) in cases {
        let (_folder, path) = written(bytes);
        let found = problems(&Layers::new().env([("DAEMUN_STORAGE__MARIADB__URL_FILE", &path)]));
        let origin = "storage.mariadb.url (env DAEMUN_STORAGE__MARIADB__URL_FILE)";
        assert_eq!(found, [format!("{origin}: {message}")]);
    }

    // What a file holds is held to the rules of its key.
    let (_folder, path) = written(b"mongodb://daemun:canary@log.example.com");
    let found = problems(&Layers::new().env([("DAEMUN_STORAGE__MONGODB__URL_FILE", &path)]));
    let origin = "storage.mongodb.url (env DAEMUN_STORAGE__MONGODB__URL_FILE)";
    let message = "names no database: expected mongodb://user:password@host/database";
    assert_eq!(found, [format!("{origin}: {message}")]);

    let found = problems(&Layers::new().env([("DAEMUN_STORAGE__MARIADB__URL_FILE", URL)]));
    assert_eq!(
        found,
        [
            "storage.mariadb.url (env DAEMUN_STORAGE__MARIADB__URL_FILE): the named file cannot be read: No such file or directory (os error 2)"
        ]
    );
}

#[test]
fn the_largest_file_is_read() {
    let (_folder, path) = written(&vec![b'x'; 64 * 1024]);
    let layers = Layers::new().env([("DAEMUN_APPS__DEMO__NAME_FILE", &path)]);
    assert_eq!(layers.load::<Settings>().unwrap().settings.apps["demo"].name.len(), 64 * 1024);
}

#[test]
fn what_has_no_value_has_no_file_either() {
    let (_folder, path) = written(b"x");
    let cases = [
        (
            "DAEMUN_GATEWAY__LISEN_FILE",
            "gateway.lisen_file (env DAEMUN_GATEWAY__LISEN_FILE): unknown key",
        ),
        ("DAEMUN_GATEWAY_FILE", "gateway_file (env DAEMUN_GATEWAY_FILE): unknown key"),
    ];
    for (name, expected) in cases {
        let found = problems(&Layers::new().env([(name, &path)]));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with(expected), "{found:?}");
    }
    let written = problems(&file("[storage.mariadb]\nurl_file = \"/x\""));
    assert!(written[0].contains("storage.mariadb.url_file (daemun.toml:2): unknown key"));
}

#[test]
fn a_key_and_its_file_are_the_same_key_twice() {
    let (_folder, path) = written(b"8");
    let layers = Layers::new()
        .env([("DAEMUN_GATEWAY__DRAIN_S", "7"), ("DAEMUN_GATEWAY__DRAIN_S_FILE", &path)]);
    assert_eq!(
        problems(&layers),
        [
            "gateway.drain_s (env DAEMUN_GATEWAY__DRAIN_S_FILE): set twice, by DAEMUN_GATEWAY__DRAIN_S and by DAEMUN_GATEWAY__DRAIN_S_FILE"
        ]
    );
}

/// Else one name would mean two things.
#[test]
fn no_key_is_called_like_the_file_of_another() {
    let shape = shape::Shape::of::<Settings>().unwrap();
    let paths = shape.paths();
    for path in &paths {
        let (last, parents) = path.split_last().unwrap();
        let twin = [parents, &[format!("{last}_file")]].concat();
        assert!(!paths.contains(&twin), "{twin:?}");
    }
}
