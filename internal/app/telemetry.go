package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/evm"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/internal/telemetry"
)

// observer joins the parts' hooks to the telemetry. Where nothing is to be sent, the hooks stay nil and cost nothing.
type observer struct {
	*telemetry.Telemetry // nil when nothing is to be sent
}

func newObserver(s *Settings, version string, logger *slog.Logger) (observer, error) {
	config := telemetry.Config{
		Collector:         string(s.OTELCollector),
		ServiceNamespace:  s.OTELNamespace,
		ServiceName:       s.OTELName,
		ServiceVersion:    cmp.Or(s.OTELVersion, version),
		ServiceInstance:   cmp.Or(s.OTELInstance, randomUUID()),
		Environment:       s.OTELEnvironment,
		SentryDSN:         string(s.SentryDSN),
		SentryEnvironment: s.SentryEnvironment,
		SentryRelease:     cmp.Or(s.OTELVersion, version),
		Logger:            logger,
	}
	if !config.Enabled() {
		return observer{}, nil
	}
	t, err := telemetry.New(config)
	return observer{t}, err
}

// logger returns the logger of all parts.
func (o observer) logger(logger *slog.Logger) *slog.Logger {
	if o.Telemetry == nil {
		return logger
	}
	return slog.New(o.Handler(logger.Handler()))
}

func (o observer) traces() bool { return o.Telemetry != nil && o.Traces() }

// requests is the hook of the server.
func (o observer) requests() func(*http.Request, string, string) (context.Context, func(int)) {
	if !o.traces() {
		return nil
	}
	return o.Request
}

// operations is the hook of the chain.
func (o observer) operations() chain.Tracer {
	if !o.traces() {
		return nil
	}
	return o.Telemetry
}

// steps is the hook of the intents.
func (o observer) steps() func(context.Context, string, pylon.Intent) (context.Context, func(error)) {
	if !o.traces() {
		return nil
	}
	return func(ctx context.Context, step string, intent pylon.Intent) (context.Context, func(error)) {
		return o.Step(ctx, step, intent.ID, string(intent.Kind), fmt.Sprint(intent.Netuid))
	}
}

// calls is the hook of the nodes, beside the one that counts.
func (o observer) calls(count func(context.Context, substrate.Call)) func(context.Context, substrate.Call) {
	if !o.traces() {
		return count
	}
	return func(ctx context.Context, call substrate.Call) {
		count(ctx, call)
		o.Call(ctx, telemetry.Call{Method: call.Method, Node: call.Node, Role: call.Role, Duration: call.Duration, Bytes: call.Bytes, Err: call.Err})
	}
}

// evmCalls is the hook of the EVM nodes, beside the one that counts.
func (o observer) evmCalls(count func(context.Context, evm.Operation)) func(context.Context, evm.Operation) {
	if !o.traces() {
		return count
	}
	return func(ctx context.Context, op evm.Operation) {
		count(ctx, op)
		o.Call(ctx, telemetry.Call{Method: op.Name, Node: op.URL, Role: "evm", Duration: op.Duration, Err: op.Err})
	}
}

// close is the stop of a stage. What could not be sent is lost, which is no reason to call the stop a failure.
func (o observer) close(ctx context.Context) error {
	if o.Telemetry != nil {
		_ = o.Close(ctx)
	}
	return nil
}

// randomUUID returns a UUID of version 4.
func randomUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
