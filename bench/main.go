// Command bench measures the service side by side with the plainest program that could do the same, in one run on one
// machine, and writes the result as a Markdown page.
//
//	go run ./bench                       prints the page
//	go run ./bench -out docs/benchmarks.md
//
// The service under test, the chain it reads and the bare server it is compared with are processes of their own; this
// process only makes load. A figure is a ratio to something measured in the same run wherever that is possible, because
// absolute numbers say more about the machine than about the program.
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
	bare := flag.String("bare", "", "internal: serve the bytes of this file and nothing else")
	encoding := flag.String("encoding", "", "internal: content encoding of -bare")
	out := flag.String("out", "", "file for the page (default: standard output)")
	seconds := flag.Float64("seconds", 2, "how long one measurement of throughput lasts")
	only := flag.String("only", "", "run only the cases whose name contains this")
	flag.Parse()
	if *bare != "" {
		if err := serveBare(*bare, *encoding); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &bench{ctx: ctx, round: time.Duration(*seconds * float64(time.Second))}
	defer b.cleanup()
	if err := b.build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, c := range cases {
		if !strings.Contains(c.name, *only) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s …\n", c.name)
		rows, err := c.run(b)
		b.processes.Stop()
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", c.name, err)
			return 1
		}
		b.rows = append(b.rows, rows...)
	}
	if err := measure.WritePage(*out, b.page()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// row is one line of the page.
type row struct {
	what, value, beside, bar string
	met                      bool
}

func (b *bench) page() string {
	var p strings.Builder
	fmt.Fprintf(&p, "# Benchmarks\n\nWritten by `go run ./bench -out docs/benchmarks.md`; the decoding figures are from `go test -bench . ./internal/chain ./internal/scale`.\n")
	fmt.Fprintf(&p, "Last run: %s, %s/%s, %d cores. Load comes from the same machine over loopback, so absolute rates are shared with the load generator.\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	fmt.Fprintf(&p, "| what | ours | beside it | bar | met |\n|---|---|---|---|---|\n")
	for _, r := range b.rows {
		met := "yes"
		if !r.met {
			met = "**no**"
		}
		fmt.Fprintf(&p, "| %s | %s | %s | %s | %s |\n", r.what, r.value, r.beside, r.bar, met)
	}
	fmt.Fprintf(&p, `
For scale, the Python service measured on one core of such a machine against a replayed chain: latest neurons 3.5 answers a
second for 256 neurons and 0.85 for 1,024 (p50 242 ms and 1.15 s alone, 17 s and 61 s at 64 connections, the latter half 504);
cached recent neurons 217 and 49 a second; 0.6 s to start, 2.5 s to its first neurons, 5 chain calls a request, 157–287 MiB.
`)
	return p.String()
}
