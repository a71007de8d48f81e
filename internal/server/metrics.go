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

// instruments are the HTTP metrics of the contract.
type instruments struct {
	requests   *prometheus.CounterVec
	errors     *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	inProgress *prometheus.GaugeVec
}

func newInstruments(registry prometheus.Registerer) (*instruments, error) {
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
	}
	for _, collector := range []prometheus.Collector{i.requests, i.errors, i.duration, i.inProgress} {
		if err := registry.Register(collector); err != nil {
			return nil, err
		}
	}
	return i, nil
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
