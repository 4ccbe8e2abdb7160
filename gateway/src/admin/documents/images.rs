//! Images: the bytes come as they are, and what is known of them is a document.

use actors::content::images::{ImageName, MAX_UPLOAD, MediaType};
use axum::http::header::HeaderMap;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::operators::refusal::Refusal;
use protocol::operators::{Done, Nothing};
use protocol::time::Micros;
use serde::Deserialize;
use serde_json::Value;
use storage::documents::Kind;

use super::{Listed, by};
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::request::Asked;
use crate::http::content_type;

/// The largest body of an upload, in bytes.
pub(in crate::admin) const UPLOAD_BYTES: usize = MAX_UPLOAD;

/// An image is what it is: it is uploaded, shown and taken away, and never changed.
pub(in crate::admin) struct Images;

impl Listed for Images {
    const KIND: Kind = Kind::Image;

    fn state(_: &Value, _: Micros) -> Option<String> {
        None
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct UploadQuery {
    /// What operators call it.
    #[serde(default)]
    name: ImageName,
}

/// What an upload says that it is: `image/*` for whatever it is, or a type that is taken.
///
/// # Errors
/// `body.media_type`.
pub(in crate::admin) fn declared(headers: &HeaderMap) -> Result<Option<MediaType>, Refusal> {
    let said = content_type(headers)?.unwrap_or_default();
    if said == "image/*" {
        return Ok(None);
    }
    let wrong = || {
        let message = format!("`{said}` is none of image/png, image/jpeg, image/webp and image/*");
        ErrorBody::new(ErrorCode::BodyMediaType, message)
    };
    Ok(Some(MediaType::parse(&said).ok_or_else(wrong)?))
}

impl Admin {
    pub(in crate::admin) async fn image_upload(&self, asked: Asked) -> Result<Answer, Refusal> {
        let UploadQuery { name } = asked.query()?;
        let key = asked.needed_key(&[name.as_bytes(), b"\0", asked.body.bytes()].concat())?;
        let (app, declared) = (asked.params.app()?, declared(&asked.head.headers)?);
        let (by, bytes) = (by(asked.caller()?, Some(key)), asked.body.all());
        let made = self.gate.node.workshop.remade(bytes, declared).await;
        let made = made.map_err(ErrorBody::from)?;
        let put = self.office().put_image(&by, app.as_ref(), &made, name).await;
        let uploaded = put.map_err(|refused| self.told::<Images>(refused))?;
        let answer = self.document::<Images>(Ok(uploaded.document))?;
        Ok(if uploaded.made { answer.made() } else { answer })
    }

    pub(in crate::admin) async fn image_remove(&self, asked: Asked) -> Result<Answer, Refusal> {
        let (Nothing {}, (id, version)) = (asked.body.decoded()?, asked.which()?);
        let (key, app) = (asked.key(b"")?, asked.params.app()?);
        let by = by(asked.caller()?, key);
        let gone = self.office().remove_image(&by, app.as_ref(), id, Some(version)).await;
        gone.map_err(|refused| self.told::<Images>(refused))?;
        Answer::of(&Done {})
    }
}
