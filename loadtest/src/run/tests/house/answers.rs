//! What the house answers, in the contract's words.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::{Guest, Quirk};

impl Guest {
    /// The answer to an operation; `None` if there is none.
    pub(super) fn answer(&mut self, op: &str, body: &Value) -> Option<Result<Value, Value>> {
        let member = id(self.member);
        Some(Ok(match op {
            "auth.login" => return Some(self.log_in()),
            "session.open" => self.open(body),
            "session.ping" => json!({ "t": body["t"], "time": TIME }),
            "member.me" => match self.quirk {
                Quirk::Confused => return Some(Err(error("internal", "same_id"))),
                Quirk::SomebodyElse => me(&id(self.member + 1)),
                _ => me(&member),
            },
            "identity.list" if self.quirk == Quirk::Mute => return None,
            "identity.list" => json!({ "identities": [guest()] }),
            "session.list" if self.quirk == Quirk::Shapeless => json!({ "logins": 1 }),
            "session.list" => json!({ "logins": [login(self.member)] }),
            "session.close" => json!({}),
            "auth.refresh" => tokens(self.member, 2),
            "session.refresh" => {
                self.seen.renewals.fetch_add(1, Ordering::Relaxed);
                json!({ "access_expires_s": 900 })
            }
            other => panic!("nobody asks for {other}"),
        }))
    }

    fn log_in(&mut self) -> Result<Value, Value> {
        let before = self.seen.logins.fetch_add(1, Ordering::Relaxed);
        if matches!(self.quirk, Quirk::Busy(first) if before < first) {
            return Err(error("limit.overloaded", "later"));
        }
        self.member = match self.quirk {
            Quirk::OneForAll => 1,
            _ => self.seen.members.fetch_add(1, Ordering::Relaxed) + 1,
        };
        let mut reply = tokens(self.member, 1);
        reply["member"] = me(&id(self.member))["member"].take();
        reply["new_member"] = json!(true);
        reply["credential"] = json!({ "guest": "g", "secret": "s" });
        Ok(reply)
    }

    fn open(&mut self, body: &Value) -> Value {
        let token = body["token"].as_str().unwrap();
        self.member = token.split('.').nth(1).unwrap().parse().unwrap();
        let asked = body["resume"]["session"].as_str();
        let forgotten = matches!(self.quirk, Quirk::Dies(..));
        let open = if asked.is_some() && forgotten { 2 } else { 1 };
        let session = format!("{}.{open:016x}", login_id(self.member).replace('-', ""));
        let resumed = asked == Some(session.as_str());
        let mut reply = json!({
            "session": session, "member": id(self.member), "resumed": resumed, "seq": 0,
            "time": TIME, "heartbeat_s": 25,
            "launch": { "status": 200, "word": "in_service", "server_address": "ws://x",
                "time": TIME },
        });
        if asked.is_some() && !resumed {
            reply["resume_failed"] = json!("not_kept");
        }
        reply
    }
}

const TIME: &str = "2026-11-22T13:43:20.000000Z";

fn id(member: i64) -> String {
    protocol::ids::MemberId::from_number(member.max(1)).unwrap().to_string()
}

fn login_id(member: i64) -> String {
    format!("019aac4b-2e3f-7d55-8a53-{member:012x}")
}

fn me(member: &str) -> Value {
    json!({
        "member": { "id": member, "state": "active", "created_at": TIME },
        "identities": [guest()],
    })
}

fn guest() -> Value {
    json!({ "provider": "guest", "linked_at": TIME, "last_login_at": TIME })
}

fn login(member: i64) -> Value {
    json!({ "id": login_id(member), "current": true, "replaced": false, "platform": "android",
        "created_at": TIME, "refreshed_at": TIME })
}

fn tokens(member: i64, generation: u32) -> Value {
    json!({
        "access_token": format!("access.{member}.{generation}"), "access_expires_s": 900,
        "refresh_token": format!("refresh.{member}.{generation}"), "refresh_expires_s": 90_000,
    })
}

fn error(code: &str, retry: &str) -> Value {
    json!({ "code": code, "message": "a quirk", "retry": retry, "retry_after_ms": 300 })
}
