package app

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/internal/intents"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// metricSections are the groups of docs/metrics.md. A metric belongs to the first one that has a prefix of its name.
var metricSections = []struct {
	title, about string
	prefixes     []string
}{
	{
		"Requests", "The names, labels and buckets of the Python service. `path` is the template of the route, never a concrete path. Unlike there, 504 and 400 are " +
			"counted with their true status. `pylon_requests_in_progress` always has the status 200.",
		[]string{"pylon_request_", "pylon_requests_"},
	},
	{
		"Operations on the chain", "The names, labels and buckets of the Python service. `status` is `success`, `error`, `cancelled` or `unknown_block`; " +
			"`hotkey` is `N/A` for reads; a label that does not apply is `N/A`; `reason` is `stale_block` or `unknown_block`.",
		[]string{"pylon_bittensor_"},
	},
	{
		"EVM", "The names, labels and buckets of the Python service. `reason` is `archive`, `main` or `split`.",
		[]string{"pylon_evm_"},
	},
	{
		"Writes", "The jobs and tries have the names, labels and buckets of the Python service. `status` is `success`, `error` or `cancelled`. `reason` is one of docs/reasons.md.",
		[]string{"pylon_apply_weights_", "pylon_set_commitment_", "pylon_set_revealed_commitment_", "pylon_intent"},
	},
	{
		"Head", "What the service takes for the newest block.", []string{"pylon_head_", "pylon_finalized_", "pylon_recent_"},
	},
	{
		"Nodes", "`role` is `main` or `archive`; `node` is the address without user, path and query. `state` is one of " + nodeStates() + ". `method` is the RPC method; `status` is `success` or the sort of error, such as `Timeout`.",
		[]string{"pylon_node_"},
	},
	{
		"Memory", "Answers of the chain are kept by block and question, and once more in the form in which they are sent.",
		[]string{"pylon_cache_", "pylon_rendered_"},
	},
	{
		"Limits", "`guard` is what the token was for; `reason` is `wrong`, or `throttled` for those that were refused (429) because their address had sent too many wrong ones.",
		[]string{"pylon_token_", "pylon_connections", "pylon_event_"},
	},
	{"Process", "", []string{"pylon_build_"}},
}

func nodeStates() string {
	var states []string
	for _, state := range substrate.NodeStates() {
		states = append(states, "`"+string(state)+"`")
	}
	return strings.Join(states, ", ")
}

// eventuallyShows waits until the registry has a metric that is as it should be.
func (s *service) eventuallyShows(t *testing.T, name string, well func(*dto.Metric) bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patient)
	for {
		families, err := s.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() == name && slices.ContainsFunc(family.GetMetric(), well) {
				return
			}
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s is not there, or not as it should be, after %v", name, patient)
		}
	}
}

// label returns the value of a metric's label.
func label(m *dto.Metric, name string) string {
	for _, pair := range m.GetLabel() {
		if pair.GetName() == name {
			return pair.GetValue()
		}
	}
	return ""
}

// The gauges follow what happens to the chain and the nodes.
func TestOperatorMetrics(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	s := startService(t, environment(chain.URL())...)
	inState := func(state string) func(*dto.Metric) bool {
		return func(m *dto.Metric) bool {
			return label(m, "role") == "main" && label(m, "node") == chain.URL() && label(m, "state") == state && m.GetGauge().GetValue() == 1
		}
	}
	s.eventuallyShows(t, "pylon_node_state", inState("healthy"))
	isHead := func(number float64) func(*dto.Metric) bool {
		return func(m *dto.Metric) bool { return m.GetGauge().GetValue() == number }
	}
	s.eventuallyShows(t, "pylon_head_block", isHead(20))
	s.want(t, http.StatusOK, neuronsAt(15))
	s.want(t, http.StatusOK, neuronsAt(15), "Accept-Encoding", "gzip")
	s.eventuallyShows(t, "pylon_cache_misses_total", func(m *dto.Metric) bool { return m.GetCounter().GetValue() > 0 })
	s.eventuallyShows(t, "pylon_cache_bytes", func(m *dto.Metric) bool { return m.GetGauge().GetValue() > 1000 })
	s.eventuallyShows(t, "pylon_node_calls_total", func(m *dto.Metric) bool {
		return label(m, "method") == "state_call" && label(m, "status") == "success" && m.GetCounter().GetValue() > 0
	})
	if _, err := chain.Produce(3); err != nil {
		t.Fatal(err)
	}
	s.eventuallyShows(t, "pylon_head_block", isHead(23))
	s.eventuallyShows(t, "pylon_node_head_block", isHead(23))

	chain.Refuse()
	chain.DropConnections()
	s.eventuallyShows(t, "pylon_node_state", inState("connecting"))
	chain.Accept()
	s.eventuallyShows(t, "pylon_node_state", inState("healthy"))
	s.eventuallyShows(t, "pylon_node_reconnects_total", func(m *dto.Metric) bool { return m.GetCounter().GetValue() == 1 })
	if _, err := chain.Produce(1); err != nil {
		t.Fatal(err)
	}
	chain.Hook("state_call", devchain.Fail(-32000, "broken"))
	s.want(t, http.StatusBadGateway, neuronsAt(14))
	s.eventuallyShows(t, "pylon_node_calls_total", func(m *dto.Metric) bool {
		return label(m, "method") == "state_call" && label(m, "status") != "success" && m.GetCounter().GetValue() > 0
	})
}

// exercisedFamilies returns the metrics of a service after at least one request of each kind, by name.
func exercisedFamilies(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	chain := newDevchain(t)
	s := startService(t, environment(
		chain.URL(), "PYLON_EVM_RPC_URL="+chain.HTTPURL(), "PYLON_EVM_ARCHIVE_RPC_URL="+chain.HTTPURL(), "PYLON_BITTENSOR_ARCHIVE_BLOCKS_CUTOFF=10",
	)...)
	s.want(t, http.StatusOK, latestNeurons)
	s.want(t, http.StatusOK, neuronsAt(1)) // from the archive
	s.want(t, http.StatusBadRequest, latestNeurons, "X-Pylon-Timeout", "x")
	if status, _ := s.get(t, latestNeurons, "wrong"); status != http.StatusForbidden {
		t.Errorf("status %d", status)
	}
	s.eventually(t, http.StatusOK, "/api/v1/subnet/1/block/recent/neurons")
	const contract = "0x0000000000000000000000000000000000000001"
	request, err := http.NewRequestWithContext(
		t.Context(), http.MethodPost, s.URL()+"/api/_unstable/openaccess/evm/contracts/"+contract+"/logs?from_block=1&to_block=5", strings.NewReader(`{"abi":[]}`),
	)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+testOpenAccessToken)
	response, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	s.eventuallyShows(t, "pylon_finalized_block", func(*dto.Metric) bool { return true })
	chain.Refuse() // the next one is an error
	chain.DropConnections()
	s.eventually(t, http.StatusBadGateway, neuronsAt(2))
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]*dto.MetricFamily)
	for _, family := range append(families, writeFamilies(t)...) {
		all[family.GetName()] = family
	}
	return all
}

// writeFamilies returns the metrics of writes after one intent of each kind has ended. The tests of the intents tell when
// that happens; here they only have to be there.
func writeFamilies(t *testing.T) []*dto.MetricFamily {
	t.Helper()
	registry := prometheus.NewRegistry()
	m := newJobMetrics(registry, newChainMetrics(prometheus.NewRegistry()), "main")
	ended := time.Now()
	for _, kind := range []pylon.IntentKind{pylon.IntentWeights, pylon.IntentCommitment, pylon.IntentRevealedCommitment} {
		intent := pylon.Intent{Identity: "sn1", Kind: kind, Netuid: 1, State: pylon.StateFinalized, EndedAt: &ended}
		m.Attempt(intents.Attempt{Kind: kind, Netuid: 1, Status: "success", Duration: time.Second})
		m.Ended(intents.Job{Intent: intent, Status: "success", Duration: time.Second})
		m.Left(intent, 10)
	}
	registry.MustRegister(prometheus.CollectorFunc(func(to chan<- prometheus.Metric) {
		to <- prometheus.MustNewConstMetric(intentCounts, prometheus.GaugeValue, 1, "sn1", string(pylon.StateFinalized))
	}))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// TestDocsMetrics is at once the golden list of all names, types, labels and buckets, and the page that tells of them.
func TestDocsMetrics(t *testing.T) {
	t.Parallel()
	const path = "../../docs/metrics.md"
	families := exercisedFamilies(t)
	page := metricsPage(t, families)
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(page, string(written)); diff != "" {
		t.Errorf("docs/metrics.md is stale; run make docs (-code +file):\n%s", diff)
	}

	var ours []*dto.MetricFamily
	for name, family := range families {
		if strings.HasPrefix(name, "pylon_") {
			ours = append(ours, family)
		}
	}
	problems, err := promlint.NewWithMetricFamilies(ours).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func metricsPage(t *testing.T, families map[string]*dto.MetricFamily) string {
	var b strings.Builder
	b.WriteString(`# Metrics

Generated from the registry of a running service: run ` + "`make docs`" + `.

` + "`GET /metrics`" + ` needs the token of ` + "`PYLON_METRICS_TOKEN`" + `; without one set it always answers 403. The process and Go runtime metrics of the Prometheus
client (` + "`process_*`, `go_*`" + `) are there too. Counters and histograms of ` + "`pylon_*`" + ` also have a ` + "`*_created`" + ` series, as in the Python service, unless
` + "`PROMETHEUS_DISABLE_CREATED_SERIES`" + ` is true. A dashboard and alert rules that use these names are in ` + "`packaging/`" + `.
`)
	sections := make([][]string, len(metricSections))
	for name := range families {
		if !strings.HasPrefix(name, "pylon_") {
			continue
		}
		at := slices.IndexFunc(metricSections, func(s struct {
			title, about string
			prefixes     []string
		},
		) bool {
			return slices.ContainsFunc(s.prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		})
		if at < 0 {
			t.Errorf("%s belongs to no section of docs/metrics.md", name)
			continue
		}
		sections[at] = append(sections[at], name)
	}
	for i, names := range sections {
		if len(names) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n", metricSections[i].title)
		if about := metricSections[i].about; about != "" {
			fmt.Fprintf(&b, "%s\n\n", about)
		}
		b.WriteString("| Name | Type | Labels | Meaning |\n|---|---|---|---|\n")
		slices.Sort(names)
		for _, name := range names {
			writeMetric(&b, families[name])
		}
	}
	return b.String()
}

func writeMetric(b *strings.Builder, family *dto.MetricFamily) {
	var labels, buckets []string
	sample := family.GetMetric()[0]
	for _, pair := range sample.GetLabel() {
		labels = append(labels, "`"+pair.GetName()+"`")
	}
	for _, bucket := range sample.GetHistogram().GetBucket() {
		buckets = append(buckets, fmt.Sprint(bucket.GetUpperBound()))
	}
	meaning := family.GetHelp() + "."
	if len(buckets) > 0 {
		meaning += " Buckets: " + strings.Join(buckets, " ") + "."
	}
	fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", family.GetName(), strings.ToLower(family.GetType().String()), strings.Join(labels, ", "), meaning)
}
