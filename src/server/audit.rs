//! Audit as the configuration has it, as core is told of it.

use std::sync::Arc;

use holdfast_core::audit::{Configured, DeviceRecord, OptionError, Setup};

use super::post::HttpPost;
use crate::config::ServerConfig;

pub fn setup(config: &ServerConfig) -> Result<Setup, OptionError> {
    let devices = config.audit.iter().map(|device| Configured {
        path: device.path.clone(),
        plan: device.plan.clone(),
        record: DeviceRecord {
            kind: device.kind.clone(),
            description: device.description.clone(),
            local: true,
            options: device.options.clone(),
        },
    });
    let http = HttpPost::new().map_err(OptionError)?;
    Ok(Setup { devices: devices.collect(), api: config.audit_api.clone(), http: Some(Arc::new(http)) })
}
