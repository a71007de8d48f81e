// Command pylon is the Pylon service and its tools.
//
//	pylon serve     the service, with settings from the environment and .env
//	pylon check     looks at everything that the service depends on, and says what is wrong
//	pylon dev       a development chain and the service in front of it, in one process
//	pylon wallet    development wallets: new, list, show
//	pylon get       reads of a running service: neurons, validators, prices …
//	pylon put       writes through one: weights
//	pylon intents   what has become of what was written
//	pylon events    what happens on the chain, as it happens
//	pylon completion  completion for bash, zsh and fish
//	pylon axon      debugs neurons that call: echo
//	pylon dendrite  debugs an axon: call
//	pylon version   what this binary was built from
//
// Exit codes: 0 for a stop that was asked for, 1 for a failure, 2 for wrong usage or settings.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/bittensor-pylon/pylon/internal/app"
)

// The exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// commands is the command line.
type commands struct {
	Serve    serveCommand    `cmd:"" help:"Run the service. Its settings come from the environment and from a .env file."`
	Check    checkCommand    `cmd:"" help:"Check settings, wallets, nodes and registrations, and say what is wrong."`
	Dev      devCommand      `cmd:"" help:"Run a development chain and the service in front of it, offline, in one process."`
	Wallet   walletCommand   `cmd:"" help:"Make development wallets, and look at any."`
	Get      getCommand      `cmd:"" help:"Read something from a running service."`
	Put      putCommand      `cmd:"" help:"Write something through a running service."`
	Intents  intentsCommand  `cmd:"" help:"Look at what was to be written, and what has become of it."`
	Events   eventsCommand   `cmd:"" help:"Print what happens on the chain, until interrupted."`
	Axon     axonCommand     `cmd:"" help:"Debug neurons that call: an axon that answers everything."`
	Dendrite dendriteCommand `cmd:"" help:"Debug an axon: call it."`

	Version versionCommand `cmd:"" help:"Print the version."`

	Completion completionCommand `cmd:"" help:"Print a script that completes this program's commands in a shell."`
}

// process is what a command uses of the process that it runs in.
type process struct {
	environ []string
	stdout  io.Writer
	stderr  io.Writer
}

// complain says why the process ends. Nothing can be done when even that fails.
// complain prints an error behind the program's name, which those of the client library begin with as well.
func (p process) complain(err error) {
	_, _ = fmt.Fprintln(p.stderr, "pylon:", strings.TrimPrefix(err.Error(), "pylon: "))
}

func main() {
	os.Exit(run(os.Args[1:], process{environ: os.Environ(), stdout: os.Stdout, stderr: os.Stderr}))
}

func run(args []string, p process) int {
	ctx, stop := untilSignal()
	defer stop()

	var cli commands
	parser, err := kong.New(&cli,
		kong.Name("pylon"),
		kong.Description("An HTTP service in front of the Subtensor chain of Bittensor."),
		kong.Writers(p.stdout, p.stderr),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(p),
	)
	if err != nil {
		p.complain(err)
		return exitFailure
	}
	command, err := parser.Parse(args)
	if err == nil {
		err = command.Run()
	}
	if errors.Is(err, errWorkers) {
		err = errWorkers // without the parser's words around it
	}
	if err != nil {
		p.complain(err)
	}
	return exitCode(err)
}

// untilSignal returns a context that ends at the first signal that asks the process to stop. The second one ends the
// process at once. After stop, signals mean again what they mean everywhere.
func untilSignal() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stopped := make(chan struct{})
	go func() {
		for range 2 {
			select {
			case <-signals:
			case <-stopped:
				return
			}
			if ctx.Err() != nil {
				os.Exit(exitFailure)
			}
			cancel()
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(stopped)
		cancel()
	}
}

// exitCode says whose fault an error is.
func exitCode(err error) int {
	var usage *kong.ParseError
	var settings *app.SettingsError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage), errors.As(err, &settings), errors.Is(err, errUsage), errors.Is(err, errWorkers):
		return exitUsage
	default:
		return exitFailure
	}
}

// errUsage marks errors of the command line that the parser does not see.
var errUsage = errors.New("wrong usage")
