package server

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestConfigNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	chain, recent := newFakeChain(t), fakeRecent{}
	for want, change := range map[string]func(*Config){
		"Chain is required":             func(c *Config) { c.Chain = nil },
		"Recent is required":            func(c *Config) { c.Recent = nil },
		"Identities[1].Name is":         func(c *Config) { c.Identities = []Identity{{Name: "a", Token: "x"}, {Token: "x"}} },
		`Identities[0].Name "a/b" has`:  func(c *Config) { c.Identities = []Identity{{Name: "a/b", Token: "x"}} },
		`Identities[1].Name "a" is`:     func(c *Config) { c.Identities = []Identity{{Name: "a", Token: "x"}, {Name: "a", Token: "y"}} },
		`Identities[0].Token of "a" is`: func(c *Config) { c.Identities = []Identity{{Name: "a"}} },
		"DefaultTimeout":                func(c *Config) { c.DefaultTimeout = -1 },
		"MaxTimeout":                    func(c *Config) { c.MaxTimeout = -1 },
		"DrainTimeout":                  func(c *Config) { c.DrainTimeout = -1 },
		"RenderedBytes":                 func(c *Config) { c.RenderedBytes = -1 },
	} {
		config := Config{Chain: chain, Recent: recent}
		change(&config)
		if _, err := New(config); err == nil || !strings.Contains(err.Error(), "server: "+want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Chain: newFakeChain(t), Recent: fakeRecent{}})
	if err != nil {
		t.Fatal(err)
	}
	c := s.config
	if c.DefaultTimeout != time.Minute || c.MaxTimeout != 5*time.Minute || c.DrainTimeout != 30*time.Second ||
		c.RenderedBytes != 64<<20 || c.Registry == nil || c.Logger == nil || c.Ready(context.Background()) != nil {
		t.Errorf("defaults: %+v", c)
	}
	if s.Handler() == http.Handler(nil) {
		t.Error("no handler")
	}
}

func TestTheTableOfResourcesIsComplete(t *testing.T) {
	t.Parallel()
	for _, resource := range resources {
		switch {
		case resource.method == "" || resource.answer == nil || len(resource.at) == 0:
			t.Errorf("%s can not be served", resource.path)
		case resource.name == "" || resource.summary == "":
			t.Errorf("%s is not documented", resource.path)
		}
		for _, kind := range resource.fails {
			if _, ok := answers[kind]; !ok {
				t.Errorf("%s fails with a kind that has no row", resource.path)
			}
		}
	}
}

func TestRoutesThatCollideAreAFault(t *testing.T) {
	t.Parallel()
	for _, templates := range [][]string{{"/a/{x}", "/a/{y}"}, {"/a", "/a"}, {"/{a}/{b}/{c}/{d}/{e}"}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v are accepted", templates)
				}
			}()
			var root node
			for _, template := range templates {
				root.addRoute(&route{method: http.MethodGet}, template)
			}
		}()
	}
}

func TestNothingOfTheConfigurationIsShared(t *testing.T) {
	t.Parallel()
	identities := []Identity{{Name: "a", Netuid: 1, Token: "x"}}
	s, err := New(Config{Chain: newFakeChain(t), Recent: fakeRecent{}, Identities: identities})
	if err != nil {
		t.Fatal(err)
	}
	before := *s.identities["a"]
	identities[0] = Identity{Name: "b", Netuid: 2, Token: "y"}
	if !reflect.DeepEqual(*s.identities["a"], before) || s.identityList[0].Name != "a" {
		t.Error("a change of the caller's list is seen")
	}
}
