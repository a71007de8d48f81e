package app

import (
	"time"

	"github.com/bittensor-pylon/pylon/internal/server"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// Status tells what the parts know at the moment, for the status page. It asks nobody and does not wait.
func (a *App) Status() server.Status {
	known := a.chain.Status()
	status := server.Status{
		Version:       a.version,
		Network:       a.networkName(),
		UptimeSeconds: time.Since(a.made).Seconds(),
	}
	if head := known.Head; head != nil {
		status.Head = &server.BlockStatus{Number: head.Number, Hash: head.Hash, AgeSeconds: time.Since(head.Seen).Seconds()}
	}
	if final := known.Finalized; final != nil {
		status.Finalized = &server.BlockStatus{Number: final.Number, Hash: final.Hash, AgeSeconds: time.Since(final.Seen).Seconds()}
	}
	for _, client := range []*substrate.Client{a.main, a.archive} {
		for _, node := range client.Nodes() {
			shown := server.NodeStatus{
				Role: client.Role(), Name: node.Node, State: string(node.State), Head: node.Head.Number,
				HeadAgeSeconds: node.HeadAge.Seconds(), Reconnects: node.Reconnects,
			}
			if node.LastError != nil {
				shown.LastError = node.LastErrorKind.String()
			}
			status.Nodes = append(status.Nodes, shown)
		}
	}
	for _, kept := range known.Subnets {
		status.Subnets = append(status.Subnets, server.SubnetStatus{
			Netuid: kept.Netuid, Neurons: kept.Neurons, Block: kept.Block.Number, Kept: "latest",
		})
	}
	status.Caches = []server.CacheStatus{{
		Name: "answers by block", Bytes: known.Cache.Bytes, Limit: known.Cache.Limit, Entries: int64(known.Cache.Entries),
		Hits: known.Cache.Hits, Misses: known.Cache.Misses,
	}}
	for _, counted := range a.writer.counts() {
		status.Intents = append(status.Intents, server.IntentStatus{Identity: counted.Identity, State: counted.State, Count: counted.Records})
	}
	return status
}
