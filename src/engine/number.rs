//! Phone numbers: the one type that holds one, how text becomes it, and what people may see of it.
//!
//! Never prints a number: `Debug`, `Display` and JSON show a mask. The digits leave only through [`Number::reveal`]
//! (decoders, simulation and the number walk use it) and through snapshots, which stay inside the provider's Kafka.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const KIND_SHIFT: u32 = 62;
const PAYLOAD_MASK: u64 = (1 << KIND_SHIFT) - 1;
const KIND_E164: u64 = 0;
const KIND_SHORT: u64 = 1;
const KIND_TOKEN: u64 = 2;
/// The kind of a token, in its place.
const TOKEN: NonZeroU64 = NonZeroU64::new(KIND_TOKEN << KIND_SHIFT).expect("a kind");
/// E.164 allows 15 digits.
const E164_DIGITS_MAX: usize = 15;
/// The longest text that is looked at; longer ones are tokens.
const TEXT_BYTES_MAX: usize = 64;

/// A caller or callee: an E.164 number, a short or internal number, or an opaque token (number protection).
/// Packed into 8 bytes without loss for real numbers; a token is 62 bits of its BLAKE3 hash. Zero is none, so that a number that may
/// be absent takes no more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(NonZeroU64);

impl Number {
    /// Reads a number as providers write it: `+8613…`, `008613…`, `0086 0755…` with the landline's trunk 0, national
    /// forms of `home` (a country code such as `86`), short codes. Whatever is not a number is a token; empty is `None`.
    pub fn parse(text: &str, home: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let mut buffer = [0_u8; TEXT_BYTES_MAX];
        let Some((digits, international)) = plain_digits(text, &mut buffer) else {
            return Some(Self::token(text));
        };
        if digits.is_empty() {
            return Some(Self::token(text));
        }
        Some(Self::from_digits(digits, international, home).unwrap_or_else(|| Self::token(text)))
    }

    /// A number hidden by the provider's number protection: only equality is known of it.
    pub fn token(text: &str) -> Self {
        let hash = blake3::hash(text.as_bytes());
        let mut bytes = [0_u8; 8];
        bytes.copy_from_slice(&hash.as_bytes()[..8]);
        Self(TOKEN | u64::from_le_bytes(bytes) & PAYLOAD_MASK)
    }

    fn from_digits(digits: &[u8], international: bool, home: &str) -> Option<Self> {
        let home_digits = home.as_bytes();
        if international {
            return match digits.strip_prefix(home_digits) {
                Some(national) => Self::home(national, home_digits),
                None => Self::e164(&[], digits),
            };
        }
        if let Some(trunk) = digits.strip_prefix(b"0") {
            return Self::home(trunk, home_digits);
        }
        match digits.len() {
            // Service numbers and extensions (110, 95588, 1001) are dialled as they are.
            0..=6 => Self::short(digits),
            // Already with its country code, but without a prefix.
            12.. if digits.starts_with(home_digits) => Self::home(&digits[home_digits.len()..], home_digits),
            _ => Self::home(digits, home_digits),
        }
    }

    fn home(national: &[u8], home: &[u8]) -> Option<Self> {
        let national = national.strip_prefix(b"0").unwrap_or(national);
        Self::e164(home, national)
    }

    fn e164(country: &[u8], rest: &[u8]) -> Option<Self> {
        let length = country.len() + rest.len();
        let leading = country.first().or(rest.first())?;
        if length > E164_DIGITS_MAX || *leading == b'0' || rest.is_empty() {
            return None;
        }
        let value = country.iter().chain(rest).fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0'));
        Self::from_packed(KIND_E164 << KIND_SHIFT | value)
    }

    fn short(digits: &[u8]) -> Option<Self> {
        // A leading 1 keeps leading zeros apart.
        let value = digits.iter().fold(1_u64, |value, digit| value * 10 + u64::from(digit - b'0'));
        Self::from_packed(KIND_SHORT << KIND_SHIFT | value).filter(|_| digits.len() <= E164_DIGITS_MAX)
    }

    /// The packed form, for maps and snapshots. Zero is never a number.
    pub const fn packed(self) -> u64 {
        self.0.get()
    }

    const fn kind(self) -> u64 {
        self.0.get() >> KIND_SHIFT
    }

    /// The number of a packed form; `None` for zero.
    pub const fn from_packed(packed: u64) -> Option<Self> {
        match NonZeroU64::new(packed) {
            Some(packed) => Some(Self(packed)),
            None => None,
        }
    }

    /// Country code and national number as one integer, for arithmetic on neighbouring numbers; `None` for short
    /// numbers and tokens.
    pub const fn e164_value(self) -> Option<u64> {
        if self.kind() == KIND_E164 { Some(self.packed()) } else { None }
    }

    /// Whether it is a token: see [`Number::token`].
    pub const fn is_token(self) -> bool {
        self.kind() == KIND_TOKEN
    }

    /// The digits themselves. Every use must stay inside the process.
    pub fn reveal(self) -> String {
        let payload = self.packed() & PAYLOAD_MASK;
        match self.kind() {
            KIND_E164 => format!("+{payload}"),
            KIND_SHORT => payload.to_string().split_off(1),
            _ => format!("token:{payload:016x}"),
        }
    }
}

/// Digits of `text` without separators, and whether it began with `+` or `00`. `None` if anything else is in it.
fn plain_digits<'b>(text: &'b str, buffer: &'b mut [u8; TEXT_BYTES_MAX]) -> Option<(&'b [u8], bool)> {
    let (plus, rest) = match text.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let digits = if rest.len() <= TEXT_BYTES_MAX && rest.bytes().fold(true, |plain, byte| plain & byte.is_ascii_digit()) {
        rest.as_bytes()
    } else {
        without_separators(rest, buffer)?
    };
    Some(match digits.strip_prefix(b"00") {
        _ if plus => (digits, true),
        Some(international) => (international, true),
        None => (digits, false),
    })
}

/// Digits copied without what people write between them; `None` if anything else is there.
fn without_separators<'b>(rest: &str, buffer: &'b mut [u8; TEXT_BYTES_MAX]) -> Option<&'b [u8]> {
    let mut length = 0;
    for byte in rest.bytes() {
        match byte {
            b'0'..=b'9' => {
                *buffer.get_mut(length)? = byte;
                length += 1;
            }
            b' ' | b'-' | b'(' | b')' => {}
            _ => return None,
        }
    }
    Some(&buffer[..length])
}

impl fmt::Display for Number {
    /// The mask: enough to recognise a number one already knows, too little to dial it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.reveal();
        match self.kind() {
            KIND_E164 if digits.len() >= 9 => {
                // +86 138 ****** 05: six characters in front, two at the end.
                let (head, tail) = (&digits[..6], &digits[digits.len() - 2..]);
                write!(f, "{head}{:*<width$}{tail}", "", width = digits.len() - 8)
            }
            KIND_TOKEN => write!(f, "token:****{}", &digits[digits.len() - 4..]),
            _ => write!(f, "{:*<width$}", "", width = digits.len()),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({self})")
    }
}

impl Serialize for Number {
    /// The mask for people and JSON, the packed form for snapshots.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_u64(self.packed()) }
    }
}

impl<'de> Deserialize<'de> for Number {
    /// Only from snapshots: a mask cannot be turned back.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Err(serde::de::Error::custom("a number is read by Number::parse, never from its mask"));
        }
        NonZeroU64::deserialize(deserializer).map(Self)
    }
}

/// Turns numbers into what may leave the process: a mask, and a pseudonym under a secret key.
///
/// The key is derived per app, so that two apps' lists cannot be joined on pseudonyms. Without the key the pseudonym
/// cannot be enumerated, which an unkeyed hash of so small a space could.
#[derive(Clone, PartialEq, Eq)]
pub struct Pseudonyms {
    key: [u8; 32],
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms(key not shown)")
    }
}

impl Pseudonyms {
    /// From any secret bytes; the shell reads them from a file.
    pub fn new(secret: &[u8]) -> Self {
        Self { key: blake3::derive_key("dialwatch 2026 pseudonyms of phone numbers", secret) }
    }

    /// `n1:` and 64 bits: the same for the same app, number and key.
    pub fn of(&self, app_id: &str, number: Number) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(app_id.as_bytes()).update(&[0]).update(&number.packed().to_le_bytes());
        format!("n1:{}", &hasher.finalize().to_hex()[..16])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reveal(text: &str) -> String {
        Number::parse(text, "86").expect("not empty").reveal()
    }

    #[test]
    fn every_written_form_is_one_number() {
        for mobile in ["008613012345678", "+8613012345678", "13012345678", "+86 130-1234-5678", "8613012345678", "013012345678"] {
            assert_eq!(reveal(mobile), "+8613012345678", "{mobile}");
        }
        for landline in ["0086075512345678", "008675512345678", "075512345678", "+86075512345678"] {
            assert_eq!(reveal(landline), "+8675512345678", "{landline}");
        }
        assert_eq!(reveal("0086075500000"), "+8675500000");
        assert_eq!(reveal("00864009282737"), "+864009282737");
        assert_eq!(reveal("0014155550100"), "+14155550100");
        assert_eq!(reveal("95588"), "95588");
        assert_eq!(reveal("0001"), "token:".to_owned() + &reveal("0001")[6..]);
        assert_eq!(Number::parse("  ", "86"), None);
    }

    #[test]
    fn what_is_no_number_is_a_token_and_equal_only_to_itself() {
        assert!(reveal("0086158xxxxxxxx").starts_with("token:"));
        assert_ne!(Number::parse("ABABABABA", "86"), Number::parse("CDCDCDCDC", "86"));
        assert!(reveal("123456789012345678901").starts_with("token:"));
    }

    #[test]
    fn no_digits_are_shown() {
        let number = Number::parse("008613012345678", "86").expect("a number");
        assert_eq!(number.to_string(), "+86130******78");
        assert_eq!(format!("{number:?}"), "Number(+86130******78)");
        assert_eq!(serde_json::to_string(&number).expect("json"), "\"+86130******78\"");
        assert_eq!(Number::parse("95588", "86").expect("a number").to_string(), "*****");
    }

    #[test]
    fn snapshots_keep_the_number() {
        let number = Number::parse("075512345678", "86").expect("a number");
        let bytes = postcard::to_stdvec(&number).expect("bytes");
        assert_eq!(postcard::from_bytes::<Number>(&bytes).expect("number"), number);
    }

    #[test]
    fn pseudonyms_depend_on_key_and_app() {
        let number = Number::parse("13012345678", "86").expect("a number");
        let pseudonyms = Pseudonyms::new(b"secret");
        assert_eq!(pseudonyms.of("a", number), pseudonyms.of("a", number));
        assert_ne!(pseudonyms.of("a", number), pseudonyms.of("b", number));
        assert_ne!(pseudonyms.of("a", number), Pseudonyms::new(b"other").of("a", number));
    }
}
