package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
)

type putCommand struct {
	Weights putWeightsCommand `cmd:"" help:"Hand over weights, which the service brings onto the chain before the epoch ends."`
}

type putWeightsCommand struct {
	clientFlags

	File      string        `short:"f" required:"" placeholder:"FILE" help:"JSON object of weights by hotkey; - is the standard input."`
	Mechanism uint8         `placeholder:"N" help:"The mechanism. 0 but for subnets with several."`
	Wait      string        `enum:",included,finalized,revealed" default:"" help:"How far to wait for: included, finalized or revealed. Without it, not at all."`
	WaitTime  time.Duration `default:"2h" help:"How long to wait at most."`
	DryRun    bool          `help:"Send nothing; say what would be sent, and whether the chain would take it."`
	Key       string        `name:"idempotency-key" placeholder:"TEXT" help:"Two commands with the same key are one. Made at random without it."`
}

// Help is shown by --help.
func (*putWeightsCommand) Help() string {
	return clientHelp + " The exit code is 1 when what was waited for did not come about."
}

// mostWeights is how many bytes a file of weights may have: more than the service takes.
const mostWeights = 16 << 20

// Run hands the weights over and waits.
func (c *putWeightsCommand) Run(ctx context.Context, p process) error {
	weights, err := c.load()
	if err != nil {
		return err
	}
	request := pylon.WeightsRequest{Mechanism: c.Mechanism, Weights: weights, IdempotencyKey: c.Key}
	return c.with(p, func(client *pylon.Client) error {
		own := client.Unstable().Identity()
		if c.DryRun {
			plan, err := own.DryRunWeights(ctx, request)
			if err != nil {
				return err
			}
			return c.print(p.stdout, plan, planTable(plan))
		}
		scheduled, err := own.PutWeights(ctx, request)
		if err != nil {
			return err
		}
		intent := scheduled.Intent
		if c.Wait != "" {
			if intent == nil {
				return errors.New("the service names no intent to wait for")
			}
			if intent, err = c.wait(ctx, p, own, intent.ID); intent == nil {
				return err
			}
		}
		if intent == nil {
			return c.print(p.stdout, scheduled, table{columns: []string{scheduled.Detail}})
		}
		return errors.Join(c.print(p.stdout, intent, intentsTable([]pylon.Intent{*intent})), err)
	})
}

// load reads the weights: an object of them, or the body of the request, which has them in a member.
func (c *putWeightsCommand) load() (map[pylon.Hotkey]float64, error) {
	file := os.Stdin
	if c.File != "-" {
		var err error
		if file, err = os.Open(c.File); err != nil {
			return nil, err
		}
		defer file.Close()
	}
	data, err := io.ReadAll(io.LimitReader(file, mostWeights+1))
	if err != nil {
		return nil, err
	}
	if len(data) > mostWeights {
		return nil, fmt.Errorf("%s is too large", c.File)
	}
	var body struct {
		Weights map[pylon.Hotkey]float64 `json:"weights"`
	}
	if bytes.Contains(data, []byte(`"weights"`)) && json.Unmarshal(data, &body) == nil && body.Weights != nil {
		return body.Weights, nil
	}
	var weights map[pylon.Hotkey]float64
	if err := json.Unmarshal(data, &weights); err != nil {
		return nil, fmt.Errorf("%w: %s is no JSON object of weights by hotkey: %w", errUsage, c.File, err)
	}
	return weights, nil
}

// wait follows the intent and says on the error output how it goes on.
func (c *putWeightsCommand) wait(ctx context.Context, p process, own pylon.UnstableIdentity, id string) (*pylon.Intent, error) {
	ctx, cancel := context.WithTimeout(ctx, c.WaitTime)
	defer cancel()
	until, began := pylon.WaitFor(c.Wait), time.Now()
	for intent, err := range own.Follow(ctx, id) {
		if err != nil {
			return nil, fmt.Errorf("%w (pylon intents %s tells how it goes on)", err, id)
		}
		fmt.Fprintf(p.stderr, "%6s  %s\n", time.Since(began).Round(time.Second), describe(intent))
		switch {
		case !until.Satisfied(intent.State):
		case intent.State.Ended() && !intent.State.Succeeded():
			return intent, &pylon.IntentError{Intent: intent}
		default:
			return intent, nil
		}
	}
	return nil, errors.New("the intent ended unseen")
}

func planTable(plan *pylon.WeightsPlan) table {
	t := table{title: titleOf(plan.Block), columns: []string{"UID", "WEIGHT"}}
	t.title += fmt.Sprintf("\n%s by %s, until block %d, fee %d rao", plan.Method, plan.Call, plan.DeadlineBlock, plan.Fee)
	if len(plan.DroppedHotkeys) > 0 {
		t.title += fmt.Sprintf("\n%d hotkeys are not registered and left out", len(plan.DroppedHotkeys))
	}
	if plan.Acceptable {
		t.title += "\nthe chain would take it"
	} else {
		t.title += fmt.Sprintf("\nthe chain would not take it: %s: %s", plan.Reason, plan.Detail)
	}
	for i, uid := range plan.UIDs[:min(len(plan.UIDs), len(plan.Values))] {
		t.add(uid, plan.Values[i])
	}
	return t
}

type intentsCommand struct {
	clientFlags

	ID     string `arg:"" optional:"" help:"One intent. Without it, the newest of the identity."`
	Kind   string `enum:",weights,commitment,revealed_commitment,certificate,axon" default:"" help:"Only of this kind: ${enum}."`
	State  string `placeholder:"STATE" help:"Only in this state."`
	Open   bool   `help:"Only those that have not ended."`
	Limit  int    `default:"20" help:"How many at most."`
	Cancel bool   `help:"Give the intent up, as long as nothing is signed for it."`
}

// Help is shown by --help.
func (*intentsCommand) Help() string { return clientHelp }

// Run prints intents.
func (c *intentsCommand) Run(ctx context.Context, p process) error {
	if c.Cancel && c.ID == "" {
		return fmt.Errorf("%w: --cancel needs the intent's id", errUsage)
	}
	return c.with(p, func(client *pylon.Client) error {
		own := client.Unstable().Identity()
		if c.ID == "" {
			filter := pylon.IntentFilter{Kind: pylon.IntentKind(c.Kind), State: pylon.IntentState(c.State), Open: c.Open, Limit: c.Limit}
			intents, err := own.Intents(ctx, filter)
			if err != nil {
				return err
			}
			return c.print(p.stdout, intents, intentsTable(intents))
		}
		read := own.Intent
		if c.Cancel {
			read = own.CancelIntent
		}
		intent, err := read(ctx, c.ID)
		if err != nil {
			return err
		}
		return c.print(p.stdout, intent, intentsTable([]pylon.Intent{*intent}))
	})
}

func intentsTable(intents []pylon.Intent) table {
	t := table{columns: []string{"INTENT", "KIND", "NETUID", "ASKED", "ATTEMPTS", "STATE"}}
	for i := range intents {
		intent := &intents[i]
		t.add(intent.ID, intent.Kind, intent.Netuid, intent.CreatedAt.UTC().Format(time.DateTime), intent.Attempts, describe(intent))
	}
	return t
}
