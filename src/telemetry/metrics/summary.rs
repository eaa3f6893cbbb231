//! A summary of measurements in fixed memory: since the start, and of the last interval.
//!
//! Quantiles come from buckets, four to each doubling, so that one is off by a tenth at most.

/// Ten to the minus three: with milliseconds, the first bucket holds what took less than a microsecond.
const SMALLEST: f64 = 0.001;
const PER_DOUBLING: f64 = 4.0;
/// Up to 2³² times the smallest: with milliseconds, 70 minutes.
const BUCKETS: usize = 128;

#[derive(Clone, Default)]
pub struct Summary {
    pub count: u64,
    pub sum: f64,
    now: Window,
    before: Window,
}

/// The measurements of one interval.
#[derive(Clone)]
pub struct Window {
    pub count: u64,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
    squares: f64,
    buckets: [u32; BUCKETS],
}

impl Default for Window {
    fn default() -> Self {
        Self { count: 0, sum: 0.0, min: f64::INFINITY, max: 0.0, squares: 0.0, buckets: [0; BUCKETS] }
    }
}

impl Summary {
    pub fn record(&mut self, value: f64) {
        if !value.is_finite() || value < 0.0 {
            return;
        }
        self.count += 1;
        self.sum += value;
        self.now.record(value);
    }

    pub fn roll(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }

    /// The last complete interval.
    pub fn interval(&self) -> &Window {
        &self.before
    }

    /// Of the last complete interval and the present one. `None`: nothing was measured.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let all = self.now.count + self.before.count;
        let wanted = (quantile * all as f64).ceil().max(1.0) as u64;
        let mut passed = 0;
        for bucket in 0..BUCKETS {
            let here = u64::from(self.now.buckets[bucket]) + u64::from(self.before.buckets[bucket]);
            passed += here;
            if here > 0 && passed >= wanted {
                return Some(middle(bucket).clamp(self.least(), self.now.max.max(self.before.max)));
            }
        }
        None
    }

    fn least(&self) -> f64 {
        self.now.min.min(self.before.min)
    }
}

impl Window {
    fn record(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.squares += value * value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        let bucket = &mut self.buckets[bucket(value)];
        *bucket = bucket.saturating_add(1);
    }

    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }

    pub fn deviation(&self) -> f64 {
        if self.count < 2 {
            return 0.0;
        }
        let n = self.count as f64;
        ((self.squares - self.sum * self.sum / n) / (n - 1.0)).max(0.0).sqrt()
    }
}

fn bucket(value: f64) -> usize {
    if value < SMALLEST {
        return 0;
    }
    (((value / SMALLEST).log2() * PER_DOUBLING) as usize + 1).min(BUCKETS - 1)
}

fn middle(bucket: usize) -> f64 {
    match bucket {
        0 => SMALLEST / 2.0,
        _ => SMALLEST * ((bucket as f64 - 0.5) / PER_DOUBLING).exp2(),
    }
}
