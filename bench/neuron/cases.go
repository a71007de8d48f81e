//go:build linux

package main

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bittensor-pylon/pylon/synapse"
)

var cases = []struct {
	name string
	run  func(*bench) error
}{
	{"axon", (*bench).axon},
	{"dendrite", (*bench).dendrite},
	{"btauth", (*bench).btauth},
	{"tensor", (*bench).tensor},
}

const (
	connections = 64
	sdk         = "10.5.0"
)

// number starts a process that prints one number and ends.
func number(text string, err error) (float64, error) {
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(text, 64)
}

// load makes signed requests and sends them to the process with a pid for a round.
func (b *bench) load(address string, to int, round time.Duration, perSecond float64) (load, error) {
	alice, bob, err := keys()
	if err != nil {
		return load{}, err
	}
	each := int(perSecond*round.Seconds())/connections + 1
	all := make([]*requests, connections)
	for i := range all {
		if all[i], err = sign(alice, bob.Address(), fmt.Sprintf("connection-%d-%d", i, time.Now().UnixNano()), each); err != nil {
			return load{}, err
		}
	}
	before := cpu(to)
	l, err := send(address, round, all)
	if l.requests > 0 {
		l.cpu = (cpu(to) - before) / time.Duration(l.requests)
	}
	return l, err
}

// allowed is how many requests a second one processor allows by itself.
func (l load) allowed() float64 { return float64(time.Second) / float64(max(l.cpu, 1)) }

// rounds is how many times the axon and what is beside it are measured by turns.
// The page has the medians, because another process that wants the processor for
// a moment makes a figure worse, and never better.
const rounds = 7

func (b *bench) axon() error {
	address, err := b.self(measured, "-child", "axon")
	if err != nil {
		return err
	}
	axon := b.processes.Last()
	bareAddress, err := b.self(measured, "-child", "bare")
	if err != nil {
		return err
	}
	bare := b.processes.Last()
	round := b.round / 2
	if _, err := b.load(address, axon, round, 20_000); err != nil { // to warm up
		return err
	}

	var (
		ours                        []load
		bareTime, single, decoded   []float64
		ofSingle, ofDecoded, ofBare []float64 // what the axon reaches of them, in the same round
	)
	for range rounds {
		l, err := b.load(address, axon, round, 60_000)
		if err != nil {
			return err
		}
		http, err := b.load(bareAddress, bare, round, 100_000)
		if err != nil {
			return err
		}
		checks, err := b.checks()
		if err != nil {
			return err
		}
		ours = append(ours, l)
		bareTime = append(bareTime, us(http.cpu))
		single, decoded = append(single, checks.keyKnown), append(decoded, checks.fromBytes)
		ofSingle, ofDecoded = append(ofSingle, l.allowed()/checks.keyKnown), append(ofDecoded, l.allowed()/checks.fromBytes)
		ofBare = append(ofBare, float64(http.cpu)/float64(l.cpu))
	}
	mebibytes := memory(axon)
	b.stop()

	address, err = b.python(sdk, "axon.py")
	if err != nil {
		return err
	}
	theirs, err := b.load(address, b.processes.Last(), b.round, 2_000)
	if err != nil {
		return err
	}
	perSecond := medianOf(ours, func(l load) float64 { return l.perSecond })
	allowed := medianOf(ours, load.allowed)
	p50, p99 := medianOf(ours, func(l load) float64 { return ms(l.p50) }), medianOf(ours, func(l load) float64 { return ms(l.p99) })
	value := fmt.Sprintf("%.0f (%.1f µs)", allowed, 1e6/allowed)
	b.rows = append(
		b.rows,
		row{
			"verified requests a second, 64 connections",
			fmt.Sprintf("%.0f", perSecond), fmt.Sprintf("Python axon %s: %.0f", sdk, theirs.perSecond),
			fmt.Sprintf("40 ×: %.0f ×", perSecond/theirs.perSecond), perSecond >= 40*theirs.perSecond,
		},
		row{
			"the same by processor time, of what one signature check a request allows",
			value, fmt.Sprintf("checks alone, one at a time, of a key that is decoded: %.0f", median(single)),
			fmt.Sprintf("55 %%: %.0f %%", 100*median(ofSingle)), median(ofSingle) >= 0.55,
		},
		row{
			"the same beside checks from bytes, as `wallet.Verify` does them",
			value, fmt.Sprintf("checks alone that decode the key each time: %.0f", median(decoded)),
			fmt.Sprintf("55 %%: %.0f %%", 100*median(ofDecoded)), median(ofDecoded) >= 0.55,
		},
		row{
			"processor time that net/http and the kernel take of that",
			fmt.Sprintf("%.0f %%", 100*median(ofBare)), fmt.Sprintf("net/http alone, which echoes the same requests: %.1f µs", median(bareTime)),
			"", true,
		},
		row{
			"time of a request, median and 99 %",
			fmt.Sprintf("%.1f ms, %.1f ms", p50, p99), fmt.Sprintf("%.0f ms, %.0f ms", ms(theirs.p50), ms(theirs.p99)),
			"99 % below 10 ms", p99 < 10,
		},
		row{"memory of the axon", fmt.Sprintf("%.0f MiB", mebibytes), fmt.Sprintf("%.0f MiB", memory(b.processes.Last())), "less", mebibytes < memory(b.processes.Last())},
	)
	return nil
}

// checks are how many signatures a processor checks in a second, one at a time.
type checks struct {
	// keyKnown has the key decoded already: the better one of wallet.Verifier and
	// the library that it uses. fromBytes is wallet.Verify.
	keyKnown, fromBytes float64
}

func (b *bench) checks() (c checks, err error) {
	text, err := b.self(measured, "-child", "verify")
	if err != nil {
		return checks{}, err
	}
	var verifier, library float64
	if _, err := fmt.Sscan(text, &verifier, &library, &c.fromBytes); err != nil {
		return checks{}, fmt.Errorf("%q: %w", text, err)
	}
	c.keyKnown = max(verifier, library)
	return c, nil
}

// median is the middle one.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func medianOf(loads []load, value func(load) float64) float64 {
	var values []float64
	for _, l := range loads {
		values = append(values, value(l))
	}
	return median(values)
}

func us(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (b *bench) dendrite() error {
	address, err := b.self("1", "-child", "axon")
	if err != nil {
		return err
	}
	ours, err := number(b.self(measured, "-child", "dendrite", "-target", address))
	if err != nil {
		return err
	}
	theirs, err := number(b.python(sdk, "dendrite.py", address))
	if err != nil {
		return err
	}
	b.rows = append(b.rows, row{
		"calls of a dendrite a second, 64 at once", fmt.Sprintf("%.0f", ours), fmt.Sprintf("Python dendrite %s: %.0f", sdk, theirs),
		fmt.Sprintf("40 ×: %.0f ×", ours/theirs), ours >= 40*theirs,
	})
	return nil
}

func (b *bench) btauth() error {
	ours, err := number(b.self(measured, "-child", "btauth"))
	if err != nil {
		return err
	}
	theirs, err := number(b.python("11.3.0", "http_auth.py"))
	if err != nil {
		return err
	}
	b.rows = append(b.rows, row{
		"btauth/1 checks a second, one at a time", fmt.Sprintf("%.0f", ours), fmt.Sprintf("SDK 11.3.0: %.0f", theirs),
		fmt.Sprintf("1.2 ×: %.1f ×", ours/theirs), ours >= 1.2*theirs,
	})
	return nil
}

func (b *bench) tensor() error {
	values := make([]float32, 1<<18)
	for i := range values {
		values[i] = float32(i) / 3
	}
	tensor, err := synapse.NewTensor(values)
	if err != nil {
		return err
	}
	m := &Echo{T: synapse.Some(tensor)}
	prepared, err := synapse.Prepare(m)
	if err != nil {
		return err
	}
	headers, body, err := prepared.Request(m.Base())
	if err != nil {
		return err
	}
	prepare := func(r *http.Request) []byte {
		for _, h := range headers {
			r.Header[h.Name] = []string{h.Value}
		}
		r.Header.Set("Content-Type", "application/json")
		return body
	}
	measure := func(child string) (float64, error) {
		address, err := b.self(measured, "-child", child)
		if err != nil {
			return 0, err
		}
		defer b.stop()
		return echo("http://"+address+"/Echo", b.round, prepare, 4)
	}
	ours, err := measure("axon")
	if err != nil {
		return err
	}
	bare, err := measure("bare")
	if err != nil {
		return err
	}
	b.rows = append(b.rows, row{
		"echoes of a tensor of 1 MiB a second", fmt.Sprintf("%.0f", ours), fmt.Sprintf("the same bytes with net/http alone: %.0f", bare),
		fmt.Sprintf("within 3 ×: %.1f ×", bare/ours), bare <= 3*ours,
	})
	return nil
}
