package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/alecthomas/kong"

	"github.com/bittensor-pylon/pylon/internal/app"
)

type serveCommand struct {
	Workers refusedWorkers `hidden:""`
}

// Run serves until ctx ends.
func (*serveCommand) Run(ctx context.Context, p process) error {
	settings, err := app.Load(p.environ, "")
	if err != nil {
		return err
	}
	logger := app.NewLogger(p.stderr, settings.LogLevel, settings.LogFormat)
	service, err := app.New(settings, app.Options{Logger: logger, Version: buildVersion(), Environ: p.environ})
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	return service.Run(ctx)
}

// errWorkers is how the Python service refuses the option --workers.
var errWorkers = errors.New("Passing --workers is not supported for pylon-service.") //nolint:revive,staticcheck // the exact text of the contract

// refusedWorkers is the option --workers. One process uses all processors anyway.
type refusedWorkers struct{}

// Decode implements kong's mapper: it takes the value, if any, and refuses.
func (refusedWorkers) Decode(ctx *kong.DecodeContext) error {
	ctx.Scan.Pop()
	return errWorkers
}

// IsBool tells kong that the option may stand without a value.
func (refusedWorkers) IsBool() bool { return true }
