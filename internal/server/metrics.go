package server

import (
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// appName is the value of the app_name label.
const appName = "bittensor-pylon"

// instruments are the HTTP metrics of the contract, and those that tell an operator how near the limits are.
type instruments struct {
	requests   *prometheus.CounterVec
	errors     *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	inProgress *prometheus.GaugeVec

	tokens     *prometheus.CounterVec
	turnedAway *prometheus.CounterVec
}

func (s *Server) newInstruments() (*instruments, error) {
	labels := []string{"method", "path", "status_code", "app_name"}
	i := &instruments{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pylon_requests_total",
			Help: "Total requests",
		}, labels),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pylon_requests_error_total",
			Help: "Total errors in requests",
		}, labels),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "pylon_request_duration_seconds",
			Help:    "Request duration, in seconds",
			Buckets: []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10},
		}, labels),
		inProgress: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pylon_requests_in_progress",
			Help: "Total requests currently in progress",
		}, labels),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pylon_token_failures_total",
			Help: "Wrong tokens, and tokens that were refused because their address had sent too many wrong ones",
		}, []string{"guard", "identity", "reason"}),
		turnedAway: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pylon_connections_refused_total",
			Help: "Connections that were closed because there were too many",
		}, []string{"reason"}),
	}
	for _, reason := range []string{wrongReason, throttledReason} {
		i.tokens.WithLabelValues(openAccess.String(), noIdentity, reason)
		i.tokens.WithLabelValues(metricsKey.String(), noIdentity, reason)
		for _, known := range s.identityList {
			i.tokens.WithLabelValues(identityKey.String(), known.Name, reason)
		}
	}
	for _, reason := range []string{refusedForAll, refusedForAddress, closedForOthers} {
		i.turnedAway.WithLabelValues(reason)
	}
	for _, collector := range []prometheus.Collector{
		i.requests, i.errors, i.duration, i.inProgress, i.tokens, i.turnedAway,
		gauge("pylon_connections", "Open connections of clients", func() float64 { return float64(s.connections.Load()) }),
		gauge("pylon_rendered_bytes", "Memory that rendered answers are kept in", func() float64 { return float64(s.bodies.status().Bytes) }),
		counter("pylon_rendered_hits_total", "Answers that were kept rendered", func() float64 { return float64(s.bodies.status().Hits) }),
		counter("pylon_rendered_misses_total", "Answers that had to be rendered", func() float64 { return float64(s.bodies.status().Misses) }),
		gauge("pylon_event_readers", "Clients that read the stream of events", func() float64 { return float64(s.stream.readerCount()) }),
	} {
		if err := s.config.Registry.Register(collector); err != nil {
			return nil, err
		}
	}
	return i, nil
}

func gauge(name, help string, value func() float64) prometheus.GaugeFunc {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
}

func counter(name, help string, value func() float64) prometheus.CounterFunc {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value)
}

// Why a token failed.
const (
	wrongReason     = "wrong"
	throttledReason = "throttled"
)

// noIdentity is the label of routes that belong to none.
const noIdentity = "N/A"

// failedToken counts a token that failed on a route.
func (x *exchange) failedToken(reason string) {
	identity := noIdentity
	if x.route.guard == identityKey {
		identity = x.param("identity_name") // which is known, or its token would not have been looked at
	}
	x.server.instruments.tokens.WithLabelValues(x.route.guard.String(), identity, reason).Inc()
}

// meter counts the requests of one route. It looks the label values up once, not with every request.
type meter struct {
	instruments *instruments
	method      string
	path        string
	inProgress  prometheus.Gauge

	// byStatus is replaced as a whole, under mu, when a status is seen for the first time.
	mu       sync.Mutex
	byStatus atomic.Pointer[map[int]*statusMeter]
}

// statusMeter counts the answers of one route with one status.
type statusMeter struct {
	requests prometheus.Counter
	errors   prometheus.Counter // nil below 500
	duration prometheus.Observer
}

func (i *instruments) meter(method, path string) *meter {
	return &meter{
		instruments: i,
		method:      method,
		path:        path,
		// The status is not known yet; the Python service says 200 here, and so do we.
		inProgress: i.inProgress.WithLabelValues(method, path, "200", appName),
	}
}

func (m *meter) begin() { m.inProgress.Inc() }

func (m *meter) end(status int, took time.Duration) {
	m.inProgress.Dec()
	s := m.status(status)
	s.requests.Inc()
	if s.errors != nil {
		s.errors.Inc()
	}
	s.duration.Observe(took.Seconds())
}

func (m *meter) status(status int) *statusMeter {
	if known := m.byStatus.Load(); known != nil {
		if s := (*known)[status]; s != nil {
			return s
		}
	}
	return m.addStatus(status)
}

func (m *meter) addStatus(status int) *statusMeter {
	m.mu.Lock()
	defer m.mu.Unlock()
	grown := map[int]*statusMeter{}
	if known := m.byStatus.Load(); known != nil {
		if s := (*known)[status]; s != nil {
			return s
		}
		maps.Copy(grown, *known)
	}
	labels := []string{m.method, m.path, strconv.Itoa(status), appName}
	s := &statusMeter{
		requests: m.instruments.requests.WithLabelValues(labels...),
		duration: m.instruments.duration.WithLabelValues(labels...),
	}
	if status >= 500 {
		s.errors = m.instruments.errors.WithLabelValues(labels...)
	}
	grown[status] = s
	m.byStatus.Store(&grown)
	return s
}
