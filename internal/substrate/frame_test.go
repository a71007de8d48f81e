package substrate

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseMessage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, frame string
		want        message
	}{
		{"a result", `{"jsonrpc":"2.0","id":7,"result":"0x00"}`, message{id: 7, hasID: true, result: []byte(`"0x00"`)}},
		{"the id last", `{"jsonrpc":"2.0","result":{"a":[1,{"b":"]}"}]},"id":7}`, message{id: 7, hasID: true, result: []byte(`{"a":[1,{"b":"]}"}]}`)}},
		{"a result of null", `{"id":7,"result":null}`, message{id: 7, hasID: true, result: []byte(`null`)}},
		{"an error", `{"id":7,"error":{"code":1,"message":"x"}}`, message{id: 7, hasID: true, err: []byte(`{"code":1,"message":"x"}`)}},
		{"an error of null", `{"id":7,"error":null,"result":1}`, message{id: 7, hasID: true, result: []byte(`1`)}},
		{"an error to nobody", `{"id":null,"error":{}}`, message{err: []byte(`{}`)}},
		{"a notification", `{"method":"m","params":{"subscription":"0x1","result":1}}`, message{method: []byte(`"m"`), params: []byte(`{"subscription":"0x1","result":1}`)}},
		{"space everywhere", " {\t\"id\" :\r\n 7 , \"result\"\n:\ttrue } \n", message{id: 7, hasID: true, result: []byte(`true`)}},
		{"escapes", `{"id":7,"result":"\"\\","x\"":"\\\\\""}`, message{id: 7, hasID: true, result: []byte(`"\"\\"`)}},
		{"the last of two", `{"id":7,"id":8,"result":1,"result":2}`, message{id: 8, hasID: true, result: []byte(`2`)}},
		{"the largest id", `{"id":18446744073709551615,"result":1}`, message{id: 1<<64 - 1, hasID: true, result: []byte(`1`)}},
		{"nothing", `{}`, message{}},
		{"64 deep", `{"result":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, message{result: []byte(strings.Repeat("[", 64) + strings.Repeat("]", 64))}},
	} {
		got, err := parseMessage([]byte(c.frame))
		if err != nil || got.id != c.want.id || got.hasID != c.want.hasID || string(got.method) != string(c.want.method) ||
			string(got.params) != string(c.want.params) || string(got.result) != string(c.want.result) || string(got.err) != string(c.want.err) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}

func TestParseMessageRefuses(t *testing.T) {
	t.Parallel()
	for _, frame := range []string{
		``, ` `, `null`, `7`, `"x"`, `[]`, `[{"id":1}]`, `{`, `{"`, `{"id`, `{"id"`, `{"id":`, `{"id":1`, `{"id":1,`, `{"id":1,}`, `{,}`,
		`{"id":1}}`, `{"id":1} x`, `{"id":1,"result":}`, `{"id":1 "result":2}`, `{"id" 1}`, `{id:1}`, `{"result":"x}`, `{"result":"x\"}`, `{"result":"\`,
		`{"result":[}`, `{"result":{]}`, `{"result":[1}`, `{"result":]}`, `{"result":@}`,
		`{"id":"1"}`, `{"id":1.5}`, `{"id":-1}`, `{"id":18446744073709551616}`, `{"id":[1]}`, `{"id":true}`,
		`{"result":` + strings.Repeat("[", 65) + strings.Repeat("]", 65) + `}`,
		`{"result":` + strings.Repeat("[", 1<<20),
		"\x00", "\xff\xfe", "HTTP/1.1 200 OK\r\n\r\n",
	} {
		if m, err := parseMessage([]byte(frame)); err == nil {
			t.Errorf("%.60q: taken as %+v", frame, m)
		}
	}
}

// A string full of escapes is read in linear time: one pass for each of a million backslashes would take hours.
func TestParseMessageIsLinear(t *testing.T) {
	t.Parallel()
	frame := []byte(`{"id":1,"result":"` + strings.Repeat(`\\`, 4<<20) + `"}`)
	began := time.Now()
	if m, err := parseMessage(frame); err != nil || len(m.result) != 8<<20+2 {
		t.Fatalf("%d bytes, %v", len(m.result), err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("8 MiB of escapes took %s", took)
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	for want, params := range map[string][]any{
		`{"jsonrpc":"2.0","id":7,"method":"m","params":[]}`:                           nil,
		`{"jsonrpc":"2.0","id":7,"method":"m","params":["a\"b","0x01",null,[],1000]}`: {`a"b`, hexBytes{1}, nil, []hexBytes{}, 1000},
	} {
		got, err := appendRequest(nil, 7, "m", params)
		if err != nil || string(got) != want {
			t.Errorf("%s, %v, not %s", got, err, want)
		}
	}
	if _, err := appendRequest(nil, 7, "m", []any{func() {}}); err == nil {
		t.Error("a function is a parameter")
	}
}

// Whatever a node sends, the parts found are those that encoding/json finds, and what encoding/json takes is refused
// only for its id or its depth.
func FuzzParseMessage(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":7,"result":"0x00"}`, `{"id":null,"error":{"code":-32700,"message":"Parse error"}}`,
		`{"method":"chain_newHead","params":{"subscription":"0x1","result":{"number":"0x1"}}}`,
		`{"id":1,"result":[{"block":"` + Hash{}.String() + `","changes":[["0x01",null],["0x02","0x03"]]}]}`,
		`{"id":1,"result":{"block":{"header":` + header(1) + `,"extrinsics":["0x0400"]},"justifications":null}}`,
		`{"id":1,"result":[["a\\",{"b":null}],1e5,true]}`, `{"a":"\"","id":01}`, `[]`, `{"id":1,"result":"` + "\xff" + `"}`, ` { } `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := parseMessage(frame)
		if err == nil && m.params != nil {
			_, _ = parseNotice(m.params)
		}
		if err == nil && m.err != nil {
			if e := answeredError(m.err); len(e.Message) > 2*maxErrorText {
				t.Errorf("an error text of %d bytes", len(e.Message))
			}
		}
		_, _ = decodeHex(m.result)
		_, _ = decodeHeader(m.result)
		_, _ = decodeBlock(m.result)
		_, _ = decodeRuntimeVersion(m.result)
		_, _ = decodeChanges(m.result, Hash{}, [][]byte{{1}, {2}})
		leadingID(frame)

		var want map[string]json.RawMessage
		if json.Unmarshal(frame, &want) != nil || want == nil {
			return
		}
		if err != nil {
			if !errors.Is(err, errTooDeep) && !strings.HasPrefix(err.Error(), "the id ") {
				t.Fatalf("%q: %v", frame, err)
			}
			return
		}
		// encoding/json sees through escapes in keys; no node writes any.
		if slices.Contains(frame, '\\') {
			return
		}
		for key, got := range map[string][]byte{"result": m.result, "params": m.params, "method": m.method} {
			if string(got) != string(want[key]) {
				t.Errorf("%q: %s is %q, not %q", frame, key, got, want[key])
			}
		}
		if text := string(want["error"]); string(m.err) != text && text != "null" {
			t.Errorf("%q: error is %q, not %q", frame, m.err, text)
		}
	})
}
