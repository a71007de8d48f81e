package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pages follows the links from a first page and returns all bodies.
func pages(t *testing.T, f *fixture, path string, token []string) []string {
	t.Helper()
	var bodies []string
	for path != "" {
		got := f.ask(t, path, token...)
		if got.Code != 200 || len(bodies) > 100 {
			t.Fatalf("%s: %d %s", path, got.Code, got.Body)
		}
		bodies = append(bodies, got.Body.String())
		link := got.Header().Get("Link")
		path = ""
		if link != "" {
			target, ok := strings.CutSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
			parsed, err := url.Parse(target)
			if !ok || err != nil || parsed.Host != "" {
				t.Fatalf("link %q", link)
			}
			path = parsed.Path + "?" + parsed.RawQuery
		}
	}
	return bodies
}

// entries are the entries of a body's list or map, in order, with their keys.
func entries(t *testing.T, body string) []string {
	t.Helper()
	var whole struct {
		Block                            json.RawMessage
		Neurons, Validators, Commitments json.RawMessage
		Associations                     json.RawMessage `json:"evm_associations"`
	}
	text := json.RawMessage(body)
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	if whole.Block != nil {
		text = slices.Concat(whole.Neurons, whole.Validators, whole.Commitments, whole.Associations)
	}
	from := json.NewDecoder(bytes.NewReader(text))
	open, err := from.Token()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for from.More() {
		key := json.Token("")
		if open == json.Delim('{') {
			if key, err = from.Token(); err != nil {
				t.Fatal(err)
			}
		}
		var value json.RawMessage
		if err := from.Decode(&value); err != nil {
			t.Fatal(err)
		}
		found = append(found, fmt.Sprint(key, string(value)))
	}
	return found
}

func TestPagesAddUpToTheWhole(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.recent[recentReader{"", 1}] = f.chain.neurons
	f.recent[recentReader{"sn1", 1}] = f.chain.neurons
	f.chain.published.commitments.Block = f.chain.neurons.Block
	tested := 0
	f.routes.each(func(e *endpoint) {
		read := e.route(http.MethodGet)
		last := e.template[strings.LastIndex(e.template, "/")+1:]
		counts := map[string]int{
			"neurons": len(f.chain.neurons.Neurons), "validators": len(f.chain.validators.Validators),
			"certificates": 2, "commitments": 3, "evm_associations": 2,
		}
		count, ok := counts[last]
		if read == nil || !ok {
			return
		}
		tested++
		path, token := f.concrete(e.template), authorization(openToken)
		if read.guard == identityKey {
			token = authorization(sn1Token)
		}
		whole := f.ask(t, path, token...)
		for _, limit := range []int{1, 2, count - 1, count, count + 1, 1 << 40} {
			if limit < 1 {
				continue
			}
			var parts []string
			bodies := pages(t, f, path+"?limit="+strconv.Itoa(limit), token)
			for _, body := range bodies {
				parts = append(parts, entries(t, body)...)
			}
			if want := entries(t, whole.Body.String()); !slices.Equal(parts, want) {
				t.Errorf("%s by %d:\n got %s\nwant %s", path, limit, clip(fmt.Sprint(parts), 500), clip(fmt.Sprint(want), 500))
			}
			if want := max(1, (count+limit-1)/limit); limit < 1<<30 && len(bodies) != want {
				t.Errorf("%s by %d: %d pages", path, limit, len(bodies))
			}
		}
	})
	if tested != 5*(2*4+1+2) {
		t.Errorf("%d routes have pages", tested)
	}
}

func TestPagesThatCanNotBe(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	token := authorization(openToken)
	const path = "/api/v1/subnet/1/block/latest/neurons"
	mark := blockMark(f.chain.neurons.Block)
	const noPage, otherBlock = "Value error, no page begins here", "Value error, the page is of another block: begin with the first page"
	for query, message := range map[string]string{
		"limit=0":                      "Expected `int` >= 1",
		"limit=-1":                     "Expected `int` >= 1",
		"limit=x":                      "Expected `int`, got `str`",
		"limit=":                       "Expected `int`, got `str`",
		"limit=18446744073709551616":   "Expected `int` <= 18446744073709551615",
		"cursor=":                      noPage,
		"cursor=1":                     noPage,
		"cursor=x-" + mark:             noPage,
		"cursor=-1-" + mark:            noPage,
		"cursor=99999-" + mark:         noPage,
		"cursor=4294967296-" + mark:    noPage,
		"cursor=1-0000000000000000":    otherBlock,
		"limit=5&cursor=1-" + mark[1:]: otherBlock,
	} {
		key := strings.Split(query, "=")[0]
		if strings.Contains(query, "cursor") {
			key = "cursor"
		}
		got := f.ask(t, path+"?"+query, token...)
		want := `{"status_code":400,"detail":"Validation failed for GET ` + path + "?" + query +
			`","extra":[{"message":"` + message + `","key":"` + key + `","source":"query"}]}`
		wantBody(t, got, 400, want)
	}
	// What is no page is the whole, byte for byte.
	for _, query := range []string{"", "x=y", "Limit=1", "limits=1", "%zz"} {
		wantBody(t, f.ask(t, path+"?"+query, token...), 200, string(testdata(t, "neurons.json")))
	}
	// The end of the list is a page without entries and without a link.
	end := f.ask(t, path+"?limit=1&cursor="+strconv.Itoa(len(f.chain.neurons.Neurons))+"-"+mark, token...)
	wantBody(t, end, 200, `{`+blockJSON(f)+`,"neurons":{}}`)
	wantHeader(t, end, "Link", "")
}

func TestPagesAreNotKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for limit := 1; limit < 50; limit++ {
		f.ask(t, v1Neurons+"?limit="+strconv.Itoa(limit), authorization(openToken)...)
	}
	if kept := f.bodies.cache.EstimatedSize(); kept != 0 {
		t.Errorf("%d pages are kept", kept)
	}
}
