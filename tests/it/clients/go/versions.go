package main

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/hashicorp/vault/api"
)

// KV version 2, by the library's helper and by hand.
func versions(root *api.Client) {
	kv := root.KVv2("team")
	first := must(kv.Put(everything, "app/db", map[string]any{"user": "u", "password": "one"}, api.WithCheckAndSet(0)))
	equal("version", first.VersionMetadata.Version, 1)
	holds("it was made just now", time.Since(first.VersionMetadata.CreatedTime) < time.Hour)
	must(kv.Put(everything, "app/db", map[string]any{"user": "u", "password": "two"}, api.WithCheckAndSet(1)))
	_, err := kv.Put(everything, "app/db", map[string]any{"password": "lost"}, api.WithCheckAndSet(1))
	refused(400, err)
	equal("newest", must(kv.Get(everything, "app/db")).Data["password"], "two")
	equal("first", must(kv.GetVersion(everything, "app/db", 1)).Data["password"], "one")
	must(kv.Patch(everything, "app/db", map[string]any{"password": "three"}))
	patched := must(kv.Patch(everything, "app/db", map[string]any{"more": "x"}, api.WithMergeMethod("rw")))
	equal("version", patched.VersionMetadata.Version, 4)
	equal("patched", must(kv.Get(everything, "app/db")).Data, map[string]any{"user": "u", "password": "three", "more": "x"})
	back := must(kv.Rollback(everything, "app/db", 2))
	equal("rolled back", back.VersionMetadata.Version, 5)
	equal("newest", must(kv.Get(everything, "app/db")).Data["password"], "two")

	check(kv.PutMetadata(everything, "app/db", api.KVMetadataPutInput{
		MaxVersions:        4,
		DeleteVersionAfter: time.Hour,
		CustomMetadata:     map[string]any{"owner": "blue"},
	}))
	limit := 7
	check(kv.PatchMetadata(everything, "app/db", api.KVMetadataPatchInput{MaxVersions: &limit}))
	metadata := must(kv.GetMetadata(everything, "app/db"))
	equal("metadata", []any{metadata.MaxVersions, metadata.DeleteVersionAfter, metadata.CustomMetadata["owner"], metadata.CurrentVersion},
		[]any{7, time.Hour, "blue", 5})
	equal("versions", len(must(kv.GetVersionsAsList(everything, "app/db"))), 5)

	check(kv.Delete(everything, "app/db"))
	deleted := must(kv.Get(everything, "app/db"))
	holds("a deleted version shows when", deleted.Data == nil && !deleted.VersionMetadata.DeletionTime.IsZero())
	_, err = root.Logical().ReadRaw("team/data/app/db")
	refused(404, err)
	check(kv.Undelete(everything, "app/db", []int{5}))
	equal("back again", must(kv.Get(everything, "app/db")).Data["password"], "two")
	check(kv.DeleteVersions(everything, "app/db", []int{3}))
	check(kv.Destroy(everything, "app/db", []int{1, 2}))
	left := must(kv.GetMetadata(everything, "app/db")).Versions
	holds("two are destroyed", left["1"].Destroyed && left["2"].Destroyed && !left["3"].Destroyed)

	equal("folders", must(root.Logical().List("team/metadata")).Data["keys"], []string{"app/"})
	equal("names", must(root.Logical().List("team/metadata/app")).Data["keys"], []string{"db"})
	_, err = kv.Get(everything, "app/none")
	holds("the helper knows that nothing is there", errors.Is(err, api.ErrSecretNotFound))
	holds("nothing is read", must(root.Logical().Read("team/data/app/none")) == nil)

	raw := must(root.Logical().ReadRawWithData("team/data/app/db", map[string][]string{"version": {"5"}}))
	defer raw.Body.Close()
	var body struct {
		Data struct{ Data map[string]string }
	}
	check(json.NewDecoder(raw.Body).Decode(&body))
	equal("raw", body.Data.Data["password"], "two")
	check(kv.DeleteMetadata(everything, "app/db"))
	holds("nothing is listed", must(root.Logical().List("team/metadata")) == nil)
}
