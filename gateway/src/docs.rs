//! The API's documentation, as a page on which everything can be tried.

use axum::Router;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::openapi;

/// `/docs`, with its assets inside the binary, and `/docs/openapi.json`.
pub fn router() -> Router {
    let config = Config::from("/docs/openapi.json")
        .try_it_out_enabled(true)
        .persist_authorization(true)
        .display_request_duration(true)
        .default_models_expand_depth(0);
    SwaggerUi::new("/docs").url("/docs/openapi.json", openapi::document()).config(config).into()
}
