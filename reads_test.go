package pylon_test

import (
	"encoding/json"
	"strings"
	"testing"

	pylon "github.com/bittensor-pylon/pylon"
)

// The shapes are those of the contract; reading and writing gives the same bytes.
func TestBodiesOfReadsKeepTheirBytes(t *testing.T) {
	t.Parallel()
	const block = `"block":{"number":7,"hash":"0x07"}`
	for name, test := range map[string]struct {
		into body
		text string
	}{
		"certificates":    {new(pylon.Certificates), `{"hot b":{"algorithm":1,"public_key":"00ff"},"hot a":{"algorithm":9,"public_key":""}}`},
		"no certificates": {new(pylon.Certificates), `{}`},
		"certificate":     {new(pylon.Certificate), `{"algorithm":1,"public_key":"00ff"}`},
		"commitments": {
			new(pylon.Commitments),
			`{` + block + `,"commitments":{"b":{"kind":"hex_data","commitment_block_number":5,"hotkey":"b","commitment":"0x01"},` +
				`"a":{"kind":"timelock_encrypted","commitment_block_number":6,"hotkey":"a","commitment":"0x02","reveal_round":18446744073709551615}}}`,
		},
		"no commitments": {new(pylon.Commitments), `{` + block + `,"commitments":{}}`},
		"commitment": {
			new(pylon.CommitmentAt),
			`{"commitment":{"kind":"timelock_encrypted","commitment_block_number":6,"hotkey":"a","commitment":"0x02","reveal_round":0},` + block + `}`,
		},
		"revealed": {
			new(pylon.RevealedCommitments),
			`{` + block + `,"commitments":{"b":[{"reveal_block_number":5,"hotkey":"b","commitment":"<é>\n"},` +
				`{"reveal_block_number":6,"hotkey":"b","commitment":""}],"a":[]}}`,
		},
		"revealed by one": {
			new(pylon.RevealedCommitmentsAt),
			`{"commitments":[{"reveal_block_number":5,"hotkey":"b","commitment":"x"}],` + block + `}`,
		},
		"prices":    {new(pylon.Prices), `{` + block + `,"prices":{"1":{"value":18446744073709551615},"0":{"value":0}}}`},
		"no prices": {new(pylon.Prices), `{` + block + `,"prices":{}}`},
		"price":     {new(pylon.Price), `{` + block + `,"netuid":3,"price":{"value":9007199254740993}}`},
		"associations": {
			new(pylon.EVMAssociations),
			`{` + block + `,"evm_associations":{"b":{"hotkey":"b","evm_address":"0x0a","last_block_where_ownership_was_proven":4}}}`,
		},
		"no associations": {new(pylon.EVMAssociations), `{` + block + `,"evm_associations":{}}`},
		"logs": {
			new(pylon.EVMLogs),
			`{"logs":[{"event":"Transfer","args":{"value":115792089237316195423570985008687907853269984665640564039457584007913129639935},` +
				`"address":"0xAb","block_number":1,"transaction_hash":"0x02","transaction_index":3,"log_index":4}],"from_block":1,"to_block":2}`,
		},
		"signed extrinsic": {
			new(pylon.Extrinsic),
			`{"block_number":7,"extrinsic_index":1,"extrinsic_hash":"0x03","extrinsic_length":140,"address":"5G","call":{"call_module":"Balances",` +
				`"call_function":"transfer","call_args":[{"name":"value","type":"u128","value":340282366920938463463374607431768211455,"docs":[]}],` +
				`"call_index":"0x0500"},"signature":{"Sr25519":"0x04"},"nonce":0,"tip":0}`,
		},
		"unsigned extrinsic": {
			new(pylon.Extrinsic),
			`{"block_number":7,"extrinsic_index":0,"extrinsic_hash":"","extrinsic_length":0,"address":null,"call":{"call_module":"Timestamp",` +
				`"call_function":"set","call_args":[]}}`,
		},
	} {
		if err := json.Unmarshal([]byte(test.text), test.into); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := string(test.into.AppendJSON(nil)); got != test.text {
			t.Errorf("%s:\n got %s\nwant %s", name, got, test.text)
		}
		if marshaled, err := json.Marshal(test.into); err != nil || !strings.Contains(test.text, "<") && string(marshaled) != test.text {
			t.Errorf("%s through encoding/json: %s, %v", name, marshaled, err)
		}
	}
}

func TestVersion1Commitments(t *testing.T) {
	t.Parallel()
	all := pylon.Commitments{Block: pylon.Block{Number: 7, Hash: "0x07"}, Commitments: []pylon.Commitment{
		{Kind: pylon.CommitmentHex, BlockNumber: 5, Hotkey: "b", Data: "0x01"},
		{Kind: pylon.CommitmentTimelocked, BlockNumber: 6, Hotkey: "c", Data: "0x02", RevealRound: 9},
		{Kind: pylon.CommitmentHex, BlockNumber: 4, Hotkey: "a", Data: "0x"},
	}}
	if got, want := string(all.AppendJSONV1(nil)), `{"block":{"number":7,"hash":"0x07"},"commitments":{"b":"0x01","a":"0x"}}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	one := pylon.CommitmentAt{Commitment: all.Commitments[0], Block: all.Block}
	const want = `{"commitment_block_number":5,"hotkey":"b","commitment":"0x01","block":{"number":7,"hash":"0x07"}}`
	if got := string(one.AppendJSONV1(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestBodiesOfReadsThatAreWrong(t *testing.T) {
	t.Parallel()
	const block = `"block":{"number":7,"hash":"0x07"}`
	for text, into := range map[string]any{
		`{"a":{"algorithm":1,"public_key":""},"a":{"algorithm":1,"public_key":""}}`: new(pylon.Certificates),
		`[]`:                          new(pylon.Certificates),
		`{"commitments":{}}`:          new(pylon.Commitments),
		`{` + block + `}`:             new(pylon.RevealedCommitments),
		`{` + block + `,"prices":[]}`: new(pylon.Prices),
		`{` + block + `,"netuid":1}`:  new(pylon.Price),
		`{` + block + `,"prices":{"x":{"value":1}}}`:               new(pylon.Prices),
		`{` + block + `,"prices":{"1":{}}}`:                        new(pylon.Prices),
		`{` + block + `,"prices":{"1":{"value":1.5}}}`:             new(pylon.Prices),
		`{` + block + `,"evm_associations":{"a":{},"a":{}}}`:       new(pylon.EVMAssociations),
		`{"block_number":-1}`:                                      new(pylon.Extrinsic),
		`{"call":{"call_args":[{"name":1}]}}`:                      new(pylon.Extrinsic),
		`{` + block + `,"commitments":{"a":{"commitment":[]}}}`:    new(pylon.Commitments),
		`{` + block + `,"commitments":{"a":[],"a":[]}}`:            new(pylon.RevealedCommitments),
		`{"block":7,"commitments":{}}`:                             new(pylon.Commitments),
		`{` + block + `,"evm_associations":{"a":{"hotkey":null}}x`: new(pylon.EVMAssociations),
	} {
		if err := json.Unmarshal([]byte(text), into); err == nil {
			t.Errorf("%s is read as %+v", text, into)
		}
	}
}
