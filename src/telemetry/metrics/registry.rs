//! Every series by its key. Their number has a bound: names come from mounts too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, SharedString, Unit};
use parking_lot::{Mutex, RwLock};

use super::Metrics;
use super::summary::Summary;

/// Series of each kind. What would be one more is not kept.
const SERIES_MAX: usize = 2000;

#[derive(Default)]
pub struct Registry {
    pub counters: Series<Count>,
    pub gauges: Series<Level>,
    pub samples: Series<Sample>,
}

impl Registry {
    pub fn roll(&self) {
        for (_, count) in self.counters.all() {
            count.roll();
        }
        for (_, sample) in self.samples.all() {
            sample.0.lock().roll();
        }
    }
}

/// Those of one kind.
pub struct Series<T>(RwLock<BTreeMap<Key, Arc<T>>>);

impl<T> Default for Series<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T: Default> Series<T> {
    fn of(&self, key: &Key) -> Option<Arc<T>> {
        if let Some(known) = self.0.read().get(key) {
            return Some(Arc::clone(known));
        }
        let mut all = self.0.write();
        if all.len() >= SERIES_MAX && !all.contains_key(key) {
            return None;
        }
        Some(Arc::clone(all.entry(key.clone()).or_default()))
    }

    /// Nobody can say what these are any more.
    pub fn forget(&self, are: impl Fn(&Key) -> bool) {
        self.0.write().retain(|key, _| !are(key));
    }

    /// In the order of their keys: the names' order, and within a name the labels'.
    pub fn all(&self) -> Vec<(Key, Arc<T>)> {
        self.0.read().iter().map(|(key, one)| (key.clone(), Arc::clone(one))).collect()
    }
}

/// A sum that only grows.
#[derive(Default)]
pub struct Count {
    total: AtomicU64,
    /// How often it grew.
    times: AtomicU64,
    interval: Mutex<Grown>,
}

/// By how much, and how often, in the last complete interval, and what stood at its end.
#[derive(Clone, Copy, Default)]
pub struct Grown {
    pub by: u64,
    pub times: u64,
    total: u64,
    all_times: u64,
}

impl Count {
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    pub fn grown(&self) -> Grown {
        *self.interval.lock()
    }

    fn roll(&self) {
        let (total, all_times) = (self.total(), self.times.load(Ordering::Relaxed));
        let mut last = self.interval.lock();
        *last = Grown {
            by: total.saturating_sub(last.total),
            times: all_times.saturating_sub(last.all_times),
            total,
            all_times,
        };
    }
}

impl CounterFn for Count {
    fn increment(&self, by: u64) {
        self.total.fetch_add(by, Ordering::Relaxed);
        self.times.fetch_add(1, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.total.fetch_max(value, Ordering::Relaxed);
        self.times.fetch_add(1, Ordering::Relaxed);
    }
}

/// A value that goes up and down.
#[derive(Default)]
pub struct Level(AtomicU64);

impl Level {
    pub fn value(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn change(&self, by: f64) {
        let changed = |bits| Some((f64::from_bits(bits) + by).to_bits());
        // The closure never declines.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed);
    }
}

impl GaugeFn for Level {
    fn increment(&self, by: f64) {
        self.change(by);
    }

    fn decrement(&self, by: f64) {
        self.change(-by);
    }

    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }
}

/// Measurements of one kind.
#[derive(Default)]
pub struct Sample(pub Mutex<Summary>);

impl HistogramFn for Sample {
    fn record(&self, value: f64) {
        self.0.lock().record(value);
    }
}

/// The registry as the facade sees it.
pub struct Recorder(pub Arc<Metrics>);

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}
    fn describe_gauge(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}
    fn describe_histogram(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        self.0.registry.counters.of(key).map_or_else(Counter::noop, Counter::from_arc)
    }

    fn register_gauge(&self, key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        self.0.registry.gauges.of(key).map_or_else(Gauge::noop, Gauge::from_arc)
    }

    fn register_histogram(&self, key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        self.0.registry.samples.of(key).map_or_else(Histogram::noop, Histogram::from_arc)
    }
}
