package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/getsentry/sentry-go"
	"go.opentelemetry.io/otel/trace"
)

func newSentry(config Config) (*sentry.Client, error) {
	environment := config.SentryEnvironment
	if environment == "" {
		environment = "development"
	}
	client, err := sentry.NewClient(sentry.ClientOptions{
		Dsn:         config.SentryDSN,
		Environment: environment,
		Release:     config.SentryRelease,
		// The default ones read the sources and the list of modules, for stacks that we do not send.
		Integrations:         func([]sentry.Integration) []sentry.Integration { return nil },
		DisableClientReports: true,
	})
	if err != nil {
		// The error shows the DSN, which has a key in it.
		return nil, errors.New("telemetry: SentryDSN is no DSN")
	}
	return client, nil
}

// capture sends a record of the log.
func (t *Telemetry) capture(ctx context.Context, record slog.Record, attrs map[string]any) {
	event := sentry.NewEvent()
	event.Level = sentry.LevelError
	event.Timestamp = record.Time
	event.Logger = "pylon"
	event.Message = record.Message
	// What went wrong is the message; the error or the panic says more about it. Events with the same message and the
	// same route are one issue, whatever numbers are in the error.
	event.Fingerprint = []string{record.Message, text(attrs["request.route"])}
	cause := text(attrs["error"])
	if cause == "" {
		cause = text(attrs["panic"])
	}
	event.Exception = []sentry.Exception{{Type: record.Message, Value: cause}}
	event.Tags = map[string]string{}
	for tag, attr := range map[string]string{"request_id": "request.id", "route": "request.route", "method": "request.method"} {
		if value := text(attrs[attr]); value != "" {
			event.Tags[tag] = value
		}
	}
	event.Contexts["log"] = attrs
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		event.Contexts["trace"] = sentry.Context{"trace_id": span.TraceID().String(), "span_id": span.SpanID().String()}
	}
	t.sentry.CaptureEvent(event, nil, nil)
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

// plain turns the value of an attribute into what JSON can hold.
func plain(value slog.Value) any {
	switch value = value.Resolve(); value.Kind() {
	case slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindBool:
		return value.Any()
	case slog.KindTime:
		return value.Time().Format(time.RFC3339Nano)
	default:
		return value.String()
	}
}
