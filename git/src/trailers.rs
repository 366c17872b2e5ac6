//! Reads the trailers of commit messages.

use crate::signature::{Signature, noreply_login, parse_signature};
use gix::objs::commit::MessageRef;

/// Returns the people that `Co-authored-by` trailers name. Coding assistants are left out.
pub(crate) fn co_authors(message: &str) -> Vec<Signature> {
    let message = MessageRef::from_bytes(message.as_bytes());
    let trailers = message.body().into_iter().flat_map(|body| body.trailers().co_authored_by().collect::<Vec<_>>());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    trailers
        .map(|trailer| {
            let ((name, email), _) = parse_signature(&trailer.value);
            Signature { name: text(name), email: text(email) }
        })
        .filter(|signature| signature.email.contains('@') && !is_assistant(&signature.email))
        .collect()
}

/// Recognizes the addresses with which coding assistants name themselves in trailers.
fn is_assistant(email: &str) -> bool {
    const ADDRESSES: &[&str] = &[
        "noreply@anthropic.com",
        "noreply@openai.com",
        "codex@openai.com",
        "cursoragent@cursor.com",
        "copilot@github.com",
        "aider@aider.chat",
        "noreply@aider.chat",
    ];
    const LOGINS: &[&str] = &["copilot", "claude", "cursoragent", "gemini-cli", "devin-ai-integration[bot]"];
    ADDRESSES.iter().any(|address| email.eq_ignore_ascii_case(address))
        || noreply_login(email).is_some_and(|(login, _)| LOGINS.contains(&login.as_str()))
}

/// Returns true if a trailer names a coding assistant.
pub(crate) fn is_assisted(message: &str) -> bool {
    const ASSISTANTS: &[&str] =
        &["claude", "copilot", "cursor", "codex", "aider", "devin", "gemini", "chatgpt", "windsurf", "amazon q"];
    message.lines().map(str::to_lowercase).any(|line| {
        ["co-authored-by:", "assisted-by:", "generated-by:", "ai-assisted-by:"]
            .iter()
            .any(|trailer| line.starts_with(trailer))
            && ASSISTANTS.iter().any(|assistant| line.contains(assistant))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_name_co_authors() {
        let message = "Subject\n\nCo-authored-by: In Text <text@x.org>\nis no trailer here.\n\n\
            Signed-off-by: Eve <eve@x.org>\nco-authored-by: Bob Lee <bob@x.org>\n\
            Co-authored-by: Claude <noreply@anthropic.com>\n\
            Co-authored-by: Copilot <175728472+Copilot@users.noreply.github.com>\n\
            Co-authored-by: nobody\n";
        let names: Vec<_> = co_authors(message).into_iter().map(|found| (found.name, found.email)).collect();
        assert_eq!(names, [("Bob Lee".to_owned(), "bob@x.org".to_owned())]);
        assert_eq!(co_authors("Co-authored-by: Bob <bob@x.org>"), [], "the subject is no trailer");
    }
}
