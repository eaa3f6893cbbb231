storage "raft" { path = "/tmp/x" node_id = "a" }
listener "tcp" { address = "127.0.0.1:8200" tls_disable = true }
max_lease_ttl = "1h"
api_addr = "http://127.0.0.1:8200"
