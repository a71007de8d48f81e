package intents

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// Weights that could not be sent before the epoch's last block have expired, and are not sent afterwards.
func TestConformance089(t *testing.T) {
	t.Parallel()
	nodes := &refusing{}
	w := newWorld(t, worldConfig{subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 20}}})
	nodes.Client = w.client
	w.close()
	w.config.Nodes = nodes
	w.open()
	nodes.refuse(&substrate.SubmitError{Kind: substrate.SubmitDropped}, 1_000_000)
	id := w.put(0, miners(t))
	w.produce(25)
	nodes.refuse(nil, 0)
	if intent := w.until(id, 10, pylon.StateExpired); intent.Reason != ReasonEpochOver || intent.DeadlineBlock != 19 {
		t.Error(describe(intent))
	}
	w.produce(10)
	if calls := w.extrinsics(); len(calls) != 0 {
		t.Errorf("sent: %v", calls)
	}
}

// Weights for an epoch that is nearly over end at once, and it is said when they will be taken. The block before, they are
// still brought onto the chain.
func TestTooFewBlocksLeft(t *testing.T) {
	t.Parallel()
	for left := range uint64(4) {
		w := newWorld(t, worldConfig{lag: 1, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 20}}})
		end := w.epochEnd()
		w.produce(int(end - left - w.dev.Best().Header.Number))
		plan, err := w.engine.DryRunWeights(t.Context(), "sn", pylon.WeightsRequest{Weights: miners(t)})
		must(t, err)
		changes, stop := w.engine.Changes(10)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		context.AfterFunc(ctx, stop)
		id := w.put(0, miners(t))
		for change := range changes { // no block is needed for its end, nor may one come before it is sent
			if state := change.Intent.State; state.Ended() || state == pylon.StateSubmitted {
				stop()
			}
		}
		cancel()
		intent := w.until(id, 8, pylon.StateExpired, pylon.StateFinalized)
		next := fmt.Sprintf("The next epoch begins with block %d: hand them over then.", end+1)
		switch {
		case left == 0: // the next block belongs to the next epoch already
			if intent.State != pylon.StateExpired || intent.Reason != ReasonEpochOver || !strings.HasSuffix(intent.Detail, "Hand them over again.") ||
				plan.Acceptable || plan.Detail != intent.Detail {
				t.Errorf("%d left: %s; %+v", left, describe(intent), plan)
			}
		case left == 3:
			if intent.State != pylon.StateFinalized || intent.Block.Number > end || !plan.Acceptable {
				t.Errorf("%d left: %s; %+v", left, describe(intent), plan)
			}
		default:
			if intent.State != pylon.StateExpired || intent.Reason != ReasonEpochOver || !strings.HasSuffix(intent.Detail, next) ||
				plan.Acceptable || plan.Reason != ReasonEpochOver || plan.Detail != intent.Detail {
				t.Errorf("%d left: %s; %+v", left, describe(intent), plan)
			}
		}
		if intent.State == pylon.StateExpired {
			w.produce(int(end + 1 - min(w.dev.Best().Header.Number, end+1)))
			w.until(w.put(0, miners(t)), 8, pylon.StateFinalized)
		}
	}
}

// A commitment that fails once and works then.
func TestConformance095(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	w.dev.SetPoolPolicy(first(devchain.Verdict{Action: devchain.FailInBlock, Error: "SubtensorModule.TxRateLimitExceeded"}, 1))
	intent, err := w.commit("second try")
	must(t, err)
	if intent.State != pylon.StateFinalized || intent.Attempts != 2 {
		t.Error(describe(intent))
	}
}

// A commitment that fails as often as the settings allow is answered with the words of the last error: when the chain can
// not be asked, and when the nodes do not take it.
func TestConformance096(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"state_queryStorageAt", "author_submitExtrinsic"} {
		w := newWorld(t, worldConfig{config: Config{Commitments: Budget{Retries: 2, Delay: time.Millisecond}}})
		refuse := func(_ context.Context, call *devchain.Call) {
			call.Error = &devchain.RPCError{Code: -32000, Message: "not today"}
		}
		w.dev.Hook(method, refuse)
		_, err := during2(w, func(ctx context.Context) (pylon.Intent, error) {
			return w.engine.SetCommitment(ctx, "sn", pylon.CommitmentRequest{Data: []byte("never")})
		})
		if problem.KindOf(err) != problem.Unavailable || !strings.Contains(err.Error(), "not today") {
			t.Errorf("%s: %v", method, err)
		}
	}
}
