package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/evm"
)

// page is what a registry shows.
func page(registry *prometheus.Registry) string {
	recorder := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
	return recorder.Body.String()
}

// Statement 105 of the checklist, the part of the chain's operations: names, labels and buckets are those of the
// Python service.
func TestConformance105ChainMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := newChainMetrics(registry)
	m.observe(chain.Operation{Name: "get_neurons", Status: "success", URI: "wss://a", Netuid: "12", Duration: 700 * time.Millisecond})
	m.observe(chain.Operation{Name: "get_neurons", Status: "unknown_block", URI: "wss://a", Netuid: "12", Duration: 3 * time.Minute})
	m.observe(chain.Operation{Name: "get_neurons", Status: "success", URI: "wss://b", Netuid: "12", Fallback: "unknown_block", Duration: time.Second})

	var want strings.Builder
	want.WriteString(`# HELP pylon_bittensor_fallback_total Operations that were done on the archive nodes, by reason
# TYPE pylon_bittensor_fallback_total counter
pylon_bittensor_fallback_total{hotkey="N/A",operation="get_neurons",reason="stale_block"} 0
pylon_bittensor_fallback_total{hotkey="N/A",operation="get_neurons",reason="unknown_block"} 1
# HELP pylon_bittensor_operation_duration_seconds Duration of operations on the chain, in seconds
# TYPE pylon_bittensor_operation_duration_seconds histogram
`)
	for _, series := range []struct {
		labels string
		value  float64
	}{
		{`hotkey="N/A",netuid="12",operation="get_neurons",status="success",uri="wss://a"`, 0.7},
		{`hotkey="N/A",netuid="12",operation="get_neurons",status="success",uri="wss://b"`, 1},
		{`hotkey="N/A",netuid="12",operation="get_neurons",status="unknown_block",uri="wss://a"`, 180},
	} {
		for _, bucket := range []float64{0.1, 0.5, 1, 2, 5, 10, 30, 60, 120} {
			count := 0
			if series.value <= bucket {
				count = 1
			}
			fmt.Fprintf(&want, "pylon_bittensor_operation_duration_seconds_bucket{%s,le=\"%v\"} %d\n", series.labels, bucket, count)
		}
		fmt.Fprintf(&want, "pylon_bittensor_operation_duration_seconds_bucket{%s,le=\"+Inf\"} 1\n", series.labels)
		fmt.Fprintf(&want, "pylon_bittensor_operation_duration_seconds_sum{%s} %v\n", series.labels, series.value)
		fmt.Fprintf(&want, "pylon_bittensor_operation_duration_seconds_count{%s} 1\n", series.labels)
	}
	m.observeEVM(t.Context(), evm.Operation{Name: "get_logs", URL: "https://a", Duration: time.Minute, Err: context.Canceled})
	m.observeEVMRouting(evm.RoutingSplit)
	want.WriteString(`# HELP pylon_evm_archive_routing_total Ranges of EVM logs that were read, by the nodes that they were read from
# TYPE pylon_evm_archive_routing_total counter
pylon_evm_archive_routing_total{reason="archive"} 0
pylon_evm_archive_routing_total{reason="main"} 0
pylon_evm_archive_routing_total{reason="split"} 1
# HELP pylon_evm_operation_duration_seconds Duration of questions to the EVM nodes, in seconds
# TYPE pylon_evm_operation_duration_seconds histogram
`)
	for _, bucket := range []string{"0.1 0", "0.5 0", "1 0", "2 0", "5 0", "10 0", "30 0", "60 1", "120 1", "+Inf 1"} {
		le, count, _ := strings.Cut(bucket, " ")
		fmt.Fprintf(&want, "pylon_evm_operation_duration_seconds_bucket{operation=\"get_logs\",rpc_url=\"https://a\",status=\"cancelled\",le=%q} %s\n", le, count)
	}
	want.WriteString(`pylon_evm_operation_duration_seconds_sum{operation="get_logs",rpc_url="https://a",status="cancelled"} 60
pylon_evm_operation_duration_seconds_count{operation="get_logs",rpc_url="https://a",status="cancelled"} 1
`)
	if diff := cmp.Diff(want.String(), page(registry)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whoever may ask for subnets may ask for any number: that must not make the metrics grow without end.
func TestNetuidLabelsAreBounded(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := newChainMetrics(registry)
	for netuid := range 5000 {
		m.observe(chain.Operation{Name: "get_neurons", Status: "error", URI: "wss://a", Netuid: strconv.Itoa(netuid)})
	}
	if got := strings.Count(page(registry), "_seconds_count{"); got != mostNetuids+1 {
		t.Errorf("%d series", got)
	}
}

func TestRegistryKnowsProcessAndRuntime(t *testing.T) {
	t.Parallel()
	families, err := newRegistry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, family := range families {
		names = append(names, family.GetName())
	}
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes", "process_open_fds"} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is missing", name)
		}
	}
}
