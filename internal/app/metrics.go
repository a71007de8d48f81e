package app

import (
	"context"
	"errors"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/evm"
)

// noHotkey is the label of what is done without a wallet, which reads are.
const noHotkey = "N/A"

// chainMetrics are the contract's metrics of operations on the chain.
type chainMetrics struct {
	duration  *prometheus.HistogramVec
	fallbacks *prometheus.CounterVec
	evm       *prometheus.HistogramVec
	routings  *prometheus.CounterVec

	mu      sync.Mutex // guards netuids
	netuids map[string]bool
}

// newRegistry returns a registry that knows the process and the Go runtime.
func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

func newChainMetrics(registry prometheus.Registerer) *chainMetrics {
	m := &chainMetrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "pylon_bittensor_operation_duration_seconds",
			Help:    "Duration of operations on the chain, in seconds",
			Buckets: []float64{0.1, 0.5, 1, 2, 5, 10, 30, 60, 120},
		}, []string{"operation", "status", "uri", "netuid", "hotkey"}),
		fallbacks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pylon_bittensor_fallback_total",
			Help: "Operations that were done on the archive nodes, by reason",
		}, []string{"reason", "operation", "hotkey"}),
		evm: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "pylon_evm_operation_duration_seconds",
			Help:    "Duration of questions to the EVM nodes, in seconds",
			Buckets: []float64{0.1, 0.5, 1, 2, 5, 10, 30, 60, 120},
		}, []string{"operation", "status", "rpc_url"}),
		routings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pylon_evm_archive_routing_total",
			Help: "Ranges of EVM logs that were read, by the nodes that they were read from",
		}, []string{"reason"}),
		netuids: make(map[string]bool),
	}
	registry.MustRegister(m.duration, m.fallbacks, m.evm, m.routings)
	for _, routing := range []evm.Routing{evm.RoutingArchive, evm.RoutingMain, evm.RoutingSplit} {
		m.routings.WithLabelValues(string(routing))
	}
	// Rates need a zero to start from.
	for _, reason := range []string{"stale_block", "unknown_block"} {
		m.fallbacks.WithLabelValues(reason, "get_neurons", noHotkey)
	}
	return m
}

// observe counts one operation.
func (m *chainMetrics) observe(op chain.Operation) {
	m.duration.WithLabelValues(op.Name, op.Status, op.URI, m.netuid(op.Netuid), noHotkey).Observe(op.Duration.Seconds())
	if op.Fallback != "" {
		m.fallbacks.WithLabelValues(op.Fallback, op.Name, noHotkey).Inc()
	}
}

// observeEVM counts one question to an EVM node.
func (m *chainMetrics) observeEVM(_ context.Context, op evm.Operation) {
	status := "success"
	switch {
	case errors.Is(op.Err, context.Canceled):
		status = "cancelled"
	case op.Err != nil:
		status = "error"
	}
	m.evm.WithLabelValues(op.Name, status, op.URL).Observe(op.Duration.Seconds())
}

// observeEVMRouting counts a range by where it was read.
func (m *chainMetrics) observeEVMRouting(routing evm.Routing) {
	m.routings.WithLabelValues(string(routing)).Inc()
}

// mostNetuids is how many subnets get a label of their own. The chain has fewer, but requests may name any number.
const mostNetuids = 256

func (m *chainMetrics) netuid(netuid string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.netuids[netuid] {
		return netuid
	}
	if len(m.netuids) == mostNetuids {
		return "other"
	}
	m.netuids[netuid] = true
	return netuid
}
