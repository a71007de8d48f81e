package pylontest_test

import (
	"errors"
	"testing"

	"go.uber.org/goleak"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/pylontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFakeAnswersWhatIsScripted(t *testing.T) {
	t.Parallel()
	fake := pylontest.NewFake()
	client := fake.Client(t)
	ctx := t.Context()
	if _, err := client.V1().Subnet(1).LatestNeurons(ctx); !errors.Is(err, pylon.ErrNotFound) {
		t.Errorf("without a script: %v", err)
	}
	want := &pylon.Neurons{Block: pylon.Block{Number: 5, Hash: "0x05"}, Neurons: []pylon.Neuron{{UID: 3, Hotkey: "hot"}}}
	fake.SetNeurons(1, want)
	for _, read := range []func() (*pylon.Neurons, error){
		func() (*pylon.Neurons, error) { return client.V1().Subnet(1).LatestNeurons(ctx) },
		func() (*pylon.Neurons, error) { return client.Unstable().Identity().RecentNeurons(ctx) },
		func() (*pylon.Neurons, error) { return client.Unstable().Subnet(1).Neurons(ctx, 5) },
	} {
		got, err := read()
		if err != nil || got.Block != want.Block || len(got.Neurons) != 1 || got.Neurons[0].UID != 3 {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if _, err := client.V1().Subnet(2).LatestNeurons(ctx); !errors.Is(err, pylon.ErrNotFound) {
		t.Errorf("another subnet: %v", err)
	}

	broken := errors.New("broken")
	fake.Answer("GET /block/latest", broken, pylontest.Failure{Status: 504, Detail: "slow"}, pylon.BlockInfo{Number: 6, Hash: "0x06"})
	block, err := client.Unstable().LatestBlock(ctx)
	if err != nil || block.Number != 6 {
		t.Errorf("after two failures: %+v, %v", block, err)
	}
	calls := fake.Calls()
	if last := calls[len(calls)-1]; last.Path != "/block/latest" || !last.Unstable || last.Identity != "" || last.Header.Get("Authorization") == "" {
		t.Errorf("call %+v", last)
	}
}

func TestFakeTakesWeights(t *testing.T) {
	t.Parallel()
	fake := pylontest.NewFake()
	fake.SetIntentStates(pylon.StateSigned, pylon.StateIncluded, pylon.StateAwaitingReveal, pylon.StateExpired)
	own := fake.Client(t).Unstable().Identity()
	request := pylon.WeightsRequest{Weights: map[pylon.Hotkey]float64{"a": 1}, Mechanism: 2, IdempotencyKey: "epoch 7"}
	var id string
	for range 2 {
		scheduled, err := own.PutWeights(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		id = scheduled.Intent.ID
	}
	if got := fake.Weights(); len(got) != 1 || got[0].Mechanism != 2 || got[0].Weights["a"] != 1 || got[0].IdempotencyKey != "epoch 7" {
		t.Errorf("weights %+v", got)
	}
	if intent, err := own.WaitForWeights(t.Context(), id, pylon.WaitFinalized); err != nil || intent.State != pylon.StateAwaitingReveal {
		t.Errorf("%+v, %v", intent, err)
	}
	if _, err := own.WaitForWeights(t.Context(), id, pylon.WaitRevealed); !errors.Is(err, pylon.ErrIntent) {
		t.Errorf("expired: %v", err)
	}
	if _, err := own.WaitForWeights(t.Context(), "another", pylon.WaitRevealed); !errors.Is(err, pylon.ErrNotFound) {
		t.Errorf("another: %v", err)
	}
}

func TestFakeSendsEvents(t *testing.T) {
	t.Parallel()
	fake := pylontest.NewFake()
	fake.Send(
		pylon.Event{ChainEvent: pylon.ChainEvent{Kind: pylon.EventHead, Block: pylon.Block{Number: 5}}},
		pylon.Event{ChainEvent: pylon.ChainEvent{Kind: pylon.EventEpoch, Block: pylon.Block{Number: 5, Hash: "0x05"}, Netuid: 1}},
		pylon.Event{ChainEvent: pylon.ChainEvent{Kind: pylon.EventGap}},
	)
	client := fake.Client(t)
	var got []pylon.Event
	var last error
	for event, err := range client.Unstable().Identity().Events(t.Context()) {
		if err != nil {
			last = err
			break
		}
		switch got = append(got, event); len(got) {
		case 3: // more, while the stream is read
			fake.Send(pylon.Event{
				ChainEvent: pylon.ChainEvent{Kind: pylon.EventIntent},
				Intent:     &pylon.IntentEvent{Intent: pylon.Intent{ID: "i", State: pylon.StateSigned}},
			})
		case 4:
			if err := client.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !errors.Is(last, pylon.ErrClosed) || len(got) != 4 {
		t.Fatalf("%+v, %v", got, last)
	}
	if got[0].Block.Number != 5 || got[1].Netuid != 1 || got[2].Kind != pylon.EventGap || got[3].Intent.Intent.State != pylon.StateSigned {
		t.Errorf("%+v", got)
	}
}

func TestFakeRecordsNoDryRuns(t *testing.T) {
	t.Parallel()
	fake := pylontest.NewFake()
	request := pylon.WeightsRequest{Weights: map[pylon.Hotkey]float64{"a": 1}, Mechanism: 2}
	plan, err := fake.Client(t).Unstable().Identity().DryRunWeights(t.Context(), request)
	if err != nil || !plan.Acceptable || plan.Mechanism != 2 || len(fake.Weights()) != 0 {
		t.Errorf("%+v, %v, weights %v", plan, err, fake.Weights())
	}
}

func TestFakeNeedsNoHashes(t *testing.T) {
	t.Parallel()
	fake := pylontest.NewFake()
	fake.SetBlock(pylon.BlockInfo{Number: 5})
	fake.SetNeurons(1, &pylon.Neurons{})
	fake.SetValidators(1, &pylon.Validators{})
	client := fake.Client(t)
	if block, err := client.V1().LatestBlock(t.Context()); err != nil || block.Number != 5 {
		t.Errorf("%+v, %v", block, err)
	}
	if _, err := client.V1().Subnet(1).LatestNeurons(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := client.V1().Subnet(1).LatestValidators(t.Context()); err != nil {
		t.Error(err)
	}
}
