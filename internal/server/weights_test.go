package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

const (
	v1Own       = "/api/v1/identity/sn1/subnet/1"
	unstableOwn = "/api/_unstable/identity/sn1/subnet/1"
	v1Weights   = v1Own + "/weights"
	oneWeights  = unstableOwn + "/mechanism/1/weights"
)

func (f *fixture) put(t *testing.T, path, body string, headers ...string) (status int, answer string, header http.Header) {
	t.Helper()
	got := f.send(t, http.MethodPut, path, strings.NewReader(body), append(authorization(sn1Token), headers...)...)
	return got.Code, got.Body.String(), got.Header()
}

func (f *fixture) post(t *testing.T, path, body string, headers ...string) (status int, answer string, header http.Header) {
	t.Helper()
	got := f.send(t, http.MethodPost, path, strings.NewReader(body), append(authorization(sn1Token), headers...)...)
	return got.Code, got.Body.String(), got.Header()
}

const scheduled = `{"detail":"weights update scheduled","count":2`

func TestConformance082And085And125PutWeights(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	const body = `{"weights":{"` + hotkeyA + `":1,"` + hotkeyB + `":0.5}}`
	status, answer, header := f.put(t, v1Weights, body)
	if status != 200 || answer != scheduled+"}" || header.Get(intentHeader) != "i2" {
		t.Errorf("v1: %d %s %v", status, answer, header)
	}
	status, answer, header = f.put(t, oneWeights, body, keyHeader, "once")
	if status != 200 || !strings.HasPrefix(answer, scheduled+`,"intent":{"id":"i3","kind":"weights","identity":"sn1",`) || header.Get(intentHeader) != "i3" {
		t.Errorf("unstable: %d %s %v", status, answer, header)
	}
	want := fmt.Sprint([]string{
		"at first",
		fmt.Sprint("weights sn1 0 ", map[string]float64{hotkeyA: 1, hotkeyB: 0.5}, " "),
		fmt.Sprint("weights sn1 1 ", map[string]float64{hotkeyA: 1, hotkeyB: 0.5}, " once"),
	})
	if got := fmt.Sprint(f.writer.asked()); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// fieldError is the error body for fields of a request.
func fieldError(method, path string, fields ...[2]string) string {
	var extra []string
	for _, field := range fields {
		entry := `{"message":"` + field[1] + `"`
		if field[0] != "" {
			entry += `,"key":"` + field[0] + `"`
		}
		extra = append(extra, entry+"}")
	}
	return `{"status_code":400,"detail":"Validation failed for ` + method + " " + path + `","extra":[` + strings.Join(extra, ",") + "]}"
}

func TestConformance083And084WeightsAreChecked(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for body, want := range map[string][][2]string{
		`{}`:                         {{"weights", "Field required"}},
		`{"Weights":{"a":1}}`:        {{"weights", "Field required"}},
		`{"weights":null}`:           {{"weights", "Input should be a valid dictionary"}},
		`{"weights":[1]}`:            {{"weights", "Input should be a valid dictionary"}},
		`{"weights":"x"}`:            {{"weights", "Input should be a valid dictionary"}},
		`{"weights":{}}`:             {{"weights", "Value error, No weights provided"}},
		`{"weights":{"":1}}`:         {{"weights", "Value error, Invalid hotkey: '' must be a non-empty string"}},
		`{"weights":{"a":1,"":"x"}}`: {{"weights.", "Input should be a valid number, unable to parse string as a number"}},
		`{"weights":{"a":"heavy","b":1,"c":null,"d":{},"e":[1]}}`: {
			{"weights.a", "Input should be a valid number, unable to parse string as a number"},
			{"weights.c", "Input should be a valid number"},
			{"weights.d", "Input should be a valid number"},
			{"weights.e", "Input should be a valid number"},
		},
		`{"weights":{"a":"nan","b":" -Infinity ","c":"inf","d":1e999,"e":"1e999"}}`: {
			{"weights.a", "Input should be a finite number"},
			{"weights.b", "Input should be a finite number"},
			{"weights.c", "Input should be a finite number"},
			{"weights.d", "Input should be a finite number"},
			{"weights.e", "Input should be a finite number"},
		},
		`[]`:   {{"", "Input should be a valid dictionary or instance of SetWeightsBody"}},
		`null`: {{"", "Input should be a valid dictionary or instance of SetWeightsBody"}},
	} {
		for _, path := range []string{v1Weights, oneWeights} {
			if status, answer, _ := f.put(t, path, body); status != 400 || answer != fieldError("PUT", path, want...) {
				t.Errorf("%s: %d %s", body, status, answer)
			}
		}
	}
	if n := len(f.writer.asked()); n != 1 {
		t.Errorf("%d of them were recorded", n-1)
	}
	for body, want := range map[string]string{
		`{"weights":{"a":"1.5","b":" 1_0e-1 ","c":true,"d":false}}`: "map[a:1.5 b:1 c:1 d:0]",
		`{"weights":{"a":-3,"b":0,"c":1e300,"a":2},"other":1}`:      "map[a:2 b:0 c:1e+300]",
	} {
		if status, answer, _ := f.put(t, v1Weights, body); status != 200 {
			t.Errorf("%s: %d %s", body, status, answer)
		}
		asked := f.writer.asked()
		if got := asked[len(asked)-1]; got != "weights sn1 0 "+want+" " {
			t.Errorf("%s: %s", body, got)
		}
	}
	if status, answer, _ := f.put(t, v1Weights, `{"weights":`); status != 400 || !strings.Contains(answer, `"detail":"JSON is malformed: `) {
		t.Errorf("malformed: %d %s", status, answer)
	}
	if status, answer, _ := f.put(t, v1Weights, ``); status != 400 || answer != strings.Replace(fieldError("PUT", v1Weights, [2]string{"data", "'data'"}), `"data"}`, `"data","source":"body"}`, 1) {
		t.Errorf("no body: %d %s", status, answer)
	}
	// What is told of a body that is all wrong is bounded.
	var many strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&many, `,"k%d":"x"`, i)
	}
	_, answer, _ := f.put(t, v1Weights, `{"weights":{`+many.String()[1:]+`}}`)
	if n := strings.Count(answer, `"key"`); n != mostWrong {
		t.Errorf("%d things are wrong", n)
	}
}

func TestMechanismsOutsideOfTheirNumbers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for mechanism, want := range map[string]string{
		"256": "Mechanism 256 not found.", "-1": "Mechanism -1 not found.", "x": "Not Found", "1.0": "Not Found",
	} {
		status, answer, _ := f.put(t, unstableOwn+"/mechanism/"+mechanism+"/weights", `{"weights":{"a":1}}`)
		if status != 404 || answer != `{"status_code":404,"detail":"`+want+`"}` {
			t.Errorf("%s: %d %s", mechanism, status, answer)
		}
	}
}

func TestConformance133LegacyWeights(t *testing.T) {
	t.Parallel()
	const path = unstableOwn + "/weights"
	const body = `{"weights":{"a":1,"b":2}}`
	legacy := legacyFixture(t)
	got := legacy.send(t, http.MethodPut, path, strings.NewReader(body))
	if got.Code != 200 || !strings.HasPrefix(got.Body.String(), scheduled) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if asked := legacy.writer.asked(); asked[len(asked)-1] != "weights sn1 0 map[a:1 b:2] " {
		t.Errorf("asked for %s", asked)
	}
	got = legacy.send(t, http.MethodPost, unstableOwn+"/commitments/revealed", strings.NewReader(`{"commitment":"x","blocks_until_reveal":5,"block_time":12}`))
	if got.Code != 201 || !strings.HasPrefix(got.Body.String(), `{"reveal_round":4242,"intent":{`) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if status, answer, _ := newFixture(t, nil).put(t, path, body); status != 404 {
		t.Errorf("without the switch: %d %s", status, answer)
	}
}

func TestConformance092And093WeightsStatus(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for path, want := range map[string]string{
		"/mechanism/1/block/5/weights/status":                    `200 {"weights_submitted":true}`,
		"/mechanism/1/block/-1/weights/status":                   `200 {"weights_submitted":true}`,
		"/mechanism/1/block/3/weights/status":                    `200 {"weights_submitted":false}`,
		"/mechanism/0/block/5/weights/status":                    `200 {"weights_submitted":false}`,
		"/mechanism/1/block/10000001/weights/status":             `404 {"status_code":404,"detail":"Block 10000001 not found."}`,
		"/mechanism/1/block/-2/weights/status":                   `404 {"status_code":404,"detail":"Block -2 not found."}`,
		"/mechanism/1/block/99999999999999999999/weights/status": `404 {"status_code":404,"detail":"Block 99999999999999999999 not found."}`,
		"/mechanism/256/block/5/weights/status":                  `404 {"status_code":404,"detail":"Mechanism 256 not found."}`,
		"/mechanism/1/block/x/weights/status":                    `404 {"status_code":404,"detail":"Not Found"}`,
	} {
		got := f.ask(t, unstableOwn+path, authorization(sn1Token)...)
		if text := fmt.Sprint(got.Code, " ", got.Body); text != want {
			t.Errorf("%s: %s", path, text)
		}
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	const refused = `{"status_code":400,"detail":"Invalid Idempotency-Key header: it must be one text of 1 to 255 printable ASCII characters"}`
	for _, headers := range [][]string{
		{keyHeader, ""},
		{keyHeader, strings.Repeat("x", 256)},
		{keyHeader, "é"},
		{keyHeader, "a\tb"},
		{keyHeader, "a", keyHeader, "b"},
	} {
		if status, answer, _ := f.put(t, v1Weights, `{"weights":{"a":1}}`, headers...); status != 400 || answer != refused {
			t.Errorf("%q: %d %s", headers, status, answer)
		}
		if status, answer, _ := f.post(t, v1Own+"/commitments", `{"commitment":"00"}`, headers...); status != 400 || answer != refused {
			t.Errorf("%q: %d %s", headers, status, answer)
		}
	}
	longest := strings.Repeat("k", 255)
	f.put(t, v1Weights, `{"weights":{"a":1}}`, keyHeader, longest)
	f.post(t, v1Own+"/commitments", `{"commitment":"0x00"}`, keyHeader, `"key ~"`)
	if got := fmt.Sprint(f.writer.asked()); got != "[at first weights sn1 0 map[a:1] "+longest+` commitment sn1 00 "key ~"]` {
		t.Errorf("asked for %s", got)
	}
	f.writer.before = func(context.Context, string) error {
		return problem.New(problem.Unprocessable, "The Idempotency-Key was used before for another request.")
	}
	if status, answer, _ := f.put(t, v1Weights, `{"weights":{"a":1}}`, keyHeader, "k"); status != 422 || !strings.Contains(answer, "used before") {
		t.Errorf("%d %s", status, answer)
	}
}

func TestDryRunRecordsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, yes := range []string{"true", "True", "1"} {
		for _, path := range []string{v1Weights, oneWeights} {
			status, answer, header := f.put(t, path+"?dry_run="+yes, `{"weights":{"a":1}}`)
			var plan pylon.WeightsPlan
			if err := json.Unmarshal([]byte(answer), &plan); status != 200 || err != nil || plan.Values[0] != 65535 || plan.Detail != "sn1" || header.Get(intentHeader) != "" {
				t.Errorf("%d %s", status, answer)
			}
		}
		for path, body := range map[string]string{
			"/commitments": `{"commitment":"00"}`, "/commitments/revealed": `{"commitment":"x","blocks_until_reveal":1}`,
			"/certificates/self": `{}`, "/axon": `{"ip":"1.2.3.4","port":1}`,
		} {
			if status, answer, _ := f.post(t, unstableOwn+path+"?dry_run="+yes, body); status != 400 || !strings.Contains(answer, "Nothing was done.") {
				t.Errorf("%s: %d %s", path, status, answer)
			}
		}
	}
	status, answer, _ := f.put(t, oneWeights+"?dry_run=yes&wait=long", `{"weights":{}}`)
	want := `{"status_code":400,"detail":"Validation failed for PUT ` + oneWeights + `?dry_run=yes&wait=long","extra":[` +
		`{"message":"Invalid enum value \"long\"","key":"wait","source":"query"},` +
		`{"message":"Expected ` + "`bool`, got `str`" + `","key":"dry_run","source":"query"},` +
		`{"message":"Value error, No weights provided","key":"weights"}]}`
	if status != 400 || answer != want {
		t.Errorf("%d %s", status, answer)
	}
	// What may have meant a dry run is no write.
	for query, says := range map[string]string{
		"dry_run=false&dry_run=true": `{"message":"Expected one value","key":"dry_run","source":"query"}`,
		"wait=included;dry_run=true": `{"message":"Malformed query","source":"query"}`,
		"dry_run=true%zz":            `{"message":"Malformed query","source":"query"}`,
		"dry_run=true%":              `{"message":"Malformed query","source":"query"}`,
	} {
		for _, path := range []string{v1Weights, oneWeights} {
			if status, answer, _ := f.put(t, path+"?"+query, `{"weights":{"a":1}}`); status != 400 || !strings.Contains(answer, says) {
				t.Errorf("%s: %d %s", query, status, answer)
			}
		}
		if status, answer, _ := f.post(t, unstableOwn+"/commitments?"+query, `{"commitment":"00"}`); status != 400 || !strings.Contains(answer, says) {
			t.Errorf("%s: %d %s", query, status, answer)
		}
	}
	if n := len(f.writer.asked()); n != 1 {
		t.Errorf("%d were recorded", n-1)
	}
	if status, answer, _ := f.put(t, oneWeights+"?dry_run=false", `{"weights":{"a":1,"b":1}}`); status != 200 || !strings.HasPrefix(answer, scheduled) {
		t.Errorf("%d %s", status, answer)
	}
}

func TestWaitHoldsTheAnswer(t *testing.T) {
	t.Parallel()
	for wait, steps := range map[string][]pylon.IntentState{
		"included":  {pylon.StateSigned, pylon.StateSubmitted, pylon.StateIncluded},
		"finalized": {pylon.StateIncluded, pylon.StateAwaitingReveal},
		"revealed":  {pylon.StateIncluded, pylon.StateAwaitingReveal, pylon.StateRevealed},
	} {
		for _, path := range []string{v1Weights, oneWeights} {
			f := newFixture(t, nil)
			waited := 0
			f.writer.before = func(_ context.Context, what string) error {
				if what == "Wait" {
					step := steps[waited]
					waited++
					f.writer.move("i2", func(i *pylon.Intent) { i.State = step })
				}
				return nil
			}
			status, answer, _ := f.put(t, path+"?wait="+wait, `{"weights":{"a":1,"b":2}}`)
			if status != 200 || waited != len(steps) || !strings.HasPrefix(answer, scheduled+`,"intent":{"id":"i2",`) ||
				!strings.Contains(answer, `"state":"`+string(steps[len(steps)-1])+`"`) {
				t.Errorf("%s: after %d steps %d %s", wait, waited, status, answer)
			}
		}
	}
}

func TestWaitEndsBeforeTheRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	status, answer, header := f.put(t, oneWeights+"?wait=revealed", `{"weights":{"a":1,"b":2}}`, timeoutHeader, "0.3")
	if status != 202 || !strings.HasPrefix(answer, scheduled+`,"intent":{"id":"i2",`) || header.Get(intentHeader) != "i2" {
		t.Errorf("%d %s", status, answer)
	}
	// Where too many wait, nobody else waits, and everybody's weights are recorded all the same.
	for range mostWaiters {
		f.waiters.enter()
	}
	status, answer, _ = f.put(t, oneWeights+"?wait=included", `{"weights":{"a":1,"b":2}}`)
	if status != 202 || !strings.Contains(answer, `"id":"i3"`) {
		t.Errorf("%d %s", status, answer)
	}
	f.waiters = newGate(mostWaiters)
	for state, want := range map[pylon.IntentState]int{pylon.StateFailed: 502, pylon.StateExpired: 502, pylon.StateCancelled: 409} {
		f.writer.before = func(_ context.Context, what string) error {
			if what == "Wait" {
				f.writer.move("i"+fmt.Sprint(len(f.writer.asked())), func(i *pylon.Intent) {
					i.State, i.Reason, i.Detail = state, "no_permit", "The neuron has no validator permit."
				})
			}
			return nil
		}
		status, answer, header := f.put(t, oneWeights+"?wait=included", `{"weights":{"a":1}}`)
		if status != want || answer != fmt.Sprintf(`{"status_code":%d,"detail":"The neuron has no validator permit."}`, want) || header.Get(intentHeader) == "" {
			t.Errorf("%s: %d %s", state, status, answer)
		}
	}
	f.writer.before = func(_ context.Context, what string) error {
		if what == "Wait" {
			return errors.New("the database is gone")
		}
		return nil
	}
	if status, answer, _ := f.put(t, oneWeights+"?wait=included", `{"weights":{"a":1}}`); status != 500 || strings.Contains(answer, "database") {
		t.Errorf("%d %s", status, answer)
	}
}

// Requests that wait for their weights keep no others from handing over theirs.
func TestWaitersTakeNoPlaces(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.MaxWaiting = 1 })
	f.writer.before = func(ctx context.Context, what string) error {
		if what == "PutWeights" {
			_ = ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() {
		request := newRequest(ctx, oneWeights+"?wait=included", authorization(sn1Token)...)
		request.Method, request.Body = http.MethodPut, http.NoBody
		recorder := newRecorder()
		request.Body = readCloser{strings.NewReader(`{"weights":{"a":1}}`)}
		f.ServeHTTP(recorder, request)
		ended <- recorder.Code
	}()
	for deadline := time.Now().Add(30 * time.Second); f.waiters.taken.Load() == 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("it never waited")
		}
	}
	if status, answer, _ := f.put(t, oneWeights, `{"weights":{"a":1}}`); status != 200 {
		t.Errorf("%d %s", status, answer)
	}
	stop()
	if status := <-ended; status != statusClientGone {
		t.Errorf("the one that waited: %d", status)
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func TestReadOnlyStore(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	const held = "Writes are not possible: the database is held by another process (pid 7 on host a)"
	f.writer.before = func(_ context.Context, what string) error {
		if what == "Intents" || what == "Intent" {
			return nil
		}
		return problem.New(problem.NotReady, held)
	}
	want := `{"status_code":503,"detail":"` + held + `"}`
	if status, answer, _ := f.put(t, v1Weights, `{"weights":{"a":1}}`); status != 503 || answer != want {
		t.Errorf("%d %s", status, answer)
	}
	if status, answer, _ := f.post(t, v1Own+"/commitments", `{"commitment":"00"}`); status != 503 || answer != want {
		t.Errorf("%d %s", status, answer)
	}
	if got := f.ask(t, unstableOwn+"/intents", authorization(sn1Token)...); got.Code != 200 {
		t.Errorf("reads: %d %s", got.Code, got.Body)
	}
}

func TestNoWriterNoWrites(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Writes = nil })
	if status, answer, _ := f.put(t, v1Weights, `{"weights":{"a":1}}`); status != 404 {
		t.Errorf("%d %s", status, answer)
	}
	if strings.Contains(f.ask(t, "/schema/openapi.json").Body.String(), "weights_submitted") {
		t.Error("writes are documented and not served")
	}
}
