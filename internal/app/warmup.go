package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// warmUp is the stage that opens the main nodes and reads the metadata of the newest block in the background, so that the first
// request finds them there. While the chain is down it tries again and again.
type warmUp struct {
	nodes  *substrate.Client
	logger *slog.Logger
	done   chan struct{} // closed when everything was read

	cancel  context.CancelFunc // set by start
	running sync.WaitGroup
}

const (
	warmUpFirstWait   = 250 * time.Millisecond
	warmUpLongestWait = 10 * time.Second
)

func newWarmUp(nodes *substrate.Client, logger *slog.Logger) *warmUp {
	return &warmUp{nodes: nodes, logger: logger, done: make(chan struct{})}
}

func (w *warmUp) start(ctx context.Context) error {
	ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	w.running.Go(func() { w.run(ctx) })
	return nil
}

func (w *warmUp) run(ctx context.Context) {
	began := time.Now()
	for wait := warmUpFirstWait; ; wait = min(2*wait, warmUpLongestWait) {
		runtime, head, err := w.read(ctx)
		switch {
		case err == nil:
			close(w.done)
			w.logger.Info("the chain is there", "block", head.Number, "spec", runtime.SpecVersion, "took", time.Since(began).Round(time.Millisecond))
			return
		case ctx.Err() != nil:
			return
		}
		w.logger.Warn("the chain is not there yet", "error", err, "wait", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

func (w *warmUp) read(ctx context.Context) (*substrate.Runtime, substrate.Header, error) {
	head, err := w.nodes.Head(ctx)
	if err != nil {
		return nil, head, err
	}
	runtime, err := w.nodes.Runtime(ctx, head.Hash)
	return runtime, head, err
}

func (w *warmUp) stop(ctx context.Context) error {
	if w.cancel == nil {
		return nil
	}
	w.cancel()
	return closing(ending(w.running.Wait))(ctx)
}
