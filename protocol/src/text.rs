//! Strings that know their longest length, so that no handler has to check it.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A string of at most `MAX` bytes of UTF-8, without control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize>(Box<str>);

/// Why a string is no [`Text`] or [`Secret`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// More bytes than allowed.
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// A control character (Unicode category Cc).
    #[error("holds a control character")]
    Control,
}

impl<const MAX: usize> Text<MAX> {
    /// Checks and takes a string.
    ///
    /// # Errors
    /// When it is too long or holds a control character.
    pub fn new(text: &str) -> Result<Self, TextError> {
        if text.len() > MAX {
            return Err(TextError::TooLong(MAX));
        }
        if text.chars().any(char::is_control) {
            return Err(TextError::Control);
        }
        Ok(Self(text.into()))
    }
}

impl<const MAX: usize> Deref for Text<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&Cow::<'de, str>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A string of at most `MAX` bytes that must not be seen: tokens, secrets, codes.
/// Its `Debug` hides it, and it has no `Display`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Secret<const MAX: usize>(Box<str>);

impl<const MAX: usize> Secret<MAX> {
    /// Checks and takes a string.
    ///
    /// # Errors
    /// When it is too long or holds a control character.
    pub fn new(text: &str) -> Result<Self, TextError> {
        Text::<MAX>::new(text).map(|text| Self(text.0))
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Debug for Secret<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Secret<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&Cow::<'de, str>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

fn schema(max: usize) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).max_length(Some(max)).into()
}

impl<const MAX: usize> PartialSchema for Text<MAX> {
    fn schema() -> RefOr<Schema> {
        schema(MAX)
    }
}

impl<const MAX: usize> ToSchema for Text<MAX> {
    fn name() -> Cow<'static, str> {
        format!("Text{MAX}").into()
    }
}

impl<const MAX: usize> PartialSchema for Secret<MAX> {
    fn schema() -> RefOr<Schema> {
        schema(MAX)
    }
}

impl<const MAX: usize> ToSchema for Secret<MAX> {
    fn name() -> Cow<'static, str> {
        format!("Secret{MAX}").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_counts_bytes() {
        assert!(Text::<6>::new("대문").is_ok());
        assert_eq!(Text::<5>::new("대문"), Err(TextError::TooLong(5)));
        assert_eq!(Text::<5>::new("a\nb"), Err(TextError::Control));
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::<9>::new("hunter2").unwrap()), "Secret(..)");
    }
}
