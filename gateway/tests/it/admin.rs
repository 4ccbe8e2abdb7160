//! The operators' door, as a browser and as an attacker see it.

mod changes;
mod commands;
mod document;
mod door;
mod launching;
mod logins;
mod nodes;
mod rights;

use actors::operators::totp;
use hyper::Method;
use hyper::header::{HeaderMap, SET_COOKIE};
use loadtest::HttpClient;
use serde_json::{Value, json};

use crate::harness::{Daemun, text};

pub const PASSWORD: &str = "correct horse battery";
/// How long a code is shown.
pub const STEP: std::time::Duration = std::time::Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub struct Said {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Said {
    /// What is in its `ok`.
    pub fn ok(self) -> Value {
        assert!(self.body["ok"].is_object(), "{} {}", self.status, self.body);
        self.body["ok"].clone()
    }

    /// The word of its error, and its status.
    pub fn refused(&self) -> (u16, &str) {
        (self.status, self.body["err"]["code"].as_str().unwrap_or("none"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// An operator's browser.
#[derive(Clone)]
pub struct Browser {
    pub http: HttpClient,
    pub cookie: Option<String>,
    pub csrf: Option<String>,
}

impl Browser {
    pub fn new(house: &Daemun) -> Self {
        Self { http: house.admin(), cookie: None, csrf: None }
    }

    /// Sends a request with what the browser has and with these headers.
    pub async fn with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Said {
        let method: Method = method.parse().unwrap();
        let mut request = self.http.request(method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        if let Some(csrf) = &self.csrf {
            request = request.header("x-daemun-csrf", csrf);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = self.http.send(request.body(body.into())).await.unwrap();
        let body = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        Said { status: answer.status, headers: answer.headers, body }
    }

    pub async fn get(&self, path: &str) -> Said {
        self.with("GET", path, &[], None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Said {
        self.with("POST", path, &[], Some(body)).await
    }

    /// Logs in; from now on the browser has the session.
    pub async fn log_in(&mut self, name: &str, code: &str) -> Said {
        let body = json!({"name": name, "password": PASSWORD, "totp": code});
        let said = self.post("/admin/v1/login", body).await;
        if let Some(cookie) = said.headers.get(SET_COOKIE) {
            self.cookie = Some(cookie.to_str().unwrap().split(';').next().unwrap().to_owned());
            self.csrf = Some(text(&said.body["ok"], "csrf").to_owned());
        }
        said
    }
}

/// An operator's account, with the secret that an authenticator has.
pub struct Account {
    pub name: String,
    pub id: String,
    pub secret: String,
}

impl Account {
    /// Made by command, with roles such as `editor@demo`.
    pub async fn new(house: &Daemun, name: &str, roles: &[&str]) -> Self {
        let roles: Vec<Value> = roles
            .iter()
            .map(|role| role.split_once('@').unwrap_or((role, "*")))
            .map(|(role, app)| json!({"app": app, "role": role}))
            .collect();
        let order = json!({"deed": "add", "name": name, "roles": roles, "password": PASSWORD});
        let made = house.command("/commands/operator", order).await;
        Self {
            name: name.to_owned(),
            id: text(&made["operator"], "id").to_owned(),
            secret: text(&made, "totp_secret").to_owned(),
        }
    }

    pub fn code(&self, house: &Daemun) -> String {
        totp::shows(&self.secret, house.now())
    }

    /// A browser in which this operator is logged in, with a code that was not shown before.
    pub async fn enter(&self, house: &Daemun) -> Browser {
        house.advance(STEP);
        let mut browser = Browser::new(house);
        let said = browser.log_in(&self.name, &self.code(house)).await;
        assert_eq!(said.status, 200, "{}", said.body);
        browser
    }
}

/// A house with an owner who is logged in.
pub async fn owned() -> (Daemun, Account, Browser) {
    let house = Daemun::start().await;
    let owner = Account::new(&house, "owner", &["owner"]).await;
    let browser = owner.enter(&house).await;
    (house, owner, browser)
}

/// A new operator, as the API is asked for one.
pub fn operator(name: &str, role: &str) -> Value {
    json!({"name": name, "roles": [{"app": "*", "role": role}], "password": PASSWORD})
}
