package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/hashicorp/vault/api"
)

func system(root *api.Client) {
	health := must(root.Sys().Health())
	holds("a standby is healthy", health.Initialized && !health.Sealed && health.Standby)
	seal := must(root.Sys().SealStatus())
	equal("sealed", seal.Sealed, false)
	equal("cluster", seal.ClusterID, health.ClusterID)
	leader := must(root.Sys().Leader())
	holds("somebody else leads", leader.HAEnabled && !leader.IsSelf && leader.LeaderAddress != "")
	holds("it is initialised", must(root.Sys().InitStatus()))
	nodes := must(root.Sys().HAStatus()).Nodes
	active := 0
	for _, node := range nodes {
		if node.ActiveNode {
			active++
			equal("active node", node.APIAddress, leader.LeaderAddress)
		}
	}
	equal("active nodes", active, 1)
	holds("a data key is in use", must(root.Sys().KeyStatus()).Term >= 1)
	state := must(root.Sys().RaftAutopilotState())
	holds("all are well", state.Healthy && len(state.Servers) == 3)
	configuration := must(root.Sys().RaftAutopilotConfiguration())
	check(root.Sys().PutRaftAutopilotConfiguration(configuration))
	holds("help has a text", must(root.Help("sys/mounts")).Help != "")

	check(root.Sys().ConfigureCORS(&api.CORSRequest{AllowedOrigins: []string{"https://console.test"}, Enabled: true}))
	holds("CORS is on", must(root.Sys().CORSStatus()).Enabled)
	check(root.Sys().DisableCORS())
	plugins := must(root.Sys().ListPlugins(&api.ListPluginsInput{}))
	holds("plugins are listed", len(plugins.Details) > 0)
}

func mounts(root *api.Client) {
	sys := root.Sys()
	check(sys.Mount("team", &api.MountInput{
		Type:        "kv",
		Description: "of a team",
		Options:     map[string]string{"version": "2"},
		Config:      api.MountConfigInput{DefaultLeaseTTL: "1h", MaxLeaseTTL: "2h"},
	}))
	listed := must(sys.ListMounts())["team/"]
	equal("mounted", []any{listed.Type, listed.Description, listed.Options["version"]}, []any{"kv", "of a team", 2})
	equal("TTL", listed.Config.DefaultLeaseTTL, 3600)
	said := "of a team, still"
	check(sys.TuneMount("team", api.MountConfigInput{MaxLeaseTTL: "3h", Description: &said}))
	tuned := must(sys.MountConfig("team"))
	equal("TTLs", []int{tuned.DefaultLeaseTTL, tuned.MaxLeaseTTL}, []int{3600, 10800})
	equal("description", must(sys.GetMount("team")).Description, said)
	refused(400, sys.Mount("team", &api.MountInput{Type: "kv"}))
	refused(400, sys.Mount("other", &api.MountInput{Type: "no-such-engine"}))

	check(sys.Mount("before", &api.MountInput{Type: "kv"}))
	check(root.KVv1("before").Put(everything, "a", map[string]any{"k": "v"}))
	check(sys.Remount("before", "behind"))
	equal("moved", must(root.KVv1("behind").Get(everything, "a")).Data["k"], "v")
	_, err := root.Logical().ReadRaw("before/a")
	refused(404, err)
	check(sys.Unmount("behind"))
	_, there := must(sys.ListMounts())["behind/"]
	equal("still mounted", there, false)

	check(sys.EnableAuthWithOptions("userpass", &api.EnableAuthOptions{Type: "userpass", Description: "people"}))
	check(sys.EnableAuthWithOptions("machines", &api.EnableAuthOptions{Type: "approle"}))
	methods := must(sys.ListAuth())
	equal("methods", []string{methods["userpass/"].Type, methods["machines/"].Type}, []string{"userpass", "approle"})
	check(sys.Mount("transit", &api.MountInput{Type: "transit"}))
}

// The active node alone makes a snapshot, and a standby sends whoever asks there. The library follows in ReadRaw; its
// RaftSnapshot sends the second request and then reads the first one's answer, so it is given the active node's address.
func snapshot(root *api.Client) {
	raw := must(root.Logical().ReadRaw("sys/storage/raft/snapshot"))
	defer raw.Body.Close()
	whole(raw.Body)
	active := must(root.Clone())
	active.SetToken(root.Token())
	check(active.SetAddress(must(root.Sys().Leader()).LeaderAddress))
	var taken bytes.Buffer
	check(active.Sys().RaftSnapshot(&taken))
	whole(&taken)
}

func whole(snapshot io.Reader) {
	files := tar.NewReader(must(gzip.NewReader(snapshot)))
	names := map[string]bool{}
	for {
		file, err := files.Next()
		if err == io.EOF {
			break
		}
		check(err)
		must(io.Copy(io.Discard, files))
		names[file.Name] = true
	}
	holds(fmt.Sprintf("the sums of a snapshot are among %v", names), names["SHA256SUMS"] && names["SHA256SUMS.sealed"])
}
