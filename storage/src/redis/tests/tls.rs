//! A server that a publisher's own authority vouches for.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::scene::settings;
use crate::config::RedisSettings;
use crate::error::StorageError;
use crate::redis::Redis;
use crate::servers::{Binaries, Redis as Server};

/// An authority, a server's certificate by it, and that one's key.
fn files(folder: &Path) -> [PathBuf; 3] {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let files = ["ca.pem", "cert.pem", "key.pem"].map(|file| folder.join(file));
    let texts = [authority.pem(), certificate.pem(), key.serialize_pem()];
    for (file, text) in files.iter().zip(texts) {
        std::fs::write(file, text).unwrap();
    }
    files
}

/// A server that speaks TLS on a port of its own, and that port.
fn start([ca, cert, key]: &[PathBuf; 3]) -> (Server, u16) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let path = |path: &Path| path.display().to_string();
    let (ca, cert, key, tls_port) = (path(ca), path(cert), path(key), port.to_string());
    let arguments = [
        ["--tls-port", &tls_port],
        ["--tls-ca-cert-file", &ca],
        ["--tls-cert-file", &cert],
        ["--tls-key-file", &key],
        ["--tls-auth-clients", "no"],
    ];
    (Server::start(&Binaries::default(), arguments.as_flattened()).unwrap(), port)
}

#[tokio::test]
async fn a_server_is_believed_that_the_publishers_authority_vouches_for() {
    let [folder, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let files_here = files(folder.path());
    let (_server, port) = start(&files_here);
    let settings = settings(format!("rediss://127.0.0.1:{port}/0"));
    let by =
        |ca_file: Option<&PathBuf>| RedisSettings { ca_file: ca_file.cloned(), ..settings.clone() };
    let trusting = Redis::open(&by(Some(&files_here[0]))).await.unwrap();
    assert_eq!(trusting.trouble(), None);
    // Another's authority does not vouch for it, nor does the system.
    let [stranger, ..] = files(other.path());
    for ca_file in [Some(&stranger), None] {
        assert!(Redis::open(&by(ca_file)).await.unwrap().trouble().is_some());
    }
    let absent = Redis::open(&by(Some(&folder.path().join("absent.pem")))).await;
    let Err(StorageError::Setup(why)) = absent else { panic!("there is no such file") };
    assert!(why.contains("storage.redis.ca_file: cannot be read"), "{why}");
}
