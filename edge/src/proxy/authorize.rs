//! Authorization of a caller's key.

use super::handler::ProxyHandler;
use super::runtime::Runtime;
use crate::http::authorize::{AuthorizationError, AuthorizedRequest, Key};
use crate::http::response::{Response, throttled, unauthorized, unknown_error};
use crate::http::router::PendingRequest;

/// The greatest length of a key of the upstream. Servers refuse headers of 8 KB.
const MAX_KEY_BYTES: usize = 8_000;

impl<R: Runtime> ProxyHandler<'_, R> {
    /// Looks up the caller's key if the Worker has an upstream key of its own. Otherwise the upstream checks the key.
    pub(super) async fn authorize(&self, request: PendingRequest) -> Result<AuthorizedRequest, Response> {
        if self.proxy_settings.upstream_key.is_none() {
            let authorized = request.authorize_by_upstream();
            // No upstream need be asked for what cannot be a key.
            let is_possible =
                authorized.token.len() <= MAX_KEY_BYTES && authorized.token.bytes().all(|byte| byte.is_ascii_graphic());
            return if is_possible { Ok(authorized) } else { Err(unauthorized("Invalid token.")) };
        }
        let hash = request.key_hash();
        let now = self.runtime.now();
        let mut key = self.runtime.isolate_cache().borrow().keys.get(&hash, now);
        if key.is_none() {
            let result = self.runtime.look_up_key(Key::lookup(&hash, now)).await;
            key = result.ok().and_then(|result| Key::read(&result).ok()).ok_or_else(unknown_error)?;
            if let Some(key) = &key {
                self.runtime.isolate_cache().borrow_mut().keys.insert(&hash, key.clone(), now);
            }
        }
        match request.authorize(key) {
            Err(AuthorizationError::UnknownKey) if !self.runtime.check_failed_key_limit().await => Err(throttled()),
            result => result.map_err(AuthorizationError::response),
        }
    }
}
