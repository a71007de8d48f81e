package dendrite_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/dendrite"
	"github.com/bittensor-pylon/pylon/synapse"
)

// canned answers a request with bytes.
type canned string

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return http.ReadResponse(bufio.NewReader(strings.NewReader(string(c))), r)
}

// Whatever an axon answers, there is an answer, and it is a success only if the
// HTTP status is 200 and the axon said so.
func FuzzAnswer(f *testing.F) {
	f.Add(response(200, `{"input":1,"output":2,"axon":{"status_code":200}}`))
	f.Add(response(200, `{"input":1}`, "bt_header_axon_status_code: 200", "bt_header_dendrite_nonce: 1"))
	f.Add(response(403, `{"message": "m"}`, "bt_header_axon_status_code: 403"))
	f.Add(response(500, `{"message": null}`, "Bt_Header_Axon_Status_Code:  +2_00 "))
	f.Add("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		d := newDendrite(t, dendrite.Config{Transport: canned(text), Signer: quick{}, MaxResponse: 1 << 16})
		target := synapse.AxonInfo{IP: "127.0.0.1", Port: 1, Hotkey: "h"}
		got, err := dendrite.Call(t.Context(), d, target, &Dummy{Input: 1}, dendrite.Options{Timeout: time.Minute})
		if (err == nil) != got.IsSuccess() {
			t.Fatalf("%v, but %v", got.Dendrite.StatusCode, err)
		}
		if err == nil && !strings.Contains(text, "200") {
			t.Fatalf("success of %q", text)
		}
		items := 0
		for item := range dendrite.Stream(t.Context(), d, target, &pieces{}) {
			if items++; item.Answer != nil && (item.Err == nil) != item.Answer.IsSuccess() {
				t.Fatalf("%v, but %v", item.Answer.Dendrite.StatusCode, item.Err)
			}
		}
		if items == 0 {
			t.Fatal("no answer")
		}
	})
}

type quick struct{}

func (quick) Address() string      { return "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY" }
func (quick) Sign([]byte) [64]byte { return [64]byte{} }
