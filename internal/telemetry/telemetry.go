package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/getsentry/sentry-go"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Config says where to send what.
type Config struct {
	// Collector is the base URL of an OpenTelemetry collector, http or https; traces go to /v1/traces below it. Defaults
	// to none: there are no traces then.
	Collector string
	// ServiceNamespace, ServiceName, ServiceVersion, ServiceInstance and Environment describe this process to the
	// collector. Empty ones are left out. Default to empty.
	ServiceNamespace string
	ServiceName      string
	ServiceVersion   string
	ServiceInstance  string
	Environment      string

	// SentryDSN says where errors are sent. Defaults to none: they are not sent then.
	SentryDSN string
	// SentryEnvironment and SentryRelease describe this process to Sentry. Default to "development" and to none.
	SentryEnvironment string
	SentryRelease     string

	// Logger hears of failures to send. It must not be one that sends to Sentry. Defaults to a logger that discards.
	Logger *slog.Logger
}

// Enabled tells whether anything is to be sent anywhere.
func (c Config) Enabled() bool { return c.Collector != "" || c.SentryDSN != "" }

// Telemetry sends traces and errors. It is safe for concurrent use.
type Telemetry struct {
	tracer trace.Tracer             // nil without a collector
	traces *sdktrace.TracerProvider // nil without a collector
	sentry *sentry.Client           // nil without a DSN
}

// New returns a Telemetry, which whoever makes it has to Close. It sends nothing yet and does not wait for anybody.
func New(config Config) (*Telemetry, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	t := new(Telemetry)
	var err error
	if config.SentryDSN != "" {
		if t.sentry, err = newSentry(config); err != nil {
			return nil, err
		}
	}
	if config.Collector != "" {
		if t.traces, err = newTraces(config); err != nil {
			return nil, errors.Join(err, t.Close(context.Background()))
		}
		t.tracer = t.traces.Tracer("github.com/bittensor-pylon/pylon")
	}
	return t, nil
}

// Traces tells whether there is a collector: without one the hooks need not be set.
func (t *Telemetry) Traces() bool { return t.tracer != nil }

// closeTime bounds how long Close waits for a collector and a Sentry that do not answer.
const closeTime = 2 * time.Second

// Close sends what is left, for at most two seconds, and stops.
func (t *Telemetry) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeTime)
	defer cancel()
	var failures []error
	if t.traces != nil {
		if err := t.traces.Shutdown(ctx); err != nil {
			failures = append(failures, fmt.Errorf("telemetry: traces: %w", err))
		}
	}
	if t.sentry != nil {
		if !t.sentry.FlushWithContext(ctx) {
			failures = append(failures, errors.New("telemetry: errors were left that could not be sent to Sentry"))
		}
		t.sentry.Close()
	}
	return errors.Join(failures...)
}
