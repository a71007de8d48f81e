package server

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/zstd"

	pylon "github.com/bittensor-pylon/pylon"
)

// unpack reads a body by its content coding, with readers that are not ours.
func unpack(t *testing.T, got *httptest.ResponseRecorder) string {
	t.Helper()
	var reader io.Reader = got.Body
	var err error
	switch coding := got.Header().Get("Content-Encoding"); coding {
	case "":
	case "gzip":
		reader, err = gzip.NewReader(got.Body)
	case "zstd":
		var decoder *zstd.Decoder
		decoder, err = zstd.NewReader(got.Body, zstd.WithDecoderConcurrency(1))
		reader = decoder
		defer decoder.Close()
	default:
		t.Fatalf("unknown coding %q", coding)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestBodiesAreCompressedWhenAccepted(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	want := string(testdata(t, "neurons.json"))
	for accept, coding := range map[string]string{
		"":                               "",
		"identity":                       "",
		"gzip":                           "gzip",
		"GZIP":                           "gzip",
		"x-gzip":                         "gzip",
		"gzip, deflate":                  "gzip",
		"deflate":                        "",
		"br":                             "",
		"gzip, deflate, br, zstd":        "zstd",
		"zstd":                           "zstd",
		"gzip;q=0":                       "",
		"gzip;q=0.000, zstd;q=0.001":     "zstd",
		"gzip;q=1.0, zstd;q=0.9":         "gzip",
		"gzip; q=0.5, identity; q=0.6":   "",
		"gzip;q=0.5;x=y,\tzstd ; Q=0.4":  "gzip",
		"*":                              "gzip",
		"*;q=0":                          "",
		"zstd, *;q=0":                    "zstd",
		"gzip;q=0, *":                    "",
		"identity;q=0, gzip;q=0, *;q=0":  "", // nothing is acceptable: plain
		"gzip;q=2":                       "",
		"gzip;q=-1":                      "",
		"gzip;q=1.001":                   "",
		"gzip;q=abc":                     "",
		"gzip;q=":                        "",
		",,gzip,,":                       "gzip",
		"gzipped":                        "",
		strings.Repeat("a,", 1000) + "*": "gzip",
	} {
		got := f.ask(t, v1Neurons, append(authorization(openToken), "Accept-Encoding", accept)...)
		wantHeader(t, got, "Content-Encoding", coding)
		wantHeader(t, got, "Vary", "Accept-Encoding")
		wantHeader(t, got, "Content-Length", strconv.Itoa(got.Body.Len()))
		if text := unpack(t, got); got.Code != 200 || text != want {
			t.Errorf("%q: %d %s", accept, got.Code, clip(text, 100))
		}
	}
	if got := pickEncoding([]string{"gzip;q=0.1", "zstd;q=0.5"}); got != zstdCoding {
		t.Errorf("two headers: %v", got)
	}
}

func TestSmallBodiesAreNotCompressed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, path := range []string{"/api/v1/identities", "/api/v1/block/latest"} {
		got := f.ask(t, path, "Accept-Encoding", "gzip, zstd")
		wantHeader(t, got, "Content-Encoding", "")
		if got.Body.Bytes()[0] != '{' {
			t.Errorf("%s is compressed", path)
		}
	}
}

func TestETags(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	token := authorization(openToken)
	tags := map[string]string{}
	for _, coding := range []string{"identity", "gzip", "zstd"} {
		for _, path := range []string{v1Neurons, "/api/v1/subnet/1/block/latest/validators"} {
			got := f.ask(t, path, append(token, "Accept-Encoding", coding)...)
			tag := got.Header().Get("Etag")
			if len(tag) != 26 || tag[0] != '"' || tag[25] != '"' {
				t.Errorf("%s %s: tag %s", coding, path, tag)
			}
			if other, taken := tags[tag]; taken {
				t.Errorf("%s %s has the tag of %s", coding, path, other)
			}
			tags[tag] = coding + " " + path
			for match, status := range map[string]int{
				tag: 304, "W/" + tag: 304, "*": 304, `"x", ` + tag: 304, `"x",W/"y" ,` + tag + `,"z"`: 304,
				"": 200, `"x"`: 200, strings.Trim(tag, `"`): 200, strings.ToUpper(tag) + "x": 200,
			} {
				again := f.ask(t, path, append(token, "Accept-Encoding", coding, "If-None-Match", match)...)
				if again.Code != status {
					t.Errorf("If-None-Match %s: %d, want %d", match, again.Code, status)
				}
				wantHeader(t, again, "Etag", tag)
				wantHeader(t, again, "Vary", "Accept-Encoding")
				if status == 304 && (again.Body.Len() > 0 || again.Header().Get("Content-Length") != "" || again.Header().Get("Content-Encoding") != "") {
					t.Errorf("a 304 with a body or its headers: %v", again.Header())
				}
			}
		}
	}
	// A tag does not open a guarded route.
	wantProblem(t, f.ask(t, v1Neurons, "If-None-Match", "*"), 401, missingHeader)
	// Another block is another body.
	before := f.ask(t, v1Neurons, token...).Header().Get("Etag")
	next := *f.chain.neurons
	next.Block = pylon.Block{Number: next.Block.Number + 1, Hash: "0x01"}
	f.chain.neurons = &next
	after := f.ask(t, v1Neurons, append(token, "If-None-Match", before)...)
	if after.Code != 200 || !strings.Contains(after.Body.String(), `"hash":"0x01"`) {
		t.Errorf("the old block is still answered: %d", after.Code)
	}
}

func TestABodyIsMadeOnceForAll(t *testing.T) {
	t.Parallel()
	kept, err := newBodies(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	var renders atomic.Int32
	render := func(dst []byte) []byte {
		renders.Add(1)
		return append(dst, bytes.Repeat([]byte("neuron "), 1000)...)
	}
	var wait sync.WaitGroup
	first := make([]*rendered, 3)
	results := make(chan *rendered, 300)
	for i := range 300 {
		wait.Go(func() {
			r, err := kept.get(bodyKey{encoding: encoding(i % 3)}, render)
			if err != nil {
				t.Error(err)
			}
			results <- r
		})
	}
	wait.Wait()
	close(results)
	for r := range results {
		i := 0
		if r.encoding != nil {
			i = map[string]int{"gzip": 1, "zstd": 2}[r.encoding[0]]
		}
		if first[i] == nil {
			first[i] = r
		}
		if first[i] != r {
			t.Error("a body has been made twice")
		}
	}
	if n := renders.Load(); n != 1 {
		t.Errorf("rendered %d times", n)
	}
}

func TestBodiesStayWithinTheirMemory(t *testing.T) {
	t.Parallel()
	const bound = 1 << 20
	kept, err := newBodies(bound)
	if err != nil {
		t.Fatal(err)
	}
	body := bytes.Repeat([]byte{'x'}, 10_000)
	for i := range 1000 {
		key := bodyKey{block: strconv.Itoa(i)}
		if r, err := kept.get(key, func(dst []byte) []byte { return append(dst, body...) }); err != nil || len(r.body) != len(body) {
			t.Fatal(err)
		}
	}
	kept.cache.CleanUp()
	if weight := kept.cache.WeightedSize(); weight == 0 || weight > bound {
		t.Errorf("%d bytes are kept", weight)
	}
	// What is larger than the bound is answered and not kept.
	huge := func(dst []byte) []byte { return append(dst, make([]byte, 2*bound)...) }
	r, err := kept.get(bodyKey{block: "huge"}, huge)
	if err != nil || len(r.body) != 2*bound {
		t.Error(err)
	}
	kept.cache.CleanUp()
	if _, ok := kept.cache.GetIfPresent(bodyKey{block: "huge"}); ok {
		t.Error("a body over the bound is kept")
	}
}

func TestAPanicWhileRenderingHurtsOnlyItsRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	good := f.chain.neurons
	f.chain.neurons = nil
	wantProblem(t, f.ask(t, v1Neurons, authorization(openToken)...), 500, "Internal Server Error")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is swallowed: nobody would log it")
			}
		}()
		_, _ = f.bodies.get(bodyKey{block: "bad"}, func([]byte) []byte { panic("rendering") })
	}()
	r, err := f.bodies.get(bodyKey{block: "bad"}, func(dst []byte) []byte { return append(dst, "good"...) })
	if err != nil || string(r.body) != "good" {
		t.Errorf("after the panic: %v", err)
	}
	f.chain.neurons = good
	if got := f.ask(t, v1Neurons, authorization(openToken)...); got.Code != 200 {
		t.Errorf("after the panic: %d", got.Code)
	}
}

func FuzzAcceptEncoding(f *testing.F) {
	for _, seed := range []string{"gzip, deflate", "zstd;q=0.5, *;q=0", "gzip;q=;q=1", ";,;=q"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		switch got := pickEncoding([]string{header}); got {
		case gzipCoding:
			if !strings.Contains(strings.ToLower(header), "gzip") && !strings.Contains(header, "*") {
				t.Fatalf("%q gives gzip", header)
			}
		case zstdCoding:
			if !strings.Contains(strings.ToLower(header), "zstd") {
				t.Fatalf("%q gives zstd", header)
			}
		case identityCoding:
		default:
			t.Fatalf("%q gives %d", header, got)
		}
	})
}

func FuzzIfNoneMatch(f *testing.F) {
	const tag = `"0123456789abcdef01234567"`
	f.Add(`W/"x", ` + tag)
	f.Fuzz(func(t *testing.T, header string) {
		if matchesTag([]string{header}, tag) && !strings.Contains(header, tag) && !strings.Contains(header, "*") {
			t.Fatalf("%q matches", header)
		}
	})
}
