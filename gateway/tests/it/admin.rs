//! The operators' door, as a browser and as an attacker see it.

mod changes;
mod commands;
mod document;
mod door;
mod launching;
mod logins;
mod nodes;
mod owners;
mod rights;

use actors::operators::totp;
use hyper::Method;
use hyper::header::{HeaderMap, SET_COOKIE};
use loadtest::HttpClient;
use serde_json::{Value, json};

use crate::harness::{Daemun, before_both, text};

before_both! {
    changes::of_two_who_change_one_record_the_second_is_told_what_stands
    changes::what_is_sent_again_under_its_key_is_done_once
    changes::passwords_and_second_factors_are_given_anew_and_end_every_session
    changes::the_audit_says_who_did_what_and_is_read_page_by_page
    launching::a_version_is_registered_changed_and_taken_away_and_players_notice_at_once
    launching::a_maintenance_is_planned_extended_and_ended_early
    launching::a_tester_is_let_in_by_who_may
    logins::a_session_is_a_cookie_that_scripts_and_other_sites_do_not_get
    logins::a_login_never_goes_on_with_a_session_that_the_browser_had
    logins::a_code_is_good_once_and_guessing_is_slowed_down
    logins::sessions_are_listed_and_ended_one_by_one
    logins::a_grave_act_needs_a_fresh_code
    logins::a_second_factor_is_kept_under_the_key_that_the_settings_name
    logins::who_is_kept_out_is_out_with_the_next_request_and_secrets_are_nowhere
    owners::of_two_owners_who_take_each_others_rights_one_keeps_his
    rights::every_role_may_what_it_may_and_nothing_else
    rights::who_is_not_logged_in_gets_nothing
    rights::a_field_that_is_not_known_is_told_everywhere
    rights::nobody_gives_himself_more
    rights::what_is_done_to_operators_is_audited_for_who_may_see_operators
}

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
    with_owner(Daemun::start().await).await
}

/// The same of a house that is there.
pub async fn with_owner(house: Daemun) -> (Daemun, Account, Browser) {
    let owner = Account::new(&house, "owner", &["owner"]).await;
    let browser = owner.enter(&house).await;
    (house, owner, browser)
}

/// A new operator, as the API is asked for one.
pub fn operator(name: &str, role: &str) -> Value {
    json!({"name": name, "roles": [{"app": "*", "role": role}], "password": PASSWORD})
}
