//! Commands about operators' accounts.

use actors::fault;
use actors::operators::{By, Operators};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::operators::refusal::{Code, Refusal};
use protocol::operators::rights::RoleIn;
use protocol::operators::{NewOperator, Operator, OperatorChange, OperatorName, Page, Password};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Private;
use super::members::{Desk, Order, done};

/// How many operators are listed at once.
const PAGE: usize = 200;

/// The body of `/commands/operator`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "deed", rename_all = "snake_case")]
pub enum OperatorOrder {
    /// Makes an account.
    Add {
        /// The name.
        name: OperatorName,
        /// The roles.
        roles: Vec<RoleIn>,
        /// The password.
        password: Password,
    },
    /// Shows those behind `after`.
    List {
        /// Where the page before ended.
        after: Option<Uuid>,
    },
    /// Gives other roles, in the place of all there were.
    Roles {
        /// Whose.
        name: OperatorName,
        /// The roles.
        roles: Vec<RoleIn>,
    },
    /// Keeps out.
    Disable {
        /// Whom.
        name: OperatorName,
    },
    /// Lets in again.
    Enable {
        /// Whom.
        name: OperatorName,
    },
    /// Gives a new password.
    Password {
        /// Whom.
        name: OperatorName,
        /// The password.
        password: Password,
    },
    /// Gives a new second factor.
    Totp {
        /// Whom.
        name: OperatorName,
    },
    /// Takes the account away.
    Remove {
        /// Whose.
        name: OperatorName,
    },
}

pub(super) async fn operator(
    State(private): State<Private>,
    Json(order): Json<OperatorOrder>,
) -> Response {
    done(&private, Order::Operator(order)).await
}

impl Desk {
    pub(super) async fn operator(&self, order: OperatorOrder) -> Result<Value, ErrorBody> {
        let vault = self.vault.clone().map_err(|wrong| fault::internal(&wrong))?;
        let operators = Operators::new(self.storage.clone(), self.clock.clone(), vault);
        carried_out(&operators, order).await.map_err(told)
    }
}

/// A command is told in words; the code is one that commands know.
fn told(refusal: Refusal) -> ErrorBody {
    match refusal.code {
        Code::Shared(code) => {
            ErrorBody { detail: refusal.detail, ..ErrorBody::new(code, refusal.message) }
        }
        Code::Operators(_) => ErrorBody::new(ErrorCode::BodyInvalid, refusal.message),
    }
}

async fn carried_out(operators: &Operators, order: OperatorOrder) -> Result<Value, Refusal> {
    let by = By::Command;
    let found = async |name: &OperatorName| operators.by_name(name.as_str()).await;
    let at = |operator: &Operator| (operator.id.0, operator.version);
    match order {
        OperatorOrder::Add { name, roles, password } => {
            let new = NewOperator { name, roles, grants: Vec::new(), password };
            json(&operators.create(by, &new, None).await?)
        }
        OperatorOrder::List { after } => {
            let items = operators.list(after, PAGE).await?;
            let next = items.last().filter(|_| items.len() == PAGE);
            let next = next.map(|last| last.id.to_string());
            json(&Page { items, next })
        }
        OperatorOrder::Roles { name, roles } => {
            let stands = found(&name).await?;
            let change = OperatorChange { roles, ..same(&stands) };
            json(&operators.change(by, at(&stands), &change, None).await?)
        }
        OperatorOrder::Disable { name } => let_in(operators, &found(&name).await?, false).await,
        OperatorOrder::Enable { name } => let_in(operators, &found(&name).await?, true).await,
        OperatorOrder::Password { name, password } => {
            let who = at(&found(&name).await?);
            json(&operators.set_password(by, who, password.expose(), None).await?)
        }
        OperatorOrder::Totp { name } => {
            json(&operators.set_totp(by, at(&found(&name).await?), None).await?)
        }
        OperatorOrder::Remove { name } => {
            let stands = found(&name).await?;
            operators.remove(by, at(&stands), None).await?;
            json(&stands)
        }
    }
}

async fn let_in(operators: &Operators, stands: &Operator, yes: bool) -> Result<Value, Refusal> {
    let change = OperatorChange { disabled: !yes, ..same(stands) };
    let who = (stands.id.0, stands.version);
    json(&operators.change(By::Command, who, &change, None).await?)
}

fn same(operator: &Operator) -> OperatorChange {
    let Operator { name, roles, grants, disabled, .. } = operator.clone();
    OperatorChange { name, roles, grants, disabled }
}

fn json(answer: &impl Serialize) -> Result<Value, Refusal> {
    let answer = serde_json::to_value(answer);
    answer.map_err(|error| fault::internal(&error.to_string()).into())
}
