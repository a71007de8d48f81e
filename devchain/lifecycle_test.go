package devchain

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// With a BlockTime the timestamps follow the clock and never stand still.
func TestClock(t *testing.T) {
	t.Parallel()
	now := genesisTime
	c := newChain(t, func(c *Config) {
		c.BlockTime = time.Second
		c.Now = func() time.Time { return now }
	})
	times := []time.Time{c.Genesis().Time}
	for _, step := range []time.Duration{time.Second, 1500*time.Microsecond + time.Second, 0, -time.Hour} {
		now = now.Add(step)
		b := produce(t, c, 1)
		times = append(times, b.Time)
	}
	want := []time.Duration{0, time.Second, 2*time.Second + time.Millisecond, 2*time.Second + 2*time.Millisecond, 2*time.Second + 3*time.Millisecond}
	for i, at := range times {
		if got := at.Sub(genesisTime); got != want[i] {
			t.Errorf("block %d is %v after genesis, want %v", i, got, want[i])
		}
	}
}

// The clock makes a block every BlockTime, and goes on after one that failed.
func TestTick(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := &broken{}
		c := newChain(t, func(c *Config) { c.BlockTime, c.Runtime = 12*time.Second, rt })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.tick(ctx)
		}()
		<-time.After(time.Minute)
		synctest.Wait()
		if got := c.Best().Number; got != 5 {
			t.Errorf("%d blocks in a minute", got)
		}
		c.building.Lock()
		rt.finalize = errors.New("refused")
		c.building.Unlock()
		<-time.After(time.Minute)
		synctest.Wait()
		c.building.Lock()
		rt.finalize = nil
		c.building.Unlock()
		<-time.After(time.Minute)
		synctest.Wait()
		if got := c.Best().Number; got != 10 {
			t.Errorf("%d blocks after a minute without and a minute with", got)
		}
		cancel()
		<-done
	})
}

func TestLifecycle(t *testing.T) {
	t.Parallel()
	c := newChain(t, func(c *Config) { c.BlockTime = 5 * time.Millisecond })
	if c.URL() != "" || c.HTTPURL() != "" {
		t.Error("an address before the start")
	}
	ctx, cancel := context.WithCancel(t.Context())
	for range 2 {
		if err := c.Start(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.WaitBlock(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	late, err := c.AddNode(NodeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if late.URL() == "" || late.URL() == c.URL() {
		t.Errorf("the second node is at %q", late.URL())
	}
	ws := dial(t, late.URL())
	var name string
	ws.result("system_name", "[]", &name)
	cancel() // ends the chain
	if _, err := ws.read(); err == nil {
		t.Error("the connection did not end")
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := c.Start(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("started again: %v", err)
	}
	if _, err := c.AddNode(NodeConfig{}); !errors.Is(err, errClosed) {
		t.Errorf("a node for a closed chain: %v", err)
	}
	at := c.Best().Number
	if b, err := c.Produce(1); err != nil || b.Number != at+1 {
		t.Errorf("a chain in memory can be used after it was closed: %v", err)
	}
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	first := newChain(t, nil)
	start(t, first)
	second := newChain(t, func(c *Config) { c.Listen = strings.TrimPrefix(first.URL(), "ws://") })
	if err := second.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "listen for RPC") {
		t.Errorf("error %v", err)
	}
}

func TestConfigRefused(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*Config){
		"Config.BlockTime":            func(c *Config) { c.BlockTime = -1 },
		"Config.SlotDuration":         func(c *Config) { c.SlotDuration = time.Microsecond },
		"Config.FinalityLag":          func(c *Config) { c.FinalityLag = -3 },
		"Config.KeepStates":           func(c *Config) { c.KeepStates = -2 },
		"Config.Limits.Connections":   func(c *Config) { c.Limits.Connections = -1 },
		"Config.Limits.Subscriptions": func(c *Config) { c.Limits.Subscriptions = -1 },
		"Config.Limits.Batch":         func(c *Config) { c.Limits.Batch = -1 },
		"Config.Limits.RequestBytes":  func(c *Config) { c.Limits.RequestBytes = -1 },
		"Config.Limits.ResponseBytes": func(c *Config) { c.Limits.ResponseBytes = -1 },
		"Config.Limits.WriteTimeout":  func(c *Config) { c.Limits.WriteTimeout = -1 },
	} {
		config := Config{Runtime: &tiny{}}
		change(&config)
		if _, err := New(config); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: error %v", field, err)
		}
	}
	c := newChain(t, nil)
	if _, err := c.AddNode(NodeConfig{KeepStates: -2}); err == nil || !strings.Contains(err.Error(), "NodeConfig.KeepStates") {
		t.Errorf("error %v", err)
	}
}

func TestParseHash(t *testing.T) {
	t.Parallel()
	const digits = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, text := range []string{digits, "0x" + digits, "0x" + strings.ToUpper(digits)} {
		if h, err := ParseHash(text); err != nil || h.String() != "0x"+digits {
			t.Errorf("%s: %v, %v", text, h, err)
		}
	}
	var h Hash
	for _, text := range []string{"", "0x", digits[1:], digits + "00", "0x" + digits[:62] + "zz", "0X" + digits} {
		if err := h.UnmarshalText([]byte(text)); err == nil || h != (Hash{}) {
			t.Errorf("%q was taken", text)
		}
	}
}
