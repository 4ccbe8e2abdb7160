//! A data folder as it is after the installation, made once a machine and copied for each
//! server: the installer takes seconds, a copy takes a moment.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::OWNER;
use super::options::{LOG_FILE_SIZE, as_user};
use crate::servers::binaries::{Binaries, fetched};
use crate::servers::fault::{During, Fault};
use crate::servers::process::copy;

/// Goes up when what is installed here changes.
const EDITION: u32 = 1;

pub(super) struct Template(PathBuf);

/// The template of the server that would be started, made if there is none.
pub(super) fn of(binaries: &Binaries) -> Result<Template, Fault> {
    let version = run(Command::new(binaries.find("mariadbd")?).arg("--version"))?;
    let home = fetched().join("templates");
    let path = home.join(folder_name(&version));
    fs::create_dir_all(&home).during("making a folder for MariaDB's template")?;
    // One makes it, the others wait; the lock ends with the file.
    let lock = File::create(home.join("lock")).during("opening the lock of MariaDB's template")?;
    lock.lock().during("waiting for MariaDB's template")?;
    if !path.is_dir() {
        make(binaries, &home, &path)?;
    }
    Ok(Template(path))
}

impl Template {
    pub(super) fn copy_to(&self, data: &Path) -> Result<(), Fault> {
        copy(&self.0, data).during("copying MariaDB's template")
    }
}

/// `.../mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu` is two words of that.
fn folder_name(version: &str) -> String {
    let version = version.split_once(" Ver ").map_or(version, |(_, version)| version);
    let version: String = version
        .chars()
        .take_while(|c| *c != ' ')
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' })
        .collect();
    format!("mariadb-{version}-{EDITION}")
}

/// Made under another name and then renamed: it is whole or it is not there.
fn make(binaries: &Binaries, home: &Path, path: &Path) -> Result<(), Fault> {
    let folder = tempfile::Builder::new()
        .prefix("new-")
        .tempdir_in(home)
        .during("making a folder for MariaDB's template")?;
    let accounts = folder.path().join("accounts.sql");
    fs::write(&accounts, self::accounts()).during("writing the accounts of test servers")?;
    let option = |name: &str, value: &Path| {
        let mut option = OsString::from(name);
        option.push(value);
        option
    };
    let data = folder.path().join("data");
    run(Command::new(binaries.find("mariadb-install-db")?)
        .arg("--no-defaults")
        .arg(option("--datadir=", &data))
        .arg(option("--extra-file=", &accounts))
        .args(["--auth-root-authentication-method=normal", "--skip-test-db", LOG_FILE_SIZE])
        .args(as_user()))?;
    fs::rename(&data, path).during("keeping MariaDB's template")
}

/// A statement a line, as the installer wants it. The installer makes root itself.
fn accounts() -> String {
    format!(
        "FLUSH PRIVILEGES;\n\
         CREATE USER {OWNER}@'127.0.0.1' IDENTIFIED BY '{OWNER}';\n\
         GRANT ALL PRIVILEGES ON `daemun\\_test\\_%`.* TO {OWNER}@'127.0.0.1';\n"
    )
}

/// Runs a program to its end, and gives what it printed.
fn run(command: &mut Command) -> Result<String, Fault> {
    let what = command.get_program().display().to_string();
    let output = command.stdin(Stdio::null()).output().during(&what)?;
    let [said, complained] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    if !output.status.success() {
        return Err(Fault::new(format!("{what} failed ({}):\n{said}{complained}", output.status)));
    }
    Ok(said)
}
