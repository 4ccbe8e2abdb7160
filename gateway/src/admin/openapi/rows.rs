//! What each row of the table is described with, besides its types.

use actors::content::images::MediaType;
use protocol::operators::endpoint::{Endpoint, Need, Weight};
use serde_json::{Value, json};
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use storage::documents::MAX_KEY;

pub(super) fn tag(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Login
        | Endpoint::Logout
        | Endpoint::Prove
        | Endpoint::Me
        | Endpoint::MyPassword
        | Endpoint::MySessions
        | Endpoint::MySessionEnd => "session",
        Endpoint::Apps => "apps",
        Endpoint::Audit | Endpoint::AppAudit => "audit",
        Endpoint::Operators
        | Endpoint::OperatorCreate
        | Endpoint::OperatorShow
        | Endpoint::OperatorChange
        | Endpoint::OperatorRemove
        | Endpoint::OperatorPassword
        | Endpoint::OperatorTotp
        | Endpoint::OperatorSessions
        | Endpoint::OperatorSessionsEnd => "operators",
        Endpoint::ImageList
        | Endpoint::ImageUpload
        | Endpoint::ImageShow
        | Endpoint::ImageRemove => "content",
        Endpoint::VersionList
        | Endpoint::VersionCreate
        | Endpoint::VersionShow
        | Endpoint::VersionChange
        | Endpoint::VersionRemove
        | Endpoint::MaintenanceList
        | Endpoint::MaintenanceCreate
        | Endpoint::MaintenanceShow
        | Endpoint::MaintenanceChange
        | Endpoint::MaintenanceRemove
        | Endpoint::TesterList
        | Endpoint::TesterCreate
        | Endpoint::TesterShow
        | Endpoint::TesterChange
        | Endpoint::TesterRemove
        | Endpoint::MaintenanceExtend
        | Endpoint::MaintenanceEnd => "launching",
        Endpoint::NoticeList
        | Endpoint::NoticeCreate
        | Endpoint::NoticeShow
        | Endpoint::NoticeChange
        | Endpoint::NoticeRemove
        | Endpoint::NoticeCounts
        | Endpoint::BannerList
        | Endpoint::BannerCreate
        | Endpoint::BannerShow
        | Endpoint::BannerChange
        | Endpoint::BannerRemove
        | Endpoint::BannerCounts => "content",
    }
}

/// Who may, in a sentence or two.
pub(super) fn needs(endpoint: Endpoint) -> String {
    let who = match endpoint.need() {
        Need::Nothing => "Needs no session.".to_owned(),
        Need::Login => "Needs a session.".to_owned(),
        Need::Everywhere(resource, right) => {
            format!("Needs the right `{}` on `{}` in `*`.", right.word(), resource.word())
        }
        Need::InApp(resource, right) => {
            format!("Needs the right `{}` on `{}` in that game.", right.word(), resource.word())
        }
    };
    match endpoint.weight() {
        Weight::Light => who,
        Weight::Grave => format!(
            "{who} A grave act: a code of the second factor must have been shown within five \
             minutes, by the login or at `/admin/v1/prove`."
        ),
    }
}

/// What stands in the path, behind it, and in the header.
pub(super) fn parameters(endpoint: Endpoint) -> Vec<Parameter> {
    let mut all = Vec::new();
    if endpoint.path().contains("{app}") {
        let what = "A game's word, or `-` for what the publisher says to all games.";
        all.push(parameter("app", ParameterIn::Path, Required::True, what));
    }
    if endpoint.path().contains("{id}") {
        all.push(parameter("id", ParameterIn::Path, Required::True, "Which one: a UUID."));
    }
    for (name, what) in queries(endpoint) {
        all.push(parameter(name, ParameterIn::Query, Required::False, what));
    }
    if takes_version(endpoint) {
        let what = "The `ETag` of what is changed, such as `\"3\"`.";
        all.push(parameter("If-Match", ParameterIn::Header, Required::True, what));
    }
    if let Some(required) = takes_key(endpoint) {
        let what = "A word of one's own for this request, up to 128 characters: sent again with \
            it, it is done once and answered alike.";
        all.push(parameter("Idempotency-Key", ParameterIn::Header, required, what));
    }
    all
}

fn parameter(name: &str, place: ParameterIn, required: Required, what: &str) -> Parameter {
    let mut text = ObjectBuilder::new().schema_type(Type::String);
    if name == "Idempotency-Key" {
        text = text.min_length(Some(1)).max_length(Some(MAX_KEY));
    }
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(what))
        .schema(Some(Schema::Object(text.build())))
        .build()
}

const AFTER: (&str, &str) = ("after", "The `next` of the page before.");
const LIMIT: (&str, &str) = ("limit", "How many at most, 1 to 200; 50 unless said.");

fn queries(endpoint: Endpoint) -> &'static [(&'static str, &'static str)] {
    match endpoint {
        Endpoint::Operators
        | Endpoint::VersionList
        | Endpoint::MaintenanceList
        | Endpoint::TesterList
        | Endpoint::NoticeList
        | Endpoint::BannerList
        | Endpoint::ImageList => &[AFTER, LIMIT],
        Endpoint::ImageUpload => &[("name", "What operators call it, up to 128 bytes.")],
        Endpoint::Audit | Endpoint::AppAudit => &[
            ("by", "Those of `command`, or of `operator:` and an id."),
            ("kind", "Those on documents of this kind."),
            ("of", "Those on this document."),
            ("from", "Those from this moment on (RFC 3339)."),
            ("to", "Those before this moment (RFC 3339)."),
            AFTER,
            LIMIT,
        ],
        Endpoint::Login
        | Endpoint::Logout
        | Endpoint::Prove
        | Endpoint::Me
        | Endpoint::MyPassword
        | Endpoint::MySessions
        | Endpoint::MySessionEnd
        | Endpoint::Apps
        | Endpoint::OperatorCreate
        | Endpoint::OperatorShow
        | Endpoint::OperatorChange
        | Endpoint::OperatorRemove
        | Endpoint::OperatorPassword
        | Endpoint::OperatorTotp
        | Endpoint::OperatorSessions
        | Endpoint::OperatorSessionsEnd
        | Endpoint::VersionCreate
        | Endpoint::VersionShow
        | Endpoint::VersionChange
        | Endpoint::VersionRemove
        | Endpoint::MaintenanceCreate
        | Endpoint::MaintenanceShow
        | Endpoint::MaintenanceChange
        | Endpoint::MaintenanceRemove
        | Endpoint::TesterCreate
        | Endpoint::TesterShow
        | Endpoint::TesterChange
        | Endpoint::TesterRemove
        | Endpoint::MaintenanceExtend
        | Endpoint::MaintenanceEnd
        | Endpoint::ImageShow
        | Endpoint::ImageRemove
        | Endpoint::NoticeCreate
        | Endpoint::NoticeShow
        | Endpoint::NoticeChange
        | Endpoint::NoticeRemove
        | Endpoint::NoticeCounts
        | Endpoint::BannerCreate
        | Endpoint::BannerShow
        | Endpoint::BannerChange
        | Endpoint::BannerRemove
        | Endpoint::BannerCounts => &[],
    }
}

/// Whether something is there afterwards that was not.
pub(super) fn makes(endpoint: Endpoint) -> bool {
    matches!(
        endpoint,
        Endpoint::OperatorCreate
            | Endpoint::VersionCreate
            | Endpoint::MaintenanceCreate
            | Endpoint::TesterCreate
            | Endpoint::NoticeCreate
            | Endpoint::BannerCreate
            | Endpoint::ImageUpload
    )
}

pub(super) fn takes_version(endpoint: Endpoint) -> bool {
    matches!(
        endpoint,
        Endpoint::OperatorChange
            | Endpoint::OperatorRemove
            | Endpoint::OperatorPassword
            | Endpoint::OperatorTotp
            | Endpoint::VersionChange
            | Endpoint::VersionRemove
            | Endpoint::MaintenanceChange
            | Endpoint::MaintenanceRemove
            | Endpoint::MaintenanceExtend
            | Endpoint::MaintenanceEnd
            | Endpoint::TesterChange
            | Endpoint::TesterRemove
            | Endpoint::NoticeChange
            | Endpoint::NoticeRemove
            | Endpoint::BannerChange
            | Endpoint::BannerRemove
            | Endpoint::ImageRemove
    )
}

pub(super) fn takes_key(endpoint: Endpoint) -> Option<Required> {
    match endpoint {
        Endpoint::OperatorTotp => Some(Required::True),
        other if makes(other) => Some(Required::True),
        other => takes_version(other).then_some(Required::False),
    }
}

/// As what a body is sent.
pub(super) fn media_types(endpoint: Endpoint) -> Vec<&'static str> {
    if endpoint == Endpoint::ImageUpload {
        MediaType::ALL.iter().map(|known| known.word()).collect()
    } else {
        vec!["application/json"]
    }
}

/// What the page proposes to send.
pub(super) fn example(endpoint: Endpoint) -> Option<Value> {
    let roles = json!([{"app": "*", "role": "viewer"}]);
    match endpoint {
        Endpoint::Login => Some(json!({"name": "kim", "password": "...", "totp": "123456"})),
        Endpoint::Prove => Some(json!({"totp": "123456"})),
        Endpoint::MyPassword => Some(json!({"password": "...", "new_password": "..."})),
        Endpoint::OperatorCreate => Some(json!({"name": "lee", "roles": roles, "password": "..."})),
        Endpoint::OperatorChange => {
            Some(json!({"name": "lee", "roles": roles, "grants": [], "disabled": false}))
        }
        Endpoint::OperatorPassword => Some(json!({"password": "..."})),
        Endpoint::VersionCreate | Endpoint::VersionChange => Some(json!({
            "version": "1.4.0", "platform": "android", "store": "google_play",
            "state": "update_recommended", "message": {"en": "There is a newer version."},
            "url": "https://play.google.com/store/apps/details?id=com.example.cats",
        })),
        Endpoint::MaintenanceCreate | Endpoint::MaintenanceChange => Some(json!({
            "scope": {"stores": ["google_play"], "countries": ["KR"]},
            "from": "2027-03-01T09:00", "to": "2027-03-01T11:00", "zone": "Asia/Seoul",
            "reason": "new tables", "message": {"ko": "점검 중입니다.", "en": "We are at work."},
        })),
        Endpoint::MaintenanceExtend => Some(json!({"to": "2027-03-01T12:00"})),
        Endpoint::TesterCreate | Endpoint::TesterChange => {
            Some(json!({"network": "192.0.2.0/24", "note": "the office"}))
        }
        Endpoint::NoticeCreate | Endpoint::NoticeChange => Some(json!({
            "scope": {"countries": ["KR"]}, "from": "2027-03-01T09:00", "to": "2027-03-08T09:00",
            "zone": "Asia/Seoul", "title": {"ko": "봄 이벤트", "en": "Spring event"},
            "text": {"ko": "보석이 두 배!", "en": "Twice the gems."}, "priority": 10,
            "action": {"kind": "screen", "target": "events/spring"}, "hide_days": 7,
        })),
        Endpoint::BannerCreate | Endpoint::BannerChange => Some(json!({
            "images": {"ko": "019aac4b-2e3f-7d55-8a53-0d1c5a3b9e10"}, "place": "lobby",
            "title": {"ko": "봄 이벤트"}, "draft": true,
            "action": {"kind": "url", "target": "https://game.example/spring"},
        })),
        Endpoint::Logout | Endpoint::OperatorTotp | Endpoint::MaintenanceEnd => Some(json!({})),
        Endpoint::Me
        | Endpoint::MySessions
        | Endpoint::MySessionEnd
        | Endpoint::Apps
        | Endpoint::Operators
        | Endpoint::OperatorShow
        | Endpoint::OperatorRemove
        | Endpoint::OperatorSessions
        | Endpoint::OperatorSessionsEnd
        | Endpoint::Audit
        | Endpoint::AppAudit
        | Endpoint::VersionList
        | Endpoint::VersionShow
        | Endpoint::VersionRemove
        | Endpoint::MaintenanceList
        | Endpoint::MaintenanceShow
        | Endpoint::MaintenanceRemove
        | Endpoint::TesterList
        | Endpoint::TesterShow
        | Endpoint::TesterRemove
        | Endpoint::ImageList
        | Endpoint::ImageUpload
        | Endpoint::ImageShow
        | Endpoint::ImageRemove
        | Endpoint::NoticeList
        | Endpoint::NoticeShow
        | Endpoint::NoticeRemove
        | Endpoint::NoticeCounts
        | Endpoint::BannerList
        | Endpoint::BannerShow
        | Endpoint::BannerRemove
        | Endpoint::BannerCounts => None,
    }
}
