//go:build interop

package neuron

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/dendrite"
	"github.com/bittensor-pylon/pylon/internal/proctest"
	"github.com/bittensor-pylon/pylon/ss58"
	"github.com/bittensor-pylon/pylon/synapse"
)

// wire is a request as bytes.
type wire struct {
	method, path string
	header       [][2]string
	body         string
}

// signed has a dendrite make a request that goes nowhere.
func signed(t *testing.T, target synapse.AxonInfo, m *Hooked, c dendrite.Config) *wire {
	t.Helper()
	w := &wire{method: "POST", path: "/Hooked"}
	c.Transport = meddlerFunc(func(r *http.Request) (*http.Response, error) {
		for name, values := range r.Header {
			w.header = append(w.header, [2]string{name, values[0]})
		}
		body, err := io.ReadAll(r.Body)
		w.body = string(body)
		return nil, errors.Join(err, errors.New("no further"))
	})
	_, _ = dendrite.Call(t.Context(), newDendrite(t, c), target, m)
	slices.SortFunc(w.header, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return w
}

type meddlerFunc func(*http.Request) (*http.Response, error)

func (m meddlerFunc) RoundTrip(r *http.Request) (*http.Response, error) { return m(r) }

func (w *wire) set(name, value string) {
	w.del(name)
	w.add(name, value)
}

func (w *wire) add(name, value string) { w.header = append(w.header, [2]string{name, value}) }

func (w *wire) del(name string) {
	w.header = slices.DeleteFunc(w.header, func(h [2]string) bool { return h[0] == name })
}

// replace changes the body.
func (w *wire) replace(old, with string) { w.body = strings.Replace(w.body, old, with, 1) }

// answered is what an axon answers, without what is never twice the same.
type answered struct {
	Status  int
	Headers map[string]string
	Body    string
}

var (
	errorID  = regexp.MustCompile(`#[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	changing = regexp.MustCompile(`"(process_time|total_size)":[0-9.e-]+`)
	seconds  = regexp.MustCompile(`[0-9]+\.[0-9]{2} seconds old`)
)

func (w *wire) send(t *testing.T, port int) (out answered) {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	text := w.method + " " + w.path + " HTTP/1.1\r\nHost: axon\r\nConnection: close\r\n"
	for _, h := range w.header {
		text += h[0] + ": " + h[1] + "\r\n"
	}
	if w.body != "" {
		text += fmt.Sprintf("Content-Length: %d\r\n", len(w.body))
	}
	if _, err := io.WriteString(conn, text+"\r\n"+w.body); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: w.method})
	if err != nil {
		return answered{Body: err.Error()}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	stable := func(text string) string {
		text = changing.ReplaceAllString(errorID.ReplaceAllString(text, "#id"), `"$1":0`)
		return seconds.ReplaceAllString(text, "n seconds old")
	}
	out = answered{response.StatusCode, map[string]string{}, stable(string(body))}
	var value any
	if json.Unmarshal(body, &value) == nil && strings.Contains(out.Body, `"detail"`) { // which has no order of keys
		sorted, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		out.Body = string(sorted)
	}
	for name, values := range response.Header {
		name = strings.ToLower(name)
		switch name {
		case "date", "server", "content-length", "connection":
		case "allow": // in no order
			methods := strings.Split(values[0], ", ")
			slices.Sort(methods)
			out.Headers[name] = strings.Join(methods, ", ")
		case "location": // which may be absolute
			out.Headers[name] = strings.TrimPrefix(values[0], "http://axon")
		case "bt_header_axon_nonce", "bt_header_axon_uuid", "bt_header_axon_signature", "bt_header_axon_process_time", "bt_header_dendrite_port", "header_size", "total_size":
			out.Headers[name] = "…"
		default:
			out.Headers[name] = stable(strings.Join(values, ", "))
		}
	}
	return out
}

// A compatible axon answers whatever comes as the axon of the SDK 10.5.0 does.
func TestCompatibleAnswersAsPython(t *testing.T) {
	theirs := proctest.FreePort(t)
	_, hotkey := run(t, "10.5.0", "serve.py", itoa(theirs))
	ours := serveAll(t, axon.Config{Mode: axon.Compatible})
	target := synapse.AxonInfo{IP: "127.0.0.1", Port: theirs, IPType: 4, Hotkey: hotkey}
	set := func(name, value string) func(*wire) { return func(w *wire) { w.set(name, value) } }
	del := func(name string) func(*wire) { return func(w *wire) { w.del(name) } }
	add := func(name, value string) func(*wire) { return func(w *wire) { w.add(name, value) } }
	path := func(path string) func(*wire) { return func(w *wire) { w.path = path } }
	method := func(method string) func(*wire) { return func(w *wire) { w.method = method } }
	body := func(body string) func(*wire) { return func(w *wire) { w.body = body } }
	replace := func(old, with string) func(*wire) { return func(w *wire) { w.replace(old, with) } }
	how := func(how string) func(*wire) {
		return func(w *wire) { *w = *signed(t, target, &Hooked{How: how}, dendrite.Config{}) }
	}
	eve := key(t, "//Eve").Address()
	elsewhere, err := ss58.EncodeWithPrefix(key(t, "//Alice").PublicKey(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		edit func(*wire)
	}{
		{"nothing", func(*wire) {}},
		{"a function that fails", how("raise")},
		{"a function that sets a status", how("status")},
		{"blacklist", path("/Refused")},
		{"custom verify", func(w *wire) { w.path = "/Guarded"; w.set("bt_header_dendrite_hotkey", eve) }},
		{"priority", func(w *wire) { w.path = "/Prioritized"; w.set("timeout", "3.0") }},
		{"another message's hash", path("/Prioritized")},
		{"stream", path("/Streamed")},
		{"no body", body("")},
		{"GET", method("GET")},
		{"PUT", method("PUT")},
		{"DELETE", method("DELETE")},
		{"trailing slash", path("/Hooked/")},
		{"deeper", path("/Hooked/x")},
		{"two slashes", path("//Hooked")},
		{"root", path("/")},
		{"docs", path("/docs")},
		{"another case", path("/hooked")},
		{"escaped", path("/H%6Foked")},
		{"query", path("/Hooked?x=1")},
		{"unknown", path("/Nope")},
		{"unknown with a quotation mark", path("/it's")},

		{"no content type", del("Content-Type")},
		{"text", set("Content-Type", "text/plain")},
		{"other JSON", set("Content-Type", "application/ld+json")},
		{"content type with charset", set("Content-Type", "application/json; charset=utf-8")},
		{"capital content type", set("Content-Type", "Application/JSON")},
		{"cut JSON", body(`{"how": "ok"`)},
		{"no value", body(`{"how": }`)},
		{"no colon", body(`{"how" "ok"}`)},
		{"no name", body(`{how: "ok"}`)},
		{"trailing comma", body(`{"how": "ok",}`)},
		{"extra data", body(`{"how": "ok"} x`)},
		{"open text", body(`{"how": "ok`)},
		{"bad escape", body(`{"how": "\x"}`)},
		{"bad unicode escape", body(`{"how": "\u12"}`)},
		{"control character", body("{\"how\": \"\n\"}")},
		{"no UTF-8", body("{\"how\": \"\xff\"}")},
		{"byte order mark", body("\ufeff{\"how\": \"ok\"}")},
		{"list", body(`[]`)},
		{"scalar", body(`1`)},
		{"null", body(`null`)},
		{"empty object", body(`{}`)},
		{"only the input", body(`{"how": "ok"}`)},
		{"wrong type", body(`{"how": 1}`)},
		{"required null", body(`{"how": null}`)},
		{"twice, the last counts", body(`{"how": "no", "how": "ok"}`)},
		{"unknown fields", body(`{"x": [NaN, 1e999], "how": "ok"}`)},
		{"another name", replace(`"name": "Hooked"`, `"name": "Other"`)},
		{"timeout is a text", replace(`"timeout": 12.0`, `"timeout": "7"`)},
		{"timeout is no number", replace(`"timeout": 12.0`, `"timeout": "x"`)},
		{"body hash in the body", replace(`"computed_body_hash": ""`, `"computed_body_hash": "00"`)},
		{"hash fields in the body", replace(`"computed_body_hash": ""`, `"computed_body_hash": "", "required_hash_fields": ["seen"]`)},
		{"tampered", replace(`"how": "ok"`, `"how": "no"`)},
		{"status in the body", replace(`"status_code": null, "status_message": null, "process_time": null, "ip": "127.0.0.1"`, `"status_code": 202, "status_message": "chosen", "process_time": null, "ip": "127.0.0.1"`)},
		{"forged hotkey in the body", replace(key(t, "//Alice").Address(), eve)},

		{"no hash", del("computed_body_hash")},
		{"no nonce", del("bt_header_dendrite_nonce")},
		{"no hotkey", del("bt_header_dendrite_hotkey")},
		{"no uuid", del("bt_header_dendrite_uuid")},
		{"no version", del("bt_header_dendrite_version")},
		{"no signature", del("bt_header_dendrite_signature")},
		{"empty signature", set("bt_header_dendrite_signature", "")},
		{"no 0x", set("bt_header_dendrite_signature", strings.Repeat("ab", 64))},
		{"0X", set("bt_header_dendrite_signature", "0X"+strings.Repeat("ab", 64))},
		{"short signature", set("bt_header_dendrite_signature", "0x"+strings.Repeat("ab", 63))},
		{"odd signature", set("bt_header_dendrite_signature", "0x"+strings.Repeat("ab", 63)+"a")},
		{"no hexadecimal", set("bt_header_dendrite_signature", "0x"+strings.Repeat("zz", 64))},
		{"zeros", set("bt_header_dendrite_signature", "0x"+strings.Repeat("00", 64))},
		{"capital signature", func(w *wire) {
			for i, h := range w.header {
				if h[0] == "bt_header_dendrite_signature" {
					w.header[i][1] = "0x" + strings.ToUpper(h[1][2:])
				}
			}
		}},
		{"another's hotkey", set("bt_header_dendrite_hotkey", eve)},
		{"empty hotkey", set("bt_header_dendrite_hotkey", "")},
		{"hotkey of another network", set("bt_header_dendrite_hotkey", elsewhere)},
		{"short hotkey", set("bt_header_dendrite_hotkey", "5abc")},
		{"hotkey in no base 58", set("bt_header_dendrite_hotkey", strings.Repeat("0", 48))},
		{"hotkey with a wrong sum", set("bt_header_dendrite_hotkey", eve[:47]+"a")},
		{"hexadecimal hotkey", set("bt_header_dendrite_hotkey", "0x"+strings.Repeat("ab", 32))},
		{"axon's hotkey", set("bt_header_axon_hotkey", "garbage")},
		{"no axon's hotkey", del("bt_header_axon_hotkey")},
		{"no timeout", del("timeout")},
		{"timeout None", set("timeout", "None")},
		{"timeout inf", set("timeout", "inf")},
		{"timeout nan", set("timeout", "nan")},
		{"timeout 1e3", set("timeout", "1e3")},
		{"timeout 1_0", set("timeout", "1_0")},
		{"timeout of no digits", set("timeout", "abc")},
		{"negative timeout", set("timeout", "-3")},
		{"total size", set("total_size", "xyz")},
		{"no sizes", func(w *wire) { w.del("total_size"); w.del("header_size") }},
		{"nonce with a fraction", set("bt_header_dendrite_nonce", "1.5")},
		{"old nonce", set("bt_header_dendrite_nonce", "1700000000000000000")},
		{"negative nonce", set("bt_header_dendrite_nonce", "-1")},
		{"version is text", set("bt_header_dendrite_version", "ten")},
		{"old version", set("bt_header_dendrite_version", "693")},
		{"axon's port", set("bt_header_axon_port", "+8_091")},
		{"unknown terminal field", add("bt_header_axon_foo", "1")},
		{"status in the headers", func(w *wire) { w.set("bt_header_axon_status_message", "chosen"); w.del("bt_header_dendrite_nonce") }},
		{"status code in the headers", set("bt_header_axon_status_code", "418")},
		{"dendrite's address", func(w *wire) { w.set("bt_header_dendrite_ip", "9.9.9.9"); w.set("bt_header_dendrite_port", "1") }},
		{"no input", del("bt_header_input_obj_how")},
		{"input of another type", set("bt_header_input_obj_how", "MQ==")},
		{"input of no base64", set("bt_header_input_obj_how", "%%%")},
		{"input of no JSON", set("bt_header_input_obj_how", "eA==")},
		{"input without padding", set("bt_header_input_obj_how", "IiI")},
		{"optional input of no JSON", add("bt_header_input_obj_seen", "eA==")},
		{"optional input of another type", add("bt_header_input_obj_seen", "MQ==")},
		{"input named axon", add("bt_header_input_obj_axon", "MQ==")},
		{"hotkey twice", add("bt_header_dendrite_hotkey", eve)},
		{"hash twice", add("computed_body_hash", "00")},
		{"timeout twice", add("timeout", "x")},
		{"dashes", add("bt-header-dendrite-hotkey", eve)},
		{"capital names", func(w *wire) {
			for i := range w.header {
				w.header[i][0] = strings.ToUpper(w.header[i][0])
			}
		}},
	} {
		w := signed(t, target, &Hooked{How: "ok"}, dendrite.Config{ExternalIP: "198.51.100.7"})
		if len(w.header) < 15 {
			t.Fatalf("no request: %v", w)
		}
		c.edit(w)
		if diff := cmp.Diff(w.send(t, theirs), w.send(t, ours)); diff != "" {
			t.Errorf("%s (-Python +ours):\n%s", c.name, diff)
		}
	}
}
