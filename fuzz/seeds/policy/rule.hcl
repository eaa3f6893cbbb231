path "secret/data/{{identity.entity.name}}/+/x*" {
  capabilities = ["create", "read", "list"]
  allowed_parameters = { "a" = ["b*", 1], "*" = [] }
  required_parameters = ["a"]
  min_wrapping_ttl = "1s"
  expiration = "2099-01-01T00:00:00Z"
}
