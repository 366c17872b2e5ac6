//! The admission of requests whose keys the upstream has not accepted recently.

use super::handler::ProxyHandler;
use super::runtime::Runtime;
use crate::http::response::{Response, throttled};

impl<R: Runtime> ProxyHandler<'_, R> {
    /// Admits a request of a key that is not known to be accepted. `caller` is a name of the key.
    pub(super) async fn admit_unknown_key(&self, caller: &str) -> Result<(), Response> {
        let (now, address) = (self.runtime.now(), self.runtime.client_address());
        let must_count = {
            let unknown_keys = &mut self.runtime.isolate_cache().borrow_mut().unknown_keys;
            if unknown_keys.admit_again(caller, now) {
                return Ok(());
            }
            unknown_keys.must_count(&address, self.request.url.is_loopback(), now)
        };
        if must_count && !self.runtime.check_failed_key_limit().await {
            return Err(throttled());
        }
        self.runtime.isolate_cache().borrow_mut().unknown_keys.admit(caller, &address, must_count, now);
        Ok(())
    }

    /// Records whether the upstream accepted the key of a request, and counts a refused one.
    pub(super) async fn record_status(&self, caller: &str, status: u16) -> Result<(), Response> {
        let (now, address) = (self.runtime.now(), self.runtime.client_address());
        let must_count = {
            let cache = &mut *self.runtime.isolate_cache().borrow_mut();
            // A key that the upstream knows may be refused at one path.
            let is_known = self.is_known(cache.states.get(caller, now));
            let unknown_keys = &mut cache.unknown_keys;
            match status {
                200 => {
                    unknown_keys.record_acceptance(caller, now);
                    false
                }
                401 if !is_known => unknown_keys.record_refusal(caller, &address, now),
                _ => false,
            }
        };
        if must_count && !self.runtime.check_failed_key_limit().await { Err(throttled()) } else { Ok(()) }
    }
}
