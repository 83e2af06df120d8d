//! Where in China a number is at home: the province of its prefix, or of what the record says.
//!
//! The table is libphonenumber's (Apache-2.0): mobile prefixes and area codes, one line a change of province; `make regions`
//! brings it up to date. It knows the home of a number, never where its owner is. Numbers carried to another operator keep
//! their province, since China carries them within one only. Prefixes given out since about 2015 (19x, 166, 175, …) are not in
//! the table: such numbers are of no known province, and nothing is said about them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;

macro_rules! regions {
    ($($variant:ident = $word:literal $code:literal $chinese:literal),+ $(,)?) => {
        /// A province, autonomous region or municipality of mainland China.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Region { $(#[doc = $chinese] #[serde(rename = $word)] $variant),+ }

        impl Region {
            /// Every one, in the order of GB/T 2260.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used in configurations.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Its letters in ISO 3166-2:CN, as the table has them.
            pub const fn code(self) -> [u8; 2] {
                *match self { $(Self::$variant => $code),+ }
            }

            /// Its short name in Chinese.
            pub const fn chinese(self) -> &'static str {
                match self { $(Self::$variant => $chinese),+ }
            }
        }
    };
}

regions! {
    Beijing = "beijing" b"BJ" "北京",
    Tianjin = "tianjin" b"TJ" "天津",
    Hebei = "hebei" b"HE" "河北",
    Shanxi = "shanxi" b"SX" "山西",
    InnerMongolia = "inner_mongolia" b"NM" "内蒙古",
    Liaoning = "liaoning" b"LN" "辽宁",
    Jilin = "jilin" b"JL" "吉林",
    Heilongjiang = "heilongjiang" b"HL" "黑龙江",
    Shanghai = "shanghai" b"SH" "上海",
    Jiangsu = "jiangsu" b"JS" "江苏",
    Zhejiang = "zhejiang" b"ZJ" "浙江",
    Anhui = "anhui" b"AH" "安徽",
    Fujian = "fujian" b"FJ" "福建",
    Jiangxi = "jiangxi" b"JX" "江西",
    Shandong = "shandong" b"SD" "山东",
    Henan = "henan" b"HA" "河南",
    Hubei = "hubei" b"HB" "湖北",
    Hunan = "hunan" b"HN" "湖南",
    Guangdong = "guangdong" b"GD" "广东",
    Guangxi = "guangxi" b"GX" "广西",
    Hainan = "hainan" b"HI" "海南",
    Chongqing = "chongqing" b"CQ" "重庆",
    Sichuan = "sichuan" b"SC" "四川",
    Guizhou = "guizhou" b"GZ" "贵州",
    Yunnan = "yunnan" b"YN" "云南",
    Tibet = "tibet" b"XZ" "西藏",
    Shaanxi = "shaanxi" b"SN" "陕西",
    Gansu = "gansu" b"GS" "甘肃",
    Qinghai = "qinghai" b"QH" "青海",
    Ningxia = "ningxia" b"NX" "宁夏",
    Xinjiang = "xinjiang" b"XJ" "新疆",
}

/// Other words for two of them.
const ALSO: [(&str, Region); 2] = [("xizang", Region::Tibet), ("neimenggu", Region::InnerMongolia)];
/// What stands for all of them.
const NATIONWIDE: [&str; 4] = ["全国", "nationwide", "all", "china"];

impl fmt::Display for Region {
    /// `Inner Mongolia`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.as_str().split('_').enumerate() {
            let (first, rest) = word.split_at(1);
            write!(f, "{}{}{rest}", if index > 0 { " " } else { "" }, first.to_ascii_uppercase())?;
        }
        Ok(())
    }
}

impl Region {
    /// Where a party of a call is at home, by what the record says or else by its number. A number that is of no place
    /// (400, 95…, 110, a foreign one) is at home nowhere, whatever the record says.
    pub fn of_party(said: Option<&str>, number: Option<Number>) -> Option<Self> {
        if number.is_some_and(|number| !may_have_place(number)) {
            return None;
        }
        said.and_then(Self::named).or_else(|| number.and_then(Self::of_number))
    }

    /// The province of a number's prefix: O(log n) in the part of a packed table that has its first three digits.
    pub fn of_number(number: Number) -> Option<Self> {
        let head = head(number)?;
        let area = head as usize / PART_HEADS;
        let (from, to) = (usize::from(PARTS[area]), usize::from(PARTS[area + 1]));
        let after = from + TABLE[from..to].partition_point(|entry| entry >> PROVINCE_BITS <= head);
        let entry = *TABLE.get(after.checked_sub(1)?)?;
        Self::ALL.get((entry & PROVINCE_MASK) as usize).copied()
    }

    /// The province that a text begins with, in Chinese or English: `广东深圳固话`, `广东省`, `Guangdong Shenzhen`.
    pub fn named(text: &str) -> Option<Self> {
        let text = text.trim_start();
        let text = text.strip_prefix("中国").unwrap_or(text);
        if !text.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            let head = text.as_bytes().first_chunk().map(|head| packed(*head))?;
            let place = HEADS.iter().position(|other| *other == head)?;
            return Some(Self::ALL[place]).filter(|region| text.starts_with(region.chinese()));
        }
        let words = Self::ALL.iter().map(|region| (region.as_str(), *region)).chain(ALSO);
        words.into_iter().find(|(word, _)| begins_with(text, word)).map(|(_, region)| region)
    }
}

/// The first two characters of each province's Chinese name, which no other's begins with.
static HEADS: [u64; Region::ALL.len()] = {
    let mut heads = [0; Region::ALL.len()];
    let mut place = 0;
    while place < heads.len() {
        match Region::ALL[place].chinese().as_bytes().first_chunk() {
            Some(head) => heads[place] = packed(*head),
            None => panic!("a name has two characters at least"),
        }
        place += 1;
    }
    heads
};

const fn packed(head: [u8; 6]) -> u64 {
    u64::from_le_bytes([head[0], head[1], head[2], head[3], head[4], head[5], 0, 0])
}

/// Whether an English text begins with a word, whatever its case and whatever stands between its letters.
fn begins_with(text: &str, word: &str) -> bool {
    let mut letters = text.bytes().filter(u8::is_ascii_alphabetic).map(|letter| letter.to_ascii_lowercase());
    word.bytes().filter(u8::is_ascii_alphabetic).all(|letter| letters.next() == Some(letter))
}

/// A set of provinces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegionSet(u32);

impl RegionSet {
    /// The provinces that texts name, such as an app has filed; what names none is passed over.
    pub fn named<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        texts.into_iter().fold(Self::default(), |set, text| {
            let is_all = NATIONWIDE.iter().any(|word| text.trim().eq_ignore_ascii_case(word));
            Self(set.0 | if is_all { u32::MAX } else { Region::named(text).map_or(0, |region| 1 << region as u32) })
        })
    }

    /// Whether a province is in it.
    pub const fn contains(self, region: Region) -> bool {
        self.0 >> region as u32 & 1 == 1
    }
}

/// The country code of China.
const CHINA: u64 = 86;
/// As many digits of the national number tell its province.
const HEAD_DIGITS: u32 = 7;

/// The first seven digits of a Chinese mobile or landline number: eleven digits from 11 on, Beijing's ten, and ten or eleven
/// of any other area.
fn head(number: Number) -> Option<u32> {
    let value = number.e164_value()?;
    [10_u32, 11].into_iter().find_map(|digits| {
        let national = value.checked_sub(CHINA * 10_u64.pow(digits))?;
        let head = national / 10_u64.pow(digits - HEAD_DIGITS);
        let is_right = match head {
            1_000_000..1_100_000 => digits == 10,
            1_100_000..2_000_000 => digits == 11,
            2_000_000..10_000_000 => true,
            _ => false,
        };
        is_right.then_some(head as u32)
    })
}

/// Whether a number can be at home in a province at all: a Chinese mobile or landline number, or one that is hidden.
fn may_have_place(number: Number) -> bool {
    // 400 and 800 are numbers of the whole country, and no area codes.
    number.is_token() || head(number).is_some_and(|head| !matches!(head / 10_000, 400 | 800))
}

/// The table as text: see `update.py`.
const TEXT: &[u8] = include_bytes!("prefixes.txt");
/// `1300000 SD` and the end of the line.
const LINE_BYTES: usize = 11;
const PROVINCE_BITS: u32 = 5;
const PROVINCE_MASK: u32 = (1 << PROVINCE_BITS) - 1;
/// In the place of a province: none.
const NOWHERE: u32 = PROVINCE_MASK;
const _: () = assert!(Region::ALL.len() <= NOWHERE as usize);

/// Where a province begins to hold, and which: the first seven digits above, its place in [`Region::ALL`] below.
static TABLE: [u32; TEXT.len() / LINE_BYTES] = table();

/// Heads that begin with the same three digits.
const PART_HEADS: usize = 10_000;

/// Where the entries of the table begin whose heads have these first three digits, or more.
static PARTS: [u16; 1_001] = {
    assert!(TABLE.len() <= u16::MAX as usize);
    let mut parts = [0; 1_001];
    let (mut part, mut entry) = (0, 0);
    while part < parts.len() {
        while entry < TABLE.len() && ((TABLE[entry] >> PROVINCE_BITS) as usize) < part * PART_HEADS {
            entry += 1;
        }
        parts[part] = entry as u16;
        part += 1;
    }
    parts
};

const fn table() -> [u32; TEXT.len() / LINE_BYTES] {
    assert!(TEXT.len().is_multiple_of(LINE_BYTES), "prefixes.txt: lines are of one length");
    let mut table = [0; TEXT.len() / LINE_BYTES];
    let mut line = 0;
    while line < table.len() {
        let at = line * LINE_BYTES;
        let (mut head, mut digit) = (0, 0);
        while digit < HEAD_DIGITS as usize {
            assert!(TEXT[at + digit].is_ascii_digit(), "prefixes.txt: a line begins with seven digits");
            head = head * 10 + (TEXT[at + digit] - b'0') as u32;
            digit += 1;
        }
        assert!(TEXT[at + 7] == b' ' && TEXT[at + 10] == b'\n', "prefixes.txt: two letters follow a space and end the line");
        table[line] = head << PROVINCE_BITS | province(TEXT[at + 8], TEXT[at + 9]);
        assert!(line == 0 || table[line] > table[line - 1], "prefixes.txt: lines are in order");
        line += 1;
    }
    table
}

const fn province(first: u8, second: u8) -> u32 {
    if first == b'-' && second == b'-' {
        return NOWHERE;
    }
    let mut index = 0;
    while index < Region::ALL.len() {
        let code = Region::ALL[index].code();
        if code[0] == first && code[1] == second {
            return index as u32;
        }
        index += 1;
    }
    panic!("prefixes.txt: no province has these letters")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Region> {
        Region::of_number(Number::parse(text, "86").expect("a number"))
    }

    /// The lines, read as a person reads them.
    fn lines() -> Vec<(u32, Option<Region>)> {
        let text = std::str::from_utf8(TEXT).expect("text");
        let line = |line: &str| {
            let (head, code) = line.split_once(' ').expect("two words");
            let region = Region::ALL.iter().copied().find(|region| region.code() == code.as_bytes());
            assert!(region.is_some() || code == "--", "{line}");
            (head.parse().expect("digits"), region)
        };
        text.lines().map(line).collect()
    }

    #[test]
    fn every_line_holds_from_its_prefix_to_the_next() {
        let lines = lines();
        assert!(lines.len() > 9_000 && lines.is_sorted_by(|line, next| line.0 < next.0 && line.1 != next.1));
        let of_head = |head: u32| match head {
            1_000_000..1_100_000 => of(&format!("+86{head}100")),
            _ => of(&format!("+86{head}1000")),
        };
        let mut before = None;
        for (head, region) in lines {
            assert_eq!(of_head(head), region, "{head}");
            if head > 1_000_000 {
                assert_eq!(of_head(head - 1), before, "before {head}");
            }
            before = region;
        }
        for region in Region::ALL {
            assert!(TEXT.windows(2).any(|letters| letters == region.code()), "{region}");
        }
    }

    #[test]
    fn well_known_area_codes() {
        for (number, region) in [
            ("01012345678", Region::Beijing),
            ("02112345678", Region::Shanghai),
            ("02212345678", Region::Tianjin),
            ("02312345678", Region::Chongqing),
            ("02812345678", Region::Sichuan),
            ("075512345678", Region::Guangdong),
            ("09911234567", Region::Xinjiang),
            ("08911234567", Region::Tibet),
            ("04711234567", Region::InnerMongolia),
            ("089812345678", Region::Hainan),
            ("09511234567", Region::Ningxia),
            ("+862100000000", Region::Shanghai),
        ] {
            assert_eq!(of(number), Some(region), "{number}");
        }
    }

    #[test]
    fn numbers_of_no_place() {
        for number in
            ["4001234567", "8001234567", "95588", "95013123", "10101234", "110", "+14155550100", "+8523123456", "19900000001"]
        {
            assert_eq!(of(number), None, "{number}");
            let number = Number::parse(number, "86").expect("a number");
            let mobile = number.reveal().starts_with("+86199");
            assert_eq!(Region::of_party(Some("广东深圳"), Some(number)), mobile.then_some(Region::Guangdong), "{number}");
        }
        // A mobile number with a digit too few, Beijing's with one too many.
        assert_eq!((of("+861390000001"), of("+8610123456789")), (None, None));
    }

    #[test]
    fn what_the_record_says_goes_before_the_table() {
        let beijing = Number::parse("01012345678", "86");
        assert_eq!(Region::of_party(None, beijing), Some(Region::Beijing));
        assert_eq!(Region::of_party(Some("上海固话"), beijing), Some(Region::Shanghai));
        assert_eq!(Region::of_party(Some("somewhere"), beijing), Some(Region::Beijing));
        assert_eq!(Region::of_party(Some("新疆"), Number::parse("ABCDEF", "86")), Some(Region::Xinjiang));
        assert_eq!(Region::of_party(Some("西藏"), None), Some(Region::Tibet));
        assert_eq!(Region::of_party(None, None), None);
    }

    #[test]
    fn every_province_is_found_by_its_names() {
        for region in Region::ALL {
            for text in [
                region.chinese().to_owned(),
                format!("{}省某市固话", region.chinese()),
                format!("中国{}", region.chinese()),
                region.as_str().to_owned(),
                region.as_str().to_uppercase(),
                region.to_string(),
                format!(" {region} somewhere"),
            ] {
                assert_eq!(Region::named(&text), Some(*region), "{text}");
            }
        }
        assert_eq!((Region::named("Xizang"), Region::named("neimenggu")), (Some(Region::Tibet), Some(Region::InnerMongolia)));
        assert_eq!([Region::named(""), Region::named("香港"), Region::named("X")], [None; 3]);
        assert_eq!(Region::InnerMongolia.to_string(), "Inner Mongolia");
    }

    #[test]
    fn a_set_holds_what_was_filed() {
        let set = RegionSet::named(["广东省", "Sichuan", "the moon"]);
        let held: Vec<Region> = Region::ALL.iter().copied().filter(|region| set.contains(*region)).collect();
        assert_eq!(held, [Region::Guangdong, Region::Sichuan]);
        assert!(Region::ALL.iter().all(|region| RegionSet::named(["Nationwide"]).contains(*region)));
    }
}
