package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// exportTime is how long a collector may take for one batch of spans.
const exportTime = 5 * time.Second

func newTraces(config Config) (*sdktrace.TracerProvider, error) {
	base := strings.TrimRight(strings.TrimSpace(config.Collector), "/")
	if u, err := url.Parse(base); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("telemetry: Collector is no http or https URL")
	}
	// Nothing is opened here, so that the context is of no account.
	exporter, err := otlptracehttp.New(
		context.Background(),
		otlptracehttp.WithEndpointURL(base+"/v1/traces"),
		otlptracehttp.WithTimeout(exportTime),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: true, InitialInterval: 500 * time.Millisecond, MaxInterval: 2 * time.Second, MaxElapsedTime: exportTime,
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("telemetry: Collector: %w", err)
	}
	var described []attribute.KeyValue
	for _, entry := range []struct{ key, value string }{
		{"service.namespace", config.ServiceNamespace},
		{"service.name", config.ServiceName},
		{"service.version", config.ServiceVersion},
		{"service.instance.id", config.ServiceInstance},
		{"deployment.environment.name", config.Environment},
		{"deployment.environment", config.Environment}, // its name before version 1.27 of the conventions
	} {
		if entry.value != "" {
			described = append(described, attribute.String(entry.key, entry.value))
		}
	}
	return sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&exports{SpanExporter: exporter, logger: config.Logger}),
		sdktrace.WithResource(resource.NewSchemaless(described...)),
	), nil
}

// exports keeps the failures of an exporter away from the process-wide handler of the library, which prints each of
// them.
type exports struct {
	sdktrace.SpanExporter

	logger *slog.Logger
	warned atomic.Int64 // when, in nanoseconds since the Unix epoch
	lost   atomic.Int64 // spans since then
}

// ExportSpans sends spans, or tells the log, at most once a minute, that it could not.
func (e *exports) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		return nil
	}
	lost := e.lost.Add(int64(len(spans)))
	now, last := time.Now().UnixNano(), e.warned.Load()
	if now-last >= int64(time.Minute) && e.warned.CompareAndSwap(last, now) {
		e.lost.Add(-lost)
		e.logger.Warn("the collector does not take traces", "error", err.Error(), "spans_lost", lost)
	}
	return nil
}

// Request begins the span of a request. The caller's traceparent is its parent. The context that is returned carries
// the span; the function ends it, with the status of the answer.
func (t *Telemetry) Request(r *http.Request, route, id string) (context.Context, func(status int)) {
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := t.tracer.Start(
		ctx, r.Method+" "+route, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			attribute.String("http.request.method", r.Method),
			attribute.String("http.route", route),
			attribute.String("url.path", clip(r.URL.Path)),
			attribute.String("pylon.request_id", id),
		),
	)
	return ctx, func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
		span.End()
	}
}

// Carry returns journey with the trace that asker is part of.
func (t *Telemetry) Carry(journey, asker context.Context) context.Context {
	span := trace.SpanFromContext(asker)
	if !span.SpanContext().IsValid() {
		return journey
	}
	return trace.ContextWithSpan(journey, span)
}

// Begin begins the span of an operation on the chain, when ctx is part of a trace. The function ends it.
func (t *Telemetry) Begin(ctx context.Context, operation, nodes, netuid string) (context.Context, func(error)) {
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ctx, func(error) {}
	}
	ctx, span := t.tracer.Start(ctx, operation, trace.WithAttributes(
		attribute.String("pylon.nodes", nodes), attribute.String("pylon.netuid", netuid),
	))
	return ctx, func(err error) { end(span, err) }
}

// Step begins the span of something that is done for an intent. Where ctx is part of no trace it begins one: the request
// that asked for the intent is long answered. The function ends it.
func (t *Telemetry) Step(ctx context.Context, step, intent, kind, netuid string) (context.Context, func(error)) {
	ctx, span := t.tracer.Start(ctx, "intent "+step, trace.WithAttributes(
		attribute.String("pylon.intent", intent), attribute.String("pylon.intent_kind", kind), attribute.String("pylon.netuid", netuid),
	))
	return ctx, func(err error) { end(span, err) }
}

// Call is something that one node, or one EVM node, was asked.
type Call struct {
	// Method is the RPC method.
	Method string
	// Node is the address of the node without what could be secret in it, Role what it is for.
	Node, Role string
	// Duration is how long it took. It has just ended.
	Duration time.Duration
	// Bytes is the size of the answer, 0 when it is not known.
	Bytes int
	Err   error
}

// Call adds the span of a call that has just ended, when ctx is part of a trace.
func (t *Telemetry) Call(ctx context.Context, call Call) {
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return
	}
	ended := time.Now()
	_, span := t.tracer.Start(
		ctx, call.Method, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(ended.Add(-call.Duration)), trace.WithAttributes(
			attribute.String("rpc.system", "jsonrpc"),
			attribute.String("rpc.method", call.Method),
			attribute.String("server.address", call.Node),
			attribute.String("pylon.role", call.Role),
			attribute.Int("pylon.answer_bytes", call.Bytes),
		),
	)
	if call.Err != nil {
		span.SetStatus(codes.Error, clip(call.Err.Error()))
	}
	span.End(trace.WithTimestamp(ended))
}

func end(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, clip(err.Error()))
	}
	span.End()
}

// clip bounds a text from outside.
func clip(text string) string {
	const longest = 512
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + "…"
}
