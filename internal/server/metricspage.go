package server

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// newMetricsPage returns the handler of /metrics.
func newMetricsPage(config Config) http.Handler {
	var gatherer prometheus.Gatherer = config.Registry
	if !config.NoCreatedSeries {
		gatherer = withCreated(gatherer)
	}
	return promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// withCreated adds the *_created series that the Python service shows: when each of its counters and histograms came
// to be, in seconds since the Unix epoch. The text format of the Go library leaves them out.
func withCreated(gatherer prometheus.Gatherer) prometheus.GathererFunc {
	return func() ([]*dto.MetricFamily, error) {
		families, err := gatherer.Gather()
		for _, family := range families[:len(families):len(families)] {
			if created := createdFamily(family); created != nil {
				families = append(families, created)
			}
		}
		slices.SortFunc(families, func(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) })
		return families, err
	}
}

func createdFamily(family *dto.MetricFamily) *dto.MetricFamily {
	if !strings.HasPrefix(family.GetName(), "pylon_") {
		return nil
	}
	name := strings.TrimSuffix(family.GetName(), "_total") + "_created"
	created := &dto.MetricFamily{Name: &name, Help: family.Help, Type: dto.MetricType_GAUGE.Enum()}
	for _, metric := range family.GetMetric() {
		at := metric.GetCounter().GetCreatedTimestamp()
		if at == nil {
			at = metric.GetHistogram().GetCreatedTimestamp()
		}
		if at == nil {
			continue
		}
		seconds := float64(at.AsTime().UnixNano()) / 1e9
		created.Metric = append(created.Metric, &dto.Metric{
			Label: metric.GetLabel(),
			Gauge: &dto.Gauge{Value: &seconds},
		})
	}
	if len(created.Metric) == 0 {
		return nil
	}
	return created
}

func (x *exchange) answerMetrics() error {
	x.hand(x.server.metricsPage, x.request)
	return nil
}
