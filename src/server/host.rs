//! The machine that this process runs on, as the kernel tells.

use std::fs;
use std::path::Path;

use sdk::{Map, Value, json};
use system::measures::Host;

/// `data` is the folder whose disk is described.
pub fn describe(data: &Path) -> Host {
    let mut host = Host::default();
    let mut add = |name: &str, found: Result<Value, String>| match found {
        Ok(fact) => {
            host.facts.insert(name.to_owned(), fact);
        }
        Err(problem) => host.problems.push(format!("{name}: {problem}")),
    };
    add("timestamp", Ok(json!(sdk::timestamp(cluster::time::wall()))));
    add("host", system_facts());
    add("cpu", read("/proc/cpuinfo").map(|text| processors(&text)));
    add("cpu_times", read("/proc/stat").map(|text| times(&text)));
    add("memory", read("/proc/meminfo").and_then(|text| memory(&text)));
    add("disk", disk(data));
    host
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|problem| format!("{path}: {problem}"))
}

fn system_facts() -> Result<Value, String> {
    let kernel = |name: &str| read(&format!("/proc/sys/kernel/{name}")).map(|text| text.trim().to_owned());
    let uptime = read("/proc/uptime")?;
    let uptime: u64 = uptime.split('.').next().and_then(|text| text.parse().ok()).ok_or("/proc/uptime is no number")?;
    let release = read("/etc/os-release").unwrap_or_default();
    let of_release = |name: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.map(|value| value.trim_matches('"').to_owned()).unwrap_or_default()
    };
    Ok(json!({
        "hostname": kernel("hostname")?,
        "os": kernel("ostype")?.to_lowercase(),
        "kernelVersion": kernel("osrelease")?,
        "kernelArch": std::env::consts::ARCH,
        "platform": of_release("ID"),
        "platformVersion": of_release("VERSION_ID"),
        "uptime": uptime,
        "bootTime": (cluster::time::wall().0 / 1000).saturating_sub(uptime),
        "procs": processes(),
    }))
}

fn processes() -> usize {
    let is_process = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit());
    fs::read_dir("/proc").map_or(0, |entries| entries.flatten().filter(is_process).count())
}

/// One paragraph of `/proc/cpuinfo` for each.
fn processors(text: &str) -> Value {
    let all = text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()).map(|paragraph| {
        let of = |name: &str| {
            let lines = paragraph.lines().filter_map(|line| line.split_once(':'));
            lines.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim()).next().unwrap_or_default()
        };
        let number = |name: &str| of(name).split_whitespace().next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0);
        json!({
            "cpu": number("processor") as u64,
            "vendorId": of("vendor_id"),
            "family": of("cpu family"),
            "model": of("model"),
            "modelName": of("model name"),
            "physicalId": of("physical id"),
            "coreId": of("core id"),
            "cores": 1,
            "mhz": number("cpu MHz"),
            "cacheSize": number("cache size") as u64,
            "microcode": of("microcode"),
        })
    });
    all.collect()
}

/// Seconds, of `/proc/stat`'s hundredths.
fn times(text: &str) -> Value {
    const NAMES: [&str; 10] =
        ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guestNice"];
    let each = text.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "));
    let of = |line: &str| {
        let mut words = line.split_whitespace();
        let mut times = Map::from_iter([("cpu".to_owned(), json!(words.next()))]);
        for (name, ticks) in NAMES.iter().zip(words) {
            times.insert((*name).to_owned(), json!(ticks.parse::<f64>().unwrap_or(0.0) / 100.0));
        }
        Value::Object(times)
    };
    each.map(of).collect()
}

fn memory(text: &str) -> Result<Value, String> {
    let of = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).map(|kib| kib * 1024)
    };
    let (total, available) = of("MemTotal").zip(of("MemAvailable")).ok_or("the kernel does not tell")?;
    let used = total.saturating_sub(available);
    Ok(json!({
        "total": total,
        "available": available,
        "used": used,
        "usedPercent": percent(used, total),
        "free": of("MemFree").unwrap_or(0),
        "swapTotal": of("SwapTotal").unwrap_or(0),
        "swapFree": of("SwapFree").unwrap_or(0),
    }))
}

/// That of the data alone.
fn disk(data: &Path) -> Result<Value, String> {
    let disk = rustix::fs::statvfs(data).map_err(|problem| problem.to_string())?;
    let (total, free) = (disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize);
    let used = total.saturating_sub(disk.f_bfree * disk.f_frsize);
    let inodes_used = disk.f_files.saturating_sub(disk.f_ffree);
    Ok(json!([{
        "path": data,
        "total": total,
        "free": free,
        "used": used,
        "usedPercent": percent(used, total),
        "inodesTotal": disk.f_files,
        "inodesUsed": inodes_used,
        "inodesFree": disk.f_ffree,
        "inodesUsedPercent": percent(inodes_used, disk.f_files),
    }]))
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_described() {
        let host = describe(Path::new("/"));
        assert!(host.problems.is_empty(), "{:?}", host.problems);
        assert!(host.facts["memory"]["total"].as_u64().unwrap() > host.facts["memory"]["used"].as_u64().unwrap());
        let processors = host.facts["cpu"].as_array().unwrap().len();
        assert!(processors > 0 && host.facts["cpu_times"].as_array().unwrap().len() == processors);
        assert!(host.facts["disk"][0]["total"].as_u64().unwrap() > 0);
        assert!(host.facts["host"]["procs"].as_u64().unwrap() > 0);
    }

    #[test]
    fn what_cannot_be_told_is_said() {
        let host = describe(Path::new("/nowhere/at/all"));
        assert_eq!(host.problems.len(), 1, "{:?}", host.problems);
        assert!(host.problems[0].starts_with("disk: ") && host.facts.contains_key("memory"));
    }
}
