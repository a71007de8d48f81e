//go:build interop

package neuron

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bittensor-pylon/pylon/dendrite"
	"github.com/bittensor-pylon/pylon/synapse"
)

// canned starts a server that reads a request and answers with what it was told
// last; empty hangs up.
func canned(t *testing.T) (port int, tell func(answer string)) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var answer string
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				request, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, request.Body)
				mu.Lock()
				defer mu.Unlock()
				_, _ = io.WriteString(conn, answer)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		wg.Wait()
	})
	return listener.Addr().(*net.TCPAddr).Port, func(text string) {
		mu.Lock()
		defer mu.Unlock()
		answer = text
	}
}

// understood is what a dendrite made of an answer.
type understood struct {
	Dendrite, Axon          synapse.TerminalInfo
	How, Seen               string
	Success, Failed, Denied bool
}

// stable leaves out what is never twice the same, and the words of parsers.
func (u understood) stable() understood {
	for _, end := range []*synapse.TerminalInfo{&u.Dendrite, &u.Axon} {
		if end.ProcessTime.Present {
			end.ProcessTime = synapse.Some(1.0)
		}
		if message, ok := end.StatusMessage.Get(); ok {
			if prefix, _, found := strings.Cut(message, ": "); found && prefix != "Service disconnected" {
				end.StatusMessage = synapse.Some(prefix)
			}
		}
	}
	u.Dendrite.Nonce.Value, u.Dendrite.UUID.Value, u.Dendrite.Signature.Value, u.Dendrite.Version.Value = 0, "", "", 0
	return u
}

// What the dendrite of the SDK 10.5.0 makes of answers, ours makes of them too.
func TestDendriteUnderstandsAsPython(t *testing.T) {
	p, _ := run(t, "10.5.0", "query.py", "")
	port, tell := canned(t)
	d := newDendrite(t, dendrite.Config{ExternalIP: "198.51.100.7"})
	bob := key(t, "//Bob").Address()
	answer := func(status int, body string, headers ...string) string {
		return fmt.Sprintf(
			"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n%s",
			status, http.StatusText(status), len(body), strings.Join(append(headers, ""), "\r\n"), body,
		)
	}
	// Where ours differs, on purpose, and the status that it has then.
	differs := map[string]int{
		"failure says success": 500, // Python takes it for a success
		"message is no text":   500, // Python forgets the status
		"substring":            200, // Python finds the names of headers within others
		"canonical names":      200, // Python does not find them in capital letters
	}
	const whole = `{"how": "ok", "seen": "x", "dendrite": {"uuid": "u", "nonce": 7, "port": 1}, "axon": {"status_code": 200, "status_message": "Success", "process_time": 0.5, "ip": "1.1.1.1"}}`
	for name, text := range map[string]string{
		"whole":                      answer(200, whole),
		"no status":                  answer(200, `{"how": "ok", "seen": "x"}`),
		"status in the headers":      answer(200, `{"how": "ok", "seen": "x"}`, "bt_header_axon_status_code: 200", "bt_header_axon_status_message: Success"),
		"headers win":                answer(200, whole, "bt_header_axon_status_code: 500", "bt_header_axon_process_time: 0.25", "bt_header_dendrite_port: 4000", "bt_header_axon_hotkey: h"),
		"status 404 in the body":     answer(200, `{"how": "ok", "seen": "x", "axon": {"status_code": 404, "status_message": "nothing"}}`),
		"casts":                      answer(200, `{"how": "ok", "axon": {"status_code": "200", "port": 8091.5, "process_time": "1e-3"}}`),
		"header casts":               answer(200, whole, "bt_header_axon_status_code:  +2_01 "),
		"another name":               answer(200, `{"name": "Other", "how": "changed", "axon": {"status_code": 200}}`),
		"unknown fields":             answer(200, `{"how": "ok", "x": [{}], "axon": {"status_code": 200, "x": 1}}`),
		"twice":                      answer(200, `{"how": "ok", "seen": "1", "seen": "2", "axon": {"status_code": 200}}`),
		"body hash":                  answer(200, `{"how": "ok", "computed_body_hash": "00", "axon": {"status_code": 200}}`),
		"old answer":                 answer(200, `{"how": "ok", "required_hash_fields": ["how"], "axon": {}}`, "bt_header_axon_status_code: 200", "bt_header_axon_nonce: 5", "bt_header_axon_uuid: u", "bt_header_axon_signature: 0x00", "bt_header_axon_version: 693", "bt_header_tensor_x: [1]-float32"),
		"old failure":                answer(500, `{}`, "bt_header_axon_status_code: 401", "bt_header_axon_status_message: Not Verified"),
		"blacklist":                  answer(403, `{"message": "Forbidden. Key is blacklisted: no stake."}`, "bt_header_axon_status_code: 403", "bt_header_dendrite_ip: 9.9.9.9", "bt_header_axon_signature: 0x00"),
		"no headers":                 answer(401, `{"message": "m"}`),
		"header status":              answer(414, `{"message": "m"}`, "bt_header_axon_status_code: 415", "bt_header_axon_status_message: header"),
		"no message":                 answer(500, `{}`),
		"message is no text":         answer(500, `{"message": 7}`),
		"failure says success":       answer(500, `{"message": "m"}`, "bt_header_axon_status_code: 200"),
		"substring":                  answer(200, whole, "x-bt_header_axon_status_code: 418"),
		"canonical names":            answer(200, `{"how": "ok"}`, "Bt_header_axon_status_code: 200"),
		"redirect":                   answer(307, `{"message": "m"}`),
		"null message":               answer(500, `{"message": null}`),
		"detail":                     answer(422, `{"detail": []}`),
		"created":                    answer(201, whole),
		"accepted":                   answer(202, `{}`),
		"bad JSON":                   answer(200, `{"a"`),
		"bad JSON, 500":              answer(500, `x`),
		"empty":                      answer(200, ``),
		"list":                       answer(200, `[]`),
		"list, 500":                  answer(500, `[]`),
		"text, 500":                  answer(500, `"x"`),
		"null":                       answer(200, `null`),
		"wrong type":                 answer(200, `{"how": 1}`),
		"missing field":              answer(200, `{}`),
		"bad port":                   answer(200, `{"how": "ok", "axon": {"port": "x"}}`),
		"bad nonce header":           answer(200, whole, "bt_header_axon_nonce: x"),
		"bad timeout header":         answer(200, whole, "timeout: None"),
		"bad size header":            answer(200, whole, "total_size: xyz"),
		"bad header, 500":            answer(500, `{"message": "m"}`, "bt_header_axon_nonce: 1.5"),
		"no object":                  answer(200, whole, "bt_header_input_obj_how: %%%"),
		"other JSON":                 strings.Replace(answer(200, whole), "application/json", "application/ld+json", 1),
		"JSON with charset":          strings.Replace(answer(200, whole), "application/json", "application/json; charset=utf-8", 1),
		"text/plain":                 strings.Replace(answer(200, whole), "application/json", "text/plain", 1),
		"text/plain, 500":            strings.Replace(answer(500, "Internal Server Error"), "application/json", "text/plain", 1),
		"no type":                    strings.Replace(answer(200, whole), "Content-Type: application/json\r\n", "", 1),
		"chunked":                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(whole), whole),
		"until the end":              "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + whole,
		"truncated":                  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
		"truncated, chunked":         "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
		"closed":                     "",
		"no HTTP":                    "hello\r\n\r\n",
		"a long line in the headers": answer(200, whole, "x: "+strings.Repeat("y", 300<<10)),
	} {
		tell(text)
		var o struct {
			Answer struct {
				Dendrite, Axon synapse.TerminalInfo
				How, Seen      string
			}
			Success, Timeout, Blacklist, Unverified bool
			Error                                   string
		}
		p.order(query{Class: "Hooked", Values: map[string]any{"how": "ok"}, Port: port, Hotkey: bob, Timeout: 60}, &o)
		if o.Error != "" {
			t.Errorf("%s: Python raised %s", name, o.Error)
			continue
		}
		theirs := understood{o.Answer.Dendrite, o.Answer.Axon, o.Answer.How, o.Answer.Seen, o.Success, o.Unverified, o.Blacklist}
		target := synapse.AxonInfo{IP: "127.0.0.1", Port: port, IPType: 4, Hotkey: bob}
		got, err := dendrite.Call(t.Context(), d, target, &Hooked{How: "ok"}, dendrite.Options{Timeout: time.Minute})
		ours := understood{got.Dendrite, got.Axon, got.How, got.Seen, err == nil, got.FailedVerification(), got.IsBlacklist()}
		if code, ok := differs[name]; ok {
			if got.Dendrite.StatusCode != synapse.Some(code) || theirs.Dendrite.StatusCode == got.Dendrite.StatusCode {
				t.Errorf("%s: status %v, Python has %v", name, got.Dendrite.StatusCode, theirs.Dendrite.StatusCode)
			}
			continue
		}
		if diff := cmp.Diff(theirs.stable(), ours.stable()); diff != "" {
			t.Errorf("%s (-Python +ours):\n%s", name, diff)
		}
	}
}
