package app

import (
	"context"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// nodeMetrics count what each node is asked. The methods are those that this program knows, so the labels are bounded.
type nodeMetrics struct {
	calls    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	bytes    *prometheus.CounterVec
}

func newNodeMetrics(registry prometheus.Registerer) *nodeMetrics {
	m := &nodeMetrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pylon_node_calls_total",
			Help: "Calls at the nodes of the chain: status is success, or what sort of error it was",
		}, []string{"role", "node", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "pylon_node_call_duration_seconds",
			Help:    "Duration of calls at the nodes of the chain, in seconds",
			Buckets: []float64{0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20},
		}, []string{"role", "node", "method"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pylon_node_answer_bytes_total",
			Help: "Size of the answers of the nodes of the chain",
		}, []string{"role", "node"}),
	}
	registry.MustRegister(m.calls, m.duration, m.bytes)
	return m
}

// observe counts one call.
func (m *nodeMetrics) observe(_ context.Context, call substrate.Call) {
	status := "success"
	if call.Err != nil {
		status = substrate.KindOf(call.Err).String()
	}
	m.calls.WithLabelValues(call.Role, call.Node, call.Method, status).Inc()
	m.duration.WithLabelValues(call.Role, call.Node, call.Method).Observe(call.Duration.Seconds())
	m.bytes.WithLabelValues(call.Role, call.Node).Add(float64(call.Bytes))
}

// gauges shows what the parts know at the moment that somebody asks, which costs nothing in between.
type gauges struct {
	clients []*substrate.Client
	chain   *chain.Chain
	recent  *chain.Recent
	writer  *writer
	version string
}

// What gauges shows.
var (
	buildInfo      = desc("pylon_build_info", "What this process was built from; the value is always 1", "version", "go_version")
	headBlock      = desc("pylon_head_block", "Number of the newest known block")
	headAge        = desc("pylon_head_age_seconds", "Time since the newest known block was heard of")
	finalizedBlock = desc("pylon_finalized_block", "Number of the newest finalised block")
	nodeHead       = desc("pylon_node_head_block", "Number of the newest block that the node has told", "role", "node")
	nodeHeadAge    = desc("pylon_node_head_age_seconds", "Time since the node told of a new block", "role", "node")
	nodeState      = desc("pylon_node_state", "1 for the state that the node is in, 0 for the others", "role", "node", "state")
	nodeReconnects = desc("pylon_node_reconnects_total", "Connections to the node that were made after the first one", "role", "node")
	cacheBytes     = desc("pylon_cache_bytes", "Memory of the cache of answers of the chain, by estimate")
	cacheLimit     = desc("pylon_cache_limit_bytes", "The most memory that the cache of answers of the chain may take")
	cacheEntries   = desc("pylon_cache_entries", "Answers of the chain in the cache")
	cacheHits      = desc("pylon_cache_hits_total", "Questions about the chain that the cache answered")
	cacheMisses    = desc("pylon_cache_misses_total", "Questions about the chain that had to be asked of a node")
	intentCounts   = desc("pylon_intents", "Intents that the database has, as of a few seconds ago", "identity", "state")
	recentBlock    = desc("pylon_recent_objects_block", "Block of the recent objects that are kept of a subnet", "netuid")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		buildInfo, headBlock, headAge, finalizedBlock, nodeHead, nodeHeadAge, nodeState, nodeReconnects,
		cacheBytes, cacheLimit, cacheEntries, cacheHits, cacheMisses, recentBlock, intentCounts,
	} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	counter := func(d *prometheus.Desc, value uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	gauge(buildInfo, 1, g.version, runtime.Version())

	known := g.chain.Status()
	if known.Head != nil {
		gauge(headBlock, float64(known.Head.Number))
		gauge(headAge, time.Since(known.Head.Seen).Seconds())
	}
	if known.Finalized != nil {
		gauge(finalizedBlock, float64(known.Finalized.Number))
	}
	gauge(cacheBytes, float64(known.Cache.Bytes))
	gauge(cacheLimit, float64(known.Cache.Limit))
	gauge(cacheEntries, float64(known.Cache.Entries))
	counter(cacheHits, known.Cache.Hits)
	counter(cacheMisses, known.Cache.Misses)
	for _, kept := range g.recent.Kept() {
		gauge(recentBlock, float64(kept.Block.Number), strconv.Itoa(int(kept.Netuid)))
	}

	for _, counted := range g.writer.counts() {
		gauge(intentCounts, float64(counted.Records), counted.Identity, counted.State)
	}
	for _, client := range g.clients {
		for _, node := range client.Nodes() {
			if node.Head.Number > 0 { // it has told of one
				gauge(nodeHead, float64(node.Head.Number), client.Role(), node.Node)
				gauge(nodeHeadAge, node.HeadAge.Seconds(), client.Role(), node.Node)
			}
			counter(nodeReconnects, node.Reconnects, client.Role(), node.Node)
			for _, state := range substrate.NodeStates() {
				value := 0.0
				if node.State == state {
					value = 1
				}
				gauge(nodeState, value, client.Role(), node.Node, string(state))
			}
		}
	}
}
