package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// Whatever is asked for, the answer is a page of the list or says what is wrong with the question.
func FuzzPage(f *testing.F) {
	f.Add("limit=1&cursor=1-0000000000000000")
	f.Add("limit=18446744073709551615&limit=&cursor=-")
	server := newFixture(f, nil)
	f.Add("cursor=1-" + blockMark(server.chain.neurons.Block) + "&limit=2")
	f.Fuzz(func(t *testing.T, query string) {
		got := server.ask(t, v1Neurons+"?"+query, authorization(openToken)...)
		switch got.Code {
		case http.StatusOK:
			var body struct{ Neurons map[string]json.RawMessage }
			if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil || len(body.Neurons) > len(server.chain.neurons.Neurons) {
				t.Fatalf("%q: %v, %d neurons", query, err, len(body.Neurons))
			}
			if link := got.Header().Get("Link"); link != "" && !strings.HasPrefix(link, "</api/v1/subnet/1/block/") {
				t.Fatalf("%q: link %q", query, link)
			}
		case http.StatusBadRequest:
			if !json.Valid(got.Body.Bytes()) {
				t.Fatalf("%q: %s", query, got.Body)
			}
		default:
			t.Fatalf("%q: %d", query, got.Code)
		}
	})
}

func FuzzEVMLogsBody(f *testing.F) {
	f.Add("from_block=1&to_block=2", `{"abi":[{"name":"x"},{}]}`)
	f.Add("from_block=-1&to_block=x", `{"abi":[1,[],null]} `)
	server := newFixture(f, nil)
	f.Fuzz(func(t *testing.T, query, body string) {
		got := server.send(t, http.MethodPost, openLogs+"?"+query, strings.NewReader(body), authorization(openToken)...)
		switch got.Code {
		case http.StatusOK, http.StatusBadRequest, http.StatusUnprocessableEntity:
			if !json.Valid(got.Body.Bytes()) {
				t.Fatalf("%q %q: %s", query, body, got.Body)
			}
		default:
			t.Fatalf("%q %q: %d %s", query, body, got.Code, got.Body)
		}
	})
}
