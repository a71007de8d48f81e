package server

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// blockJSON is the block of all that the fake chain tells, as it stands in bodies.
func blockJSON(f *fixture) string {
	return string(f.chain.neurons.Block.AppendJSON([]byte(`"block":`)))
}

// everywhere asks for a path at all mounts of subnet 1, or at those with that prefix.
func everywhere(prefix string) map[string][]string {
	found := map[string][]string{}
	for mount, token := range subnetMounts {
		if strings.HasPrefix(mount, prefix) {
			found[mount] = token
		}
	}
	return found
}

// atBlocks are the spellings of the fake chain's block, of which the first leads to the latest.
func atBlocks(f *fixture) []string {
	return []string{"latest", strconv.FormatUint(f.chain.neurons.Block.Number, 10), "-1"}
}

func TestConformance043To045Extrinsics(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	number := strconv.FormatUint(f.chain.neurons.Block.Number, 10)
	f.chain.block.Number = f.chain.neurons.Block.Number
	for _, mount := range []string{"/api/v1", "/api/_unstable", "/api/_unstable/openaccess"} {
		ask := func(block, index string) string {
			got := f.ask(t, mount+"/block/"+block+"/extrinsic/"+index, authorization(openToken)...)
			return fmt.Sprint(got.Code, " ", got.Body)
		}
		const unsigned = `,"extrinsic_index":0,"extrinsic_hash":"0xaa","extrinsic_length":10,"address":null,` +
			`"call":{"call_module":"Timestamp","call_function":"set","call_args":[{"name":"now","type":"u64","value":1}]}}`
		const signed = `,"extrinsic_index":1,"extrinsic_hash":"0xbb","extrinsic_length":140,"address":"` + hotkeyA + `",` +
			`"call":{"call_module":"SubtensorModule","call_function":"set_weights",` +
			`"call_args":[{"name":"netuid","type":"u16","value":1,"docs":["x"]}],"call_index":"0x0700"},"nonce":5,"signature":{"Sr25519":"0xcc"}}`
		for request, want := range map[[2]string]string{
			{number, "0"}:                    `200 {"block_number":` + number + unsigned,
			{number, "+0_1"}:                 `200 {"block_number":` + number + signed,
			{"-1", "1"}:                      `200 {"block_number":` + number + signed,
			{number, "2"}:                    `404 {"status_code":404,"detail":"Extrinsic ` + number + `-2 not found."}`,
			{number, "-1"}:                   `404 {"status_code":404,"detail":"Extrinsic ` + number + `--1 not found."}`,
			{number, "99999999999999999999"}: `404 {"status_code":404,"detail":"Extrinsic ` + number + `-99999999999999999999 not found."}`,
			{"7", "0"}:                       `404 {"status_code":404,"detail":"Block 7 not found."}`,
			{"-2", "0"}:                      `404 {"status_code":404,"detail":"Block -2 not found."}`,
			{number, "x"}:                    `404 {"status_code":404,"detail":"Not Found"}`,
			{"latest", "0"}:                  `404 {"status_code":404,"detail":"Not Found"}`,
			{"x", "0"}:                       `404 {"status_code":404,"detail":"Not Found"}`,
		} {
			if got := ask(request[0], request[1]); got != want {
				t.Errorf("%s %v:\n got %s\nwant %s", mount, request, got, want)
			}
		}
	}
}

func TestConformance046And047And130Certificates(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	const ofA = `{"algorithm":1,"public_key":"` + keyOfA + `"}`
	const all = `{"` + hotkeyA + `":` + ofA + `,"` + hotkeyB + `":{"algorithm":7,"public_key":"00"}}`
	if !regexp.MustCompile(`"public_key":"[0-9a-f]{64}"`).MatchString(ofA) {
		t.Error("the fixture is no key")
	}
	for mount, token := range everywhere("") {
		for _, block := range atBlocks(f) {
			wantBody(t, f.ask(t, mount+"/block/"+block+"/certificates", token...), 200, all)
		}
		wantBody(t, f.ask(t, mount+"/block/latest/certificates/"+hotkeyA, token...), 200, ofA)
		for _, hotkey := range []string{hotkeyC, "nonsense", "é"} {
			wantProblem(t, f.ask(t, mount+"/block/latest/certificates/"+hotkey, token...), 404, "Certificate not found or error fetching.")
		}
		wantProblem(t, f.ask(t, mount+"/block/7/certificates", token...), 404, "Block 7 not found.")
	}
	f = newFixture(t, nil)
	f.chain.published.certificates.Certificates = nil
	for mount, token := range everywhere("") {
		wantBody(t, f.ask(t, mount+"/block/latest/certificates", token...), 200, "{}")
	}
}

func TestConformance048To050CommitmentLists(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	unstable := `{` + blockJSON(f) + `,"commitments":{` +
		`"` + hotkeyA + `":{"kind":"hex_data","commitment_block_number":11,"hotkey":"` + hotkeyA + `","commitment":"0xc0ffee"},` +
		`"` + hotkeyB + `":{"kind":"timelock_encrypted","commitment_block_number":12,"hotkey":"` + hotkeyB + `","commitment":"0xbeef","reveal_round":99},` +
		`"` + hotkeyC + `":{"kind":"hex_data","commitment_block_number":13,"hotkey":"` + hotkeyC + `","commitment":"0x00"}}}`
	v1 := `{` + blockJSON(f) + `,"commitments":{"` + hotkeyA + `":"0xc0ffee","` + hotkeyC + `":"0x00"}}`
	for _, block := range atBlocks(f) {
		for mount, token := range everywhere("/api/_unstable") {
			wantBody(t, f.ask(t, mount+"/block/"+block+"/commitments", token...), 200, unstable)
		}
		for mount, token := range everywhere("/api/v1") {
			wantBody(t, f.ask(t, mount+"/block/"+block+"/commitments", token...), 200, v1)
		}
	}
	f = newFixture(t, nil)
	f.chain.published.commitments.Commitments = f.chain.published.commitments.Commitments[1:2] // the timelocked one
	for mount, token := range everywhere("/api/v1") {
		wantBody(t, f.ask(t, mount+"/block/latest/commitments", token...), 200, `{`+blockJSON(f)+`,"commitments":{}}`)
		wantProblem(t, f.ask(t, mount+"/block/7/commitments", token...), 404, "Block 7 not found.")
	}
}

func TestConformance051To053And134OneCommitment(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for mount, token := range everywhere("/api/_unstable") {
		wantBody(t, f.ask(t, mount+"/block/latest/commitments/"+hotkeyB, token...), 200,
			`{"commitment":{"kind":"timelock_encrypted","commitment_block_number":12,"hotkey":"`+hotkeyB+`","commitment":"0xbeef","reveal_round":99},`+
				blockJSON(f)+`}`)
		// It needs no uid.
		wantBody(t, f.ask(t, mount+"/block/latest/commitments/"+unregistered, token...), 200,
			`{"commitment":{"kind":"hex_data","commitment_block_number":3,"hotkey":"`+unregistered+`","commitment":"0x01"},`+blockJSON(f)+`}`)
	}
	for mount, token := range everywhere("/api/v1") {
		wantBody(t, f.ask(t, mount+"/block/latest/commitments/"+hotkeyA, token...), 200,
			`{"commitment_block_number":11,"hotkey":"`+hotkeyA+`","commitment":"0xc0ffee",`+blockJSON(f)+`}`)
		wantProblem(t, f.ask(t, mount+"/block/latest/commitments/"+hotkeyB, token...), 404, "Commitment not found.")
	}
	for mount, token := range everywhere("") {
		wantProblem(t, f.ask(t, mount+"/block/latest/commitments/nobody", token...), 404, "Commitment not found.")
	}
}

func TestConformance014Self(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	flat := `{"commitment_block_number":11,"hotkey":"` + hotkeyA + `","commitment":"0xc0ffee",` + blockJSON(f) + `}`
	nested := `{"commitment":{"kind":"hex_data","commitment_block_number":11,"hotkey":"` + hotkeyA + `","commitment":"0xc0ffee"},` + blockJSON(f) + `}`
	for mount, commitment := range map[string]string{"/api/v1/identity/sn1/subnet/1": flat, "/api/_unstable/identity/sn1/subnet/1": nested} {
		token := authorization(sn1Token)
		wantBody(t, f.ask(t, mount+"/block/latest/commitments/self", token...), 200, commitment)
		wantBody(t, f.ask(t, mount+"/block/latest/certificates/self", token...), 200, `{"algorithm":1,"public_key":"`+keyOfA+`"}`)
		if got := f.ask(t, mount+"/block/latest/commitments/revealed/self", token...); got.Code != 200 || !strings.Contains(got.Body.String(), `"first"`) {
			t.Errorf("%s: %d %s", mount, got.Code, got.Body)
		}
	}
	// On open access nobody has a self.
	for _, mount := range []string{"/api/v1/subnet/1", "/api/_unstable/subnet/1", "/api/_unstable/openaccess/subnet/1"} {
		wantProblem(t, f.ask(t, mount+"/block/latest/commitments/self", authorization(openToken)...), 404, "Commitment not found.")
	}
	// The hotkey of the other identity is not known.
	for _, version := range []string{"v1", "_unstable"} {
		for _, path := range []string{"commitments/self", "certificates/self", "commitments/revealed/self"} {
			wantProblem(t, f.ask(t, "/api/"+version+"/identity/another/subnet/2/block/latest/"+path, authorization(sn2Token)...), 503,
				"The hotkey of identity 'another' is not known: its file could not be read.")
		}
	}
}

func TestConformance054And055And139Revealed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	const first = `{"reveal_block_number":5,"hotkey":"` + hotkeyA + `","commitment":"first"}`
	const second = `{"reveal_block_number":9,"hotkey":"` + hotkeyA + `","commitment":"second <é>"}`
	all := `{` + blockJSON(f) + `,"commitments":{"` + hotkeyA + `":[` + first + `,` + second + `],` +
		`"` + unregistered + `":[{"reveal_block_number":6,"hotkey":"` + unregistered + `","commitment":"{}"}]}}`
	for mount, token := range everywhere("") {
		wantBody(t, f.ask(t, mount+"/block/latest/commitments/revealed", token...), 200, all)
		wantBody(t, f.ask(t, mount+"/block/latest/commitments/revealed/"+hotkeyA, token...), 200,
			`{"commitments":[`+first+`,`+second+`],`+blockJSON(f)+`}`)
		wantProblem(t, f.ask(t, mount+"/block/latest/commitments/revealed/"+hotkeyB, token...), 404, "Revealed commitments not found.")
	}
}

func TestConformance056LastStoredRound(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	// Conformance 127: published clients send no token here.
	for _, mount := range []string{"/api/_unstable", "/api/_unstable/openaccess"} {
		for _, headers := range [][]string{nil, authorization(openToken), authorization("wrong"), {"Authorization", "nonsense"}} {
			wantBody(t, f.ask(t, mount+"/block/latest/drand/last_stored_round", headers...), 200, `{"last_stored_round":1234567}`)
		}
	}
}

func TestConformance057To060Prices(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	prices := `{` + blockJSON(f) + `,"prices":{"0":{"value":1000000000},"1":{"value":9007199254740993},"64":{"value":7}}}`
	for _, mount := range []string{"/api/_unstable", "/api/_unstable/openaccess"} {
		for _, block := range atBlocks(f) {
			wantBody(t, f.ask(t, mount+"/block/"+block+"/prices", authorization(openToken)...), 200, prices)
		}
		wantProblem(t, f.ask(t, mount+"/block/7/prices", authorization(openToken)...), 404, "Block 7 not found.")
		wantProblem(t, f.ask(t, mount+"/block/2/prices", authorization(openToken)...), 501,
			"The runtime API required for 'Prices' is not available at block 2.")
	}
	for mount, token := range everywhere("/api/_unstable") {
		for _, block := range atBlocks(f) {
			wantBody(t, f.ask(t, mount+"/block/"+block+"/price", token...), 200,
				`{`+blockJSON(f)+`,"netuid":1,"price":{"value":9007199254740993}}`)
		}
		wantProblem(t, f.ask(t, mount+"/block/7/price", token...), 404, "Block 7 not found.")
		wantProblem(t, f.ask(t, mount+"/block/2/price", token...), 501, "The runtime API required for 'Price' is not available at block 2.")
	}
	// A subnet that nobody knows has the runtime's default price.
	wantBody(t, f.ask(t, "/api/_unstable/openaccess/subnet/999/block/latest/price", authorization(openToken)...), 200,
		`{`+blockJSON(f)+`,"netuid":999,"price":{"value":1000000000}}`)
	for mount, token := range everywhere("/api/v1") {
		wantProblem(t, f.ask(t, mount+"/block/latest/price", token...), 404, "Not Found")
	}
}

func TestConformance061And139EVMAssociations(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	all := `{` + blockJSON(f) + `,"evm_associations":{` +
		`"` + hotkeyB + `":{"hotkey":"` + hotkeyB + `","evm_address":"0x00000000000000000000000000000000000000aa","last_block_where_ownership_was_proven":8},` +
		`"` + hotkeyA + `":{"hotkey":"` + hotkeyA + `","evm_address":"0x00000000000000000000000000000000000000bb","last_block_where_ownership_was_proven":4}}}`
	for mount, token := range everywhere("") {
		for _, block := range atBlocks(f) {
			wantBody(t, f.ask(t, mount+"/block/"+block+"/evm_associations", token...), 200, all)
		}
	}
	f = newFixture(t, nil)
	f.chain.published.associations.Associations = nil
	for mount, token := range everywhere("") {
		wantBody(t, f.ask(t, mount+"/block/latest/evm_associations", token...), 200, `{`+blockJSON(f)+`,"evm_associations":{}}`)
	}
}

func TestConformance127Guards(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	number := strconv.FormatUint(f.chain.neurons.Block.Number, 10)
	for _, path := range []string{
		"/block/latest", "/block/" + number + "/extrinsic/0", "/block/" + number + "/prices", "/block/latest/prices",
	} {
		for _, headers := range [][]string{nil, authorization("wrong"), {"Authorization", "nonsense"}} {
			if got := f.ask(t, "/api/_unstable"+path, headers...); got.Code != 200 {
				t.Errorf("%s with %v: %d", path, headers, got.Code)
			}
		}
		wantProblem(t, f.ask(t, "/api/_unstable/openaccess"+path), 401, missingHeader)
		wantProblem(t, f.ask(t, "/api/_unstable/openaccess"+path, authorization("wrong")...), 403, wrongToken)
	}
	// Nobody has ever asked for logs without the segment, and they are not free of charge.
	wantProblem(t, f.send(t, http.MethodPost, "/api/_unstable"+logsPath, nil, authorization(openToken)...), 404, "Not Found")
	wantProblem(t, f.send(t, http.MethodPost, "/api/_unstable/openaccess"+logsPath, nil), 401, missingHeader)
}

func TestConformance128V1ExtrinsicNeedsNoToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	path := "/api/v1/block/" + strconv.FormatUint(f.chain.neurons.Block.Number, 10) + "/extrinsic/0"
	for _, headers := range [][]string{nil, authorization(openToken), authorization("wrong"), {"Authorization", "nonsense"}} {
		if got := f.ask(t, path, headers...); got.Code != 200 {
			t.Errorf("%v: %d", headers, got.Code)
		}
	}
}

const (
	logsPath = "/evm/contracts/" + contractAddress + "/logs"
	openLogs = "/api/_unstable/openaccess" + logsPath
)

func TestConformance062To064EVMLogs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	const event = `{"type":"event","name":"Transfer"}`
	const query = "?from_block=5&to_block=9"
	validation := func(query, extra string) string {
		return `400 {"status_code":400,"detail":"Validation failed for POST ` + openLogs + query + `","extra":[` + extra + `]}`
	}
	missing := func(name, query string) string {
		return `400 {"status_code":400,"detail":"Missing required query parameter '` + name + `' for path ` + openLogs + query + `"}`
	}
	const empty = `{"abi":[]}`
	for _, test := range []struct{ path, body, want string }{
		{
			openLogs + query, `{"abi":[` + event + `],"unknown":1}`,
			`200 {"logs":[{"event":"Transfer","args":{"keys":"name,type"},"address":"` + contractAddress + `","block_number":5,` +
				`"transaction_hash":"0x02","transaction_index":0,"log_index":4}],"from_block":5,"to_block":9}`,
		},
		{openLogs + query, empty, `200 {"logs":[],"from_block":5,"to_block":9}`},
		{openLogs + "?to_block=1&from_block=18446744073709551615&x=y", empty, `200 {"logs":[],"from_block":18446744073709551615,"to_block":1}`},
		{openLogs + "?from_block=0007&to_block=-0", empty, `200 {"logs":[],"from_block":7,"to_block":0}`},

		{openLogs, empty, missing("from_block", "")},
		{openLogs + "?to_block=9", empty, missing("from_block", "?to_block=9")},
		{openLogs + "?from_block=5&x=%20y", empty, missing("to_block", "?from_block=5&x=%20y")},
		{openLogs + "?from_block=x&to_block=9", empty, validation("?from_block=x&to_block=9",
			"{\"message\":\"Expected `int`, got `str`\",\"key\":\"from_block\",\"source\":\"query\"}")},
		{openLogs + "?from_block=&to_block=1.5", `{"abi":{}}`, validation("?from_block=&to_block=1.5",
			"{\"message\":\"Expected `int`, got `str`\",\"key\":\"from_block\",\"source\":\"query\"},"+
				"{\"message\":\"Expected `int`, got `str`\",\"key\":\"to_block\",\"source\":\"query\"},"+
				`{"message":"Input should be a valid list","key":"abi"}`)},
		{openLogs + "?from_block=-1&to_block=18446744073709551616", empty, validation("?from_block=-1&to_block=18446744073709551616",
			"{\"message\":\"Expected `int` \\u003e= 0\",\"key\":\"from_block\",\"source\":\"query\"},"+
				"{\"message\":\"Expected `int` \\u003c= 18446744073709551615\",\"key\":\"to_block\",\"source\":\"query\"}")},

		{openLogs + query, ``, validation(query, `{"message":"'data'","key":"data","source":"body"}`)},
		{openLogs + query, `{}`, validation(query, `{"message":"Field required","key":"abi"}`)},
		{openLogs + query, `{"abi":null}`, validation(query, `{"message":"Input should be a valid list","key":"abi"}`)},
		{openLogs + query, `{"abi":"[]"}`, validation(query, `{"message":"Input should be a valid list","key":"abi"}`)},
		{openLogs + query, `[]`, validation(query, `{"message":"Input should be a valid dictionary or instance of EvmLogsBody"}`)},
		{openLogs + query, `{"abi":[` + event + `,1,[],null,` + event + `,"x"]}`, validation(query,
			`{"message":"Input should be a valid dictionary","key":"abi.1"},{"message":"Input should be a valid dictionary","key":"abi.2"},`+
				`{"message":"Input should be a valid dictionary","key":"abi.3"},{"message":"Input should be a valid dictionary","key":"abi.5"}`)},
		{openLogs, `{"abi":[}`, `400 {"status_code":400,"detail":"JSON is malformed: invalid character '}' looking for beginning of value (byte 8)"}`},

		{"/api/_unstable/openaccess/evm/contracts/bad/logs" + query, empty, `400 {"status_code":400,"detail":"Invalid contract address: bad"}`},
		{openLogs + query, `{"abi":[{"type":"event"}]}`, `422 {"status_code":422,"detail":"Malformed ABI event entry: 'name'"}`},
	} {
		got := f.send(t, http.MethodPost, test.path, strings.NewReader(test.body), authorization(openToken)...)
		want := strings.NewReplacer(`\u003e`, ">", `\u003c`, "<").Replace(test.want)
		if text := fmt.Sprint(got.Code, " ", got.Body); text != want {
			t.Errorf("POST %s %s\n got %s\nwant %s", test.path, test.body, text, want)
		}
	}
	wantProblem(t, f.send(t, http.MethodGet, openLogs+query, nil, authorization(openToken)...), 405, "Method Not Allowed")

	nodeError := "Error code -32005: query returned more than 10000 results"
	f.evm.before = func(ctx context.Context) error { return problem.New(problem.Unavailable, nodeError) }
	wantProblem(t, f.send(t, http.MethodPost, openLogs+query, strings.NewReader(empty), authorization(openToken)...), 502, nodeError)
}

func TestEVMLogsBodiesAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	post := func(abi string) int {
		return f.send(t, http.MethodPost, openLogs+"?from_block=1&to_block=1", strings.NewReader(`{"abi":[`+abi+`]}`), authorization(openToken)...).Code
	}
	entries := func(n int) string { return strings.TrimSuffix(strings.Repeat(`{"name":1},`, n), ",") }
	if got := post(entries(longestABI)); got != 200 {
		t.Errorf("the longest ABI: %d", got)
	}
	if got := post(entries(longestABI + 1)); got != 400 {
		t.Errorf("one more: %d", got)
	}
	if got := post(`{"name":"` + strings.Repeat("x", maxBody) + `"}`); got != 413 {
		t.Errorf("a body over the limit: %d", got)
	}
}

// Three bytes an entry must not become hundreds. It counts what the whole process allocates, so that it runs alone.
func TestEVMLogsBodiesCostLittle(t *testing.T) {
	f := newFixture(t, nil)
	body := `{"abi":[` + strings.TrimSuffix(strings.Repeat(`{},`, 1_000_000), ",") + `]}`
	before := allocated()
	if got := f.send(t, http.MethodPost, openLogs+"?from_block=1&to_block=1", strings.NewReader(body), authorization(openToken)...); got.Code != 400 {
		t.Errorf("a million entries: %d", got.Code)
	}
	if spent := allocated() - before; spent > uint64(len(body))*12 {
		t.Errorf("%d bytes allocated for a body of %d", spent, len(body))
	}
}

func allocated() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}

func TestNoEVMNoRoute(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.EVM = nil })
	wantProblem(t, f.send(t, http.MethodPost, openLogs, nil, authorization(openToken)...), 404, "Not Found")
	if strings.Contains(f.ask(t, "/schema/openapi.json").Body.String(), "/evm/") {
		t.Error("it is documented and not served")
	}
}

func TestFreshBodiesAreCompressed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.chain.published.extrinsics[0].Call.Args[0].Value = []byte(`"` + strings.Repeat("00", 4096) + `"`)
	path := f.concrete("/api/v1/block/{block_number}/extrinsic/0")
	plain := f.ask(t, path)
	for _, coding := range []string{"gzip", "zstd"} {
		packed := f.ask(t, path, "Accept-Encoding", coding)
		wantHeader(t, packed, "Content-Encoding", coding)
		if unpacked := unpack(t, packed); unpacked != plain.Body.String() {
			t.Errorf("%s: other bytes", coding)
		}
	}
	wantHeader(t, plain, "Content-Encoding", "")
	if again := f.ask(t, path, "If-None-Match", plain.Header().Get("Etag")); again.Code != http.StatusNotModified {
		t.Errorf("got %d", again.Code)
	}
}

// Each subnet, version and block has its own kept body.
func TestKeptBodiesAreNotMixedUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	at := pylon.Block{Number: 5, Hash: "0x05"}
	seen := map[string]string{}
	f.chain.published = newPublished(at)
	f.routes.each(func(e *endpoint) {
		if read := e.route(http.MethodGet); read == nil || !strings.Contains(e.template, "/block/latest/") {
			return
		}
		token := authorization(openToken)
		if strings.Contains(e.template, "/identity/") {
			token = authorization(sn1Token)
		}
		got := f.ask(t, f.concrete(e.template), token...)
		name := e.template[strings.Index(e.template, "/block/"):]
		if strings.HasPrefix(e.template, "/api/v1") && strings.Contains(name, "commitments") && !strings.Contains(name, "revealed") {
			name = "v1 " + name
		}
		if before, ok := seen[name]; ok && before != got.Body.String() {
			t.Errorf("%s: %s and %s", e.template, clip(before, 200), clip(got.Body.String(), 200))
		}
		seen[name] = got.Body.String()
	})
	bodies := map[string]string{}
	for name, body := range seen {
		if strings.Contains(name, "self") {
			continue // is the same as that of the hotkey
		}
		if other, ok := bodies[body]; ok {
			t.Errorf("%s and %s have the same body %s", name, other, clip(body, 200))
		}
		bodies[body] = name
	}
	// Another subnet, another answer at the same block.
	first := f.ask(t, "/api/v1/subnet/1/block/latest/certificates", authorization(openToken)...).Body.String()
	f.chain.published.certificates.Certificates = nil
	wantBody(t, f.ask(t, "/api/v1/subnet/1/block/latest/certificates", authorization(openToken)...), 200, first)
	wantBody(t, f.ask(t, "/api/v1/subnet/2/block/latest/certificates", authorization(openToken)...), 200, "{}")
}
