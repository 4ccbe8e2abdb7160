//! Who may sign for Apple: a chain of three certificates that ends at a pinned root.
//!
//! The header's third certificate chooses nothing. It is taken for a root only if its digest is
//! the one of Apple Root CA - G3 that stands here; where roots are configured it is not even
//! read.

use std::time::Duration;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use sha2::{Digest, Sha256};
use storage::clock::Micros;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, aws_lc_rs};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::purchases::verifier::reason;

/// SHA-256 of Apple Root CA - G3, which is good until 2039-04-30.
/// Source: <https://www.apple.com/certificateauthority/>.
const APPLE_ROOT_G3: [u8; 32] = [
    0x63, 0x34, 0x3a, 0xbf, 0xb8, 0x9a, 0x6a, 0x03, 0xeb, 0xb5, 0x7e, 0x9b, 0x3f, 0x5f, 0xa7, 0xbe,
    0x7c, 0x4f, 0x5c, 0x75, 0x6f, 0x30, 0x17, 0xb3, 0xa8, 0xc4, 0x88, 0xc3, 0x65, 0x3e, 0x91, 0x79,
];

/// Marks a certificate that signs receipts and transactions.
const LEAF: &str = "1.2.840.113635.100.6.11.1";
/// Marks Apple's Worldwide Developer Relations intermediate.
const INTERMEDIATE: &str = "1.2.840.113635.100.6.2.1";

/// What Apple's chains are signed with, and its curves' other pairs.
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    aws_lc_rs::ECDSA_P384_SHA384,
    aws_lc_rs::ECDSA_P384_SHA256,
    aws_lc_rs::ECDSA_P256_SHA256,
    aws_lc_rs::ECDSA_P256_SHA384,
];

/// The roots that are trusted.
pub(super) enum Roots {
    /// Apple's own, known by its digest.
    Apple([u8; 32]),
    /// Those of a simulator.
    Given(Vec<CertificateDer<'static>>),
}

impl Roots {
    pub(super) fn apple() -> Self {
        Self::Apple(APPLE_ROOT_G3)
    }

    /// The certificates of a PEM file, `None` if there is none or one is no root.
    pub(super) fn given(pem: &[u8]) -> Option<Self> {
        let roots: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
        let usable = roots.iter().all(|root| anchor_from_trusted_cert(root).is_ok());
        (usable && !roots.is_empty()).then_some(Self::Given(roots))
    }

    /// The roots that may be meant by this header's third certificate.
    fn meant<'a>(&'a self, third: &'a CertificateDer<'static>) -> &'a [CertificateDer<'static>] {
        match self {
            Self::Apple(digest) if Sha256::digest(third).as_slice() == digest => {
                std::slice::from_ref(third)
            }
            Self::Apple(_) => &[],
            Self::Given(roots) => roots,
        }
    }

    /// The leaf's public key, an uncompressed point, if leaf and intermediate were good at that
    /// time, made for this purpose, and lead to a root.
    ///
    /// # Errors
    /// One of [`reason`]'s.
    pub(super) fn key(&self, chain: [Vec<u8>; 3], at: Micros) -> Result<Vec<u8>, &'static str> {
        let [leaf, intermediate, third] = chain.map(CertificateDer::from);
        let bad = |_| reason::CHAIN;
        let anchors: Vec<_> = self
            .meant(&third)
            .iter()
            .map(|root| anchor_from_trusted_cert(root).map_err(bad))
            .collect::<Result<_, _>>()?;
        let seconds = u64::try_from(at.seconds()).map_err(|_| reason::CHAIN)?;
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let intermediates = [intermediate];
        let end = EndEntityCert::try_from(&leaf).map_err(bad)?;
        // Apple's leaf names no extended usage; one that names another than this is refused.
        let usage = KeyUsage::client_auth();
        let path = end
            .verify_for_usage(ALGORITHMS, &anchors, &intermediates, time, usage, None, None)
            .map_err(bad)?;
        // The leaf could hang on the root itself, and the intermediate's mark then say nothing.
        if path.intermediate_certificates().count() != intermediates.len() {
            return Err(reason::CHAIN);
        }
        let [intermediate] = &intermediates;
        marked(intermediate, INTERMEDIATE)?;
        marked(&leaf, LEAF)
    }
}

/// The public key of a certificate that has the extension.
fn marked(der: &[u8], oid: &str) -> Result<Vec<u8>, &'static str> {
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| reason::CHAIN)?;
    let has = certificate.extensions().iter().any(|extension| extension.oid.to_id_string() == oid);
    if !rest.is_empty() {
        return Err(reason::CHAIN);
    }
    if !has {
        return Err(reason::CHAIN_PURPOSE);
    }
    Ok(certificate.public_key().subject_public_key.data.to_vec())
}
