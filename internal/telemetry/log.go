package telemetry

import (
	"context"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/trace"
)

// Handler returns a handler that passes records on to next: with the ids of the trace that their context is part of, and
// to Sentry as well when they are errors.
func (t *Telemetry) Handler(next slog.Handler) slog.Handler {
	return &handler{telemetry: t, next: next}
}

type handler struct {
	telemetry *Telemetry
	next      slog.Handler
	// group is the path of WithGroup with a dot at its end, attrs are those of WithAttrs, by their paths.
	group string
	attrs []slog.Attr
}

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level) || level >= slog.LevelError && h.telemetry.sentry != nil
}

func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	if record.Level >= slog.LevelError && h.telemetry.sentry != nil {
		attrs := make(map[string]any)
		for _, attr := range h.attrs {
			flatten(attrs, "", attr)
		}
		record.Attrs(func(attr slog.Attr) bool {
			flatten(attrs, h.group, attr)
			return true
		})
		h.telemetry.capture(ctx, record, attrs)
	}
	if !h.next.Enabled(ctx, record.Level) {
		return nil
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record = record.Clone()
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.next.Handle(ctx, record)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	more := *h
	more.next = h.next.WithAttrs(attrs)
	more.attrs = slices.Clone(h.attrs)
	for _, attr := range attrs {
		attr.Key = h.group + attr.Key
		more.attrs = append(more.attrs, attr)
	}
	return &more
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	more := *h
	more.next = h.next.WithGroup(name)
	more.group += name + "."
	return &more
}

// flatten notes an attribute under its path: "request.id".
func flatten(into map[string]any, prefix string, attr slog.Attr) {
	value := attr.Value.Resolve()
	if value.Kind() != slog.KindGroup {
		if attr.Key != "" {
			into[prefix+attr.Key] = plain(value)
		}
		return
	}
	if attr.Key != "" {
		prefix += attr.Key + "."
	}
	for _, member := range value.Group() {
		flatten(into, prefix, member)
	}
}
