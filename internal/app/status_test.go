package app

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/internal/server"
)

func TestStatusOfAServiceThatHasJustStarted(t *testing.T) {
	t.Parallel()
	const secret = "canary-7f3a"
	settings := Defaults()
	settings.Network = []Address{Address("ws://user:" + secret + "@127.0.0.1:1/" + secret)}
	settings.ArchiveNetwork = settings.Network
	a, err := New(settings, Options{Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	status := a.Status()
	if status.Version != "1.2.3" || status.Network != "ws://127.0.0.1:1" || status.Head != nil || len(status.Nodes) != 2 {
		t.Errorf("%+v", status)
	}
	if text, err := json.Marshal(status); err != nil || strings.Contains(string(text), secret) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestStatusOfAServiceAtWork(t *testing.T) {
	t.Parallel()
	node, err := devchain.New(devchain.Config{BlockTime: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	settings := Defaults()
	settings.Network = []Address{Address(node.URL())}
	settings.ArchiveNetwork = settings.Network
	settings.Host, settings.Port = "127.0.0.1", 0
	a, err := New(settings, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	events, stop := a.chain.Events(16)
	defer stop()
	status := a.Status()
	for deadline := time.After(10 * time.Second); status.Head == nil || status.Head.Number < 3 || status.Finalized == nil; status = a.Status() {
		select {
		case <-events:
		case <-deadline:
			t.Fatalf("no blocks: %+v", status)
		}
	}
	if status.Head == nil || status.Finalized == nil || status.Head.Number < status.Finalized.Number || status.Head.AgeSeconds > 60 || status.UptimeSeconds <= 0 {
		t.Errorf("head %+v, finalised %+v, up %v", status.Head, status.Finalized, status.UptimeSeconds)
	}
	main := server.NodeStatus{}
	for _, known := range status.Nodes {
		if known.Role == "main" {
			main = known
		}
	}
	if main.State != "healthy" || main.Name != node.URL() || main.Head == 0 {
		t.Errorf("%+v", status.Nodes)
	}
}
