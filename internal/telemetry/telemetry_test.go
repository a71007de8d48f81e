package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func mustNew(t *testing.T, config Config) *Telemetry {
	t.Helper()
	telemetry, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return telemetry
}

func inTrace(t *testing.T) context.Context {
	t.Helper()
	return trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled,
	}))
}

func TestHandlerAddsTheTrace(t *testing.T) {
	t.Parallel()
	telemetry := mustNew(t, Config{})
	defer telemetry.Close(t.Context()) //nolint:errcheck // nothing was sent
	var out bytes.Buffer
	log := slog.New(telemetry.Handler(slog.NewJSONHandler(&out, nil))).With("part", "a")
	log.InfoContext(inTrace(t), "first", "n", 1)
	log.InfoContext(t.Context(), "second")
	log.DebugContext(inTrace(t), "third")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var first, second map[string]any
	if len(lines) != 2 || json.Unmarshal([]byte(lines[0]), &first) != nil || json.Unmarshal([]byte(lines[1]), &second) != nil {
		t.Fatalf("%q", lines)
	}
	if first["trace_id"] != "01000000000000000000000000000000" || first["span_id"] != "0200000000000000" || first["part"] != "a" || first["n"] != 1.0 {
		t.Errorf("%v", first)
	}
	if _, ok := second["trace_id"]; ok {
		t.Errorf("%v", second)
	}
}

// Errors are sent whatever the log shows, and with all attributes under their paths.
func TestHandlerSendsErrors(t *testing.T) {
	t.Parallel()
	bodies := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body)
	}))
	defer server.Close()
	telemetry := mustNew(t, Config{SentryDSN: strings.Replace(server.URL, "http://", "http://key@", 1) + "/1"})
	log := slog.New(telemetry.Handler(slog.DiscardHandler)).With("part", "a").WithGroup("outer").With("x", 1).WithGroup("")
	log.WarnContext(t.Context(), "not sent")
	log.ErrorContext(inTrace(t), "broken", slog.Group("inner", "y", time.Second), "error", errors.New("why"))
	if err := telemetry.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(bodies)
	var sent []string
	for body := range bodies {
		sent = append(sent, body)
	}
	if len(sent) != 1 {
		t.Fatalf("sent %q", sent)
	}
	for _, part := range []string{`"part":"a"`, `"outer.x":1`, `"outer.inner.y":"1s"`, `"environment":"development"`, "01000000000000000000000000000000"} {
		if !strings.Contains(sent[0], part) {
			t.Errorf("no %s in %s", part, sent[0])
		}
	}
}

func TestNothingStartsATraceButRequestsAndSteps(t *testing.T) {
	t.Parallel()
	spans := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { spans <- struct{}{} }))
	defer server.Close()
	telemetry := mustNew(t, Config{Collector: server.URL})
	ctx, end := telemetry.Begin(t.Context(), "get_neurons", "a", "1")
	telemetry.Call(ctx, Call{Method: "state_call"})
	end(nil)
	if telemetry.Carry(t.Context(), t.Context()) != t.Context() {
		t.Error("a context without a trace is carried")
	}
	if err := telemetry.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if len(spans) > 0 {
		t.Error("the collector was sent something")
	}
	telemetry = mustNew(t, Config{Collector: server.URL})
	ctx, end = telemetry.Step(t.Context(), "sign", "id", "weights", "1")
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		t.Error("a step begins no trace")
	}
	end(errors.New("why"))
	if err := telemetry.Close(t.Context()); err != nil || len(spans) != 1 {
		t.Errorf("%v; the collector was sent %d times", err, len(spans))
	}
}

// A collector that refuses costs a line in the log, and no more than one a minute.
func TestFailuresAreLoggedSparsely(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
	defer server.Close()
	var out bytes.Buffer
	telemetry := mustNew(t, Config{Collector: server.URL, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	for range 3 {
		_, end := telemetry.Request(httptest.NewRequest(http.MethodGet, "/", nil), "/", "id")
		end(http.StatusOK)
		if err := telemetry.traces.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := telemetry.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != 1 || !strings.Contains(out.String(), "spans_lost=1") {
		t.Errorf("logged %q", out.String())
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{SentryDSN: "https://canary"}); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v", err)
	}
	if _, err := New(Config{Collector: "http://a b"}); err == nil {
		t.Error("no error")
	}
}
