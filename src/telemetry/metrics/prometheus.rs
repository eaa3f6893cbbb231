//! The registry as Prometheus reads it: text format 0.0.4.

use std::fmt::{Display, Write};

use metrics::Key;

use super::registry::Registry;

pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];

pub fn render(registry: &Registry) -> String {
    let mut out = Text::default();
    for (key, count) in registry.counters.all() {
        out.family(&key, "counter");
        out.line(&key, "", None, count.total());
    }
    for (key, level) in registry.gauges.all() {
        out.family(&key, "gauge");
        out.line(&key, "", None, level.value());
    }
    for (key, sample) in registry.samples.all() {
        let summary = sample.0.lock().clone();
        out.family(&key, "summary");
        for quantile in QUANTILES {
            out.line(&key, "", Some(quantile), summary.quantile(quantile).unwrap_or(f64::NAN));
        }
        out.line(&key, "_sum", None, summary.sum);
        out.line(&key, "_count", None, summary.count);
    }
    out.text
}

#[derive(Default)]
struct Text {
    text: String,
    last: String,
}

impl Text {
    /// A family is introduced once; its series follow each other, since keys are in order.
    fn family(&mut self, key: &Key, kind: &str) {
        let name = name(key);
        if name != self.last {
            self.put(format_args!("# TYPE {name} {kind}\n"));
            self.last = name;
        }
    }

    fn line(&mut self, key: &Key, suffix: &str, quantile: Option<f64>, value: impl Display) {
        self.put(format_args!("{}{suffix}", name(key)));
        let mut labels: Vec<String> =
            key.labels().map(|l| format!("{}=\"{}\"", legal(l.key()), escaped(l.value()))).collect();
        labels.extend(quantile.map(|q| format!("quantile=\"{q}\"")));
        if !labels.is_empty() {
            self.put(format_args!("{{{}}}", labels.join(",")));
        }
        self.put(format_args!(" {value}\n"));
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("a String takes everything");
    }
}

fn name(key: &Key) -> String {
    legal(key.name())
}

fn legal(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    name.chars().map(|c| if fits(c) { c } else { '_' }).collect()
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
