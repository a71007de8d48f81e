//go:build interop

package neuron

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

// serveAll starts an axon of //Bob with a function for each message, as serve.py
// has them.
func serveAll(t *testing.T, c axon.Config) int {
	t.Helper()
	c.Signer, c.Verifier = key(t, "//Bob"), wallet.Sr25519
	a, err := axon.New(c)
	if err != nil {
		t.Fatal(err)
	}
	alice := key(t, "//Alice").Address()
	err = errors.Join(
		axon.Attach(a, func(_ context.Context, m *Numbers) error {
			m.Seen = seen(t, m, "a", "b", "flag", "c", "big", "floats")
			m.C = new(m.A + 1)
			return nil
		}),
		axon.Attach(a, func(_ context.Context, m *Texts) error {
			m.Seen = seen(t, m, "s", "strs")
			slices.Reverse(m.Strs)
			return nil
		}),
		axon.Attach(a, func(_ context.Context, m *Containers) error {
			m.Seen = seen(t, m, "d", "by_int", "pair", "anything")
			return nil
		}),
		axon.Attach(a, func(_ context.Context, m *Models) error {
			m.Seen = seen(t, m, "one", "many")
			m.Many = []Inner{{ID: 7, Label: "it's", Score: new(1e16)}}
			return nil
		}),
		axon.Attach(a, func(_ context.Context, m *Tensors) error {
			values, shape, err := synapse.Values[float64](m.T.Value)
			if err != nil {
				return err
			}
			m.Seen = m.T.Value.DType()
			for i := range values {
				values[i] *= 2
			}
			doubled, err := synapse.NewTensor(values, shape...)
			m.Doubled = synapse.Some(doubled)
			return err
		}),
		axon.Attach(a, func(ctx context.Context, m *Hooked) error {
			switch m.How {
			case "raise":
				return errors.New("a secret")
			case "status":
				m.Axon.SetStatus(404, "nothing there")
			case "conflict":
				return &axon.Error{Code: 409, Message: "Konflikt: ü 日\nx"}
			case "slow":
				<-ctx.Done()
				return ctx.Err()
			}
			caller, _ := axon.CallerFrom(ctx)
			if !caller.Verified || caller.Hotkey != alice || c.Mode == axon.Strict && m.Dendrite.Hotkey.Or("") != alice {
				t.Errorf("caller %+v", caller)
			}
			m.Seen = m.How
			return nil
		}),
		axon.Attach(a, func(context.Context, *Refused) error { return nil }, axon.Options[*Refused]{
			Blacklist: func(context.Context, *Refused) (bool, string) { return true, "no stake" },
		}),
		axon.Attach(a, func(_ context.Context, m *Guarded) error { m.Seen = "in"; return nil }, axon.Options[*Guarded]{
			Verify: func(_ context.Context, m *Guarded) error {
				if m.Dendrite.UUID.Or("") == "" || m.Dendrite.Hotkey.Or("") != alice {
					return errors.New("you are not Alice")
				}
				return nil
			},
		}),
		axon.Attach(a, func(_ context.Context, m *Prioritized) error { m.Seen = "served"; return nil }, axon.Options[*Prioritized]{
			Priority: func(_ context.Context, m *Prioritized) (float64, error) {
				if m.Timeout == synapse.Some(3.0) {
					return 0, context.DeadlineExceeded
				}
				return 3.5, nil
			},
		}),
		axon.AttachStream(a, func(_ context.Context, m *Streamed, s *axon.Stream) error {
			for _, word := range strings.Fields(m.Prompt) {
				if word == "fail" {
					return errors.New("no more words")
				}
				if _, err := s.WriteString(word + " "); err != nil {
					return err
				}
			}
			return nil
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.StartOn(listener); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = a.Stop(ctx)
	})
	return listener.Addr().(*net.TCPAddr).Port
}

// query is an order for query.py.
type query struct {
	Class   string  `json:"class"`
	Values  any     `json:"values"`
	Port    int     `json:"port"`
	Hotkey  string  `json:"hotkey"`
	Timeout float64 `json:"timeout"`
	Wrong   string  `json:"wrong,omitempty"`
}

// outcome is what the dendrite of the SDK made of the answer.
type outcome struct {
	Answer struct {
		Dendrite synapse.TerminalInfo
		Axon     synapse.TerminalInfo
		Seen     string
		C        *int
		Strs     []string
		Many     []struct {
			ID    int
			Label string
			Score *float64
		}
		D            json.RawMessage
		Text         string
		DoubledList  json.RawMessage `json:"doubled_list"`
		DoubledDType string          `json:"doubled_dtype"`
	}
	Pieces                                  string
	Success, Blacklist, Timeout, Unverified bool
	Error                                   string
}

// The dendrites of the SDK call our axon, in both modes.
func TestPythonDendriteCallsAxon(t *testing.T) {
	binary := buildPylon(t)
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			p, _ := run(t, version, "query.py", "")
			for _, mode := range []axon.Mode{axon.Strict, axon.Compatible} {
				t.Run(mode.String(), func(t *testing.T) { testQueries(t, p, serveAll(t, axon.Config{Mode: mode}), mode) })
			}
			t.Run("echo", func(t *testing.T) { testEchoCommand(t, binary, p) })
		})
	}
}

func testQueries(t *testing.T, p *python, port int, mode axon.Mode) {
	bob := key(t, "//Bob").Address()
	ask := func(q query) (o outcome) {
		t.Helper()
		q.Port = port
		if q.Hotkey == "" {
			q.Hotkey = bob
		}
		if q.Timeout == 0 {
			q.Timeout = 12
		}
		p.order(q, &o)
		if o.Error != "" {
			t.Errorf("%s %v: %s", q.Class, q.Values, o.Error)
		}
		return o
	}
	want := func(what string, o outcome, code int, message string) {
		t.Helper()
		if o.Answer.Dendrite.StatusCode != synapse.Some(code) || !strings.HasPrefix(o.Answer.Dendrite.StatusMessage.Or(""), message) || o.Success != (code == 200) {
			t.Errorf("%s: %v %v, want %d %s", what, o.Answer.Dendrite.StatusCode, o.Answer.Dendrite.StatusMessage, code, message)
		}
	}
	sees := func(class string, values map[string]any, text string) outcome {
		t.Helper()
		o := ask(query{Class: class, Values: values})
		want(class, o, 200, "Success")
		if o.Answer.Seen != text {
			t.Errorf("%s saw %s, want %s", class, o.Answer.Seen, text)
		}
		return o
	}

	o := ask(query{Class: "Synapse"})
	want("ping", o, 200, "Success")
	if o.Answer.Axon.ProcessTime.Value <= 0 || o.Answer.Dendrite.ProcessTime.Value <= 0 || o.Answer.Axon.Hotkey != synapse.Some(bob) || o.Answer.Axon.Signature.Present {
		t.Errorf("ping: %+v", o.Answer)
	}

	o = sees("Numbers", map[string]any{
		"a": 41, "b": 1.0, "flag": true, "big": json.Number("-123456789012345678901234567890"), "floats": []any{1, 2.5, json.Number("1e-05"), json.Number("1e22"), json.Number("-0.0")},
	}, "41;1.0;True;None;-123456789012345678901234567890;[1.0, 2.5, 1e-05, 1e+22, -0.0]")
	if o.Answer.C == nil || *o.Answer.C != 42 {
		t.Errorf("numbers: %v", o.Answer.C)
	}
	for _, text := range []string{"", "it's", `say "hi"`, `both ' and "`, "line\nbreak\ttab\\", "\x00\x1b\u007f", "é 日本 😀", "\u200b\u2028\u00a0"} {
		m := &Texts{S: text, Strs: []string{text, "last"}}
		o := sees("Texts", map[string]any{"s": text, "strs": []string{text, "last"}}, seen(t, m, "s", "strs"))
		if !slices.Equal(o.Answer.Strs, []string{"last", text}) {
			t.Errorf("texts: %q", o.Answer.Strs)
		}
	}
	o = sees("Containers", map[string]any{
		"d": json.RawMessage(`{"z": 1, "a": [1.0, null, true, "it's"], "deep": {"é": "ü", "b": 1e16}}`), "by_int": map[string]string{"2": "two", "-1": "minus"},
		"pair": []int{1, 2}, "anything": json.RawMessage(`[1, 1.0, "1", null, {"y": 1, "x": 2}]`),
	}, `{'z': 1, 'a': [1.0, None, True, "it's"], 'deep': {'é': 'ü', 'b': 1e+16}};{-1: 'minus', 2: 'two'};(1, 2);[1, 1.0, '1', None, {'y': 1, 'x': 2}]`)
	if !strings.Contains(string(o.Answer.D), `"z": 1, "a"`) {
		t.Errorf("containers came back as %s", o.Answer.D)
	}
	o = sees("Models", map[string]any{"one": map[string]any{"id": 5, "label": "it's", "score": 1e16}, "many": []any{map[string]any{"id": 1}, map[string]any{"id": 2, "score": 0.5}}},
		`{'id': 5, 'label': "it's", 'score': 1e+16};[{'id': 1, 'label': 'x', 'score': None}, {'id': 2, 'label': 'x', 'score': 0.5}]`)
	if len(o.Answer.Many) != 1 || o.Answer.Many[0].ID != 7 || o.Answer.Many[0].Label != "it's" || *o.Answer.Many[0].Score != 1e16 {
		t.Errorf("models: %+v", o.Answer.Many)
	}
	sees("Models", map[string]any{}, "None;[]")
	for _, dtype := range strings.Fields("float16 float32 float64 uint8 int8 int16 int32 int64 bool") {
		o := sees("Tensors", map[string]any{"list": []int{1, 0, 3, 4}, "dtype": dtype, "shape": []int{2, 2}}, dtype)
		list := "[[2.0, 0.0], [6.0, 8.0]]"
		if dtype == "bool" {
			list = "[[2.0, 0.0], [2.0, 2.0]]"
		}
		if string(o.Answer.DoubledList) != list || o.Answer.DoubledDType != "float64" {
			t.Errorf("%s tensor: %s %s", dtype, o.Answer.DoubledDType, o.Answer.DoubledList)
		}
	}

	o = ask(query{Class: "Refused", Values: map[string]any{}})
	want("blacklist", o, 403, "Forbidden. Key is blacklisted: no stake.")
	if !o.Blacklist || o.Answer.Axon.UUID.Or("") == "" || o.Answer.Dendrite.IP != synapse.Some("127.0.0.1") {
		t.Errorf("blacklist: %+v", o)
	}
	sees("Guarded", map[string]any{}, "in")
	stranger := query{Class: "Guarded", Values: map[string]any{}, Wrong: "stranger"}
	want("custom verify", ask(stranger), 401, "Not Verified with error: you are not Alice")
	sees("Prioritized", map[string]any{}, "served")
	want("priority", ask(query{Class: "Prioritized", Values: map[string]any{}, Timeout: 3}), 408, "Response timeout after: 3.0s")
	want("unknown", ask(query{Class: "Unattached", Values: map[string]any{}}), 404, "Synapse name 'Unattached' not found. Available synapses ['Synapse', 'Numbers'")
	hooked := func(how string) query { return query{Class: "Hooked", Values: map[string]any{"how": how}} }
	sees("Hooked", map[string]any{"how": "ok"}, "ok")
	want("raise", ask(hooked("raise")), 500, "Internal Server Error #")
	want("status", ask(hooked("status")), 404, "nothing there")
	want("conflict", ask(hooked("conflict")), 409, "Konflikt: ? ? x")
	slow := hooked("slow")
	slow.Timeout = 0.5
	if o := ask(slow); !o.Timeout {
		t.Errorf("slow: %+v", o)
	}

	wrong := hooked("ok")
	wrong.Wrong = "key"
	o = ask(wrong)
	want("wrong signature", o, 401, "Not Verified with error: Signature mismatch with ")
	if !o.Unverified {
		t.Error("wrong signature: predicate")
	}
	wrong.Wrong = "unsigned"
	want("no signature", ask(wrong), 401, "Not Verified with error: Missing Signature")
	wrong.Wrong = "garbage"
	want("no hexadecimal", ask(wrong), 401, "Not Verified with error: Invalid hex string: InvalidHexCharacter { c: 'z', index: 0 }")
	wrong.Wrong = "body"
	if o := ask(wrong); mode == axon.Strict {
		want("tampered body", o, 400, "Hash mismatch")
	} else {
		want("tampered body", o, 500, "Internal Server Error #")
	}
	another := hooked("ok")
	another.Hotkey = key(t, "//Eve").Address()
	want("signed for another", ask(another), 401, "Not Verified with error: Signature mismatch with ")
	replay := hooked("ok")
	replay.Wrong = "remember"
	want("first", ask(replay), 200, "Success")
	replay.Wrong = "replay"
	want("replay", ask(replay), 401, "Not Verified with error: Nonce is too old, a newer one was last processed")
	wrong.Wrong = "past"
	if o := ask(wrong); mode == axon.Strict {
		want("two hours ago", o, 401, "Not Verified with error: Nonce is too old, it is from before this axon started")
	} else {
		want("two hours ago", o, 401, "Not Verified with error: Nonce is too old: acceptable delta is 16.00 seconds but request was 7200.")
	}
	wrong.Wrong = "future"
	if o := ask(wrong); mode == axon.Strict {
		want("in two hours", o, 401, "Not Verified with error: Nonce is from the future")
	} else {
		want("in two hours", o, 200, "Success")
	}

	o = ask(query{Class: "Streamed", Values: map[string]any{"prompt": "one two é"}})
	want("stream", o, 200, "Success")
	if o.Pieces != "one two é " || o.Answer.Text != o.Pieces {
		t.Errorf("stream: %q, %q", o.Pieces, o.Answer.Text)
	}
	refused := query{Class: "Streamed", Values: map[string]any{"prompt": "one"}, Hotkey: another.Hotkey}
	if o := ask(refused); o.Success || !o.Unverified {
		t.Errorf("refused stream: %+v", o)
	}
	// What a strict axon could not finish does not look complete to Python.
	if o := ask(query{Class: "Streamed", Values: map[string]any{"prompt": "one fail two"}}); mode == axon.Strict {
		want("broken stream", o, 400, "Payload error: ")
	} else {
		want("broken stream", o, 200, "Success")
	}
}
