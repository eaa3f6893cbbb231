//! Finding a namespace: by its path, by its id, by what a request says.

use std::sync::{Arc, LazyLock};

use barrier::Barrier;
use sdk::{Failure, Namespace, NamespaceId};
use storage::{Access, Path, Read, Revision, Seg, View};

use super::{DEPTH_MAX, NamespaceRecord, Namespaces, above_key, name_key, names, record_key, root};
use crate::cache::Found;
use crate::mount::{Mount, Mounts};
use crate::space;

/// A namespace that lives, with those that it lies in.
pub struct Place {
    pub namespace: Namespace,
    /// Its own record and those above, the outermost first; the root has none.
    records: Vec<Arc<NamespaceRecord>>,
    open: Open,
}

/// Whether records of a namespace can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Yes,
    /// By its record nothing keeps them from it, but this node has no keys for them.
    NotHere,
    No,
}

/// Where a request goes.
pub struct Address {
    pub place: Arc<Place>,
    /// Below it.
    pub path: String,
    /// The mount that the path lies in.
    pub mount: Option<Found<Mount>>,
    /// Whether the path said which namespace, or a part of it.
    pub by_path: bool,
}

type RelyOn = Vec<(Path, Option<Revision>)>;

static ROOT: LazyLock<Arc<Place>> =
    LazyLock::new(|| Arc::new(Place { namespace: Namespace::root(), records: Vec::new(), open: Open::Yes }));

impl Place {
    pub fn root() -> Arc<Self> {
        Arc::clone(&ROOT)
    }

    /// The root has none.
    pub fn record(&self) -> Option<&NamespaceRecord> {
        self.records.last().map(Arc::as_ref)
    }

    /// That of the namespace above; the root lies in none.
    pub fn above(&self) -> Option<NamespaceId> {
        let above = self.records.len().checked_sub(1)?;
        Some(above.checked_sub(1).map_or_else(NamespaceId::root, |above| self.records[above].id.clone()))
    }

    /// The same with its path.
    pub(crate) fn above_namespace(&self) -> Option<Namespace> {
        let (id, name) = (self.above()?, &self.record()?.name);
        let path = self.namespace.path.strip_suffix(&format!("{name}/"))?.to_owned();
        Some(Namespace { id, path })
    }

    pub fn is_at_or_below(&self, id: &NamespaceId) -> bool {
        id.is_root() || self.records.iter().any(|record| record.id == *id)
    }

    /// Whether it is sealed by its own seal, or this node has no keys for it.
    pub fn is_sealed(&self) -> bool {
        self.open != Open::Yes
    }

    /// Whether it is open, but this node has no keys for it.
    pub fn lacks_keys(&self) -> bool {
        self.open == Open::NotHere
    }

    /// What is told of all that lies in it, if none of that is served.
    pub fn closed(&self) -> Option<Failure> {
        if self.is_sealed() {
            return Some(Access::NamespaceSealed(self.namespace.id.keyring().to_owned()).into());
        }
        let locked = self.locked_at()?;
        Some(Failure::Unavailable(format!(
            "API access to this namespace has been locked by an administrator - {locked:?} must be unlocked to gain access."
        )))
    }

    /// The path of the outermost namespace whose API is locked, and this one's with it.
    pub fn locked_at(&self) -> Option<String> {
        let locked = self.records.iter().position(|record| record.is_locked())?;
        Some(self.records[..=locked].iter().map(|record| format!("{}/", record.name)).collect())
    }

    fn below(&self, record: Arc<NamespaceRecord>, barrier: &Barrier) -> Arc<Self> {
        let open = match record.is_sealable() {
            true if record.is_sealed() => Open::No,
            true if !barrier.holds(record.id.keyring()) => Open::NotHere,
            _ => Open::Yes,
        };
        let namespace = Namespace { id: record.id.clone(), path: format!("{}{}/", self.namespace.path, record.name) };
        let records = self.records.iter().cloned().chain([record]).collect();
        Arc::new(Self { namespace, records, open })
    }
}

impl Namespaces {
    /// Where a request goes that names a namespace in its header, or none, and a path: a sealed one, if the way leads
    /// through that. `view` is anywhere.
    pub fn address(
        &self,
        mounts: &Mounts,
        view: &View,
        header: &str,
        path: &str,
        rely_on: &mut RelyOn,
    ) -> Result<Address, Failure> {
        let mut place = Place::root();
        for name in segments(header) {
            if place.is_sealed() {
                break;
            }
            place = self.child(view, &place, name, rely_on)?.ok_or_else(no_namespace)?;
        }
        let (mut rest, mut by_path) = (path, false);
        loop {
            if place.is_sealed() {
                return Ok(Address { place, path: rest.to_owned(), mount: None, by_path });
            }
            let here = view.elsewhere(space::records(&place.namespace.id));
            let mount = mounts.route(&here, rest)?;
            let inner = match rest.split_once('/') {
                Some((name, below)) if mount.is_none() => {
                    self.child(view, &place, name, rely_on)?.map(|inner| (inner, below))
                }
                _ => None,
            };
            let Some((inner, below)) = inner else {
                return Ok(Address { place, path: rest.to_owned(), mount, by_path });
            };
            (place, rest, by_path) = (inner, below, true);
        }
    }

    /// The namespace of that name right below another one.
    pub fn child(
        &self,
        view: &View,
        above: &Place,
        name: &str,
        rely_on: &mut RelyOn,
    ) -> Result<Option<Arc<Place>>, Access> {
        let records = view.elsewhere(space::records(&above.namespace.id));
        let Some(id) = self.ids.read(&records, &name_key(name))? else { return Ok(None) };
        self.inner(&records, above, &id.value, rely_on)
    }

    /// The namespace at a path below another one.
    pub fn descend(
        &self,
        view: &View,
        from: &Arc<Place>,
        path: &str,
        rely_on: &mut RelyOn,
    ) -> Result<Option<Arc<Place>>, Access> {
        let mut place = Arc::clone(from);
        for name in segments(path) {
            if place.is_sealed() {
                return Ok(None);
            }
            match self.child(view, &place, name, rely_on)? {
                Some(inner) => place = inner,
                None => return Ok(None),
            }
        }
        Ok(Some(place))
    }

    /// A sealed one in its place, if it lies in that.
    pub fn by_id(&self, view: &View, id: &NamespaceId, rely_on: &mut RelyOn) -> Result<Option<Arc<Place>>, Access> {
        let root = view.elsewhere(root());
        let mut way = vec![id.clone()];
        while let Some(id) = way.last().filter(|id| !id.is_root()) {
            let Some(above) = self.above.read(&root, &above_key(id))? else { return Ok(None) };
            if way.len() > DEPTH_MAX {
                return Err(Access::Broken("namespaces lie in each other in a circle".into()));
            }
            way.push(above.value.as_ref().clone());
        }
        let mut place = Place::root();
        for id in way.iter().rev().skip(1) {
            if place.is_sealed() {
                break;
            }
            let records = view.elsewhere(space::records(&place.namespace.id));
            match self.inner(&records, &place, id, rely_on)? {
                Some(inner) => place = inner,
                None => return Ok(None),
            }
        }
        Ok(Some(place))
    }

    /// The records that say that what a namespace has is looked after: it is there, and open. `view` is anywhere.
    pub(crate) fn served(&self, view: &View, id: &NamespaceId) -> Result<Option<RelyOn>, Access> {
        let mut rely_on = RelyOn::new();
        let place = self.by_id(view, id, &mut rely_on)?;
        Ok(place.filter(|place| place.namespace.id == *id && !place.is_sealed()).map(|_| rely_on))
    }

    /// Whether one namespace is another, or lies in it. Whoever asks from above about one that is sealed is told so; from beside
    /// it is like one that is not there.
    pub fn is_within(&self, view: &View, inner: &NamespaceId, outer: &NamespaceId) -> Result<bool, Access> {
        if inner == outer {
            return Ok(true);
        }
        let place = self.by_id(view, inner, &mut RelyOn::new())?.filter(|place| place.is_at_or_below(outer));
        match place {
            Some(place) if place.is_sealed() => Err(Access::NamespaceSealed(place.namespace.id.keyring().to_owned())),
            place => Ok(place.is_some()),
        }
    }

    /// The one behind another, in an order that means nothing; the root comes before all. `read` is at the root's records.
    pub(crate) fn behind(&self, read: &impl Read, id: &NamespaceId) -> Result<Option<NamespaceId>, Access> {
        let after = (!id.is_root()).then(|| above_key(id));
        let next = read.range(&super::above_folder(), after.as_ref(), 1)?;
        Ok(next.first().and_then(|key| match key.segs().last()? {
            Seg::Plain(bytes) => NamespaceId::parse(std::str::from_utf8(bytes).ok()?),
            Seg::Name(_) => None,
        }))
    }

    /// Names of the namespaces right below, sorted. `read` is at the records of that above.
    pub fn names(&self, read: &impl Read, after: Option<&str>, limit: usize) -> Result<Vec<String>, Access> {
        read.page(&names(), after, limit)
    }

    fn inner(
        &self,
        records: &View,
        above: &Place,
        id: &NamespaceId,
        rely_on: &mut RelyOn,
    ) -> Result<Option<Arc<Place>>, Access> {
        let Some(found) = self.records.read(records, &record_key(id))? else { return Ok(None) };
        rely_on.push((found.path, Some(found.revision)));
        Ok(Some(found.value).filter(|record| !record.doomed).map(|record| above.below(record, &self.barrier)))
    }
}

/// Of a path that may begin and end with slashes. `root` alone means the root.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.trim_matches('/');
    path.split('/').filter(move |_| !path.is_empty() && path != "root")
}

fn no_namespace() -> Failure {
    Failure::NoSuch("namespace not found".into())
}
