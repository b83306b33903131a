//! The colour of a name. A key has the same colour in every run. It is one of a few colours that can be read on light
//! and on dark, and that every terminal with sixteen colours has.

use hobnob_protocol::key::PublicKey;
use hobnob_protocol::name::UserName;
use nu_ansi_term::Color;

/// These are neither black nor white, and neither yellow nor plain blue, which are hard to see on one of the two. Red
/// is left to errors.
const COLORS: [Color; 6] =
    [Color::Green, Color::Magenta, Color::Cyan, Color::LightRed, Color::LightBlue, Color::LightMagenta];

/// Returns the colour for this key, or for this name if the key is not known.
pub(super) fn color(name: &UserName, key: Option<&PublicKey>) -> Color {
    let sum = match key {
        Some(key) => mix(key.as_bytes()),
        None => mix(name.folded().as_bytes()),
    };
    COLORS[sum as usize % COLORS.len()]
}

/// Returns the FNV-1a hash; the standard library's hash may change from one release to the next.
pub(super) fn mix(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, &byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193)) >> 8
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_key_keeps_its_color_whatever_its_name() {
        let key = PublicKey::new([7; 32]);
        let (anna, bobby): (UserName, UserName) = ("anna".parse().unwrap(), "bobby".parse().unwrap());
        assert_eq!(color(&anna, Some(&key)), color(&bobby, Some(&key)));
        assert_eq!(color(&anna, None), color(&"ANNA".parse().unwrap(), None));
    }

    #[test]
    fn a_lobby_of_people_uses_all_colors() {
        let used: HashSet<String> = (0..60_u8)
            .map(|n| format!("{:?}", color(&"x".parse().unwrap(), Some(&PublicKey::new([n; 32])))))
            .collect();
        assert_eq!(used.len(), COLORS.len());
    }
}
