package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/pylontest"
)

// On subnet 2, which takes commits and reveals them itself an epoch later.
func TestValidatorOnTheDevelopmentChain(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	client, err := pylon.New(pylontest.Start(t, pylontest.ServiceConfig{}).Config(2))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	subnet := client.Unstable().Identity()
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- validate(running, subnet) }()
	revealed := false
	for event, err := range subnet.Events(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Kind == pylon.EventIntent && event.Intent.Intent.State.Ended() {
			intent := event.Intent.Intent
			if revealed = intent.State == pylon.StateRevealed; !revealed {
				t.Errorf("%+v", intent)
			}
			break
		}
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the validator ended with %v", err)
	}
	if !revealed {
		t.Error("nothing was revealed")
	}
}

// Weights of one epoch that are still to be revealed do not keep the validator from the next.
func TestValidatorSetsWeightsInEveryEpoch(t *testing.T) {
	t.Parallel()
	fake := pylontest.NewFake()
	fake.SetNeurons(pylontest.Netuid, &pylon.Neurons{Neurons: []pylon.Neuron{{Hotkey: "a"}}})
	fake.SetIntentStates(pylon.StateAwaitingReveal)
	epoch := pylon.Event{ChainEvent: pylon.ChainEvent{Kind: pylon.EventEpoch, Netuid: pylontest.Netuid}}
	fake.Send(epoch, epoch, pylon.Event{ChainEvent: pylon.ChainEvent{Kind: pylon.EventGap}})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- validate(ctx, fake.Client(t).Unstable().Identity()) }()
	for deadline := time.Now().Add(30 * time.Second); len(fake.Weights()) < 3 && time.Now().Before(deadline); {
		<-time.After(time.Millisecond)
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) || len(fake.Weights()) != 3 {
		t.Errorf("%v, after %d", err, len(fake.Weights()))
	}
}

func TestValidatorHasLessThanFortyLines(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(string(source)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			lines++
		}
	}
	if lines >= 40 {
		t.Errorf("%d lines of code", lines)
	}
}
