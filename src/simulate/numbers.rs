//! Every made-up number in one place: app ids, the numbers apps call from and the people they call.
//!
//! No number here belongs to anybody. People have mobile numbers under prefixes the Chinese numbering plan has not given
//! out, company extensions and callers are landlines whose local part begins with 9 or 1 (reserved for short codes), and
//! people abroad live under the unassigned country code 999. Region tables therefore know the callers' cities, but not
//! where a mobile callee is at home.

use std::fmt;

use super::draw::{Draw, scatter};

/// The first app id; the apps of a world count up from it.
const APP_ID_FIRST: u64 = 1_400_000_001;
/// China.
const HOME: u64 = 86;
/// A country code assigned to nobody.
const ABROAD: u64 = 999;
/// Mobile prefixes assigned to nobody: the people on lists.
const PREFIXES: [u64; 10] = [142, 143, 154, 160, 161, 163, 164, 168, 169, 179];
/// One more, kept apart: the blocks that are walked number by number.
const WALKED_PREFIX: u64 = 194;
/// Subscribers under one mobile prefix.
const PER_PREFIX: u64 = 100_000_000;
/// How many people there are.
const PEOPLE: u64 = PREFIXES.len() as u64 * PER_PREFIX;
/// The numbers of one walked block: the last four digits.
pub(super) const BLOCK: u32 = 10_000;
/// How many caller numbers one app can have.
pub(super) const CALLERS_MAX: u32 = 1_000;
/// Marks a landline: it is written with a trunk 0 in national form. E.164 numbers need 50 bits.
const LANDLINE: u64 = 1 << 63;

/// The cities callers are filed in: area code and how a provider words it.
const AREAS: [(u64, &str); 8] = [
    (755, "广东深圳固话"),
    (10, "北京固话"),
    (21, "上海固话"),
    (20, "广东广州固话"),
    (28, "四川成都固话"),
    (571, "浙江杭州固话"),
    (27, "湖北武汉固话"),
    (25, "江苏南京固话"),
];

/// A made-up telephone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(u64);

impl Phone {
    const fn mobile(country: u64, national: u64) -> Self {
        Self(join(country, national))
    }

    /// A landline: area code and eight local digits.
    const fn landline(area: u64, local: u64) -> Self {
        Self(join(join(HOME, area), local) | LANDLINE)
    }

    /// Country code and national number as one integer, as `+` would be followed by it.
    pub const fn e164(self) -> u64 {
        self.0 & !LANDLINE
    }

    /// Appends `+8614200000000`.
    pub fn write_e164(self, out: &mut Vec<u8>) {
        out.push(b'+');
        write_decimal(self.e164(), out);
    }

    /// Appends the form of the vendor's records: `008614200000000`, landlines with their trunk 0, `0086075510000000`.
    pub fn write_tccc(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"00");
        if self.0 & LANDLINE == 0 {
            write_decimal(self.e164(), out);
        } else {
            out.extend_from_slice(b"860");
            let mark = out.len();
            write_decimal(self.e164(), out);
            out.drain(mark..mark + 2);
        }
    }
}

/// A set of numbers. Nothing iterates it into output, and its hash is the same in every run.
pub(super) type PhoneSet = hashbrown::HashSet<Phone, foldhash::fast::FixedState>;

impl fmt::Display for Phone {
    /// All digits, as E.164: the number is nobody's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.e164())
    }
}

/// `left` followed by `right`, as decimal digits. `right` is not padded.
const fn join(left: u64, right: u64) -> u64 {
    let mut shift = 10;
    while shift <= right {
        shift *= 10;
    }
    left * shift + right
}

/// Appends a number in decimal.
pub(super) fn write_decimal(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut from = digits.len();
    while value >= 100 {
        let pair = (value % 100) as u8;
        value /= 100;
        from -= 2;
        digits[from] = b'0' + pair / 10;
        digits[from + 1] = b'0' + pair % 10;
    }
    from -= 1;
    digits[from] = b'0' + (value % 10) as u8;
    if value >= 10 {
        from -= 1;
        digits[from] = b'0' + (value / 10) as u8;
    }
    out.extend_from_slice(&digits[from..]);
}

/// The id of an app by its place in the world.
pub const fn app_id(app: u32) -> u64 {
    APP_ID_FIRST + app as u64
}

/// A caller number of an app; `index` below [`CALLERS_MAX`]. Apps beyond 80 000 share numbers.
pub(super) const fn caller(app: u32, index: u32) -> Phone {
    let (city, block) = (app as usize % AREAS.len(), (app as u64 / AREAS.len() as u64) % 10_000);
    Phone::landline(AREAS[city].0, 10_000_000 + block * CALLERS_MAX as u64 + (index % CALLERS_MAX) as u64)
}

/// The city an app's callers are filed in, in the provider's words.
pub(super) const fn caller_city(app: u32) -> &'static str {
    AREAS[app as usize % AREAS.len()].1
}

/// The people one app may call, in an order of its own: a bijection of places in a list and numbers, so that no person is
/// ever on a list twice and nothing has to be remembered.
#[derive(Clone, Copy, Debug)]
pub(super) struct People {
    key: u64,
    lives: Lives,
}

/// Where a list's people are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lives {
    /// Mobile numbers all over the country.
    Home,
    /// Abroad.
    Abroad,
    /// At companies with this many extensions each, in the order of the extensions.
    Companies(u32),
}

impl People {
    /// The people of an app whose secret is `key`.
    pub(super) const fn new(key: u64, lives: Lives) -> Self {
        Self { key, lives }
    }

    /// The number of the person at `place`, which is taken modulo a thousand million.
    pub(super) fn at(&self, place: u32) -> Phone {
        let shuffled = self.shuffle(u64::from(place) % PEOPLE);
        match self.lives {
            Lives::Home => Phone::mobile(HOME, PREFIXES[(shuffled / PER_PREFIX) as usize] * PER_PREFIX + shuffled % PER_PREFIX),
            Lives::Abroad => Phone::mobile(ABROAD, PEOPLE + shuffled),
            Lives::Companies(extensions) => {
                let (company, extension) = (place / extensions, place % extensions);
                // The 1 000 companies of an app stand in distinct blocks, scattered by an odd step.
                let block = (self.key % 1_000 + u64::from(company) * 387) % 1_000;
                Phone::landline(AREAS[0].0, 90_000_000 + block * u64::from(BLOCK) + u64::from(extension % BLOCK))
            }
        }
    }

    /// A keyed permutation of 0..PEOPLE: four rounds of a Feistel network on 30 bits, repeated while it leaves the range.
    fn shuffle(&self, place: u64) -> u64 {
        const HALF_BITS: u32 = 15;
        const HALF: u64 = (1 << HALF_BITS) - 1;
        let mut value = place;
        loop {
            let (mut left, mut right) = (value >> HALF_BITS, value & HALF);
            for round in 0..4_u64 {
                (left, right) = (right, left ^ (scatter(self.key ^ right << 3 ^ round << 32) & HALF));
            }
            value = left << HALF_BITS | right;
            if value < PEOPLE {
                return value;
            }
        }
    }
}

/// Numbers in their order, block by block: how a machine goes through a numbering range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    /// The first block; blocks follow each other by an odd step.
    pub(super) first_block: u32,
    /// How many numbers of a block are called before the next.
    pub(super) per_block: u32,
    /// From one number to the next.
    pub(super) stride: u32,
    /// Where in a block it begins.
    pub(super) offset: Offset,
    /// How many blocks it goes through at once, by turns.
    pub(super) lanes: u32,
}

/// Where in a block a walk begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Offset {
    /// At this number.
    At(u32),
    /// Elsewhere in every block.
    ByBlock,
}

/// From one number to the next of a walk in random order: prime to 10 000, so that every number is called once, and neighbours
/// are far apart in time.
const SHUFFLE: u32 = 7_919;

impl Walk {
    /// A walk that begins anywhere.
    pub(super) fn new(draw: &mut Draw, per_block: u32, stride: u32, shuffled: bool) -> Self {
        let first_block = draw.below(10_000);
        let per_block = per_block.clamp(1, BLOCK / stride.max(1));
        let (stride, offset) = if shuffled { (SHUFFLE, Offset::ByBlock) } else { (stride, Offset::At(0)) };
        Self { first_block, per_block, stride, offset, lanes: 1 }
    }

    /// The `step`th number of the walk.
    pub(super) const fn at(&self, step: u32) -> Phone {
        let (lane, step) = (step % self.lanes, step / self.lanes);
        let (round, place) = (step / self.per_block, step % self.per_block);
        let block = (self.first_block as u64 + (round * self.lanes + lane) as u64 * 3_701) % 10_000;
        let offset = match self.offset {
            Offset::At(offset) => offset as u64,
            Offset::ByBlock => block,
        };
        let last = (place as u64 * self.stride as u64 + offset) % BLOCK as u64;
        Phone::mobile(HOME, WALKED_PREFIX * PER_PREFIX + block * BLOCK as u64 + last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::engine::number::Number;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("digits")
    }

    #[test]
    fn both_written_forms_are_the_same_number_to_the_engine() {
        let people = People::new(5, Lives::Home);
        let abroad = People::new(5, Lives::Abroad);
        let companies = People::new(5, Lives::Companies(300));
        let walk = Walk { first_block: 9_999, per_block: 100, stride: 1, offset: Offset::At(0), lanes: 1 };
        for place in 0..500 {
            for phone in [people.at(place), abroad.at(place), companies.at(place), walk.at(place), caller(place, place)] {
                let tccc = written(|out| phone.write_tccc(out));
                let e164 = written(|out| phone.write_e164(out));
                assert_eq!(Number::parse(&tccc, "86"), Number::parse(&e164, "86"), "{tccc} {e164}");
                assert_eq!(Number::parse(&tccc, "86").and_then(Number::e164_value), Some(phone.e164()), "{tccc}");
            }
        }
        assert_eq!(written(|out| caller(0, 7).write_tccc(out)), "0086075510000007");
        assert_eq!(written(|out| caller(1, 7).write_e164(out)), "+861010000007");
    }

    #[test]
    fn nobody_is_on_a_list_twice() {
        for (lives, count) in [(Lives::Home, 200_000), (Lives::Companies(250), 250_000)] {
            let people = People::new(99, lives);
            let distinct: HashSet<Phone> = (0..count).map(|place| people.at(place)).collect();
            assert_eq!(distinct.len(), count as usize, "{lives:?}");
        }
        for (stride, shuffled) in [(1, false), (10, false), (1, true)] {
            let walk = Walk::new(&mut Draw::new(3, 0), 700, stride, shuffled);
            let distinct: HashSet<Phone> = (0..200_000).map(|step| walk.at(step)).collect();
            assert_eq!(distinct.len(), 200_000, "stride {stride}");
        }
        for (per_block, stride, lanes) in [(37, 3, 1), (400, 7, 2), (900, 3_331, 5)] {
            let walk = Walk { first_block: 77, per_block, stride, offset: Offset::At(4_321), lanes };
            let steps = per_block * 10_000 / lanes;
            let distinct: HashSet<Phone> = (0..steps.min(200_000)).map(|step| walk.at(step)).collect();
            assert_eq!(distinct.len(), steps.min(200_000) as usize, "stride {stride}, {lanes} at once");
        }
    }

    #[test]
    fn callers_of_apps_are_their_own() {
        let distinct: HashSet<Phone> = (0..200).flat_map(|app| (0..CALLERS_MAX).map(move |index| caller(app, index))).collect();
        assert_eq!(distinct.len(), 200 * CALLERS_MAX as usize);
    }
}
