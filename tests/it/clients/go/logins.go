package main

import (
	"context"

	"github.com/hashicorp/vault/api"
)

// A method as the library wants it: it writes to a path, and there comes a token.
type login struct {
	path   string
	fields map[string]any
}

func (l login) Login(_ context.Context, client *api.Client) (*api.Secret, error) {
	return client.Logical().Write(l.path, l.fields)
}

func userpass(root *api.Client) {
	write(root, "auth/userpass/users/ann", map[string]any{"password": "right", "token_policies": "readers", "token_ttl": "5m"})
	equal("users", must(root.Logical().List("auth/userpass/users")).Data["keys"], []string{"ann"})
	ann := connect("")
	_, err := ann.Auth().Login(everything, login{"auth/userpass/login/ann", map[string]any{"password": "wrong"}})
	refused(400, err)
	given := must(ann.Auth().Login(everything, login{"auth/userpass/login/ann", map[string]any{"password": "right"}}))
	equal("who", given.Auth.Metadata["username"], "ann")
	equal("for", given.Auth.LeaseDuration, 300)
	equal("read", must(ann.KVv2("team").Get(everything, "app/a")).Data["k"], "v")
	write(root, "auth/userpass/users/ann/password", map[string]any{"password": "other"})
	must(ann.Auth().Login(everything, login{"auth/userpass/login/ann", map[string]any{"password": "other"}}))
	must(root.Logical().Delete("auth/userpass/users/ann"))
}

func approle(root *api.Client) {
	write(root, "auth/machines/role/app", map[string]any{"token_policies": "readers", "token_ttl": "5m", "secret_id_num_uses": 1})
	role := must(root.Logical().Read("auth/machines/role/app/role-id")).Data["role_id"]
	secret := write(root, "auth/machines/role/app/secret-id", nil)
	machine := connect("")
	by := login{"auth/machines/login", map[string]any{"role_id": role, "secret_id": secret["secret_id"]}}
	given := must(machine.Auth().Login(everything, by))
	equal("who", given.Auth.Metadata["role_name"], "app")
	equal("read", must(machine.KVv2("team").Get(everything, "app/a")).Data["k"], "v")
	_, err := machine.Auth().Login(everything, by)
	refused(400, err)
	must(root.Logical().Delete("auth/machines/role/app"))
}
