package substrate

import (
	"strings"
	"testing"
	"time"
)

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"finney":                         "wss://entrypoint-finney.opentensor.ai:443",
		" Finney ":                       "wss://entrypoint-finney.opentensor.ai:443",
		"archive":                        "wss://archive.chain.opentensor.ai:443",
		"test":                           "wss://test.finney.opentensor.ai:443",
		"local":                          "ws://127.0.0.1:9944",
		"latent-lite":                    "wss://lite.sub.latent.to:443",
		"ws://host:9944":                 "ws://host:9944",
		"ws://host:9944/":                "ws://host:9944",
		"wss://host":                     "wss://host",
		"wss://[::1]:9944":               "wss://[::1]:9944",
		"wss://me:secret@host:1/p?k=v":   "wss://host:1/…",
		"wss://host/KEYKEYKEY":           "wss://host/…",
		"wss://host?token=secret-secret": "wss://host",
	} {
		e, err := parseEndpoint(in)
		if err != nil || e.label != want {
			t.Errorf("%q: %q, %v, not %q", in, e.label, err, want)
		}
	}
}

func TestEndpointsRefused(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                            "neither one of the names archive, finney, latent-lite, local, test nor",
		"finley":                      `"finley"`,
		"127.0.0.1:9944":              "ws://",
		"host:9944":                   "ws",
		"http://host:9944":            "use ws://host:9944",
		"https://me:hunter@host/path": "use wss://host",
		"ftp://host":                  "not ftp",
		"ws://":                       "nor a ws:// or wss:// URL",
		"ws://:9944":                  "names no host",
		"ws://host:port":              "nor a ws:// or wss:// URL",
		"ws://host/#part":             "no # part",
		"ws://me:hunter@ho st/path":   "nor a ws:// or wss:// URL",
		"ws://me:h@unter/w@host/path": "%2F",
	} {
		_, err := parseEndpoint(in)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, which does not say %q", in, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "unter") || strings.Contains(err.Error(), "path")) {
			t.Errorf("%q: the error shows too much: %v", in, err)
		}
	}
}

func TestScrub(t *testing.T) {
	t.Parallel()
	e, err := parseEndpoint("wss://user:p%40ss+word@host/key-in-path/x?token=to%2Fken&b=queryvalue")
	if err != nil {
		t.Fatal(err)
	}
	text := e.scrub(`Get "` + e.url + `": user p@ss+word p%40ss+word key-in-path/x to/ken to%2Fken queryvalue host`)
	for _, secret := range []string{"user", "p@ss", "p%40ss", "key-in-path", "to/ken", "to%2Fken", "queryvalue"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is left in %q", secret, text)
		}
	}
	if !strings.Contains(text, "host") {
		t.Errorf("the host is gone: %q", text)
	}
}

func TestConfigRefused(t *testing.T) {
	t.Parallel()
	other := Hash{1}
	for name, config := range map[string]Config{
		"Config.Nodes is empty":                                              {},
		"Config.Nodes[1]: ws://a is named twice":                             {Nodes: []string{"ws://a", "ws://a"}},
		"Config.Nodes[1]: wss://test.finney.opentensor.ai:443 has the gen":   {Nodes: []string{"finney", "test"}},
		"Config.Nodes[0]: wss://entrypoint-finney.opentensor.ai:443 has the": {Nodes: []string{"finney"}, Genesis: &other},
		`Config.Nodes[1]: "nonsense"`:                                        {Nodes: []string{"finney", "nonsense"}},
		"Config.CallTimeout is negative":                                     {Nodes: []string{"ws://a"}, CallTimeout: -1},
		"Config.PingInterval is negative":                                    {Nodes: []string{"ws://a"}, PingInterval: -1},
		"Config.BackoffMax 1ns is less than Config.BackoffMin 250ms":         {Nodes: []string{"ws://a"}, BackoffMax: 1},
		"Config.MaxInFlight is negative":                                     {Nodes: []string{"ws://a"}, MaxInFlight: -1},
		"Config.Runtimes is negative":                                        {Nodes: []string{"ws://a"}, Runtimes: -1},
		"Config.ReadLimit is less than 4096 bytes: 5":                        {Nodes: []string{"ws://a"}, ReadLimit: 5},
	} {
		c, err := New(config)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not say %q", err, name)
		}
		if c != nil {
			t.Errorf("%q: there is a client", name)
		}
	}
}

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	c, err := New(Config{Nodes: []string{"archive", "finney"}, BlockTime: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if g, err := c.Genesis(t.Context()); err != nil || g != finneyGenesis {
		t.Errorf("genesis %s, %v", g, err)
	}
	if c.Role() != "main" || c.config.StaleAfter != 4*time.Second {
		t.Errorf("role %q, StaleAfter %s", c.Role(), c.config.StaleAfter)
	}
	for _, n := range c.Nodes() {
		if n.State != NodeIdle {
			t.Errorf("%s is %s before anybody has asked", n.Node, n.State)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Head(t.Context()); KindOf(err) != KindClosed {
		t.Errorf("after Close: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
