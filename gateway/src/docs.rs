//! The API's documentation, as a page on which everything can be tried.

use axum::Router;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::openapi;

/// `/docs`, with its assets inside the binary, and `/docs/openapi.json`; with the simulated stores
/// if there are any.
pub fn router(simulators: bool) -> Router {
    let document = match simulators {
        true => openapi::document_with_simulators(),
        false => openapi::document(),
    };
    let config = Config::from("/docs/openapi.json")
        .try_it_out_enabled(true)
        .persist_authorization(true)
        .display_request_duration(true)
        .default_models_expand_depth(0);
    SwaggerUi::new("/docs").url("/docs/openapi.json", document).config(config).into()
}
