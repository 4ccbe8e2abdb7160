//! The certificate authority that vouches for the servers.

use std::path::Path;

use mysql_async::{Opts, OptsBuilder};

use crate::error::{Result, StorageError};

/// What every certificate in a PEM file begins with.
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// The publisher's own authority.
pub(super) struct Ca(Vec<u8>);

impl Ca {
    /// Reads it, once, from a PEM file.
    ///
    /// # Errors
    /// [`StorageError::Setup`] when the file cannot be read or holds no certificate.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let setup = |what: &str| {
            let path = path.display();
            StorageError::Setup(format!("storage.mariadb.ca_file: {path}: {what}"))
        };
        let text = std::fs::read_to_string(path).map_err(|error| setup(&error.to_string()))?;
        if !text.contains(BEGIN) {
            return Err(setup("holds no PEM certificate"));
        }
        Ok(Self(text.into_bytes()))
    }

    /// Has connections use TLS, and believe servers that this authority vouches for and nobody
    /// else.
    pub(super) fn trusted_by(&self, opts: Opts) -> Opts {
        let tls = opts.ssl_opts().cloned().unwrap_or_default();
        let tls =
            tls.with_root_certs(vec![self.0.clone().into()]).with_disable_built_in_roots(true);
        OptsBuilder::from_opts(opts).ssl_opts(tls).into()
    }
}
