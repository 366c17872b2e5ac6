//! The laboratory: the cache layer in front of one upstream, by the rules of HTTP alone. Any path, any method, no keys.

#[path = "../../src/fast.rs"]
mod fast;
#[path = "../../src/response.rs"]
mod response;

use fast::Fast;
use js_sys::{Array, ArrayBuffer, Date, Function, Promise, Reflect, Uint8Array};
use std::collections::HashMap;
use streamgage_edge::cache::{
    CacheStatus, Decision, Failure, Fields, Forwarded, Part, Rules, Stale, Stored, Times, Wishes, invalidated,
    not_modified, not_modified_fields, part, variant,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, Request, RequestInit, RequestRedirect, Response, ResponseInit};
use worker::{Context, Env, console_error, worker_sys};

/// A shared cache that does all that HTTP lets it do.
const RULES: Rules = Rules {
    shared: true,
    heuristic: 0.1,
    cookies: true,
    targeted: &["cdn-cache-control"],
    // What the upstream does not forbid is used for a minute while the upstream can't be reached.
    stale: Stale { while_revalidating: 0, if_error: 0, if_unreachable: 60 },
};

/// For how long answers are kept for revalidation, in seconds.
const KEPT: u32 = 86_400;

/// Answers one request. `env.UPSTREAM` is the service that is cached, `env.ORIGIN` its address.
#[wasm_bindgen]
pub async fn fetch(request: Request, env: Env, context: worker_sys::Context) -> Result<Response, JsValue> {
    let url = request.url();
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    let origin = env.var("ORIGIN").map(|origin| origin.to_string())?;
    let mut fields = read(&request.headers())?.end_to_end();
    fields.remove("host");
    let exchange = Exchange {
        fast: Fast::open(),
        upstream: Reflect::get(&env, &"UPSTREAM".into())?,
        target: format!("{origin}/{path}"),
        method: request.method(),
        wishes: Wishes::of(&fields),
        fields,
    };
    match exchange.method.as_str() {
        "GET" | "HEAD" => exchange.read(&Context::new(context)).await,
        _ => exchange.write(&request).await,
    }
}

/// A request, and what it takes to answer it.
#[derive(Clone)]
struct Exchange {
    fast: Fast,
    upstream: JsValue,
    target: String,
    method: String,
    fields: Fields,
    wishes: Wishes,
}

/// What the upstream answered.
struct Answer {
    source: Response,
    status: u16,
    fields: Fields,
    times: Times,
}

impl Exchange {
    /// A method that may change something.
    async fn write(&self, request: &Request) -> Result<Response, JsValue> {
        let body = JsFuture::from(request.array_buffer()?).await?;
        let Ok(answer) = self.ask(&self.fields, &body).await else { return refuse(502) };
        for address in invalidated(&self.method, &self.target, answer.status, &answer.fields) {
            self.fast.remove(&key(&address)).await?;
        }
        answer.pass(&CacheStatus { forwarded: Some(Forwarded::Method), ..CacheStatus::default() })
    }

    async fn read(&self, context: &Context) -> Result<Response, JsValue> {
        let found = self.find().await?;
        let now = Date::now() as i64;
        match &found {
            Ok((stored, entry)) => match stored.decide(&self.wishes, now) {
                Decision::Use => return self.serve(stored, entry, &hit(stored, now)).await,
                Decision::UseAndRevalidate => {
                    let (behind, old) = (self.clone(), stored.clone());
                    context.wait_until(async move {
                        if let Err(error) = behind.renew(Some(&old)).await {
                            console_error!("revalidation: {error:?}");
                        }
                    });
                    return self.serve(stored, entry, &hit(stored, now)).await;
                }
                Decision::Revalidate => {}
            },
            Err(_) if self.wishes.only_if_cached => return refuse(504),
            Err(_) => {}
        }
        if self.wishes.only_if_cached {
            return refuse(504);
        }
        let why = match &found {
            Ok((stored, _)) if stored.time_to_live(now) > 0 => Forwarded::Request,
            Ok(_) => Forwarded::Stale,
            Err(why) => *why,
        };
        let stored = found.as_ref().ok().map(|(stored, _)| stored);
        // The answer to a HEAD has no body to be stored.
        let renewed = match self.method.as_str() {
            "HEAD" => self.ask(&self.fields, &JsValue::UNDEFINED).await.map(Renewed::Passed),
            _ => self.renew(stored).await,
        };
        let failure = match &renewed {
            Ok(Renewed::Passed(answer)) if answer.status >= 500 => Failure::Status(answer.status),
            Err(_) => Failure::Unreachable,
            _ => Failure::Status(200),
        };
        if let Ok((stored, entry)) = &found
            && stored.stands_in(failure, &self.wishes, Date::now() as i64)
        {
            let status = CacheStatus { forwarded: Some(why), ..hit(stored, Date::now() as i64) };
            return self.serve(stored, entry, &CacheStatus { hit: false, detail: Some("stale"), ..status }).await;
        }
        let status = CacheStatus { forwarded: Some(why), ..CacheStatus::default() };
        match renewed {
            Ok(Renewed::Passed(answer)) => answer.pass(&status),
            Ok(Renewed::Stored(stored, body)) => {
                let entry = fast::entry("", &body, 0)?;
                self.serve(&stored, &entry, &CacheStatus { stored: true, ..status }).await
            }
            Ok(Renewed::Freshened(stored)) => match found {
                Ok((_, entry)) => {
                    let status = CacheStatus { forwarded_status: Some(304), stored: true, ..status };
                    self.serve(&stored, &entry, &status).await
                }
                Err(_) => refuse(502),
            },
            Err(_) => refuse(502),
        }
    }

    /// Fetches what replaces a stored answer, or is the first, and stores it.
    async fn renew(&self, stored: Option<&Stored>) -> Result<Renewed, JsValue> {
        let mut fields = self.fields.clone();
        if let Some(stored) = stored.filter(|stored| stored.has_validator()) {
            stored.condition(&mut fields);
            let answer = self.ask(&fields, &JsValue::UNDEFINED).await?;
            if answer.status != 304 {
                return self.keep(&fields, answer).await;
            }
            if let Some(stored) = stored.freshened(&self.fields, &answer.fields, answer.times, &RULES) {
                // The body goes from the old entry into the new one.
                if let Ok((_, entry)) = self.find().await? {
                    let body = JsFuture::from(entry.array_buffer()?).await?;
                    self.put(&stored, &body).await?;
                }
                return Ok(Renewed::Freshened(stored));
            }
            fields = self.fields.clone();
        }
        let answer = self.ask(&fields, &JsValue::UNDEFINED).await?;
        self.keep(&fields, answer).await
    }

    async fn keep(&self, fields: &Fields, answer: Answer) -> Result<Renewed, JsValue> {
        match Stored::new(fields, answer.status, &answer.fields, answer.times, &RULES) {
            Some(stored) => {
                let body = JsFuture::from(answer.source.array_buffer()?).await?;
                self.put(&stored, &body).await?;
                Ok(Renewed::Stored(stored, body))
            }
            None => Ok(Renewed::Passed(answer)),
        }
    }

    /// Sends the request on. An error if there is no answer.
    async fn ask(&self, fields: &Fields, body: &JsValue) -> Result<Answer, JsValue> {
        let headers = Headers::new()?;
        for (name, value) in fields.iter() {
            headers.append(name, value)?;
        }
        let init = RequestInit::new();
        init.set_method(&self.method);
        init.set_headers(&headers);
        init.set_redirect(RequestRedirect::Manual);
        if !body.is_undefined() {
            init.set_body(body);
        }
        let asked = Date::now() as i64;
        let fetch: Function = Reflect::get(&self.upstream, &"fetch".into())?.unchecked_into();
        let promise: Promise = fetch.call2(&self.upstream, &JsValue::from_str(&self.target), &init)?.unchecked_into();
        let source: Response = JsFuture::from(promise).await?.unchecked_into();
        let fields = read(&source.headers())?;
        let times = Times { asked, answered: Date::now() as i64 };
        Ok(Answer { status: source.status(), fields, times, source })
    }

    /// What is stored for this request, or why nothing is.
    async fn find(&self) -> Result<Result<(Stored, Response), Forwarded>, JsValue> {
        let primary = key(&self.target);
        let Some(mut entry) = self.fast.get(&primary).await? else { return Ok(Err(Forwarded::UriMiss)) };
        if let Some((names, series)) = variants(&entry) {
            let secondary = secondary(&primary, &series, &names, &self.fields);
            match self.fast.get(&secondary).await? {
                Some(found) => entry = found,
                None => return Ok(Err(Forwarded::VaryMiss)),
            }
        }
        let stored: Option<Stored> = fast::head(&entry).and_then(|head| serde_json::from_str(&head).ok());
        Ok(stored
            .filter(|stored| stored.selected_by(&self.fields))
            .map(|stored| (stored, entry))
            .ok_or(Forwarded::Miss))
    }

    /// Stores an answer: under the address, or, if it varies, under the address and what it was selected by.
    async fn put(&self, stored: &Stored, body: &JsValue) -> Result<(), JsValue> {
        let head = serde_json::to_string(stored).map_err(|error| JsValue::from_str(&error.to_string()))?;
        let entry = fast::entry(&head, body, KEPT)?;
        let primary = key(&self.target);
        let names: Vec<String> = stored.varies_by().map(str::to_owned).collect();
        if names.is_empty() {
            return self.fast.put(&primary, &entry).await;
        }
        let known = self.fast.get(&primary).await?.as_ref().and_then(variants).filter(|(known, _)| *known == names);
        let series = match known {
            Some((_, series)) => series,
            None => {
                // A new series: what was stored before the address was invalidated is not found again.
                let series = js_sys::Math::random().to_string();
                let list = serde_json::json!({ "names": names, "series": series }).to_string();
                self.fast.put(&primary, &fast::entry(&list, &JsValue::NULL, KEPT)?).await?;
                series
            }
        };
        self.fast.put(&secondary(&primary, &series, &names, &self.fields), &entry).await
    }

    /// Sends a stored answer, or what the request wants of it.
    async fn serve(&self, stored: &Stored, entry: &Response, status: &CacheStatus) -> Result<Response, JsValue> {
        let mut fields = stored.answer(Date::now() as i64);
        if status.stored && stored.lifetimes.initial_age == 0 {
            // What comes from the upstream itself has no Age (RFC 9111 §5.1).
            fields.remove("age");
        }
        if not_modified(&self.fields, stored.status, &fields) {
            return send(304, &not_modified_fields(&fields), &JsValue::NULL, status);
        }
        if self.method == "HEAD" {
            return send(stored.status, &fields, &JsValue::NULL, status);
        }
        if !self.fields.has("range") || stored.status != 200 {
            let body = entry.body().map_or(JsValue::NULL, JsValue::from);
            return send(stored.status, &fields, &body, status);
        }
        let body: ArrayBuffer = JsFuture::from(entry.array_buffer()?).await?.unchecked_into();
        let part = part(&self.fields, &fields, body.byte_length().into());
        if let Some(range) = part.content_range(body.byte_length().into()) {
            fields.set("content-range", range);
            fields.remove("content-length");
        }
        match part {
            Part::Whole => send(stored.status, &fields, &body, status),
            Part::Unsatisfiable => send(416, &fields, &JsValue::NULL, status),
            Part::Range { first, end } => {
                let bytes = Uint8Array::new(&body).subarray(first as u32, end as u32);
                send(206, &fields, &bytes, status)
            }
        }
    }
}

/// What a request for a newer answer came to.
enum Renewed {
    /// An answer that is not stored.
    Passed(Answer),
    /// A new answer and its body.
    Stored(Stored, JsValue),
    /// The old one, freshened.
    Freshened(Stored),
}

impl Answer {
    /// Sends it on as it comes.
    fn pass(&self, status: &CacheStatus) -> Result<Response, JsValue> {
        if !(200..=599).contains(&self.status) {
            // No Response can be made with such a status, but one that came can be sent.
            return Ok(JsValue::from(&self.source).unchecked_into());
        }
        let body = self.source.body().map_or(JsValue::NULL, JsValue::from);
        send(self.status, &self.fields.end_to_end(), &body, status)
    }
}

fn hit(stored: &Stored, now: i64) -> CacheStatus {
    CacheStatus { hit: true, time_to_live: Some(stored.time_to_live(now)), ..CacheStatus::default() }
}

fn refuse(status: u16) -> Result<Response, JsValue> {
    let fields = [("cache-control", "no-store")].into_iter().collect();
    send(status, &fields, &JsValue::NULL, &CacheStatus { forwarded: Some(Forwarded::Miss), ..CacheStatus::default() })
}

fn send(status: u16, fields: &Fields, body: &JsValue, cache: &CacheStatus) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in fields.iter() {
        headers.append(name, value)?;
    }
    headers.append("Cache-Status", &cache.to_string())?;
    let init = ResponseInit::new();
    init.set_status(status);
    init.set_headers(&headers);
    let body = if matches!(status, 204 | 205 | 304) { &JsValue::NULL } else { body };
    let make: Function = Reflect::get(&js_sys::global(), &"Response".into())?.unchecked_into();
    Reflect::construct(&make, &Array::of2(body, &init)).map(JsCast::unchecked_into)
}

fn read(headers: &Headers) -> Result<Fields, JsValue> {
    let lines = headers.entries();
    let mut fields = Vec::new();
    for line in &js_sys::try_iter(&lines)?.map(|lines| lines.flatten().collect::<Vec<JsValue>>()).unwrap_or_default() {
        let line: &Array = line.unchecked_ref();
        fields.push((line.get(0).as_string().unwrap_or_default(), line.get(1).as_string().unwrap_or_default()));
    }
    Ok(fields.into_iter().collect())
}

/// The key of an address.
fn key(address: &str) -> String {
    format!("http://lab.invalid/?address={}", String::from(js_sys::encode_uri_component(address)))
}

/// The key of one of several variants.
fn secondary(primary: &str, series: &str, names: &[String], request: &Fields) -> String {
    let variant = variant(names.iter().map(String::as_str), request);
    format!("{primary}&series={series}&variant={}", String::from(js_sys::encode_uri_component(&variant)))
}

/// The list of variants that stands under the address of answers that vary: what by, and the series they are of.
fn variants(entry: &Response) -> Option<(Vec<String>, String)> {
    let mut list: HashMap<String, serde_json::Value> = serde_json::from_str(&fast::head(entry)?).ok()?;
    let names = list.remove("names").and_then(|names| serde_json::from_value(names).ok())?;
    Some((names, list.remove("series")?.as_str()?.to_owned()))
}
