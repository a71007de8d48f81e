package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

// fakeStatus is a service with something in every place.
type fakeStatus struct{}

func (fakeStatus) Status() Status {
	return Status{
		Version: "1.2.3", Network: "finney", UptimeSeconds: 3.5,
		Head:      &BlockStatus{Number: 10, Hash: "0x0a", AgeSeconds: 1.5},
		Finalized: &BlockStatus{Number: 8, Hash: "0x08", AgeSeconds: 25},
		Nodes: []NodeStatus{
			{Role: "main", Name: "wss://a", State: "healthy", Head: 10, HeadAgeSeconds: 1.5},
			{Role: "archive", Name: "wss://b", State: "connecting", Reconnects: 3, LastError: "transport"},
		},
		Subnets: []SubnetStatus{{Netuid: 1, Neurons: 256, Block: 10, Kept: "latest"}},
		Caches:  []CacheStatus{{Name: "chain answers", Bytes: 5, Limit: 10, Entries: 1, Hits: 9, Misses: 2}},
	}
}

const statusPath = "/api/_unstable/openaccess/status"

func TestStatusTellsWhatIsKnown(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.ask(t, v1Neurons, authorization(openToken)...)
	f.ask(t, v1Neurons, authorization(openToken)...)
	got := f.ask(t, statusPath, authorization(openToken)...)
	wantHeader(t, got, "Content-Type", "application/json")
	wantHeader(t, got, "Cache-Control", "no-store")
	var body struct {
		report

		Intents *json.RawMessage `json:"intents"`
	}
	decoder := json.NewDecoder(got.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil {
		t.Fatal(err)
	}
	if body.Head.Number != 10 || len(body.Nodes) != 2 || body.Subnets[0].Neurons != 256 || body.Intents != nil {
		t.Errorf("%+v", body)
	}
	if len(body.Identities) != 2 || body.Identities[1] != (identityStatus{Name: "another", Netuid: 2}) {
		t.Errorf("identities %+v", body.Identities)
	}
	if rendered := body.Caches[1]; rendered.Entries != 1 || rendered.Hits != 1 || rendered.Bytes < 1000 || rendered.Limit != 64<<20 {
		t.Errorf("cache %+v", rendered)
	}
	wantProblem(t, f.ask(t, statusPath), 401, missingHeader)
	for _, secret := range []string{openToken, metricsToken, sn1Token, sn2Token} {
		if strings.Contains(got.Body.String(), secret) {
			t.Errorf("%s is in the status", secret)
		}
	}
	none := newFixture(t, func(c *Config) { c.Status = nil })
	wantProblem(t, none.ask(t, statusPath, authorization(openToken)...), 404, "Not Found")
}

func TestStatusTellsOfFailures(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	var failure error
	f.chain.before = func(context.Context, string) error { return failure }
	fail := func(path string, err error) {
		failure = err
		f.ask(t, path, append(authorization(openToken), "X-Request-Id", "id-of-"+problem.KindOf(err).String()[:4])...)
	}
	fail(v1Neurons, problem.New(problem.NotFound, "Subnet 1 not found.")) // no failure of the service
	fail(v1Neurons, fmt.Errorf("dial wss://user:password@node"))
	for range 3 {
		fail("/api/v1/block/latest", problem.New(problem.Unavailable, "get_block failed"))
	}
	var body report
	if err := json.Unmarshal(f.ask(t, statusPath, authorization(openToken)...).Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	if len(body.Errors) != 2 {
		t.Fatalf("%+v", body.Errors)
	}
	newest, oldest := body.Errors[0], body.Errors[1]
	if newest.Status != 502 || newest.Route != "/api/v1/block/latest" || newest.Count != 3 || newest.Detail != "get_block failed" || newest.RequestID != "id-of-unav" {
		t.Errorf("newest %+v", newest)
	}
	if oldest.Status != 500 || oldest.Detail != internalError || oldest.Count != 1 || oldest.At.After(newest.At) {
		t.Errorf("oldest %+v", oldest)
	}
	for i := range 2 * failuresKept {
		fail(v1Neurons, problem.Newf(problem.Unavailable, "failure %d", i))
	}
	list := f.failures.newest()
	if len(list) != failuresKept || list[0].Detail != fmt.Sprintf("failure %d", 2*failuresKept-1) || list[failuresKept-1].Detail != fmt.Sprintf("failure %d", failuresKept) {
		t.Errorf("%d are kept, from %+v to %+v", len(list), list[0], list[len(list)-1])
	}
}
