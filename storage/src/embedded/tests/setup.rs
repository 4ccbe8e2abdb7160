//! A folder that cannot be used is refused in plain words, and left as it is.

use std::path::Path;
use std::str::FromStr;

use protocol::ids::{AppId, MemberId};
use protocol::members::MemberState;
use refinery::Target;
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::clock::Micros;
use crate::config::StorageSettings;
use crate::embedded::schema::truth;
use crate::embedded::{self, Embedded, EmbeddedLog};
use crate::error::StorageError;
use crate::members::MembersDuty;

fn open(data: &Path) -> Result<(Embedded, EmbeddedLog), StorageError> {
    embedded::open(data, &StorageSettings::default())
}

/// The words that a folder is refused with.
fn refused(data: &Path) -> String {
    match open(data) {
        Err(StorageError::Setup(message)) => message,
        Err(other) => panic!("not a setup error: {other:?}"),
        Ok(_) => panic!("{} was opened", data.display()),
    }
}

fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

/// All that a database holds, table by table.
fn content(path: &Path) -> Vec<(String, Vec<Vec<Value>>)> {
    let connection = Connection::open(path).unwrap();
    let mut tables = vec!["sqlite_schema".to_owned()];
    let mut select =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    tables.extend(select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap));
    let rows = |table: String| {
        let mut select = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let width = select.column_count();
        let rows =
            select.query_map([], |row| (0..width).map(|column| row.get(column)).collect()).unwrap();
        let rows = rows.map(Result::unwrap).collect();
        (table, rows)
    };
    tables.into_iter().map(rows).collect()
}

#[test]
fn a_second_open_of_one_folder_is_refused_naming_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).unwrap();
    let lock = folder.path().join("lock");
    says(&refused(folder.path()), &["uses this data folder", "--data", &lock.to_string_lossy()]);
    // It is the process that holds the folder, not the file in it.
    drop(first);
    drop(open(folder.path()).unwrap());
    assert!(open(folder.path()).is_ok());
}

#[test]
fn a_folder_that_is_not_there_is_made() {
    let folder = tempfile::tempdir().unwrap();
    assert!(open(&folder.path().join("one/in/another")).is_ok());
    assert!(folder.path().join("one/in/another/daemun.db").is_file());
}

#[tokio::test]
async fn a_database_of_an_earlier_program_is_brought_forward_with_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut earlier = Connection::open(folder.path().join("daemun.db")).unwrap();
    let runner = truth::migrations::runner().set_target(Target::Version(2));
    runner.run(&mut earlier).unwrap();
    let member = "INSERT INTO member VALUES (7, 'demo', 'active', 5, 1);
                  INSERT INTO member_session VALUES (7, 'demo', 1, X'00', 0, 0)";
    earlier.execute_batch(member).unwrap();
    drop(earlier);
    let ((opened, _log), app) = (open(folder.path()).unwrap(), AppId::from_str("demo").unwrap());
    let member = opened.member(app, MemberId::from_number(7).unwrap()).await.unwrap().unwrap();
    assert_eq!((member.state, member.created_at), (MemberState::Active, Micros(5)));
    assert_eq!(member.ban, None);
}

#[test]
fn a_database_of_a_later_program_is_refused_untouched() {
    for name in ["daemun.db", "gamelog.db"] {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path()).unwrap());
        let path = folder.path().join(name);
        let later = "CREATE TABLE later (later INTEGER);
                     INSERT INTO later VALUES (1);
                     INSERT INTO refinery_schema_history
                     SELECT 999, 'later', applied_on, checksum FROM refinery_schema_history LIMIT 1;";
        Connection::open(&path).unwrap().execute_batch(later).unwrap();
        let before = content(&path);
        let words = ["has a schema this program does not know", "later", &path.to_string_lossy()];
        says(&refused(folder.path()), &words);
        assert_eq!(content(&path), before);
        // Nothing is held: the program that knows the schema may have the folder.
        let back = "DELETE FROM refinery_schema_history WHERE version = 999";
        Connection::open(&path).unwrap().execute_batch(back).unwrap();
        assert!(open(folder.path()).is_ok());
    }
}

#[test]
fn a_database_with_another_migration_of_a_known_number_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    let path = folder.path().join("daemun.db");
    let other = "UPDATE refinery_schema_history SET name = 'another', checksum = '1'";
    Connection::open(&path).unwrap().execute_batch(other).unwrap();
    let before = content(&path);
    let words = ["has a schema this program does not know", &path.to_string_lossy()];
    says(&refused(folder.path()), &words);
    assert_eq!(content(&path), before);
}

#[test]
fn a_file_that_is_no_database_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("daemun.db");
    let text = "This is not a database, though it is long enough to be taken for one. ".repeat(99);
    std::fs::write(&path, &text).unwrap();
    says(&refused(folder.path()), &["cannot open the database", &path.to_string_lossy()]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_data_path_that_is_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data");
    std::fs::write(&file, "in the way").unwrap();
    for data in [file.clone(), file.join("below")] {
        says(&refused(&data), &["cannot make the data folder", &data.to_string_lossy()]);
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "in the way");
}

/// A folder that nobody may write to, not even root.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_is_not_writable_is_refused() {
    says(&refused(Path::new("/proc/self")), &["cannot open the lock file", "/proc/self/lock"]);
    says(&refused(Path::new("/proc/self/data")), &["cannot make the data folder"]);
}

#[test]
fn a_database_that_cannot_be_opened_is_refused() {
    for name in ["daemun.db", "gamelog.db"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::create_dir(&path).unwrap();
        says(&refused(folder.path()), &["cannot open the database", &path.to_string_lossy()]);
    }
}

#[test]
fn a_folder_with_the_log_alone_is_in_use_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let log = embedded::open_log(folder.path()).unwrap();
    assert!(!folder.path().join("daemun.db").exists());
    says(&refused(folder.path()), &["uses this data folder"]);
    drop(log);
    // Each part holds the folder by itself.
    let (truth, log) = open(folder.path()).unwrap();
    drop(truth);
    says(&refused(folder.path()), &["uses this data folder"]);
    drop(log);
    assert!(open(folder.path()).is_ok());
}
