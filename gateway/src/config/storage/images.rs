//! Where images are, as the file writes it.

use std::path::PathBuf;

use storage::config::ImagesSettings;

use crate::config::problem::Problem;
use crate::config::schema::{Notes, Schema};

const NOTES: &[(&str, &str)] = &[(
    "folder",
    "Folder of the images that notices and banners show, shared by the nodes of one database and nobody else; by default images in the data folder.",
)];

impl Schema for ImagesSettings {
    fn sample() -> Self {
        Self { folder: Some(PathBuf::from("/srv/daemun/images")) }
    }

    fn notes() -> Notes {
        Notes::new(NOTES)
    }

    fn validate(&self) -> Vec<Problem> {
        let empty = self.folder.as_ref().is_some_and(|folder| folder.as_os_str().is_empty());
        let problem = || Problem::new("folder", "expected a folder, found an empty path");
        empty.then(problem).into_iter().collect()
    }
}
