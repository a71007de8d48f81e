package axon

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics registers counters of an axon and returns a function for
// Config.Observe:
//
//	pylon_axon_messages_total{name, status}
//	pylon_axon_message_duration_seconds{name}
//	pylon_axon_queue_seconds{name}
//	pylon_axon_bytes_total{name, direction}
//
// Messages that are not attached have the name "".
func Metrics(registry prometheus.Registerer) (func(Observation), error) {
	messages := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pylon_axon_messages_total", Help: "Messages by name and status of the answer.",
	}, []string{"name", "status"})
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "pylon_axon_message_duration_seconds", Help: "Time from a message's head to the end of its answer.",
		Buckets: prometheus.ExponentialBuckets(0.0005, 2.5, 14),
	}, []string{"name"})
	queued := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "pylon_axon_queue_seconds", Help: "Time that messages waited for a worker.",
		Buckets: prometheus.ExponentialBuckets(0.0005, 2.5, 14),
	}, []string{"name"})
	bytes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pylon_axon_bytes_total", Help: "Bytes of bodies.",
	}, []string{"name", "direction"})
	for _, c := range []prometheus.Collector{messages, duration, queued, bytes} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return func(o Observation) {
		messages.WithLabelValues(o.Name, strconv.Itoa(o.Status)).Inc()
		duration.WithLabelValues(o.Name).Observe(o.Duration.Seconds())
		queued.WithLabelValues(o.Name).Observe(o.Queued.Seconds())
		bytes.WithLabelValues(o.Name, "in").Add(float64(o.BytesIn))
		bytes.WithLabelValues(o.Name, "out").Add(float64(o.BytesOut))
	}, nil
}
