//! The fast tier: the Cache API of the data centre that a request came to. What is in it may be gone at any time.

use crate::response::respond;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, Response};

/// Where a stored answer's head stands, so that its body is never read to decide.
const HEAD: &str = "Streamgage-Head";

/// The cache of this data centre. Keys are addresses that lead nowhere; only the Worker makes them.
#[derive(Clone)]
pub struct Fast(Cache);

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_namespace = caches, js_name = default)]
    static DEFAULT: Cache;
}

impl Fast {
    /// The default cache.
    pub fn open() -> Fast {
        Fast(DEFAULT.with(Clone::clone))
    }

    /// What was put under that key, if it is still there.
    pub async fn get(&self, key: &str) -> Result<Option<Response>, JsValue> {
        let found = JsFuture::from(self.0.match_with_str(key)).await?;
        Ok(found.dyn_into().ok())
    }

    /// Puts an [`entry`] in the place of what is under that key.
    pub async fn put(&self, key: &str, entry: &Response) -> Result<(), JsValue> {
        JsFuture::from(self.0.put_with_str(key, entry)).await.map(drop)
    }

    /// Forgets what is under that key.
    pub async fn remove(&self, key: &str) -> Result<(), JsValue> {
        JsFuture::from(self.0.delete_with_str(key)).await.map(drop)
    }
}

/// An entry: a head, which is JSON text, and a body (bytes, a text, a stream, or null), kept for so many seconds at most.
pub fn entry(head: &str, body: &JsValue, seconds: u32) -> Result<Response, JsValue> {
    respond(200, &[("Cache-Control", format!("max-age={seconds}")), (HEAD, ascii(head))], body)
}

/// The head of an entry.
pub fn head(entry: &Response) -> Option<String> {
    entry.headers().get(HEAD).ok().flatten()
}

/// JSON text in ASCII, as headers have to be: characters beyond it can only stand in its strings.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut units = [0; 2];
    for letter in json.chars() {
        match letter {
            '\0'..='\x7f' => text.push(letter),
            _ => letter.encode_utf16(&mut units).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    text
}
