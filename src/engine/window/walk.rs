//! placeholder until merged
/// x
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct NumberWalk {}
impl NumberWalk {
    /// x
    pub fn push(&mut self, _: u64) {}
    /// x
    pub fn evidence(&self) -> Walk {
        Walk::default()
    }
}
/// x
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// x
    pub longest_run: u32,
    /// x
    pub pairs: u32,
    /// x
    pub blocks: u32,
    /// x
    pub mobile: bool,
    /// x
    pub expected_pairs: f64,
}
impl Walk {
    /// x
    pub fn is_beyond_chance(&self) -> bool {
        false
    }
}
