//! The bounds of a number.

use std::fmt::Display;

use super::problem::Problem;

/// The problem with a number that is too small, if it is.
pub(super) fn at_least<T: PartialOrd + Display>(key: &str, number: T, least: T) -> Option<Problem> {
    (number < least).then(|| Problem::new(key, format!("at least {least}, found {number}")))
}

/// The problem with a number that is too large, if it is.
pub(super) fn at_most<T: PartialOrd + Display>(key: &str, number: T, most: T) -> Option<Problem> {
    (number > most).then(|| Problem::new(key, format!("at most {most}, found {number}")))
}
