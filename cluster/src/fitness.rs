//! Whether this node is fit to lead, and whether its disk takes more.
//!
//! The server looks after both, since it knows its audit devices and certificates, and says so here. An unfit node behaves as
//! a sealed one does: it leads only where nobody else can, and hands over as soon as somebody can. A leader whose disk is
//! nearly full takes no writes, nor does any leader while too few voters have room; what is under way, and the entry that a
//! new leader begins with, still goes. With even less room a node takes no entries at all, so that it has some left to vote,
//! to purge and to start again.

use parking_lot::Mutex;

use crate::shared::Shared;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fitness {
    /// Why it should not lead.
    pub unfit: Option<String>,
    pub room: Room,
}

/// On the disk of the log and the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Room {
    #[default]
    Enough,
    /// For what is under way, not for more.
    Little,
    /// For nothing but this node's own needs.
    None,
}

#[derive(Default)]
pub(crate) struct Kept(Mutex<Fitness>);

impl Kept {
    /// Answers whether that changed something.
    pub fn set(&self, now: Fitness) -> bool {
        let mut known = self.0.lock();
        if *known == now {
            return false;
        }
        match (&known.unfit, &now.unfit) {
            (_, Some(reason)) => tracing::warn!(reason, "this node leaves leading to others"),
            (Some(_), None) => tracing::info!("this node is fit to lead again"),
            (None, None) => {}
        }
        *known = now;
        true
    }

    pub fn is_unfit(&self) -> bool {
        self.0.lock().unfit.is_some()
    }

    pub fn room(&self) -> Room {
        self.0.lock().room
    }
}

/// Why nothing can be written, where that is for want of room.
pub(crate) fn no_room(shared: &Shared) -> Option<&'static str> {
    if shared.local.fitness.room() != Room::Enough {
        return Some("the disk of the active node is nearly full: nothing is written until there is room");
    }
    let membership = shared.membership();
    let fresh = shared.local.timing().election_max;
    let (mut voters, mut full, mut silent) = (0, 0, 0);
    for id in membership.membership().voter_ids() {
        voters += 1;
        match shared.reports.within(fresh, id) {
            Some(report) => full += usize::from(report.full),
            None => silent += usize::from(id != shared.id),
        }
    }
    // Where nobody is full, it is for consensus to say how many must answer.
    let enough = full == 0 || voters - full - silent > voters / 2;
    (!enough).then_some("the disks of too many nodes are nearly full: nothing is written until there is room")
}
