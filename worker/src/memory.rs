//! What this isolate answered lately out of the database: the nearest place to keep an answer, and the first to forget it.
//! An answer's name changes with the generation of the store, so what is old is not found.

use js_sys::Uint8Array;
use std::cell::RefCell;

/// So many answers, and so many bytes of them. An isolate has 128 MB.
const MAX_ANSWERS: usize = 128;
const MAX_BYTES: u32 = 8_000_000;

/// Of so many kinds of questions an isolate remembers that they are cheap.
const MAX_CHEAP: usize = 64;

thread_local! {
    /// Names and bodies; the latest last.
    static ANSWERS: RefCell<Vec<(String, Uint8Array)>> = const { RefCell::new(Vec::new()) };

    /// Kinds of questions whose last answer was not worth keeping further away; the latest last. It decides nothing but
    /// whether an answer is looked for there.
    static CHEAP: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What questions have in common that differ in values alone.
pub fn kind(path: &str, query: &str) -> String {
    let mut kind = path.to_owned();
    for parameter in query.split('&') {
        kind.push('&');
        kind.push_str(parameter.split('=').next().unwrap_or_default());
    }
    kind
}

/// Whether a question of that kind was cheap when it was last asked.
pub fn was_cheap(kind: &str) -> bool {
    CHEAP.with_borrow(|cheap| cheap.iter().any(|known| known == kind))
}

/// Notes what a question of that kind was.
pub fn note(kind: String, is_cheap: bool) {
    CHEAP.with_borrow_mut(|cheap| {
        cheap.retain(|known| *known != kind);
        if is_cheap {
            cheap.push(kind);
        }
        if cheap.len() > MAX_CHEAP {
            cheap.remove(0);
        }
    });
}

/// The answer of that name, which may be forgotten at any time.
pub fn recall(name: &str) -> Option<Uint8Array> {
    ANSWERS.with_borrow_mut(|answers| {
        let place = answers.iter().rposition(|(known, _)| known == name)?;
        let answer = answers.remove(place);
        let body = answer.1.clone();
        answers.push(answer);
        Some(body)
    })
}

/// Keeps an answer, in the place of those that were not asked for longest.
pub fn keep(name: String, body: Uint8Array) {
    ANSWERS.with_borrow_mut(|answers| {
        answers.retain(|(known, _)| *known != name);
        answers.push((name, body));
        let is_too_much = |answers: &[(String, Uint8Array)]| {
            answers.len() > MAX_ANSWERS || answers.iter().map(|(_, body)| body.length()).sum::<u32>() > MAX_BYTES
        };
        while is_too_much(answers) {
            answers.remove(0);
        }
    });
}
