//! Commands of one person against a cluster of one node: an address, a token, a home.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::cluster::{Cluster, Transport};
use super::program::{Ran, run_with};

pub struct Shell {
    pub cluster: Cluster,
    pub home: TempDir,
}

impl Shell {
    pub async fn open() -> Shell {
        Shell::open_with(TempDir::new().unwrap(), &json!({})).await
    }

    /// `more` goes into the node's configuration.
    pub async fn open_with(home: TempDir, more: &Value) -> Shell {
        let mut cluster = Cluster::configured(1, Transport::Plain, more);
        cluster.nodes[0].start().await;
        cluster.initialise(3, 2).await;
        cluster.unseal(0).await;
        cluster.leader().await;
        Shell { cluster, home }
    }

    pub fn root(&self) -> String {
        self.cluster.keys.as_ref().unwrap().root.clone()
    }

    pub fn run(&self, arguments: &[&str], more: &[(&str, &str)], input: &str) -> Ran {
        let address = self.cluster.nodes[0].url();
        let home = self.home.path().to_str().unwrap();
        let mut variables = vec![("VAULT_ADDR", address.as_str()), ("HOME", home)];
        variables.extend(more);
        run_with(arguments, &variables, input)
    }

    /// As root.
    pub fn does(&self, line: &str) -> Ran {
        let arguments: Vec<&str> = line.split(' ').collect();
        self.run(&arguments, &[("VAULT_TOKEN", &self.root())], "")
    }

    /// As root, what it prints.
    pub fn says(&self, line: &str) -> String {
        let ran = self.does(line);
        assert_eq!(ran.status, 0, "{line}: {ran:?}");
        ran.out
    }

    pub fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.says(&format!("{line} -format=json"))).unwrap()
    }
}
