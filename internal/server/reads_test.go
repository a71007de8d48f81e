package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// subnetMounts are where the reads of subnet 1 are, with the token of each.
var subnetMounts = map[string][]string{
	"/api/v1/subnet/1":                      authorization(openToken),
	"/api/v1/identity/sn1/subnet/1":         authorization(sn1Token),
	"/api/_unstable/subnet/1":               authorization(openToken),
	"/api/_unstable/openaccess/subnet/1":    authorization(openToken),
	"/api/_unstable/identity/sn1/subnet/1":  authorization(sn1Token),
	"/api/_unstable//openaccess/subnet/+1/": authorization(openToken),
}

// Conformance 32, 33 and 36 too: the expected bytes are those of the encoder of the Python service.
func TestConformance031To033And040And129Neurons(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.recent[recentReader{"", 1}] = f.chain.neurons
	f.recent[recentReader{"sn1", 1}] = f.chain.neurons
	want := string(testdata(t, "neurons.json"))
	for mount, token := range subnetMounts {
		for _, block := range []string{"latest", "recent", strconv.FormatUint(f.chain.neurons.Block.Number, 10), "-1"} {
			got := f.ask(t, mount+"/block/"+block+"/neurons", token...)
			wantBody(t, got, 200, want)
			wantHeader(t, got, "Content-Type", "application/json")
			wantHeader(t, got, "Content-Length", strconv.Itoa(len(want)))
		}
	}
	var body struct {
		Block   pylon.Block
		Neurons map[string]struct{ Hotkey string }
	}
	if err := json.Unmarshal([]byte(want), &body); err != nil {
		t.Fatal(err)
	}
	for key, neuron := range body.Neurons {
		if key != neuron.Hotkey {
			t.Errorf("%s stands under %s", neuron.Hotkey, key)
		}
	}
}

func TestConformance037And039MissingBlock(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for mount, token := range subnetMounts {
		wantProblem(t, f.ask(t, mount+"/block/7/neurons", token...), 404, "Block 7 not found.")
		wantProblem(t, f.ask(t, mount+"/block/7/validators", token...), 404, "Block 7 not found.")
		wantProblem(t, f.ask(t, mount+"/block/0_7/validators", token...), 404, "Block 7 not found.")
	}
}

func TestConformance038Validators(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	want := string(testdata(t, "validators.json"))
	for mount, token := range subnetMounts {
		for _, block := range []string{"latest", strconv.FormatUint(f.chain.neurons.Block.Number, 10), "-1"} {
			wantBody(t, f.ask(t, mount+"/block/"+block+"/validators", token...), 200, want)
		}
	}
}

func TestConformance041BlockInfo(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.chain.block = &pylon.BlockInfo{Number: 12, Hash: "0x0c", Timestamp: 1760000000}
	for _, path := range []string{"/api/v1/block/latest", "/api/_unstable/block/latest", "/api/_unstable/openaccess/block/latest"} {
		wantBody(t, f.ask(t, path, authorization(openToken)...), 200, `{"number":12,"hash":"0x0c","timestamp":1760000000}`)
	}
}

func TestConformance042SameHeadSameBody(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	const path = "/api/_unstable/openaccess/block/latest"
	first := f.ask(t, path, authorization(openToken)...)
	wantBody(t, f.ask(t, path, authorization(openToken)...), 200, first.Body.String())
	wantProblem(t, f.ask(t, path, authorization("wrong")...), 403, wrongToken)
	wantProblem(t, f.ask(t, path), 401, missingHeader)
}

func TestConformance065BothSpellings(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	// No client asks for these without the segment.
	single := map[string]bool{"evm/contracts/{contract_address}/logs": true, "events": true, "status": true}
	var pairs int
	f.routes.each(func(e *endpoint) {
		rest, ok := strings.CutPrefix(e.template, "/api/_unstable/openaccess/")
		if !ok || single[rest] {
			return
		}
		pairs++
		path := f.concrete(rest)
		with := f.ask(t, "/api/_unstable/openaccess/"+path, authorization(openToken)...)
		without := f.ask(t, "/api/_unstable/"+path, authorization(openToken)...)
		if strings.Contains(path, "/recent/") {
			wantProblem(t, with, 503, missingText)
		} else if with.Code != 200 {
			t.Errorf("%s: %d %s", path, with.Code, with.Body)
		}
		wantBody(t, without, with.Code, with.Body.String())
	})
	if pairs < 20 {
		t.Errorf("only %d routes have two spellings", pairs)
	}
}

func TestConformance072To075RecentNeurons(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for mount, token := range subnetMounts {
		wantProblem(t, f.ask(t, mount+"/block/recent/neurons", token...), 503, missingText)
	}
	f.recent[recentReader{"", 1}] = f.chain.neurons
	f.recent[recentReader{"", 7}] = f.chain.neurons // an extra netuid
	f.recent[recentReader{"sn1", 1}] = nil          // stale
	wantProblem(t, f.ask(t, "/api/v1/identity/sn1/subnet/1/block/recent/neurons", authorization(sn1Token)...), 503, staleText)
	want := string(testdata(t, "neurons.json"))
	wantBody(t, f.ask(t, "/api/v1/subnet/1/block/recent/neurons", authorization(openToken)...), 200, want)
	wantBody(t, f.ask(t, "/api/v1/subnet/7/block/recent/neurons", authorization(openToken)...), 200, want)
	wantProblem(t, f.ask(t, "/api/v1/subnet/8/block/recent/neurons", authorization(openToken)...), 503, missingText)
	// The cache of an identity is its own.
	wantProblem(t, f.ask(t, "/api/v1/identity/another/subnet/2/block/recent/neurons", authorization(sn2Token)...), 503, missingText)
}

func TestProblemsOfReadsKeepTheirTexts(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, test := range []struct {
		err    error
		status int
		detail string
	}{
		{problem.Wrap(problem.Unavailable, "get_neurons failed on finney: Closed: gone", errors.New("secret")), 502, "get_neurons failed on finney: Closed: gone"},
		{problem.New(problem.Unsupported, "The runtime API required for 'get_neurons' is not available at block 5."), 501, "The runtime API required for 'get_neurons' is not available at block 5."},
		{fmt.Errorf("reading: %w", problem.New(problem.NotFound, "Subnet 1 not found.")), 404, "Subnet 1 not found."},
		{problem.New(problem.Unavailable, ""), 502, "Bad Gateway"},
		{context.DeadlineExceeded, 504, "Request timed out"},
	} {
		f.chain.before = func(context.Context, string) error { return test.err }
		for mount, token := range subnetMounts {
			for _, path := range []string{"/block/latest/neurons", "/block/5/neurons", "/block/latest/validators", "/block/5/validators"} {
				wantProblem(t, f.ask(t, mount+path, token...), test.status, test.detail)
			}
		}
		wantProblem(t, f.ask(t, "/api/v1/block/latest"), test.status, test.detail)
	}
	if strings.Count(f.log.String(), `"level":"WARN"`) > 5 {
		t.Errorf("a node that is down floods the log:\n%s", f.log)
	}
}

func TestClientThatHasGoneIsCountedAsSuch(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	f.chain.before = func(ctx context.Context, _ string) error {
		cancel()
		<-ctx.Done()
		return problem.Wrap(problem.Unavailable, "get_neurons failed", ctx.Err())
	}
	request := newRequest(ctx, v1Neurons, authorization(openToken)...)
	got := newRecorder()
	f.ServeHTTP(got, request)
	if got.Code != statusClientGone {
		t.Errorf("counted as %d", got.Code)
	}
	if log := f.log.String(); log != "" {
		t.Errorf("logged: %s", log)
	}
}

func FuzzPath(f *testing.F) {
	f.Add(v1Neurons)
	f.Add("//api//v1/identity/sn1/subnet/-0_1/block/+5/validators/")
	server := newFixture(f, func(c *Config) { c.OpenAccessToken = "" })
	f.Fuzz(func(t *testing.T, path string) {
		got := server.ask(t, path, authorization(sn1Token)...)
		switch got.Code {
		case 200, 404, 405, 403, 308, 503:
		default:
			t.Fatalf("%q: %d", path, got.Code)
		}
		if got.Code >= 400 {
			var body struct {
				StatusCode int `json:"status_code"`
				Detail     *string
			}
			if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil || body.StatusCode != got.Code || body.Detail == nil {
				t.Fatalf("%q: %s", path, got.Body)
			}
		}
	})
}

func FuzzPathInt(f *testing.F) {
	for _, seed := range []string{"1", "-1", "+0_1", "00", "-0", "1__0", "٣"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := parsePathInt(text)
		if !ok {
			return
		}
		again, ok := parsePathInt(n.String())
		if !ok || again != n {
			t.Fatalf("%q is %q and then %q", text, n, again)
		}
	})
}

func TestConformance135NeuronsAnswerInTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.chain.neurons = manyNeurons(1024)
	address := serve(t, f)
	client := &http.Client{Timeout: 5 * time.Second} // as long as clients before 1.7 wait
	defer client.CloseIdleConnections()
	for _, coding := range []string{"identity", "gzip"} { // nothing is rendered yet
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+v1Neurons, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+openToken)
		request.Header.Set("Accept-Encoding", coding)
		answer, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if size, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK || size < 100_000 {
			t.Errorf("%s: %d, %d bytes, %v", coding, answer.StatusCode, size, err)
		}
		_ = answer.Body.Close()
	}
}
