//go:build linux

package main

import (
	"fmt"
	"net/http"
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

// load makes signed requests and sends them.
func (b *bench) load(address string, perSecond float64) (load, error) {
	alice, bob, err := keys()
	if err != nil {
		return load{}, err
	}
	each := int(perSecond*b.round.Seconds())/connections + 1
	all := make([]*requests, connections)
	for i := range all {
		if all[i], err = sign(alice, bob.Address(), fmt.Sprintf("connection-%d-%d", i, time.Now().UnixNano()), each); err != nil {
			return load{}, err
		}
	}
	before := b.cpu()
	l, err := send(address, b.round, all)
	if l.requests > 0 {
		l.cpu = (b.cpu() - before) / time.Duration(l.requests)
	}
	return l, err
}

// allowed is how many requests a second one processor allows by itself.
func (l load) allowed() float64 { return float64(time.Second) / float64(max(l.cpu, 1)) }

func (b *bench) axon() error {
	single, err := number(b.self(measured, "-child", "verify"))
	if err != nil {
		return err
	}
	b.stop()

	address, err := b.self(measured, "-child", "axon")
	if err != nil {
		return err
	}
	if _, err := b.load(address, 10_000); err != nil { // to warm up
		return err
	}
	ours, err := b.load(address, 60_000)
	if err != nil {
		return err
	}
	memory := b.memory()
	b.stop()

	address, err = b.python(sdk, "axon.py")
	if err != nil {
		return err
	}
	theirs, err := b.load(address, 2_000)
	if err != nil {
		return err
	}
	b.rows = append(
		b.rows,
		row{
			"verified requests a second, 64 connections",
			fmt.Sprintf("%.0f", ours.perSecond), fmt.Sprintf("Python axon %s: %.0f", sdk, theirs.perSecond),
			fmt.Sprintf("40 ×: %.0f ×", ours.perSecond/theirs.perSecond), ours.perSecond >= 40*theirs.perSecond,
		},
		row{
			"the same by processor time, of what one signature check a request allows",
			fmt.Sprintf("%.0f (%.1f µs)", ours.allowed(), us(ours.cpu)), fmt.Sprintf("checks alone, one at a time: %.0f", single),
			fmt.Sprintf("55 %%: %.0f %%", 100*ours.allowed()/single), ours.allowed() >= 0.55*single,
		},
		row{
			"time of a request, median and 99 %",
			fmt.Sprintf("%.1f ms, %.1f ms", ms(ours.p50), ms(ours.p99)), fmt.Sprintf("%.0f ms, %.0f ms", ms(theirs.p50), ms(theirs.p99)),
			"99 % below 10 ms", ours.p99 < 10*time.Millisecond,
		},
		row{"memory of the axon", fmt.Sprintf("%.0f MiB", memory), fmt.Sprintf("%.0f MiB", b.memory()), "less", memory < b.memory()},
	)
	return nil
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
