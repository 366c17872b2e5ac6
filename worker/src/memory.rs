//! What this isolate answered lately out of the database: the nearest place to keep an answer, and the first to forget it.
//! An answer's name changes with the generation of the store, so what is old is not found.

use js_sys::Uint8Array;
use std::cell::RefCell;

/// So many answers, and so many bytes of them. An isolate has 128 MB.
const MAX_ANSWERS: usize = 128;
const MAX_BYTES: u32 = 8_000_000;

/// A longer answer is not kept here, where many others would be forgotten for it.
const MAX_LENGTH: u32 = MAX_BYTES / 4;

thread_local! {
    /// Names and bodies; the latest last.
    static ANSWERS: RefCell<Vec<(String, Uint8Array)>> = const { RefCell::new(Vec::new()) };
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
    if body.length() > MAX_LENGTH {
        return;
    }
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
