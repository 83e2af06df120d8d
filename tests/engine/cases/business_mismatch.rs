//! `business_mismatch`: what inspectors found, against what was filed.

use serde_json::{Value, json};

use super::{Case, RESOLVE};
use crate::scenario::App;

/// An app that filed a business, some calls, and what inspectors who listened in say of each of them.
fn inspected(filed: Value, found: &[Value]) -> App {
    let mut app = App::new();
    app.files(filed);
    for (n, minute) in (1..).zip(["00", "10", "20", "30"]) {
        app.dial(&format!("2026-03-09 09:{minute}")).to(n).agent(1).answered(40);
    }
    for (n, said) in (1..).zip(found) {
        app.is_told("inspection", n, &format!("2026-03-09 10:{n}0"), said.clone());
    }
    for (n, time) in (9..).zip(["12:00", "13:00"]) {
        app.dial(&format!("2026-03-09 {time}")).to(n).agent(1).answered(40);
    }
    app
}

fn after_sales() -> Value {
    json!({ "industry": "家电", "scene": "售后服务" })
}

fn scene(found: &str) -> Value {
    json!({ "category": "business_mismatch", "scene": found })
}

fn category(category: &str) -> Value {
    json!({ "category": category })
}

pub const CASES: [Case; 12] = [
    Case {
        name: "business_mismatch--fires-forbidden-business",
        shows: "After-sales service was filed, loans are sold: severe.",
        config: RESOLVE,
        traffic: || inspected(after_sales(), &[scene("贷款推销")]).traffic(),
    },
    Case {
        name: "business_mismatch--fires-another-business",
        shows: "After-sales service was filed, a survey is made: not forbidden, but not what was filed.",
        config: RESOLVE,
        traffic: || inspected(after_sales(), &[scene("市场调查")]).traffic(),
    },
    Case {
        name: "business_mismatch--fires-first-another-then-a-forbidden-one",
        shows: "One inspector finds a survey, the next insurance: the alert becomes severe and keeps its id.",
        config: RESOLVE,
        traffic: || inspected(json!({ "scene": "After-sales service" }), &[scene("Survey"), scene("Life insurance")]).traffic(),
    },
    Case {
        name: "business_mismatch--fires-without-a-scene",
        shows: "An inspector says that the business is another one and not which; nothing was filed that could confirm it.",
        config: RESOLVE,
        traffic: || inspected(json!({}), &[category("business_mismatch")]).traffic(),
    },
    Case {
        name: "business_mismatch--fires-abuse",
        shows: "An inspector hears an agent abuse a person: grave.",
        config: RESOLVE,
        traffic: || inspected(after_sales(), &[category("abuse")]).traffic(),
    },
    Case {
        name: "business_mismatch--fires-number-leak",
        shows: "People say that their number was leaked; the second time it is told of again.",
        config: RESOLVE,
        traffic: || inspected(after_sales(), &[category("number_leak"), category("number_leak")]).traffic(),
    },
    Case {
        name: "business_mismatch--fires-no-consent",
        shows: "A person never agreed to be called.",
        config: RESOLVE,
        traffic: || inspected(after_sales(), &[category("no_consent")]).traffic(),
    },
    Case {
        name: "business_mismatch--quiet-as-filed",
        shows: "Inspectors find what was filed, in other words and in the words of the industry.",
        config: RESOLVE,
        traffic: || inspected(after_sales(), &[scene("售后服务回访"), scene("家电"), json!({ "scene": "售后 服务" })]).traffic(),
    },
    Case {
        name: "business_mismatch--quiet-filed-though-on-the-list",
        shows: "Insurance was filed and admitted, and life insurance is what inspectors find.",
        config: RESOLVE,
        traffic: || {
            inspected(json!({ "industry": "insurance" }), &[scene("寿险续保通知"), json!({ "scene": "Life insurance" })])
                .traffic()
        },
    },
    Case {
        name: "business_mismatch--quiet-words-within-words",
        shows: "A hotel is no sale of liquor, and a team no tea, though the letters are there.",
        config: RESOLVE,
        traffic: || {
            inspected(json!({ "industry": "酒店", "scene": "Team bookings" }), &[scene("酒店预订"), scene("team bookings")])
                .traffic()
        },
    },
    Case {
        name: "business_mismatch--quiet-nothing-wrong",
        shows: "An inspector listened in and has nothing to say, or names the business of an app that filed none.",
        config: RESOLVE,
        traffic: || {
            inspected(json!({}), &[json!({ "verified": true }), category("passed"), json!({ "scene": "insurance" })]).traffic()
        },
    },
    Case {
        name: "business_mismatch--quiet-complaint-about-the-business",
        shows: "A person who complains of another business is no inspector; the complaint is answered.",
        config: RESOLVE,
        traffic: || {
            let mut app = inspected(after_sales(), &[]);
            app.is_told("complaint", 1, "2026-03-09 10:10", scene("贷款推销"));
            app.is_told("reply", 1, "2026-03-09 10:20", json!({}));
            app.traffic()
        },
    },
];
