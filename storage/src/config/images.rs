//! Where images are kept.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where the bytes of operators' images are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImagesSettings {
    /// The folder; unset, it is `images` in the data folder. Nodes of one database share one.
    pub folder: Option<PathBuf>,
}

impl ImagesSettings {
    /// The folder that is set, or the one in the data folder.
    pub(crate) fn folder(&self, data: &Path) -> PathBuf {
        self.folder.clone().unwrap_or_else(|| data.join("images"))
    }
}
