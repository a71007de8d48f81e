package intents

import (
	"context"
	"slices"
	"sync"
	"testing"

	pylon "github.com/bittensor-pylon/pylon"
)

// Every step of an intent is told to the tracer, in the context of the step that it belongs to.
func TestTrace(t *testing.T) {
	t.Parallel()
	type parent struct{}
	var mu sync.Mutex
	var begun, ended []string
	w := newWorld(t, worldConfig{config: Config{Trace: func(ctx context.Context, step string, intent pylon.Intent) (context.Context, func(error)) {
		within, _ := ctx.Value(parent{}).(string)
		name := within + "/" + step
		mu.Lock()
		defer mu.Unlock()
		if intent.ID == "" || intent.Kind != pylon.IntentWeights {
			t.Errorf("%s of %s", step, describe(intent))
		}
		begun = append(begun, name)
		return context.WithValue(ctx, parent{}, name), func(err error) {
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				ended = append(ended, name)
			}
		}
	}}})
	w.until(w.put(0, miners(t)), 10, pylon.StateFinalized)
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(begun[:3], []string{"/try", "/try/sign", "/try/submit"}) || !slices.Contains(begun, "/settle") {
		t.Errorf("begun: %v", begun)
	}
	if len(ended) != len(begun) {
		t.Errorf("ended: %v, begun: %v", ended, begun)
	}
}
