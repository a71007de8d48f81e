//go:build linux

// Command neuron measures the neuron protocol side by side with the Python SDK, in one run on one machine, and writes
// the result as a Markdown page.
//
//	./interop/setup.sh                          installs the SDK below .cache
//	go run ./bench/neuron                       prints the page
//	go run ./bench/neuron -out docs/benchmarks-neuron.md
//
// What is measured is a process of its own, pinned to the first processor; what makes load for it runs on the others. A
// figure is a ratio to something measured in the same run, because absolute numbers say more about the machine than about
// the program.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/bittensor-pylon/pylon/bench/internal/measure"
)

func main() { os.Exit(run()) }

func run() int {
	child := flag.String("child", "", "internal: be the process that is measured")
	target := flag.String("target", "", "internal: where a measured dendrite sends")
	out := flag.String("out", "", "file for the page (default: standard output)")
	seconds := flag.Float64("seconds", 3, "how long one measurement lasts")
	only := flag.String("only", "", "run only the cases whose name contains this")
	flag.Parse()
	round := time.Duration(*seconds * float64(time.Second))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *child != "" {
		if err := be(ctx, *child, *target, round); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	b := &bench{ctx: ctx, round: round, load1: loadAverage()}
	defer b.stop()
	if err := b.pinSelf(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, c := range cases {
		if !strings.Contains(c.name, *only) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s …\n", c.name)
		err := c.run(b)
		b.stop()
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", c.name, err)
			return 1
		}
	}
	if err := measure.WritePage(*out, b.page()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// loadAverage is how busy the machine was in the last minute, not counting us.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// row is one line of the page.
type row struct {
	what, value, beside string
	bar                 string // empty for a row that is for information
	met                 bool
}

func (b *bench) page() string {
	var p strings.Builder
	p.WriteString("# The neuron protocol beside the Python SDK\n\n")
	p.WriteString("Written by `go run ./bench/neuron`. What is measured has one processor, which it shares with whatever else runs.\n")
	fmt.Fprintf(&p, "Load average before the run: %s, on %d processors.\n\n", b.load1, runtime.NumCPU())
	p.WriteString("| what | ours | beside | bar | met |\n|---|---|---|---|---|\n")
	for _, r := range b.rows {
		met := "no"
		switch {
		case r.bar == "":
			r.bar, met = "none", "–"
		case r.met:
			met = "yes"
		}
		fmt.Fprintf(&p, "| %s | %s | %s | %s | %s |\n", r.what, r.value, r.beside, r.bar, met)
	}
	return p.String()
}
