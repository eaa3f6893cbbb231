//! Lists of addresses and networks, `10.0.0.0/8` or `10.1.2.3`.

use std::net::IpAddr;

use ipnet::IpNet;

use super::super::problem::ConfigError;
use super::super::section::Section;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    pub(super) fn read(section: &Section<'_>, key: &'static str) -> Result<Option<Networks>, ConfigError> {
        let Some(entry) = section.entry(key) else { return Ok(None) };
        let wanted = "it must list addresses or networks such as \"10.0.0.0/8\"";
        let parse = |text: &String| {
            let alone = || text.parse::<IpAddr>().ok().map(IpNet::from);
            text.parse::<IpNet>().ok().or_else(alone).ok_or_else(|| entry.bad(wanted))
        };
        let networks = entry.list()?.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        if networks.is_empty() { Err(entry.bad(wanted)) } else { Ok(Some(Networks(networks))) }
    }

    /// An IPv4 address that came in by IPv6 is the IPv4 address.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_network_of_one() {
        let networks = Networks(vec!["10.0.0.0/8".parse().unwrap(), IpNet::from(IpAddr::from([1, 2, 3, 4]))]);
        for (address, inside) in [("10.9.9.9", true), ("::ffff:10.9.9.9", true), ("1.2.3.4", true), ("1.2.3.5", false)]
        {
            assert_eq!(networks.contain(address.parse().unwrap()), inside, "{address}");
        }
    }
}
