//! placeholder until merged
/// x
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Line {}
impl Line {
    /// x
    pub fn push(&mut self, _: u32, _: u32) {}
}
