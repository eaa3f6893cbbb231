# One configuration for all nodes. What differs comes from the environment (compose.yaml): VAULT_RAFT_NODE_ID,
# VAULT_API_ADDR, VAULT_CLUSTER_ADDR.

cluster_name = "holdfast"

storage "raft" {
  path = "/var/lib/holdfast"
  # A node that belongs to no cluster asks these, itself left out, until one lets it in.
  retry_join {
    leader_api_addr     = "https://node1:8200"
    leader_ca_cert_file = "/etc/holdfast/tls/ca.pem"
  }
  retry_join {
    leader_api_addr     = "https://node2:8200"
    leader_ca_cert_file = "/etc/holdfast/tls/ca.pem"
  }
  retry_join {
    leader_api_addr     = "https://node3:8200"
    leader_ca_cert_file = "/etc/holdfast/tls/ca.pem"
  }
}

listener "tcp" {
  address         = "0.0.0.0:8200"
  cluster_address = "0.0.0.0:8201"
  tls_cert_file   = "/etc/holdfast/tls/tls.pem"
  tls_key_file    = "/etc/holdfast/tls/tls.key"
  # The client is whom haproxy names: nobody but haproxy and the nodes is in compose's network, and this port is not
  # published. Probes and commands in a container come without the header.
  x_forwarded_for_authorized_addrs   = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
  x_forwarded_for_reject_not_present = false
}

# A volume of its own: docker throws old log lines away, audit must not be.
audit "file" "file" {
  options {
    file_path = "/var/log/holdfast/audit.log"
  }
}
