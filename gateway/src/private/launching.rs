//! An operator's commands about versions, maintenance and testers, and what was done.

use actors::content::piece::PieceBody;
use actors::fault;
use actors::launching::testers::Tester;
use actors::launching::versions::Version;
use actors::launching::windows::{Plan, When, WindowBody};
use actors::office::{Amend, By, Office, Refused};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::AppId;
use protocol::time::Micros;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::audit::{Act, ActsRead};
use storage::documents::{Document, Kind, Whose};
use uuid::Uuid;

use super::members::done;
use super::{Desk, Order, Private};

/// The most acts that are listed at once, and how many documents are read at a time.
pub(super) const MOST: usize = 1_000;

/// The body of `/commands/version`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum VersionOrder {
    /// Registers a version, or changes it.
    Put {
        /// The game.
        app: AppId,
        /// The version.
        version: Version,
        /// The document's version that is changed; 0 for a new one, absent for whichever stands.
        expected: Option<i64>,
    },
    /// Lists a game's versions.
    List {
        /// The game.
        app: AppId,
    },
    /// Takes a version away.
    Remove {
        /// The game.
        app: AppId,
        /// Its document.
        id: Uuid,
    },
}

/// The body of `/commands/maintenance`. Without a game it is of all games.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum MaintenanceOrder {
    /// Plans a maintenance.
    Plan {
        /// The game.
        app: Option<AppId>,
        /// The plan.
        plan: Plan,
    },
    /// Lists what was planned.
    List {
        /// The game.
        app: Option<AppId>,
    },
    /// Has it end at another time.
    Extend {
        /// The game.
        app: Option<AppId>,
        /// Which.
        id: Uuid,
        /// When it ends.
        to: When,
    },
    /// Has it end now.
    End {
        /// The game.
        app: Option<AppId>,
        /// Which.
        id: Uuid,
    },
    /// Calls it off.
    Off {
        /// The game.
        app: Option<AppId>,
        /// Which.
        id: Uuid,
    },
}

/// The body of `/commands/tester`. Without a game it is of all games.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum TesterOrder {
    /// Lets a tester in.
    Add {
        /// The game.
        app: Option<AppId>,
        /// The tester.
        tester: Tester,
    },
    /// Lists the testers.
    List {
        /// The game.
        app: Option<AppId>,
    },
    /// Takes a tester away.
    Remove {
        /// The game.
        app: Option<AppId>,
        /// Its document.
        id: Uuid,
    },
}

/// The body of `/commands/audit`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ActsQuery {
    /// Those in this game alone.
    pub app: Option<AppId>,
    /// Those on documents of this kind alone.
    pub kind: Option<Kind>,
    /// Those on this document alone.
    pub document: Option<Uuid>,
    /// Those from this moment on.
    pub since: Option<Micros>,
    /// Those behind this one: its `at` and `id`.
    pub after: Option<(Micros, Uuid)>,
    /// At most so many, 1 to 1,000.
    pub limit: usize,
}

/// A document as it is shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShownDocument {
    /// Its id.
    pub id: Uuid,
    /// Its game; `None`: all games.
    pub app: Option<AppId>,
    /// How often it was written.
    pub version: i64,
    /// How a maintenance stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What it says.
    pub body: Value,
    /// When it was changed last.
    pub changed_at: Micros,
    /// By whom.
    pub changed_by: String,
}

/// An act as it is shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShownAct {
    /// Its id.
    pub id: Uuid,
    /// When.
    pub at: Micros,
    /// By whom.
    pub by: String,
    /// The deed in a word.
    pub what: String,
    /// On a document of this kind.
    pub kind: Option<Kind>,
    /// On this document.
    pub document: Option<Uuid>,
    /// In this game; `None`: for all.
    pub app: Option<AppId>,
    /// What it said before.
    pub before: Option<Value>,
    /// What it says since.
    pub after: Option<Value>,
    /// Whether something secret of it was changed.
    pub sealed_changed: bool,
}

impl Desk {
    pub(super) fn office(&self) -> Office {
        let documents = self.storage.documents.clone();
        let office = Office::new(documents, self.told.clone(), self.clock.clone());
        office.with_images(self.storage.images.clone())
    }

    /// A game that is there: a word that is mistyped must not be written to.
    pub(super) async fn known(&self, app: Option<&AppId>) -> Result<(), ErrorBody> {
        let Some(app) = app else { return Ok(()) };
        let apps = self.storage.apps.list().await.map_err(|error| fault::of_storage(&error))?;
        if apps.iter().any(|known| known.id == *app) {
            return Ok(());
        }
        Err(ErrorBody::new(ErrorCode::AppUnknown, format!("there is no game `{app}` here")))
    }

    pub(super) async fn version(
        &self,
        order: VersionOrder,
    ) -> Result<Vec<ShownDocument>, ErrorBody> {
        let (office, by) = (self.office(), By::command());
        let done = match order {
            VersionOrder::Put { app, version, expected } => {
                self.known(Some(&app)).await?;
                office.put_version(&by, &app, &version, expected).await.map(|one| vec![one])
            }
            VersionOrder::List { app } => all(&office, Kind::Version, Whose::Games(app)).await,
            VersionOrder::Remove { app, id } => {
                let removed = office.remove(&by, Kind::Version, Some(&app), id, None).await;
                removed.map(|one| vec![one])
            }
        };
        self.shown(done)
    }

    pub(super) async fn maintenance(
        &self,
        order: MaintenanceOrder,
    ) -> Result<Vec<ShownDocument>, ErrorBody> {
        let (office, by) = (self.office(), By::command());
        let amend = async |app: Option<AppId>, id, amend| {
            office.amend(&by, app.as_ref(), id, amend, None).await.map(|one| vec![one])
        };
        let done = match order {
            MaintenanceOrder::Plan { app, plan } => {
                self.known(app.as_ref()).await?;
                office.plan(&by, app.as_ref(), plan).await.map(|one| vec![one])
            }
            MaintenanceOrder::List { app } => all(&office, Kind::Maintenance, whose(app)).await,
            MaintenanceOrder::Extend { app, id, to } => amend(app, id, Amend::Extend(to)).await,
            MaintenanceOrder::End { app, id } => amend(app, id, Amend::End).await,
            MaintenanceOrder::Off { app, id } => amend(app, id, Amend::Off).await,
        };
        self.shown(done)
    }

    pub(super) async fn tester(&self, order: TesterOrder) -> Result<Vec<ShownDocument>, ErrorBody> {
        let (office, by) = (self.office(), By::command());
        let done = match order {
            TesterOrder::Add { app, tester } => {
                self.known(app.as_ref()).await?;
                office.put_tester(&by, app.as_ref(), &tester, None).await.map(|one| vec![one])
            }
            TesterOrder::List { app } => all(&office, Kind::Tester, whose(app)).await,
            TesterOrder::Remove { app, id } => {
                let removed = office.remove(&by, Kind::Tester, app.as_ref(), id, None).await;
                removed.map(|one| vec![one])
            }
        };
        self.shown(done)
    }

    pub(super) async fn acts(&self, query: ActsQuery) -> Result<Vec<ShownAct>, ErrorBody> {
        if !(1..=MOST).contains(&query.limit) {
            return Err(ErrorBody::invalid("limit", format!("is not between 1 and {MOST}")));
        }
        let ActsQuery { app, kind, document, since, after, limit } = query;
        let read =
            ActsRead { app, kind, of: document, from: since, after, limit, ..Default::default() };
        let acts =
            self.storage.audit.page(read).await.map_err(|error| fault::of_storage(&error))?;
        Ok(acts.into_iter().map(shown_act).collect())
    }

    pub(super) fn shown(
        &self,
        documents: Result<Vec<Document>, Refused>,
    ) -> Result<Vec<ShownDocument>, ErrorBody> {
        let now = self.clock.now();
        let shown = |document: Document| {
            let body: Value = serde_json::from_str(&document.body).unwrap_or_default();
            ShownDocument {
                id: document.id,
                app: document.app,
                version: document.version,
                state: state(document.kind, &document.body, now).map(str::to_owned),
                body,
                changed_at: document.changed_at,
                changed_by: document.changed_by.to_string(),
            }
        };
        documents.map(|all| all.into_iter().map(shown).collect()).map_err(told)
    }
}

/// How a document stands by the clock, where that is not in what it says.
fn state(kind: Kind, body: &str, now: Micros) -> Option<&'static str> {
    match kind {
        Kind::Maintenance => {
            serde_json::from_str(body).ok().map(|body: WindowBody| body.state(now).word())
        }
        Kind::Notice | Kind::Banner => {
            serde_json::from_str(body).ok().map(|body: PieceBody| body.state(now).word())
        }
        Kind::Version | Kind::Tester | Kind::Image | Kind::Operator => None,
    }
}

/// All of a kind: the office bounds how many there are.
pub(super) async fn all(
    office: &Office,
    kind: Kind,
    whose: Whose,
) -> Result<Vec<Document>, Refused> {
    let mut all: Vec<Document> = Vec::new();
    loop {
        let after = all.last().map(|last| last.id);
        let page = office.list(kind, whose.clone(), after, MOST).await?;
        let whole = page.len() < MOST;
        all.extend(page);
        if whole {
            return Ok(all);
        }
    }
}

pub(super) fn whose(app: Option<AppId>) -> Whose {
    app.map_or(Whose::Publishers, Whose::Games)
}

/// What whoever ran the command is told.
fn told(refused: Refused) -> ErrorBody {
    match refused {
        Refused::Storage(error) => fault::of_storage(&error),
        Refused::Invalid { field, reason } => ErrorBody::invalid(&field, reason),
        Refused::Stale(_)
        | Refused::Exists(_)
        | Refused::InUse(_)
        | Refused::Missing(_)
        | Refused::KeyReused
        | Refused::Full { .. } => ErrorBody::new(ErrorCode::BodyInvalid, refused.to_string()),
    }
}

fn shown_act(act: Act) -> ShownAct {
    let value = |text: Option<String>| {
        text.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
    };
    ShownAct {
        id: act.id,
        at: act.at,
        by: act.by.to_string(),
        what: act.what,
        kind: act.kind,
        document: act.of,
        app: act.app,
        before: value(act.before),
        after: value(act.after),
        sealed_changed: act.sealed_changed,
    }
}

pub(super) async fn version(
    State(private): State<Private>,
    Json(order): Json<VersionOrder>,
) -> Response {
    done(&private, Order::Version(Box::new(order))).await
}

pub(super) async fn maintenance(
    State(private): State<Private>,
    Json(order): Json<MaintenanceOrder>,
) -> Response {
    done(&private, Order::Maintenance(Box::new(order))).await
}

pub(super) async fn tester(
    State(private): State<Private>,
    Json(order): Json<TesterOrder>,
) -> Response {
    done(&private, Order::Tester(order)).await
}

pub(super) async fn audit(
    State(private): State<Private>,
    Json(query): Json<ActsQuery>,
) -> Response {
    done(&private, Order::Acts(query)).await
}
