package app

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/intents"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
)

var _ intents.Observer = (*jobMetrics)(nil)

// The values of the operation label that the contract has for jobs.
const (
	runJob       = "run_job"
	applyWeights = "_apply_weights"
)

// jobMetrics are the metrics of writes: the contract's, by job and by try, and those that tell an operator whether weights
// arrive in time.
type jobMetrics struct {
	weights     *prometheus.HistogramVec
	attempts    *prometheus.HistogramVec
	commitments *prometheus.HistogramVec
	revealed    *prometheus.HistogramVec
	operations  *chainMetrics
	network     string

	ended       *prometheus.CounterVec
	blocksLeft  *prometheus.GaugeVec
	lastSuccess *prometheus.GaugeVec
}

func newJobMetrics(registry prometheus.Registerer, operations *chainMetrics, network string) *jobMetrics {
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	long := []float64{1, 5, 10, 30, 60, 120, 300, 600, 1200}
	scope := []string{"identity", "kind", "netuid", "mechanism"}
	m := &jobMetrics{
		weights: histogram("pylon_apply_weights_job_duration_seconds", "From the request for weights to the end of its intent, in seconds",
			long, "operation", "status", "netuid", "hotkey"),
		attempts: histogram("pylon_apply_weights_attempt_duration_seconds", "Duration of one try to bring weights onto the chain, in seconds",
			[]float64{0.1, 0.5, 1, 2, 5, 10, 30, 60, 120}, "operation", "status", "netuid", "hotkey"),
		commitments: histogram("pylon_set_commitment_job_duration_seconds", "From the request for a commitment to the end of its intent, in seconds",
			long, "operation", "status", "netuid"),
		revealed: histogram("pylon_set_revealed_commitment_job_duration_seconds", "From the request for a revealed commitment to the end of its intent, in seconds",
			long, "operation", "status", "netuid"),
		operations: operations,
		network:    network,
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pylon_intents_ended_total",
			Help: "Intents that have ended, by the state that they ended in and the reason (docs/reasons.md)",
		}, []string{"identity", "kind", "netuid", "state", "reason"}),
		blocksLeft: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pylon_intent_blocks_left",
			Help: "Blocks until the deadline of the open intent",
		}, scope),
		lastSuccess: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pylon_intent_last_success_timestamp_seconds",
			Help: "When an intent last ended well, in seconds since 1970",
		}, scope),
	}
	registry.MustRegister(m.weights, m.attempts, m.commitments, m.revealed, m.ended, m.blocksLeft, m.lastSuccess)
	return m
}

func netuidLabel(netuid pylon.Netuid) string { return strconv.Itoa(int(netuid)) }

// Attempt implements intents.Observer.
func (m *jobMetrics) Attempt(a intents.Attempt) {
	netuid, hotkey, took := netuidLabel(a.Netuid), string(a.Hotkey), a.Duration.Seconds()
	if a.Kind == pylon.IntentWeights {
		m.attempts.WithLabelValues(applyWeights, a.Status, netuid, hotkey).Observe(took)
	}
	if operation := operationOf(a.Kind, a.Method); operation != "" {
		m.operations.duration.WithLabelValues(operation, a.Status, m.network, netuid, hotkey).Observe(took)
	}
}

// operationOf is what the contract calls an operation on the chain.
func operationOf(kind pylon.IntentKind, method pylon.WeightsMethod) string {
	switch kind {
	case pylon.IntentWeights:
		if method == pylon.MethodDirect {
			return "set_weights"
		}
		return "commit_weights"
	case pylon.IntentCommitment:
		return "set_commitment"
	case pylon.IntentRevealedCommitment:
		return "set_revealed_commitment"
	case pylon.IntentCertificate:
		return "generate_certificate_keypair"
	case pylon.IntentAxon:
		return "serve_axon"
	default:
		return ""
	}
}

// Ended implements intents.Observer.
func (m *jobMetrics) Ended(j intents.Job) {
	i, took := j.Intent, j.Duration.Seconds()
	netuid := netuidLabel(i.Netuid)
	switch i.Kind {
	case pylon.IntentWeights:
		m.weights.WithLabelValues(runJob, j.Status, netuid, string(i.Hotkey)).Observe(took)
	case pylon.IntentCommitment:
		m.commitments.WithLabelValues(runJob, j.Status, netuid).Observe(took)
	case pylon.IntentRevealedCommitment:
		m.revealed.WithLabelValues(runJob, j.Status, netuid).Observe(took)
	}
	m.ended.WithLabelValues(i.Identity, string(i.Kind), netuid, string(i.State), string(i.Reason)).Inc()
	m.blocksLeft.DeleteLabelValues(scopeOf(i)...)
	if i.State.Succeeded() && i.EndedAt != nil {
		m.succeeded(i)
	}
}

func (m *jobMetrics) succeeded(i pylon.Intent) {
	m.lastSuccess.WithLabelValues(scopeOf(i)...).Set(float64(i.EndedAt.UnixMilli()) / float64(time.Second/time.Millisecond))
}

// Left implements intents.Observer.
func (m *jobMetrics) Left(i pylon.Intent, blocks int64) {
	m.blocksLeft.WithLabelValues(scopeOf(i)...).Set(float64(blocks))
}

func scopeOf(i pylon.Intent) []string {
	return []string{i.Identity, string(i.Kind), netuidLabel(i.Netuid), strconv.Itoa(int(i.Mechanism))}
}

// remember takes over from the database when weights last arrived, so that a restart does not look like a failure.
func (m *jobMetrics) remember(ctx context.Context, s *store.Store, identities []intents.Identity) {
	for _, identity := range identities {
		past, err := s.List(ctx, store.Filter{
			Identity: identity.Name, States: []string{string(pylon.StateFinalized), string(pylon.StateRevealed)}, Ended: true,
		}, store.Page{})
		if err != nil {
			return // it is only not known
		}
		for i := len(past.Records) - 1; i >= 0; i-- { // the newest last
			r := &past.Records[i]
			m.succeeded(pylon.Intent{
				Identity: r.Identity, Kind: pylon.IntentKind(r.Kind), Netuid: pylon.Netuid(r.Netuid), Mechanism: r.Mechanism, EndedAt: &r.EndedAt,
			})
		}
	}
}
