//! The same router behind AWS Lambda, for a binary that Lambda started.

use super::serve::recorder;
use crate::{config::Config, http, service::Service};

/// Whether AWS Lambda started this process.
#[expect(clippy::disallowed_methods, reason = "not a setting: how Lambda makes itself known")]
pub(super) fn is_lambda() -> bool {
    std::env::var("AWS_LAMBDA_RUNTIME_API").is_ok()
}

pub(super) async fn run(config: Config) -> Result<(), String> {
    let service = Service::start(config).await?;
    let router = http::router(service, recorder());
    lambda_http::run_with_streaming_response(router).await.map_err(|error| error.to_string())
}
