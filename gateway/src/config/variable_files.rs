//! Values that stand in files of their own, as containers are given secrets: what
//! `DAEMUN_STORAGE__MARIADB__URL_FILE` names holds the value of `storage.mariadb.url`.

use std::{
    fs::File,
    io::{self, Read},
};

use super::shape::Shape;

/// What a key's last segment ends with when the value stands in a file.
const ENDINGS: [&str; 2] = ["_file", "-file"];

/// No value is longer than this, in bytes; a file that is was named by mistake.
const LONGEST: u64 = 64 * 1024;

/// The key whose value stands in the file that a variable of this key names; `None` when it
/// names no file. A key that itself ends so, such as `storage.mariadb.ca_file`, comes first.
pub(super) fn key_of_file(path: &[String], shape: &Shape) -> Option<Vec<String>> {
    let (last, parents) = path.split_last()?;
    let name = ENDINGS.iter().find_map(|ending| last.strip_suffix(ending))?;
    let key = [parents, &[name.to_owned()]].concat();
    (shape.at(path).is_none() && shape.is_leaf(&key)).then_some(key)
}

/// The text of a file, without the line end that editors and `echo` leave behind it.
///
/// # Errors
/// In words that name neither the file nor what is in it: somebody may have put the secret where
/// the file's name belongs.
pub(super) fn text_of(path: &str) -> Result<String, String> {
    let bytes = read(path).map_err(|error| format!("the named file cannot be read: {error}"))?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("the named file is longer than {LONGEST} bytes"));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| "the named file's text is not valid UTF-8".to_owned())?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    match line.strip_suffix('\r').unwrap_or(line) {
        "" => Err("the named file is empty".to_owned()),
        text => Ok(text.to_owned()),
    }
}

fn read(path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
