//! Links to other pages of a list: `next` and `previous` (§2).

/// The start of all paths of the API.
const API_PATH: &str = "/v3/customer/";

/// Returns the path and query of a link of the API.
///
/// Clients send them to the server that they were given. The scheme, host, port and path prefix of a link are those that
/// the server has behind a load balancer, and following them would send the key elsewhere.
///
/// ```
/// use streamgage::query::link_target;
/// let target = "/v3/customer/core/commits/?limit=1000&offset=1000";
/// assert_eq!(link_target(&format!("http://10.0.0.7:8000{target}")), Some(target));
/// assert_eq!(link_target(target), Some(target));
/// assert_eq!(link_target("https://flow.example/login/"), None);
/// ```
pub fn link_target(link: &str) -> Option<&str> {
    let link = link.split_once('#').map_or(link, |(link, _)| link);
    let path = link.split_once('?').map_or(link, |(path, _)| path);
    let target = link.get(path.find(API_PATH)?..)?;
    target.bytes().all(|byte| byte.is_ascii_graphic()).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn the_authority_is_ignored() {
        let target = "/v3/customer/core/teams/?limit=1&offset=2";
        for start in [
            "",
            "https://flow.example",
            "http://flow.example:8443",
            "HTTPS://key@FLOW.example",
            "//flow.example",
            "https://flow.example/flow",
            "https:",
        ] {
            assert_eq!(link_target(&format!("{start}{target}")), Some(target), "{start}");
            assert_eq!(link_target(&format!("{start}{target}#page")), Some(target), "{start}");
        }
    }

    #[test]
    fn other_text_is_no_link_of_the_api() {
        for text in [
            "",
            "soon",
            "?offset=2",
            "https://flow.example/",
            "https://flow.example/admin/?next=/v3/customer/core/teams/",
            "https://flow.example/#/v3/customer/core/teams/",
            "/v3/customer",
            "/v3/customer/core/té/",
            "/v3/customer/core/teams/\n",
        ] {
            assert_eq!(link_target(text), None, "{text}");
        }
    }
}
