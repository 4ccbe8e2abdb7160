//! What writes records into MongoDB, in a process of its own: the server's game log with its
//! spool on the way, or the bare driver in a loop.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Document, doc, serialize_to_bson};
use mongodb::options::{Acknowledgment, WriteConcern};
use mongodb::{Client, Collection, IndexModel};
use protocol::client::Platform;
use protocol::ids::{AppId, LoginId, MemberId};
use serde::{Deserialize, Serialize};
use storage::clock::{Micros, SystemClock};
use storage::config::{MongoDbSettings, ServerUrl, StorageSettings};
use storage::gamelog::{Event, LogRecord};
use storage::open::Storage;
use tokio::io::{AsyncBufReadExt, BufReader};
use uuid::Uuid;

use crate::Fault;
use crate::contest::{LONGEST, Taken, Watch};
use crate::process::{Process, leash};

/// How many records are handed over between two looks at the disk: what waits in memory is
/// bounded, and what finds no room there would be dropped.
const HANDFUL: usize = 10_000;
/// How many documents the bare driver has in a call.
pub(super) const CALL: usize = 1_000;
/// How long it may take to open.
const READY: Duration = Duration::from_secs(60);

/// How it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    /// By the server's game log.
    Spooled,
    /// By the driver's `insert_many`, into a collection with the same indexes.
    Bare,
    /// The same, into a collection without any.
    BarePlain,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// Opens the log of this address, with a spool in this folder.
    Open { way: Way, url: String, folder: PathBuf },
    /// Writes so many, and ends when the server has confirmed each.
    Write(usize),
    /// Hands so many over, and ends when each is on this machine's disk.
    Spool(usize),
    /// Ends when the server has confirmed all that was handed over.
    Deliver,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Done,
    Failed(String),
}

/// The process, as the bench has it.
pub(super) struct Scribe(Process);

impl Scribe {
    /// Starts it.
    ///
    /// # Errors
    /// When the log cannot be opened.
    pub(super) async fn start(way: Way, url: &str, folder: PathBuf) -> Result<Self, Fault> {
        let mut it = Self(Process::start("a writer of records", leash::own("scribe")?)?);
        it.order(&Order::Open { way, url: url.to_owned(), folder }, READY).await?;
        Ok(it)
    }

    /// Has records written, and takes what that took.
    ///
    /// # Errors
    /// When one was not.
    pub(super) async fn take(&mut self, records: usize) -> Result<Taken, Fault> {
        let watch = Watch::start(&self.0)?;
        self.order(&Order::Write(records), LONGEST).await?;
        watch.stop(&self.0, records).await
    }

    /// Has records handed over that the server cannot have now, and takes what that took.
    ///
    /// # Errors
    /// When one was dropped.
    pub(super) async fn spool(&mut self, records: usize) -> Result<Taken, Fault> {
        let watch = Watch::start(&self.0)?;
        self.order(&Order::Spool(records), LONGEST).await?;
        watch.stop(&self.0, records).await
    }

    /// Takes what it takes until the server has so many that were handed over before.
    ///
    /// # Errors
    /// When they do not get there.
    pub(super) async fn deliver(&mut self, records: usize) -> Result<Taken, Fault> {
        let watch = Watch::start(&self.0)?;
        self.order(&Order::Deliver, 4 * LONGEST).await?;
        watch.stop(&self.0, records).await
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it had ended before.
    pub(super) async fn end(self) -> Result<(), Fault> {
        self.0.end().await
    }

    async fn order(&mut self, order: &Order, within: Duration) -> Result<(), Fault> {
        self.0.say(&serde_json::to_string(order)?).await?;
        let understand = |line: &str| serde_json::from_str(line).ok();
        match self.0.hear("the end of its work", within, understand).await? {
            Outcome::Done => Ok(()),
            Outcome::Failed(why) => Err(self.0.trouble(&why)),
        }
    }
}

/// Is that process, until nobody can order it any more.
///
/// # Errors
/// When an order is not understood.
pub(crate) async fn run() -> Result<(), Fault> {
    let mut log = None;
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = orders.next_line().await? {
        let done = match (serde_json::from_str(&line)?, &log) {
            (Order::Open { way, url, folder }, _) => {
                Log::open(way, &url, folder).await.map(|opened| log = Some(opened))
            }
            (Order::Write(records), Some(log)) => log.write(records).await,
            (Order::Spool(records), Some(log)) => log.spool(records).await,
            (Order::Deliver, Some(log)) => log.deliver().await,
            (Order::Write(_) | Order::Spool(_) | Order::Deliver, None) => {
                Err("nothing is open".into())
            }
        };
        let outcome = match done {
            Ok(()) => Outcome::Done,
            Err(fault) => Outcome::Failed(fault.to_string()),
        };
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{}", serde_json::to_string(&outcome)?)?;
        stdout.flush()?;
    }
    Ok(())
}

enum Log {
    Spooled(Storage),
    Bare(Collection<Document>),
}

impl Log {
    async fn open(way: Way, url: &str, folder: PathBuf) -> Result<Self, Fault> {
        match way {
            Way::Spooled => {
                let mongodb = MongoDbSettings {
                    url: Some(ServerUrl::new(url)),
                    migrate_at_start: true,
                    ..MongoDbSettings::default()
                };
                let settings = StorageSettings { mongodb, ..StorageSettings::default() };
                let storage = Storage::open(&folder, &settings, &SystemClock).await?;
                storage.start_alone().await?;
                Ok(Self::Spooled(storage))
            }
            Way::Bare | Way::BarePlain => {
                let client = Client::with_uri_str(url).await?;
                let database = client.default_database().ok_or("the address names no database")?;
                let collection = database.collection("record");
                if way == Way::Bare {
                    index(&collection).await?;
                }
                Ok(Self::Bare(collection))
            }
        }
    }

    async fn write(&self, records: usize) -> Result<(), Fault> {
        let app: AppId = "demo".parse()?;
        match self {
            Self::Spooled(_) => {
                self.spool(records).await?;
                self.deliver().await
            }
            Self::Bare(collection) => {
                let concern = WriteConcern::builder().w(Acknowledgment::Majority);
                let concern = concern.journal(true).build();
                for first in (0..records).step_by(CALL) {
                    let documents =
                        (first..records.min(first + CALL)).map(|_| document(&record(&app)));
                    let call = collection.insert_many(documents.collect::<Result<Vec<_>, _>>()?);
                    call.ordered(false).write_concern(concern.clone()).await?;
                }
                Ok(())
            }
        }
    }
}

impl Log {
    fn storage(&self) -> Result<&Storage, Fault> {
        match self {
            Self::Spooled(storage) => Ok(storage),
            Self::Bare(_) => Err("the bare driver has no spool".into()),
        }
    }

    async fn spool(&self, records: usize) -> Result<(), Fault> {
        let (app, log) = ("demo".parse::<AppId>()?, &self.storage()?.gamelog);
        for first in (0..records).step_by(HANDFUL) {
            for _ in first..records.min(first + HANDFUL) {
                log.record(record(&app));
            }
            log.flush().await?;
        }
        Ok(())
    }

    async fn deliver(&self) -> Result<(), Fault> {
        let log = &self.storage()?.gamelog;
        log.delivered().await?;
        match log.troubles()[..] {
            [] => Ok(()),
            [trouble, ..] => Err(trouble.into()),
        }
    }
}

/// A record as players make most of them.
fn record(app: &AppId) -> LogRecord {
    let (id, login) = (Uuid::now_v7(), LoginId(Uuid::now_v7()));
    let chance = id.as_u64_pair().1;
    let member = MemberId::from_number(i64::from(chance as u32) + 1).ok();
    let at = id.get_timestamp().map_or(0, |at| at.to_unix().0);
    let at = Micros(i64::try_from(at).unwrap_or(0) * 1_000_000);
    let event = match chance % 3 {
        0 => Event::LoggedIn {
            provider: "google".to_owned(),
            login,
            new_member: false,
            platform: Platform::Android,
        },
        1 => Event::SessionOpened { login },
        _ => Event::SessionClosed { login, code: None, open_ms: 123_456 },
    };
    LogRecord { id, at, app: app.clone(), member, event }
}

/// What a program would write that has no game log of ours: the same fields.
fn document(record: &LogRecord) -> Result<Document, Fault> {
    let bytes = record.id.as_bytes().to_vec();
    Ok(doc! {
        "_id": Binary { subtype: BinarySubtype::Uuid, bytes }, "at": record.at.0,
        "app": record.app.as_str(), "member": record.member.map(MemberId::number),
        "kind": record.event.kind(), "fields": serialize_to_bson(&record.event.fields())?,
    })
}

/// Indexes as the server's game log has them.
async fn index(collection: &Collection<Document>) -> Result<(), Fault> {
    let model = |keys| IndexModel::builder().keys(keys).build();
    let indexes = [
        model(doc! {"member": 1, "app": 1, "at": 1, "_id": 1}),
        model(doc! {"app": 1, "kind": 1, "at": 1, "_id": 1}),
        model(doc! {"expires": 1}),
    ];
    collection.create_indexes(indexes).await?;
    Ok(())
}
