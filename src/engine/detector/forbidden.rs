//! The businesses that the access rules of the platform forbid, as data, and how words are matched with them.
//!
//! Matching is plain: everything in lower case, signs dropped; a Chinese word is found anywhere in the text, an English one
//! as whole words. It does not understand a text: "no loans" is found as a loan, which is why a match alone accuses nobody
//! (see `business_mismatch`). An entry is named, cited and has its words in both languages.

/// One forbidden business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forbidden {
    /// Its name, for summaries.
    pub name: &'static str,
    /// Where it is forbidden.
    pub source: &'static str,
    /// The words that tell it, Chinese and English.
    pub words: &'static [&'static str],
}

/// The access rules of Tencent Cloud Contact Center, list of forbidden businesses.
const ACCESS_RULES: &str = "access-rules/forbidden";

macro_rules! forbidden {
    ($($name:literal: $($word:literal)+;)+) => {
        /// Every forbidden business, in the order of the source.
        pub const FORBIDDEN: &[Forbidden] =
            &[$(Forbidden { name: $name, source: ACCESS_RULES, words: &[$($word),+] }),+];
    };
}

forbidden! {
    "medicines": "药品" "医药" "卖药" "medicine" "medicines" "drugs" "pharmaceuticals";
    "health products": "保健品" "保健食品" "营养品" "health products" "health supplements" "dietary supplements";
    "medical devices": "医疗器械" "medical devices" "medical equipment";
    "hair and skin care": "植发" "养发" "生发" "祛斑" "祛痘" "护肤" "hair care" "hair transplant" "skin care";
    "slimming": "减肥" "瘦身" "slimming" "weight loss";
    "cosmetic surgery": "医美" "整形" "整容" "cosmetic surgery" "plastic surgery";
    "blind calls for homes and shops": "楼盘" "售楼" "新房" "商铺" "new homes" "shops for sale" "property sales" "real estate sales";
    "credit cards": "信用卡" "credit card" "credit cards";
    "banking": "银行业务" "银行营销" "banking";
    "loans": "贷款" "借贷" "网贷" "信贷" "loan" "loans" "lending";
    "collections": "催收" "催债" "讨债" "collections" "debt collection" "debt collecting";
    "stocks": "股票" "荐股" "炒股" "stocks" "stock tips" "securities";
    "POS terminals": "pos机" "刷卡机" "pos terminal" "pos terminals" "pos machines";
    "bookkeeping": "代理记账" "代账" "bookkeeping";
    "game promotion": "游戏推广" "网游" "手游" "game promotion" "game marketing";
    "fake orders and reviews": "刷单" "刷评" "好评返现" "fake orders" "fake reviews";
    "insurance": "保险" "车险" "寿险" "insurance";
    "matchmaking": "婚介" "相亲" "征婚" "交友" "matchmaking" "dating";
    "furnishing and building materials": "家装" "家居" "建材" "furnishing" "building materials";
    "interior design": "装修" "装潢" "室内设计" "interior design" "home renovation";
    "degrees": "学历" "文凭" "自考" "degrees" "diplomas";
    "K12 tutoring": "k12" "课外辅导" "学科培训" "学科辅导" "补习" "tutoring";
    "conference invitations": "会议邀约" "邀约参会" "会销" "conference invitation" "conference invitations";
    "short video": "短视频" "short video" "short videos";
    "casting": "招募演员" "选角" "艺人招募" "童模" "casting";
    "trademark and patent agency": "商标" "专利代理" "专利申请" "trademark" "trademarks" "patent agency" "patents";
    "telecom resale": "电信转售" "话务批发" "转售号卡" "虚商" "telecom resale" "resale of telecom";
    "tobacco": "香烟" "烟草" "卷烟" "电子烟" "tobacco" "cigarettes" "vapes";
    "drinks": "白酒" "红酒" "酒水" "酒类" "卖酒" "liquor" "wine" "drinks";
    "tea": "茶叶" "tea sales" "tea";
    "collectibles and antiques": "收藏品" "古董" "古玩" "邮币" "collectibles" "antiques";
    "travel": "旅游" "旅行社" "travel" "tourism";
    "dialing systems that evade blocking": "防封" "外呼系统" "电销系统" "anti-blocking" "evade blocking" "dialing system" "dialing systems";
    "personal calling": "个人呼叫" "个人使用" "personal calling" "personal use";
    "robot calling": "机器人外呼" "外呼机器人" "robot calling" "robocall" "robocalls" "robocalling";
    "vulgar content": "低俗" "vulgar";
    "superstitious content": "迷信" "算命" "占卜" "superstition" "superstitious" "fortune telling";
    "pornographic content": "色情" "裸聊" "pornography" "pornographic";
    "gambling": "赌博" "博彩" "彩票" "gambling" "betting" "lottery";
    "fraud": "诈骗" "欺诈" "杀猪盘" "fraud" "fraudulent" "scam";
    "harassing content": "骚扰" "harassment" "harassing";
}

/// A text as it is compared: lower case, English words each between spaces, Chinese without any.
pub fn normalised(text: &str) -> String {
    let mut plain = String::with_capacity(text.len() + 2);
    let mut in_word = false;
    for letter in text.chars().flat_map(char::to_lowercase) {
        let is_latin = letter.is_ascii_alphanumeric();
        if is_latin != in_word && !plain.ends_with(' ') {
            plain.push(' ');
        }
        in_word = is_latin;
        if letter.is_alphanumeric() {
            plain.push(letter);
        }
    }
    if in_word {
        plain.push(' ');
    }
    plain
}

/// The forbidden businesses that a normalised text names, in the order of the table.
pub fn named_in(text: &str) -> impl Iterator<Item = &'static Forbidden> {
    FORBIDDEN.iter().filter(move |entry| entry.words.iter().any(|word| text.contains(&*normalised(word))))
}

/// How a business that was found compares with what was filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Business {
    /// It is what was filed.
    AsFiled,
    /// It is another one, and not a forbidden one.
    Other,
    /// It is another one, and forbidden.
    Forbidden(&'static Forbidden),
}

/// Compares what was found with the filed scene and industry, all normalised. What names a forbidden business is as filed
/// only if that very business was filed; anything else if one text contains the other.
pub fn compare(found: &str, filed: &[String]) -> Business {
    let filed_names = |entry: &Forbidden| filed.iter().any(|text| named_in(text).any(|named| named == entry));
    let mut named = named_in(found).peekable();
    if named.peek().is_some() {
        return named.find(|entry| !filed_names(entry)).map_or(Business::AsFiled, Business::Forbidden);
    }
    let is_same = |text: &String| text.contains(found) || found.contains(text.as_str());
    if filed.iter().any(is_same) { Business::AsFiled } else { Business::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_compared_by_their_letters() {
        for (text, plain) in
            [("Tea-Sales!", " tea sales "), (" 售后 回访 ", "售后回访"), ("POS机办理", " pos 机办理"), ("", ""), ("K12", " k12 ")]
        {
            assert_eq!(normalised(text), plain, "{text}");
        }
    }

    #[test]
    fn forbidden_businesses_are_found_by_whole_words() {
        let named = |text: &str| named_in(&normalised(text)).map(|entry| entry.name).collect::<Vec<_>>();
        assert_eq!(named("车险续保"), ["insurance"]);
        assert_eq!(named("Life insurance and LOANS"), ["loans", "insurance"]);
        assert_eq!(named("办理POS机"), ["POS terminals"]);
        assert_eq!(named("steamed team lunches"), [""; 0]);
        assert_eq!(named("酒店预订回访"), [""; 0]);
        assert_eq!(named("after-sales service"), [""; 0]);
    }

    #[test]
    fn every_entry_is_found_by_each_of_its_words() {
        for entry in FORBIDDEN {
            assert!(
                entry.words.iter().any(|word| word.is_ascii()) && entry.words.iter().any(|word| !word.is_ascii()),
                "{}",
                entry.name
            );
            for word in entry.words {
                assert!(named_in(&normalised(word)).any(|named| named == entry), "{word}");
                assert!(named_in(&normalised(&format!("some {word}, today"))).any(|named| named == entry), "{word}");
            }
        }
    }

    #[test]
    fn what_was_found_is_held_against_what_was_filed() {
        let against = |found: &str, filed: &[&str]| {
            compare(&normalised(found), &filed.iter().map(|text| normalised(text)).collect::<Vec<_>>())
        };
        assert_eq!(against("售后服务回访", &["售后服务"]), Business::AsFiled);
        assert_eq!(against("after-sales", &["After sales service", "appliances"]), Business::AsFiled);
        assert_eq!(against("satisfaction survey", &["after-sales"]), Business::Other);
        assert!(matches!(against("贷款推销", &["售后服务"]), Business::Forbidden(entry) if entry.name == "loans"));
        // A broad word that was filed does not make a forbidden business of the same words the filed one.
        assert!(matches!(against("色情服务", &["服务"]), Business::Forbidden(_)));
        assert_eq!(against("寿险销售", &["insurance"]), Business::AsFiled);
    }
}
