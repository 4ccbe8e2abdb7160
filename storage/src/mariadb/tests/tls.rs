//! Servers that a publisher's own authority vouches for.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::server::Scene;
use crate::clock::SystemClock;
use crate::config::MariaDbSettings;
use crate::mariadb::MariaDb;
use crate::servers::{MariaDb as Server, MariaDbOptions};

/// An authority of this test's own, and the file of its certificate.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = folder.join(format!("{name}.pem"));
        std::fs::write(&file, issuer.pem()).unwrap();
        Self { issuer, file }
    }

    /// A server with a certificate for that name.
    fn server(&self, folder: &Path, name: &str) -> Server {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let [cert, secret] = ["cert.pem", "key.pem"].map(|file| folder.join(file));
        std::fs::write(&cert, certificate.pem()).unwrap();
        std::fs::write(&secret, key.serialize_pem()).unwrap();
        let option = |name: &str, path: &Path| format!("--{name}={}", path.display());
        let options = MariaDbOptions::default()
            .with(&option("ssl-cert", &cert))
            .with(&option("ssl-key", &secret));
        Server::start(options).unwrap()
    }
}

async fn open(settings: &MariaDbSettings) -> Result<MariaDb, String> {
    MariaDb::open(settings, &SystemClock).await.map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_believed_that_the_publishers_authority_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    let [own, other] = ["own", "other"].map(|name| Authority::new(folder.path(), name));
    let server = own.server(folder.path(), "127.0.0.1");
    let scene = Scene::on(server.database("tls").unwrap());
    // Who speaks in the clear is not let in.
    server.sql("ALTER USER daemun@'127.0.0.1' REQUIRE SSL").unwrap();
    let refused = open(&scene.settings).await.err().unwrap();
    assert!(refused.contains("Access denied"), "{refused}");
    let trusting =
        |file: &Path| MariaDbSettings { ca_file: Some(file.to_owned()), ..scene.settings.clone() };
    open(&trusting(&own.file)).await.unwrap();
    let refused = open(&trusting(&other.file)).await.err().unwrap();
    for part in ["MariaDB `main`", "certificate", "storage.mariadb.ca_file"] {
        assert!(refused.contains(part), "{refused}");
    }
    // Nor is one that has no certificate of theirs, though it needs none of ours.
    let plain = Scene::one();
    let settings = MariaDbSettings { ca_file: Some(own.file.clone()), ..plain.settings.clone() };
    let refused = open(&settings).await.err().unwrap();
    assert!(refused.contains("MariaDB `main`"), "{refused}");
    println!("{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_for_another_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let own = Authority::new(folder.path(), "own");
    let server = own.server(folder.path(), "db.example.com");
    let mut settings = Scene::on(server.database("tls").unwrap()).settings;
    settings.ca_file = Some(own.file.clone());
    let refused = open(&settings).await.err().unwrap();
    assert!(refused.contains("certificate"), "{refused}");
    println!("{refused}");
}

#[tokio::test]
async fn a_file_that_is_no_authority_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Scene::one().settings;
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    for (file, why) in
        [(empty, "holds no PEM certificate"), (folder.path().join("none"), "No such")]
    {
        settings.ca_file = Some(file.clone());
        let refused = open(&settings).await.err().unwrap();
        let begins = format!("storage.mariadb.ca_file: {}: ", file.display());
        assert!(refused.starts_with(&begins) && refused.contains(why), "{refused}");
    }
}
