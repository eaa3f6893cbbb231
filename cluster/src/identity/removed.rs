//! The keys of nodes that were taken out of the cluster. They are remembered so that those nodes can be told.

use std::collections::VecDeque;
use std::sync::Arc;

use super::PublicKey;
use crate::log::encoding::DecodeError;

/// How many are remembered; beyond that the oldest is forgotten, and its node a stranger.
const MAX: usize = 10_000;

/// Oldest first. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemovedKeys(Arc<VecDeque<PublicKey>>);

impl RemovedKeys {
    pub fn contains(&self, key: &PublicKey) -> bool {
        self.0.contains(key)
    }

    /// After a change of the members from these keys to those; none if it changes nothing here.
    pub fn after<'a>(
        &self,
        before: impl Iterator<Item = &'a PublicKey>,
        now: impl Iterator<Item = &'a PublicKey> + Clone,
    ) -> Option<Self> {
        let is_member = |key: &PublicKey| now.clone().any(|member| member == key);
        let gone: Vec<PublicKey> = before.filter(|key| !is_member(key) && !self.contains(key)).copied().collect();
        let back = self.0.iter().any(is_member);
        if gone.is_empty() && !back {
            return None;
        }
        let kept = self.0.iter().filter(|key| !is_member(key)).copied();
        let mut keys: VecDeque<PublicKey> = kept.chain(gone).collect();
        while keys.len() > MAX {
            keys.pop_front();
        }
        Some(Self(Arc::new(keys)))
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + self.0.len() * size_of::<PublicKey>());
        out.push(FORMAT);
        self.0.iter().for_each(|key| out.extend_from_slice(key));
        out
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (format, keys) = bytes.split_first().ok_or(DecodeError::Truncated)?;
        if *format != FORMAT {
            return Err(DecodeError::Format(*format));
        }
        let (keys, rest) = keys.as_chunks();
        if !rest.is_empty() {
            return Err(DecodeError::Malformed("a part of a key"));
        }
        Ok(Self(Arc::new(keys.iter().copied().collect())))
    }
}

const FORMAT: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(of: impl IntoIterator<Item = u16>) -> Vec<PublicKey> {
        let key = |n: u16| {
            let mut key = [0; 32];
            key[..2].copy_from_slice(&n.to_be_bytes());
            key
        };
        of.into_iter().map(key).collect()
    }

    #[test]
    fn who_leaves_is_remembered_until_it_is_back() {
        let (all, two) = (keys([1, 2, 3]), keys([1, 2]));
        let removed = RemovedKeys::default().after(all.iter(), two.iter()).unwrap();
        assert!(removed.contains(&all[2]) && !removed.contains(&all[0]));
        assert_eq!(removed.after(two.iter(), two.iter()), None, "nothing has changed");
        assert_eq!(removed.after(two.iter(), all.iter()), Some(RemovedKeys::default()));
    }

    #[test]
    fn they_are_bounded_and_come_back_as_they_were() {
        let most = u16::try_from(MAX).unwrap();
        let removed = RemovedKeys::default().after(keys(0..most + 2).iter(), keys([0]).iter()).unwrap();
        let [forgotten, kept] = keys([1, 2])[..] else { panic!("two keys") };
        assert!(!removed.contains(&forgotten) && removed.contains(&kept));
        assert_eq!(RemovedKeys::from_bytes(&removed.to_bytes()).unwrap(), removed);
        assert!(matches!(RemovedKeys::from_bytes(&[]), Err(DecodeError::Truncated)));
        assert!(matches!(RemovedKeys::from_bytes(&[FORMAT, 1]), Err(DecodeError::Malformed(_))));
        assert!(matches!(RemovedKeys::from_bytes(&[FORMAT + 1]), Err(DecodeError::Format(2))));
    }
}
