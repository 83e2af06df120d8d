//! placeholder until merged
/// x
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TalkLengths {}
impl TalkLengths {
    /// x
    pub fn push(&mut self, _: u32) {}
}
