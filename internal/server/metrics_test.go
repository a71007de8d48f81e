package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// series returns the lines of /metrics that start with a prefix.
func (f *fixture) series(t *testing.T, prefix string) []string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(f.ask(t, "/metrics", authorization(metricsToken)...).Body.String()) {
		if strings.HasPrefix(line, prefix) {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

func labels(method, path string, status int) string {
	return fmt.Sprintf(`{app_name="bittensor-pylon",method="%s",path="%s",status_code="%d"}`, method, path, status)
}

func wantSeries(t *testing.T, f *fixture, line string) {
	t.Helper()
	name, _, _ := strings.Cut(line, "{")
	if found := f.series(t, name); !slices.Contains(found, line) {
		t.Errorf("no %s in\n%s", line, strings.Join(found, "\n"))
	}
}

// Conformance 105, as far as the HTTP metrics go.
func TestConformance105HTTPMetrics(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	const template = "/api/v1/subnet/{netuid}/block/latest/neurons"
	f.ask(t, v1Neurons, authorization(openToken)...)
	for _, line := range []string{
		"# HELP pylon_requests_total Total requests", "# TYPE pylon_requests_total counter",
		"# HELP pylon_request_duration_seconds Request duration, in seconds", "# TYPE pylon_request_duration_seconds histogram",
		"# HELP pylon_requests_in_progress Total requests currently in progress", "# TYPE pylon_requests_in_progress gauge",
	} {
		if !slices.Contains(f.series(t, "# "), line) {
			t.Errorf("no %s", line)
		}
	}
	wantSeries(t, f, "pylon_requests_total"+labels("GET", template, 200)+" 1")
	wantSeries(t, f, "pylon_request_duration_seconds_count"+labels("GET", template, 200)+" 1")
	wantSeries(t, f, "pylon_requests_in_progress"+labels("GET", template, 200)+" 0")
	// The request that asks is itself in progress.
	wantSeries(t, f, "pylon_requests_in_progress"+labels("GET", "/metrics", 200)+" 1")

	var bounds []string
	for _, line := range f.series(t, "pylon_request_duration_seconds_bucket"+strings.TrimSuffix(labels("GET", template, 200), "}")) {
		bounds = append(bounds, regexp.MustCompile(`le="([^"]+)"`).FindStringSubmatch(line)[1])
	}
	if got, want := strings.Join(bounds, " "), "0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 +Inf"; got != want {
		t.Errorf("buckets %s, want %s", got, want)
	}

	f.chain.before = func(context.Context, string) error { return errors.New("broken") }
	f.ask(t, v1Neurons, authorization(openToken)...)
	wantSeries(t, f, "pylon_requests_total"+labels("GET", template, 500)+" 1")
	wantSeries(t, f, "pylon_requests_error_total"+labels("GET", template, 500)+" 1")
	if help := f.series(t, "# HELP pylon_requests_error_total"); len(help) != 1 || !strings.HasSuffix(help[0], "Total errors in requests") {
		t.Errorf("help %q", help)
	}
}

func TestConformance081RealStatuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	const template = "/api/v1/subnet/{netuid}/block/latest/neurons"
	f.chain.before = patient
	f.ask(t, v1Neurons, append(authorization(openToken), timeoutHeader, "1e-06")...)
	f.ask(t, v1Neurons, timeoutHeader, "abc")
	f.ask(t, v1Neurons)
	f.ask(t, v1Neurons, authorization("wrong")...)
	f.chain.before = func(context.Context, string) error { panic("broken") }
	f.ask(t, v1Neurons, authorization(openToken)...)
	f.send(t, "OPTIONS", v1Neurons, nil, authorization(openToken)...)
	f.ask(t, "/api/v1/identity/sn1/subnet/9/block/latest/neurons", authorization(sn1Token)...)
	for _, status := range []int{504, 400, 401, 403, 500} {
		wantSeries(t, f, "pylon_requests_total"+labels("GET", template, status)+" 1")
		errors := f.series(t, "pylon_requests_error_total"+labels("GET", template, status))
		if counted := len(errors) == 1; counted != (status >= 500) {
			t.Errorf("status %d among the errors: %v", status, counted)
		}
	}
	wantSeries(t, f, "pylon_requests_total"+labels("OPTIONS", template, 204)+" 1")
	wantSeries(t, f, "pylon_requests_total"+labels("GET", "/api/v1/identity/{identity_name}/subnet/{netuid}/block/latest/neurons", 308)+" 1")
}

func TestConformance106PathLabelIsTheTemplate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, path := range []string{
		"/nope", "/api/v1/subnet/abc/block/latest/neurons", "/api/v1/subnet/12345/block/latest/neurons", "/metrics",
		"/api/v1/subnet/1/block/54321/neurons", "/api/v1/identity/nobody/subnet/1/block/latest/neurons", "/schema/swagger/canary.js",
	} {
		f.ask(t, path, authorization(openToken)...)
	}
	f.send(t, "PUT", v1Neurons, nil) // a wrong method is no route, and is not counted
	templates := map[string]bool{}
	f.routes.each(func(e *endpoint) { templates[e.template] = true })
	counted := map[string]bool{}
	for _, line := range f.series(t, "pylon_requests_total{") {
		path := regexp.MustCompile(`path="([^"]+)"`).FindStringSubmatch(line)[1]
		if !templates[path] {
			t.Errorf("path label %s", path)
		}
		counted[path] = true
	}
	if len(counted) != 5 {
		t.Errorf("counted: %v", slices.Sorted(maps.Keys(counted)))
	}
}

func TestCreatedSeries(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.ask(t, "/health")
	for _, name := range []string{"pylon_requests_created", "pylon_request_duration_seconds_created"} {
		lines := f.series(t, name+labels("GET", "/health", 200))
		if len(lines) != 1 || !strings.Contains(lines[0], " 1.") {
			t.Errorf("%s: %q", name, lines)
		}
		if kind := f.series(t, "# TYPE "+name); len(kind) != 1 || !strings.HasSuffix(kind[0], " gauge") {
			t.Errorf("%s: %q", name, kind)
		}
	}
	without := newFixture(t, func(c *Config) { c.NoCreatedSeries = true })
	without.ask(t, "/health")
	for _, line := range without.series(t, "pylon_") {
		if strings.Contains(line, "_created") {
			t.Errorf("there is %s", line)
		}
	}
}

func TestTwoServersDoNotShareARegistry(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	first := newFixture(t, func(c *Config) { c.Registry = registry })
	if _, err := New(Config{Chain: first.chain, Recent: first.recent, Registry: registry}); err == nil || !strings.Contains(err.Error(), "Registry") {
		t.Errorf("error %v", err)
	}
}
