//! The operators' API as a page on which it can be tried.

use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use axum::middleware::map_response;
use axum::response::Response;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::openapi;

/// What the page needs: its own scripts, its own answers, and the styles that it writes itself.
const OWN: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
     form-action 'none'",
);

/// `/admin/docs`, with its assets inside the binary, and `/admin/docs/openapi.json`.
pub(super) fn router() -> Router {
    let config = Config::from("/admin/docs/openapi.json")
        .try_it_out_enabled(true)
        .with_credentials(true)
        .display_request_duration(true)
        .default_models_expand_depth(0);
    let page = SwaggerUi::new("/admin/docs")
        .url("/admin/docs/openapi.json", openapi::document())
        .config(config);
    Router::from(page).layer(map_response(async |mut response: Response| {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, OWN);
        response
    }))
}
