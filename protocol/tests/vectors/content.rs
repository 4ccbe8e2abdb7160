//! Examples of notices and banners.

use protocol::content::{
    Action, ActionKind, Banner, BannersReply, Image, ListChanged, Notice, NoticesReply, Published,
    Regard, Versions, Withdrawn,
};
use protocol::ids::RecordId;
use protocol::push::Push;
use uuid::Uuid;

use crate::parts::{BEFORE, NOW};

pub(crate) fn notice_id() -> RecordId {
    RecordId(Uuid::from_u128(0x019a_3333_4444_7555_8666_7777_8888_9999))
}

pub(crate) fn banner_id() -> RecordId {
    RecordId(Uuid::from_u128(0x019a_4444_5555_7666_8777_8888_9999_aaaa))
}

const VERSION: &str = "5f0c2a9e1b7d4c36";

fn image() -> Image {
    Image {
        url: "https://game.example/images/3f1c.png".to_owned(),
        media_type: "image/png".to_owned(),
        width: 1_080,
        height: 360,
        bytes: 48_213,
    }
}

pub(crate) fn notice() -> Notice {
    Notice {
        id: notice_id(),
        change: 2,
        title: "Summer event".to_owned(),
        text: Some("Twice the gems until Sunday.".to_owned()),
        image: Some(image()),
        action: Some(Action { kind: ActionKind::Screen, target: "events/summer".to_owned() }),
        place: None,
        priority: 10,
        from: Some(BEFORE),
        to: Some(NOW),
        hide_days: Some(7),
    }
}

fn brief_notice() -> Notice {
    Notice {
        title: "Welcome".to_owned(),
        change: 1,
        text: None,
        image: None,
        action: None,
        priority: 0,
        from: None,
        to: None,
        hide_days: None,
        ..notice()
    }
}

fn banner() -> Banner {
    Banner {
        id: banner_id(),
        change: 1,
        image: image(),
        title: Some("Summer event".to_owned()),
        action: Some(Action {
            kind: ActionKind::Url,
            target: "https://game.example/summer".to_owned(),
        }),
        place: Some("lobby".to_owned()),
        priority: 0,
        from: None,
        to: None,
        hide_days: None,
    }
}

pub(crate) fn versions() -> Versions {
    Versions { notices: VERSION.to_owned(), banners: "0b77d1c2a3e4f506".to_owned() }
}

pub(crate) fn notices() -> NoticesReply {
    let notices = vec![notice(), brief_notice()];
    NoticesReply { version: VERSION.to_owned(), unchanged: false, notices }
}

pub(crate) fn banners() -> BannersReply {
    BannersReply { version: VERSION.to_owned(), unchanged: false, banners: vec![banner()] }
}

pub(crate) fn regards() -> Vec<Regard> {
    let regard = |id| Regard { id, seen_at: Some(BEFORE), dismissed: false, until: None };
    vec![
        Regard { dismissed: true, until: Some(NOW), ..regard(notice_id()) },
        Regard { dismissed: true, seen_at: None, ..regard(banner_id()) },
    ]
}

pub(crate) fn pushes() -> Vec<(&'static str, Push)> {
    let version = Some(VERSION.to_owned());
    let published = Published { notice: notice(), version: version.clone() };
    vec![
        ("A notice is new, or was changed.", Push::NoticePublished(Box::new(published))),
        (
            "A notice is not shown any more; another push of the same change follows.",
            Push::NoticeWithdrawn(Withdrawn { id: notice_id(), version: None }),
        ),
        (
            "So many notices changed that the list is to be asked for.",
            Push::NoticeChanged(ListChanged { version: VERSION.to_owned() }),
        ),
        ("These are the banners from now on.", Push::BannerChanged(banners())),
    ]
}
