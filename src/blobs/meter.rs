//! Counts the requests to the object store, each attempt by itself.

use aws_sdk_s3::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::FinalizerInterceptorContextRef},
    error::BoxError,
};

/// `wheelyard_s3_requests_total` by status, which is `none` when no answer came.
#[derive(Debug)]
pub(super) struct Meter;

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "wheelyard::blobs::Meter"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let status = context
            .response()
            .map_or_else(|| "none".to_owned(), |response| response.status().as_u16().to_string());
        metrics::counter!("wheelyard_s3_requests_total", "status" => status).increment(1);
        Ok(())
    }
}
