//! The Worker's variables, read once per isolate.

use std::cell::OnceCell;
use std::rc::Rc;
use streamgage_edge::Settings;
use streamgage_edge::proxy::ProxySettings;
use worker::{Env, Error, Result};

thread_local! {
    static SETTINGS: OnceCell<Rc<Settings>> = const { OnceCell::new() };
    static PROXY_SETTINGS: OnceCell<Option<Rc<ProxySettings>>> = const { OnceCell::new() };
}

fn variable(env: &Env, name: &str) -> Option<String> {
    env.var(name).ok().map(|value| value.to_string())
}

pub fn settings(env: &Env) -> Rc<Settings> {
    let read = || {
        Rc::new(Settings {
            cors_origins: variable(env, "CORS_ORIGINS").unwrap_or_default(),
            public_origin: variable(env, "PUBLIC_ORIGIN"),
            today: variable(env, "TODAY"),
        })
    };
    SETTINGS.with(|settings| Rc::clone(settings.get_or_init(read)))
}

/// Returns the settings of the proxy, or `None` in store mode.
pub fn proxy_settings(env: &Env) -> Result<Option<Rc<ProxySettings>>> {
    if let Some(settings) = PROXY_SETTINGS.with(|settings| settings.get().cloned()) {
        return Ok(settings);
    }
    let settings = ProxySettings::read(|name| variable(env, name)).map_err(|error| Error::from(error.to_string()))?;
    let settings = settings.map(Rc::new);
    Ok(PROXY_SETTINGS.with(|known| known.get_or_init(|| settings).clone()))
}
