//! What all rules for one path say together.
//!
//! Capabilities add up and a deny swallows them. Of limits the tighter one counts: the shorter wrapping times, the smaller
//! page, every required parameter, every control group. Parameter values add up.

use std::sync::Arc;
use std::time::Duration;

use crate::rule::{Limits, Terms};
use crate::{Capability, CapabilitySet};

#[derive(Clone, Debug)]
pub(crate) struct Grant {
    /// With namespace, star and `+`.
    pub path: Arc<str>,
    pub capabilities: CapabilitySet,
    pub limits: Limits,
    pub sources: Vec<GrantedBy>,
}

/// A policy and what it contributed.
#[derive(Clone, Debug, PartialEq)]
pub struct GrantedBy {
    pub policy: Arc<str>,
    /// The path of its namespace, `""` or ending in a slash.
    pub namespace: Arc<str>,
    /// Of its rule, as written, with its template.
    pub path: Arc<str>,
    /// Of its text, where the rule is, counted from 1.
    pub line: u32,
    pub capabilities: CapabilitySet,
}

impl Grant {
    pub(crate) fn new(path: Arc<str>) -> Grant {
        Grant { path, capabilities: CapabilitySet::EMPTY, limits: Limits::default(), sources: Vec::new() }
    }

    pub(crate) fn merge(&mut self, terms: &Terms, source: GrantedBy) {
        self.sources.push(source);
        if self.capabilities.denies() {
            return;
        }
        if terms.capabilities.denies() {
            (self.capabilities, self.limits) = (CapabilitySet::DENY, Limits::default());
            return;
        }
        self.capabilities = self.capabilities.union(terms.capabilities);
        self.limits.tighten(&terms.limits);
    }

    pub(crate) fn granting(&self, capability: Capability) -> impl Iterator<Item = &GrantedBy> {
        self.sources.iter().filter(move |source| source.capabilities.contains(capability))
    }
}

impl Limits {
    fn tighten(&mut self, other: &Limits) {
        self.min_wrapping = lower(self.min_wrapping, other.min_wrapping);
        self.max_wrapping = lower(self.max_wrapping, other.max_wrapping);
        self.page = [self.page, other.page].into_iter().flatten().min();
        self.allowed.merge(&other.allowed);
        self.denied.merge(&other.denied);
        add_missing(&mut self.required, &other.required);
        add_missing(&mut self.mfa_methods, &other.mfa_methods);
        add_missing(&mut self.control_groups, &other.control_groups);
        if self.filter.is_none() {
            self.filter = other.filter.clone();
        }
    }
}

fn lower(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    [a, b].into_iter().flatten().min()
}

fn add_missing<T: PartialEq + Clone>(list: &mut Vec<T>, more: &[T]) {
    for entry in more {
        if !list.contains(entry) {
            list.push(entry.clone());
        }
    }
}
