//! Responses, made in one call: a text that crosses over costs more than all that is done with it.

use js_sys::JSON;
use std::cell::RefCell;
use streamgage::json::write_text;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = Response)]
    type Made;

    /// web-sys has a constructor for each kind of body, and none for any.
    #[wasm_bindgen(constructor, catch, js_class = Response)]
    fn new(body: &JsValue, init: &JsValue) -> Result<Made, JsValue>;
}

/// A response with a body of any kind (bytes, a text, a stream, or null). No header may be named twice.
pub fn respond<N: AsRef<str>, V: AsRef<str>>(
    status: u16,
    headers: &[(N, V)],
    body: &JsValue,
) -> Result<web_sys::Response, JsValue> {
    LAST.with_borrow_mut(|last| {
        let is_same = |known: &Head| {
            let mut pairs = known.headers.iter().zip(headers);
            known.status == status
                && known.headers.len() == headers.len()
                && pairs.all(|(known, (name, value))| known.0 == name.as_ref() && known.1 == value.as_ref())
        };
        let head = match last.take().filter(is_same) {
            Some(known) => known,
            None => {
                let owned = |(name, value): &(N, V)| (name.as_ref().to_owned(), value.as_ref().to_owned());
                let empty = Made::new(&JsValue::NULL, &JSON::parse(&head(status, headers))?)?;
                Head { status, headers: headers.iter().map(owned).collect(), empty }
            }
        };
        Made::new(body, &last.insert(head).empty).map(JsCast::unchecked_into)
    })
}

/// The head of a response, and one that has nothing else, which others are made like.
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    empty: Made,
}

thread_local! {
    /// The last one: the next is often the same, and need not cross over again.
    static LAST: RefCell<Option<Head>> = const { RefCell::new(None) };
}

/// What a response is made with beside its body, as JSON. No header may be named twice.
pub fn head<N: AsRef<str>, V: AsRef<str>>(status: u16, headers: &[(N, V)]) -> String {
    let mut head = format!(r#"{{"status":{status},"headers":{{"#);
    for (index, (name, value)) in headers.iter().enumerate() {
        head.push_str(if index == 0 { "" } else { "," });
        write_text(name.as_ref(), &mut head);
        head.push(':');
        write_text(value.as_ref(), &mut head);
    }
    head.push_str("}}");
    head
}
