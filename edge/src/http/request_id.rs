//! The id of a request, in log lines and in the header `X-Request-Id` of its response.

/// The header of responses.
pub const REQUEST_ID: &str = "X-Request-Id";

/// Returns the id that Cloudflare gave the request in `CF-Ray`, or an id made of a random number.
///
/// Cloudflare overwrites a `CF-Ray` that a caller sends. Elsewhere the header is the caller's, so that only a value of the
/// documented form is accepted.
pub fn request_id(cf_ray: Option<&str>, random: u64) -> String {
    cf_ray.filter(|text| is_ray_id(text)).map_or_else(|| format!("{random:016x}"), str::to_owned)
}

/// Recognizes 16 hexadecimal digits and the code of a data centre: `230b030023ae2822-SJC`.
fn is_ray_id(text: &str) -> bool {
    let (id, data_center) = text.split_once('-').map_or((text, None), |(id, code)| (id, Some(code)));
    id.len() == 16
        && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && data_center.is_none_or(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_well_formed_ray_id_is_accepted() {
        for ray in ["230b030023ae2822-SJC", "230b030023ae2822"] {
            assert_eq!(request_id(Some(ray), 7), ray);
        }
        for other in [
            None,
            Some(""),
            Some("230b030023ae2822-"),
            Some("230b030023ae2822-sjc"),
            Some("230b030023ae2822-SJCX"),
            Some("230b030023ae2822-SJC-A"),
            Some("230B030023AE2822-SJC"),
            Some("230b030023ae282-SJC"),
            Some("sg_0123456789abcdef"),
            Some("230b030023ae2822\n"),
        ] {
            assert_eq!(request_id(other, 7), "0000000000000007", "{other:?}");
        }
    }
}
