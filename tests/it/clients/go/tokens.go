package main

import (
	"strings"
	"time"

	"github.com/hashicorp/vault/api"
)

const readers = `path "team/data/app/*" { capabilities = ["read"] }`

func policies(root *api.Client) {
	sys := root.Sys()
	check(sys.PutPolicy("readers", readers))
	equal("rules", must(sys.GetPolicy("readers")), readers)
	holds("it is listed", strings.Contains(strings.Join(must(sys.ListPolicies()), " "), "readers"))
	refused(400, sys.PutPolicy("broken", `path "x" { capabilities = ["fly"] }`))
	check(sys.PutPolicy("passing", readers))
	check(sys.DeletePolicy("passing"))
	equal("deleted", must(sys.GetPolicy("passing")), "")
}

func tokens(root *api.Client) {
	must(root.KVv2("team").Put(everything, "app/a", map[string]any{"k": "v"}))
	renewable := true
	made := must(root.Auth().Token().Create(&api.TokenCreateRequest{
		Policies: []string{"readers"}, TTL: "10m", Metadata: map[string]string{"for": "a test"}, DisplayName: "child", Renewable: &renewable,
	}))
	equal("policies", must(made.TokenPolicies()), []string{"default", "readers"})
	equal("TTL", must(made.TokenTTL()), 10*time.Minute)
	holds("it can be renewed", must(made.TokenIsRenewable()))

	child := connect(made.Auth.ClientToken)
	equal("read", must(child.KVv2("team").Get(everything, "app/a")).Data["k"], "v")
	_, err := child.KVv2("team").Put(everything, "app/a", map[string]any{"k": "w"})
	holds("it is said why", strings.Contains(refused(403, err)[0], "permission denied"))
	_, err = child.Sys().ListMounts()
	refused(403, err)
	equal("capabilities", must(child.Sys().CapabilitiesSelf("team/data/app/a")), []string{"read"})
	equal("capabilities", must(root.Sys().Capabilities(made.Auth.ClientToken, "team/data/b")), []string{"deny"})

	seen := must(child.Auth().Token().LookupSelf())
	equal("accessor", must(seen.TokenAccessor()), made.Auth.Accessor)
	equal("metadata", must(seen.TokenMetadata())["for"], "a test")
	equal("name", must(root.Auth().Token().Lookup(made.Auth.ClientToken)).Data["display_name"], "token-child")
	equal("path", must(root.Auth().Token().LookupAccessor(made.Auth.Accessor)).Data["path"], "auth/token/create")
	equal("renewed", must(child.Auth().Token().RenewSelf(1200)).Auth.LeaseDuration, 1200)
	equal("renewed", must(root.Auth().Token().RenewAccessor(made.Auth.Accessor, 600)).Auth.LeaseDuration, 600)
	equal("renewed", must(root.Auth().Token().Renew(made.Auth.ClientToken, 900)).Auth.LeaseDuration, 900)

	write(root, "auth/token/roles/batch", map[string]any{"token_type": "batch", "allowed_policies": "readers", "orphan": true, "renewable": false})
	batch := must(root.Auth().Token().CreateWithRole(&api.TokenCreateRequest{Policies: []string{"readers"}}, "batch"))
	equal("read", must(connect(batch.Auth.ClientToken).KVv2("team").Get(everything, "app/a")).Data["k"], "v")

	check(root.Auth().Token().RevokeAccessor(made.Auth.Accessor))
	_, err = child.Auth().Token().LookupSelf()
	refused(403, err)
	orphan := must(root.Auth().Token().CreateOrphan(&api.TokenCreateRequest{Policies: []string{"default"}}))
	check(connect(orphan.Auth.ClientToken).Auth().Token().RevokeSelf(""))
	_, err = root.Auth().Token().Lookup(orphan.Auth.ClientToken)
	refused(403, err)
}

// The library's own watcher keeps a token alive.
func renewal(root *api.Client) {
	made := must(root.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{"default"}, TTL: "3s"}))
	client := connect(made.Auth.ClientToken)
	watcher := must(client.NewLifetimeWatcher(&api.LifetimeWatcherInput{Secret: made, Increment: 3}))
	go watcher.Start()
	for renewals := 0; renewals < 2; {
		select {
		case renewal := <-watcher.RenewCh():
			renewals++
			equal("renewed for", renewal.Secret.Auth.LeaseDuration, 3)
		case err := <-watcher.DoneCh():
			panic(err)
		}
	}
	watcher.Stop()
	must(client.Auth().Token().LookupSelf())
	check(root.Auth().Token().RevokeTree(made.Auth.ClientToken))
}

func wrapping(root *api.Client) {
	wrapped := must(root.Clone())
	wrapped.SetToken(root.Token())
	wrapped.SetWrappingLookupFunc(func(method, path string) string { return "1m" })
	info := must(wrapped.Logical().Read("team/data/app/a")).WrapInfo
	equal("made by", info.CreationPath, "team/data/app/a")
	equal("for", info.TTL, 60)
	seen := write(root, "sys/wrapping/lookup", map[string]any{"token": info.Token})
	equal("made by", seen["creation_path"], "team/data/app/a")
	data := must(root.Logical().Unwrap(info.Token)).Data["data"].(map[string]any)
	equal("unwrapped", data["k"], "v")
	_, err := root.Logical().Unwrap(info.Token)
	refused(400, err)

	token := must(wrapped.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{"default"}})).WrapInfo
	inside := must(connect(token.Token).Logical().Unwrap(""))
	equal("accessor", inside.Auth.Accessor, token.WrappedAccessor)
}
