//! Files that hold a secret and nothing else.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// The largest such file, in bytes.
const MAX_FILE: u64 = 4 * 1024;

/// Reads the one line of a file: what stands before and after it does not count.
///
/// # Errors
/// What is wrong, with the file's name and nothing of what is in it.
pub(crate) fn read(file: &Path) -> Result<String, String> {
    let told = |what: String| format!("{}: {what}", file.display());
    let mut text = Vec::new();
    let opened = File::open(file).map_err(|error| told(error.to_string()))?;
    opened.take(MAX_FILE + 1).read_to_end(&mut text).map_err(|error| told(error.to_string()))?;
    if text.len() as u64 > MAX_FILE {
        return Err(told(format!("has more than {MAX_FILE} bytes")));
    }
    let text = String::from_utf8(text).map_err(|_| told("is not text".into()))?;
    let line = text.trim();
    if line.chars().any(char::is_control) {
        return Err(told("has more than one line".into()));
    }
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_one_line_and_what_is_wrong_shows_nothing_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let read_as = |bytes: &[u8]| {
            std::fs::write(&file, bytes).unwrap();
            read(&file)
        };
        assert_eq!(read_as(b" hunter2\n").unwrap(), "hunter2");
        assert_eq!(read_as(&[b'a'; 4 * 1024]).unwrap().len(), 4 * 1024);
        for (bytes, says) in [
            (&[b'a'; 4 * 1024 + 1][..], "has more than 4096 bytes"),
            (b"hunter2\nhunter3", "has more than one line"),
            (b"hunter2\xff", "is not text"),
        ] {
            let error = read_as(bytes).unwrap_err();
            assert!(error.ends_with(says) && !error.contains("hunter"), "{error}");
        }
        assert!(read(&folder.path().join("nowhere")).unwrap_err().contains("nowhere: "));
    }
}
