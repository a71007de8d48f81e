package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
)

// clientFlags are those of every command that is a client of a running service. Tokens come from the environment only: a
// command line is for all to see.
type clientFlags struct {
	Address string         `placeholder:"URL" help:"The service. Defaults to PYLON_CLIENT_ADDRESS, else to http://localhost:8000."`
	Output  string         `short:"o" enum:"table,json" default:"table" help:"Form of the output: table or json."`
	Timeout *time.Duration `placeholder:"60s" help:"How long one answer may take. Defaults to PYLON_CLIENT_TIMEOUT__READ, else to a minute."`
}

const clientHelp = "The address, the identity and the tokens come from PYLON_CLIENT_ADDRESS, PYLON_CLIENT_OPEN_ACCESS_TOKEN, " +
	"PYLON_CLIENT_IDENTITY_NAME and PYLON_CLIENT_IDENTITY_TOKEN, as with the client libraries."

// open returns a client with the flags and the environment.
func (f *clientFlags) open(p process) (*pylon.Client, error) {
	config := pylon.Config{Address: f.Address}
	if f.Timeout != nil {
		if *f.Timeout <= 0 {
			return nil, fmt.Errorf("%w: --timeout must be above 0", errUsage)
		}
		config.Timeouts.Read = *f.Timeout
	}
	config, err := config.WithEnv(p.environ)
	if err != nil {
		return nil, explain(err)
	}
	config.Address = cmp.Or(config.Address, "http://localhost:8000")
	client, err := pylon.New(config)
	if err != nil {
		return nil, explain(err)
	}
	return client, nil
}

// explain turns errors of the client's configuration into words of the command line.
func explain(err error) error {
	var config *pylon.ConfigError
	if !errors.As(err, &config) || config.Field == "" {
		return err
	}
	switch config.Field {
	case "OpenAccessToken":
		return fmt.Errorf("%w: %s Set PYLON_CLIENT_OPEN_ACCESS_TOKEN", errUsage, config.Detail)
	case "IdentityName":
		return fmt.Errorf("%w: %s Set PYLON_CLIENT_IDENTITY_NAME and PYLON_CLIENT_IDENTITY_TOKEN, or read any subnet with --netuid",
			errUsage, config.Detail)
	default:
		return fmt.Errorf("%w: %s", errUsage, config.Detail)
	}
}

// with calls use with a client that is closed afterwards.
func (f *clientFlags) with(p process, use func(*pylon.Client) error) error {
	client, err := f.open(p)
	if err != nil {
		return err
	}
	defer client.Close()
	return explain(use(client))
}

// table is what a person reads.
type table struct {
	title   string
	columns []string
	rows    [][]string
}

func (t *table) add(cells ...any) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = fmt.Sprint(cell)
	}
	t.rows = append(t.rows, row)
}

// print writes a value as JSON, or its table.
func (f *clientFlags) print(w io.Writer, value any, t table) error {
	if f.Output == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(value)
	}
	if t.title != "" {
		fmt.Fprintln(w, t.title)
	}
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, strings.Join(t.columns, "\t"))
	for _, row := range t.rows {
		fmt.Fprintln(columns, strings.Join(row, "\t"))
	}
	return columns.Flush()
}

// titleOf names a block above a table.
func titleOf(block pylon.Block) string { return fmt.Sprintf("block %d  %s", block.Number, block.Hash) }

// share writes a share of one, or an amount, with as many digits as a person reads.
func share(x float64) string { return fmt.Sprintf("%.4f", x) }

type eventsCommand struct {
	clientFlags

	Own bool `help:"Only what concerns the identity: its subnet's epochs, and its intents."`
}

// Help is shown by --help.
func (*eventsCommand) Help() string { return clientHelp }

// Run prints events until ctx ends.
func (c *eventsCommand) Run(ctx context.Context, p process) error {
	return c.with(p, func(client *pylon.Client) error {
		events := client.Unstable().Events(ctx)
		if c.Own {
			events = client.Unstable().Identity().Events(ctx)
		}
		for event, err := range events {
			if err != nil {
				return err
			}
			c.show(p.stdout, event)
		}
		return nil
	})
}

func (c *eventsCommand) show(w io.Writer, e pylon.Event) {
	if c.Output == "json" {
		line := struct {
			Kind   pylon.ChainEventKind `json:"kind"`
			Block  *pylon.Block         `json:"block,omitempty"`
			Netuid *pylon.Netuid        `json:"netuid,omitempty"`
			Intent *pylon.IntentEvent   `json:"intent,omitempty"`
		}{Kind: e.Kind, Intent: e.Intent}
		if e.Block.Hash != "" {
			line.Block = &e.Block
		}
		if e.Kind == pylon.EventEpoch {
			line.Netuid = &e.Netuid
		}
		text, err := json.Marshal(line)
		if err == nil {
			fmt.Fprintf(w, "%s\n", text)
		}
		return
	}
	switch e.Kind {
	case pylon.EventIntent:
		fmt.Fprintf(w, "%-10s %s %s\n", e.Kind, e.Intent.Intent.ID, describe(&e.Intent.Intent))
	case pylon.EventEpoch:
		fmt.Fprintf(w, "%-10s %d  subnet %d\n", e.Kind, e.Block.Number, e.Netuid)
	case pylon.EventGap:
		fmt.Fprintf(w, "%-10s some events were missed\n", e.Kind)
	default:
		fmt.Fprintf(w, "%-10s %d  %s\n", e.Kind, e.Block.Number, e.Block.Hash)
	}
}

// describe tells how far an intent is, in a line.
func describe(intent *pylon.Intent) string {
	text := string(intent.State)
	if intent.Block != nil {
		text += fmt.Sprintf(", block %d", intent.Block.Number)
	}
	if intent.State == pylon.StateAwaitingReveal && intent.RevealLast != 0 {
		text += fmt.Sprintf(", revealed in blocks %d to %d", intent.RevealFirst, intent.RevealLast)
	}
	if !intent.State.Ended() && intent.DeadlineBlock != 0 && intent.Block == nil {
		text += fmt.Sprintf(", until block %d", intent.DeadlineBlock)
	}
	if intent.Reason != "" {
		text += ", " + string(intent.Reason)
	}
	if intent.Detail != "" {
		text += ": " + intent.Detail
	}
	return text
}
