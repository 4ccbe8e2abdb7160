//! What room a disk has, and whether a server could write there.

use std::path::Path;

use rustix::fs::{Access, access, statvfs};

use crate::finding::Finding;

const MIB: u64 = 1024 * 1024;
/// Below this, in bytes, whatever is kept here soon finds no room.
const LEAST: u64 = 512 * MIB;

/// What room the disk of the data folder has, in a line, and whether that is too little; for a
/// spool of at most so many bytes, when there is one.
pub(super) fn check(data: &Path, spool: Option<u64>) -> (Option<String>, Vec<Finding>) {
    // A folder that is made at the first start is on the disk of the one above it.
    let Some(there) = data.ancestors().find(|folder| folder.is_dir()) else {
        return (None, Vec::new());
    };
    let name = || format!("disk of {}", data.display());
    let (free, size) = match statvfs(there) {
        Ok(said) => (said.f_bavail * said.f_frsize, said.f_blocks * said.f_frsize),
        Err(error) => {
            let what = format!("its room is not known: {error}");
            return (None, vec![Finding { server: name(), refused: false, what }]);
        }
    };
    let used = spool.map(|most| (spooled(&data.join("spool")), most));
    let line = match used {
        Some((used, most)) => format!(
            "{}: {} MiB free of {}, {} MiB spooled of at most {}",
            name(),
            free / MIB,
            size / MIB,
            used / MIB,
            most / MIB
        ),
        None => format!("{}: {} MiB free of {}", name(), free / MIB, size / MIB),
    };
    let found = judge(free, used).map(|what| Finding { server: name(), refused: false, what });
    (Some(line), found.into_iter().collect())
}

/// What room the disk of the images has, in a line, where they are not in the data folder.
pub(super) fn check_images(data: &Path, images: &Path) -> (Option<String>, Vec<Finding>) {
    if images.starts_with(data) {
        // What is in the way of the data is said of the data.
        let own = if images.exists() { writable(images) } else { Vec::new() };
        return (None, own);
    }
    let (line, mut findings) = check(images, None);
    findings.extend(writable(images));
    (line, findings)
}

/// What would keep a server from writing in a folder, or from making it.
pub(super) fn writable(folder: &Path) -> Vec<Finding> {
    let Some(there) = folder.ancestors().find(|it| it.exists()) else { return Vec::new() };
    let what = match access(there, Access::WRITE_OK | Access::EXEC_OK) {
        _ if !there.is_dir() => Some(format!("{} is no folder", there.display())),
        Ok(()) => None,
        Err(error) => Some(format!("{} cannot be written in: {error}", there.display())),
    };
    let server = || format!("disk of {}", folder.display());
    what.map(|what| Finding { server: server(), refused: true, what }).into_iter().collect()
}

/// What is wrong with so many free bytes, for a spool that has some and may have more.
fn judge(free: u64, spool: Option<(u64, u64)>) -> Option<String> {
    let wanted = spool.map_or(0, |(used, most)| most.saturating_sub(used));
    if free < wanted {
        let (free, wanted) = (free / MIB, wanted / MIB);
        return Some(format!(
            "has {free} MiB free; the spool may want {wanted} more: lower storage.spool_bytes or \
             make room"
        ));
    }
    (free < LEAST).then(|| format!("has {} MiB free: make room", free / MIB))
}

/// How many bytes the spool's files have.
fn spooled(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let length = |entry: std::fs::DirEntry| entry.metadata().map_or(0, |file| file.len());
    entries.flatten().map(length).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_spool_may_still_want_has_to_be_free() {
        assert_eq!(judge(LEAST, None), None);
        assert!(judge(LEAST - 1, None).unwrap().contains("511 MiB free: make room"));
        assert_eq!(judge(1024 * MIB, Some((0, 1024 * MIB))), None);
        let short = judge(1024 * MIB - 1, Some((0, 1024 * MIB))).unwrap();
        assert!(short.contains("the spool may want 1024 more"), "{short}");
        // What it has already is not free any more.
        assert_eq!(judge(600 * MIB, Some((500 * MIB, 1024 * MIB))), None);
    }

    #[test]
    fn where_no_server_could_write_it_would_not_start() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        assert_eq!(check_images(&data, &data.join("images")), (None, Vec::new()));
        let (line, findings) = check_images(&data, &folder.path().join("elsewhere"));
        assert!(line.unwrap().contains("elsewhere: "), "a disk of their own");
        assert!(findings.iter().all(|finding| !finding.refused), "{findings:?}");
        std::fs::create_dir(&data).unwrap();
        assert_eq!(writable(&data), []);
        std::fs::write(data.join("images"), "").unwrap();
        for images in [data.join("images"), data.join("images/deeper")] {
            let findings = [writable(&images), check_images(&folder.path().join("x"), &images).1];
            for finding in findings.map(|found| found.into_iter().find(|it| it.refused).unwrap()) {
                assert!(finding.what.ends_with("images is no folder"), "{finding:?}");
            }
        }
        assert!(check_images(&data, &data.join("images")).1[0].refused);
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_on_the_disk_of_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let (line, _) = check(&folder.path().join("not/yet"), Some(1024 * MIB));
        let line = line.unwrap();
        assert!(
            line.contains("MiB free of") && line.contains("0 MiB spooled of at most 1024"),
            "{line}"
        );
        std::fs::create_dir(folder.path().join("spool")).unwrap();
        std::fs::write(folder.path().join("spool/segment-0"), vec![0; 2 << 20]).unwrap();
        let line = check(folder.path(), Some(1024 * MIB)).0.unwrap();
        assert!(line.contains(" 2 MiB spooled"), "{line}");
        assert!(!check(folder.path(), None).0.unwrap().contains("spooled"));
    }
}
