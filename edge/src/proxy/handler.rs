//! The proxy handler, the stateless part of the proxy. Its stages are methods in modules of their own.

use super::runtime::Runtime;
use super::settings::ProxySettings;
use crate::http::request::Request;
use crate::http::response::{Response, throttled};
use crate::http::settings::Settings;

/// The handler of one request.
pub struct ProxyHandler<'a, R> {
    pub runtime: &'a R,
    pub proxy_settings: &'a ProxySettings,
    pub settings: &'a Settings,
    pub request: &'a Request,
}

impl<R: Runtime> ProxyHandler<'_, R> {
    pub(super) async fn check_rate_limit(&self, caller: &str) -> Result<(), Response> {
        if self.runtime.check_rate_limit(caller).await { Ok(()) } else { Err(throttled()) }
    }
}
