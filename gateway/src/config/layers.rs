//! Layers of settings: defaults, then a file, then the environment, then flags.
//!
//! The `config` crate merges the layers and keeps each value's origin. Around it stands what it
//! does not do: keys that no setting has, strict types, and messages that hide secrets.

use std::{
    ffi::OsString,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use ::config::{Config, Map, Source, Value, ValueKind};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    decode::decode,
    problem::{ConfigError, Problem},
    schema::Schema,
    shape::Shape,
    toml_source::parse_file,
    tree::{Table, from_json, origin_of, origins, to_json},
    unknown::take_unknown,
    variables::{FlagValue, flag_layer, variable_layer},
};

/// The sources of settings, from weakest to strongest. What is not given is left out.
#[derive(Clone, Default)]
pub struct Layers {
    file: Option<(PathBuf, String)>,
    variables: Vec<(OsString, OsString)>,
    flags: Vec<FlagValue>,
}

impl Layers {
    /// The defaults alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a TOML file that has to be there.
    ///
    /// # Errors
    /// [`ConfigError::File`] when it cannot be read.
    pub fn file(self, path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        match fs::read_to_string(path) {
            Ok(text) => Ok(self.file_text(path, text)),
            Err(source) => Err(ConfigError::File { path: path.to_owned(), source }),
        }
    }

    /// Adds a TOML file if it is there.
    ///
    /// # Errors
    /// [`ConfigError::File`] when it is there and cannot be read.
    pub fn file_if_present(self, path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        match self.clone().file(path) {
            Err(ConfigError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(self)
            }
            read => read,
        }
    }

    /// Adds TOML text as if it had been read from `path`, which errors then name.
    #[must_use]
    pub fn file_text(mut self, path: impl AsRef<Path>, text: impl Into<String>) -> Self {
        self.file = Some((path.as_ref().to_owned(), text.into()));
        self
    }

    /// Adds the environment, usually `std::env::vars_os()`. Variables that do not begin with
    /// `DAEMUN_` are passed over, as is `DAEMUN_CONFIG`, which names the file.
    #[must_use]
    pub fn env<K: Into<OsString>, V: Into<OsString>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.variables =
            variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        self
    }

    /// Adds the command line's values.
    #[must_use]
    pub fn flags(mut self, flags: Vec<FlagValue>) -> Self {
        self.flags = flags;
        self
    }

    /// Merges the layers and decodes the result. The type's own rules are not asked yet: see
    /// [`Loaded::check`].
    ///
    /// # Errors
    /// [`ConfigError::Problems`] with every unknown key, unreadable variable and wrong value.
    pub fn load<T>(&self) -> Result<Loaded<T>, ConfigError>
    where
        T: Schema + Default + Serialize + DeserializeOwned,
    {
        let shape = Shape::of::<T>()?;
        let (mut file, mut problems) = self.read_file();
        problems.extend(take_unknown(&mut file, &shape));
        let (mut variables, unreadable) = variable_layer(&self.variables, &shape, &file);
        problems.extend(unreadable);
        problems.extend(take_unknown(&mut variables, &shape));
        let (mut flags, unreadable) = flag_layer(&self.flags, &shape);
        problems.extend(unreadable);
        problems.extend(take_unknown(&mut flags, &shape));

        let mut sources: Vec<_> =
            self.file.iter().map(|(path, _)| path.display().to_string()).collect();
        sources.extend(origins(&variables));
        sources.extend(origins(&flags));

        let merged = Config::builder()
            .add_source(Layer::from(from_json(&shape.defaults)))
            .add_source(Layer(file))
            .add_source(Layer(variables))
            .add_source(Layer(flags))
            .build()?
            .cache;
        match decode(&shape, to_json(&merged)) {
            Ok(settings) if problems.is_empty() => {
                return Ok(Loaded { settings, merged, shape, sources });
            }
            Ok(_) => {}
            Err(mistakes) => problems.extend(
                mistakes.into_iter().map(|(path, problem)| problem.at(origin_of(&merged, &path))),
            ),
        }
        Err(ConfigError::Problems(problems))
    }

    fn read_file(&self) -> (Table, Vec<Problem>) {
        let Some((path, text)) = &self.file else {
            return (Table::new(), Vec::new());
        };
        match parse_file(path, text) {
            Ok(table) => (table, Vec::new()),
            Err(problem) => (Table::new(), vec![problem]),
        }
    }
}

/// One layer in the form the `config` crate merges.
#[derive(Debug, Clone)]
struct Layer(Table);

impl From<Value> for Layer {
    fn from(value: Value) -> Self {
        match value.kind {
            ValueKind::Table(table) => Self(table),
            _ => Self(Table::new()),
        }
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ::config::ConfigError> {
        Ok(self.0.clone())
    }
}

/// Settings, and where each of their values came from.
#[derive(Clone)]
pub struct Loaded<T> {
    /// The effective settings.
    pub settings: T,
    pub(super) merged: Value,
    pub(super) shape: Shape,
    sources: Vec<String>,
}

impl<T> Loaded<T> {
    /// What was read beside the defaults, from weakest to strongest: the file, then each
    /// variable as `env NAME`, then each flag as `flag --name`.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }
}

impl<T: Schema> Loaded<T> {
    /// Asks the settings' own rules, and names the origin of each key they object to.
    ///
    /// # Errors
    /// [`ConfigError::Problems`] with everything [`Schema::validate`] found.
    pub fn check(&self) -> Result<(), ConfigError> {
        let found = self.settings.validate();
        if found.is_empty() {
            return Ok(());
        }
        let with_origin = found.into_iter().map(|problem| {
            let origin = self.origin(&problem.key);
            problem.at(origin)
        });
        Err(ConfigError::Problems(with_origin.collect()))
    }
}

impl<T> fmt::Debug for Loaded<T> {
    /// Prints no value: the tree behind the settings holds the secrets in clear.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").finish_non_exhaustive()
    }
}
