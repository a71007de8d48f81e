package app

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// otlp is a collector of traces that keeps what it is sent.
type otlp struct {
	*httptest.Server

	mu       sync.Mutex
	spans    []*traces.Span
	resource map[string]string
	problems []string
}

func newOTLP(t *testing.T) *otlp {
	t.Helper()
	o := new(otlp)
	o.Server = httptest.NewServer(http.HandlerFunc(o.take))
	t.Cleanup(o.Close)
	return o
}

func (o *otlp) take(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			o.problems = append(o.problems, err.Error())
			return
		}
		body = unpacked
	}
	content, err := io.ReadAll(body)
	request := new(collector.ExportTraceServiceRequest)
	if err == nil {
		err = proto.Unmarshal(content, request)
	}
	if err != nil || r.URL.Path != "/otel/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		o.problems = append(o.problems, r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type"))
		return
	}
	for _, resource := range request.GetResourceSpans() {
		o.resource = attributes(resource.GetResource().GetAttributes())
		for _, scope := range resource.GetScopeSpans() {
			o.spans = append(o.spans, scope.GetSpans()...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func attributes(list []*common.KeyValue) map[string]string {
	all := make(map[string]string)
	for _, pair := range list {
		all[pair.GetKey()] = pair.GetValue().GetStringValue()
	}
	return all
}

func (s *service) stopNow(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// The spans that a collector is sent are a tree: request, operation on the chain, call at a node.
func TestTracesFollowARequestToTheNode(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	o := newOTLP(t)
	s := startService(t, environment(
		chain.URL(), "PYLON_OTEL_COLLECTOR_ENDPOINT= "+o.URL+"/otel// ", "PYLON_OTEL_SERVICE_NAME=a-pylon", "PYLON_ENVIRONMENT=staging",
		"PYLON_EVM_RPC_URL="+chain.HTTPURL(), "PYLON_EVM_ARCHIVE_RPC_URL="+chain.HTTPURL(),
	)...)
	const traceID, callerSpan = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	s.want(t, http.StatusOK, neuronsAt(15), "Traceparent", "00-"+traceID+"-"+callerSpan+"-01", "X-Request-Id", "the-request")
	s.want(t, http.StatusOK, neuronsAt(15)) // from memory: a request without anything below it
	const unsampled = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	s.want(t, http.StatusOK, neuronsAt(14), "Traceparent", "00-"+unsampled+"-"+callerSpan+"-00")
	s.stopNow(t)

	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.problems) > 0 {
		t.Fatalf("the collector was sent something else: %q", o.problems)
	}
	for key, want := range map[string]string{
		"service.name": "a-pylon", "service.namespace": "bittensor-pylon", "deployment.environment": "staging", "deployment.environment.name": "staging",
	} {
		if o.resource[key] != want {
			t.Errorf("resource %s is %q", key, o.resource[key])
		}
	}
	if len(o.resource["service.instance.id"]) != 36 {
		t.Errorf("service.instance.id is %q", o.resource["service.instance.id"])
	}

	byID := make(map[string]*traces.Span)
	var root *traces.Span
	roots := 0
	for _, span := range o.spans {
		byID[string(span.GetSpanId())] = span
		if span.GetKind() == traces.Span_SPAN_KIND_SERVER {
			roots++
			if hex.EncodeToString(span.GetTraceId()) == traceID {
				root = span
			}
		}
		if hex.EncodeToString(span.GetTraceId()) == unsampled {
			t.Errorf("%s belongs to a trace that its caller does not want", span.GetName())
		}
	}
	if root == nil || roots != 2 {
		t.Fatalf("%d requests, that of the caller's trace is %v", roots, root)
	}
	const template = "/api/v1/subnet/{netuid}/block/{block_number}/neurons"
	told := attributes(root.GetAttributes())
	if root.GetName() != "GET "+template || hex.EncodeToString(root.GetParentSpanId()) != callerSpan || told["http.route"] != template || told["pylon.request_id"] != "the-request" {
		t.Errorf("the request's span: %v", root)
	}
	// Every call belongs to an operation, and every operation, through others, to a request.
	calls := 0
	for _, span := range o.spans {
		path := []string{span.GetName()}
		top := span
		for top.GetKind() != traces.Span_SPAN_KIND_SERVER {
			parent := byID[string(top.GetParentSpanId())]
			if parent == nil {
				t.Fatalf("%q has no parent", path)
			}
			if parent.GetStartTimeUnixNano() > top.GetStartTimeUnixNano() {
				t.Errorf("%q began before what it is part of", path)
			}
			top = parent
			path = append([]string{top.GetName()}, path...)
		}
		if span.GetKind() == traces.Span_SPAN_KIND_CLIENT {
			calls++
			if len(path) < 3 {
				t.Errorf("%q is too short", path)
			}
			if told := attributes(span.GetAttributes()); told["server.address"] != chain.URL() || told["rpc.method"] != span.GetName() {
				t.Errorf("%q tells %v", path, told)
			}
		}
		if top == root && span.GetName() == "state_call" && !slices.Contains(path, "get_neurons") {
			t.Errorf("the path to a call is %q", path)
		}
	}
	if calls == 0 {
		t.Error("no call at a node")
	}
	// The log says which trace a request belongs to.
	if !strings.Contains(s.log.String(), `"trace_id":"`+traceID+`"`) {
		t.Error("no line of the log has the id of the trace")
	}
}

// A collector that is down costs neither requests nor the stop.
func TestCollectorDown(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	s := startService(t, environment(chain.URL(), "PYLON_OTEL_COLLECTOR_ENDPOINT=http://127.0.0.1:1", "PYLON_SENTRY_DSN=http://key@127.0.0.1:1/1")...)
	s.want(t, http.StatusOK, latestNeurons)
	s.stopNow(t)
}

// sentryStand is where a DSN leads to.
type sentryStand struct {
	*httptest.Server

	mu     sync.Mutex
	events []string
	paths  []string
	auth   []string
}

func newSentryStand(t *testing.T) *sentryStand {
	t.Helper()
	s := new(sentryStand)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events, s.paths = append(s.events, string(content)), append(s.paths, r.URL.Path)
		s.auth = append(s.auth, r.Header.Get("X-Sentry-Auth"))
		_, _ = io.WriteString(w, `{"id":"fc6d8c0c43fc4630ad850ee518f1b9d0"}`)
	}))
	t.Cleanup(s.Close)
	return s
}

// What the log shows as an error is sent to Sentry, and nothing that is secret with it.
func TestErrorsAreSentToSentry(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	stand := newSentryStand(t)
	host := strings.TrimPrefix(stand.URL, "http://")
	environ := environment(
		"ws://canaryuser:canarypassword@"+strings.TrimPrefix(chain.URL(), "ws://")+"/canarypath",
		"PYLON_SENTRY_DSN=http://thepublickey@"+host+"/42", "PYLON_SENTRY_ENVIRONMENT=staging", "PYLON_OTEL_SERVICE_VERSION=1.2.3",
		"PYLON_OPEN_ACCESS_TOKEN=canarytoken",
	)
	s := makeService(t, environ...)
	s.main = nil // so that the question whether the service is ready panics; the parts that are there have their own
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.logger.WarnContext(t.Context(), "a warning stays here")
	if status, _ := s.get(t, "/ready", "canarytoken", "Cookie", "canarycookie=1", "X-Request-Id", "the-request"); status != http.StatusInternalServerError {
		t.Errorf("status %d", status)
	}
	s.stopNow(t)

	stand.mu.Lock()
	defer stand.mu.Unlock()
	var panics []string // the service has another error to tell of: the hotkey of its identity is not there
	for i, event := range stand.events {
		if stand.paths[i] != "/api/42/envelope/" || !strings.Contains(stand.auth[i], "thepublickey") {
			t.Errorf("an event at %q with %q", stand.paths[i], stand.auth[i])
		}
		if at := strings.Index(event, "canary"); at >= 0 {
			t.Errorf("a secret was sent: …%s", event[max(0, at-100):])
		}
		if strings.Contains(event, "a warning stays here") {
			t.Error("a warning was sent")
		}
		if strings.Contains(event, `"panic while answering a request"`) {
			panics = append(panics, event)
		}
	}
	if len(panics) != 1 {
		t.Fatalf("%d panics among %d events", len(panics), len(stand.events))
	}
	lines := strings.Split(panics[0], "\n")
	var event struct {
		Level, Message, Environment, Release string
		Tags                                 map[string]string
		Exception                            []struct{ Type, Value string }
		Contexts                             map[string]map[string]any
	}
	if len(lines) < 3 || json.Unmarshal([]byte(lines[2]), &event) != nil {
		t.Fatalf("no envelope with an event: %s", panics[0])
	}
	if event.Level != "error" || event.Environment != "staging" || event.Release != "1.2.3" || event.Message != "panic while answering a request" {
		t.Errorf("%+v", event)
	}
	if event.Tags["request_id"] != "the-request" || len(event.Exception) != 1 || !strings.Contains(event.Exception[0].Value, "nil pointer") {
		t.Errorf("%+v", event)
	}
	if stack, _ := event.Contexts["log"]["stack"].(string); !strings.Contains(stack, "goroutine") {
		t.Errorf("no stack in %+v", event.Contexts)
	}
}

// Without a collector and a DSN no hook is set: there is nothing that could cost anything.
func TestTelemetryIsOffByDefault(t *testing.T) {
	t.Parallel()
	o, err := newObserver(Defaults(), "1", nil)
	if err != nil || o.Telemetry != nil || o.requests() != nil || o.operations() != nil {
		t.Errorf("%v %+v", err, o)
	}
	o, err = newObserver(mustLoad(t, "PYLON_SENTRY_DSN=http://key@127.0.0.1:1/1"), "1", nil)
	if err != nil || o.requests() != nil || o.operations() != nil {
		t.Errorf("errors alone are sent, and requests are traced: %v", err)
	}
	if err := o.close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTelemetrySettings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		environ      []string
		sentry, otel string
		collector    string
	}{
		{nil, "development", "production", ""},
		{[]string{"PYLON_ENVIRONMENT=staging"}, "staging", "staging", ""},
		{[]string{"PYLON_ENVIRONMENT=staging", "PYLON_SENTRY_ENVIRONMENT=a", "PYLON_OTEL_DEPLOYMENT_ENVIRONMENT=b"}, "a", "b", ""},
		{[]string{"PYLON_OTEL_COLLECTOR_ENDPOINT= "}, "development", "production", ""},
	} {
		s := mustLoad(t, test.environ...)
		if s.SentryEnvironment != test.sentry || s.OTELEnvironment != test.otel || string(s.OTELCollector) != test.collector {
			t.Errorf("%q: %q %q %q", test.environ, s.SentryEnvironment, s.OTELEnvironment, s.OTELCollector)
		}
	}
	for _, bad := range []string{"PYLON_SENTRY_DSN=https://sentry.example/1", "PYLON_SENTRY_DSN=canary", "PYLON_SENTRY_DSN=https://canary@host", "PYLON_OTEL_COLLECTOR_ENDPOINT=canary:4318"} {
		if _, err := load(t, bad); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
