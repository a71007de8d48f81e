package server

import (
	"bytes"
	"encoding/json"
	"strconv"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

func (x *exchange) answerEVMAssociations() error {
	all, netuid, err := readSubnet(x, ChainReader.LatestEVMAssociations, ChainReader.EVMAssociations)
	if err != nil {
		return err
	}
	return x.writeList(askEVMAssociations, netuid, all.Block, all, len(all.Associations), func(from, to int) jsonAppender {
		return &pylon.EVMAssociations{Block: all.Block, Associations: all.Associations[from:to]}
	})
}

// answerEVMLogs checks the request in the order of the contract: the body is JSON, the parameters are there, then all
// that is wrong with either.
func (x *exchange) answerEVMLogs() error {
	var body struct {
		ABI json.RawMessage `json:"abi"`
	}
	if err := x.readObject("EvmLogsBody", &body); err != nil {
		return err
	}
	query := x.request.URL.Query()
	from, to := query[fromBlock.name], query[toBlock.name]
	for _, required := range []struct {
		parameter parameter
		values    []string
	}{{fromBlock, from}, {toBlock, to}} {
		if len(required.values) == 0 {
			return problem.New(problem.Invalid,
				"Missing required query parameter '"+required.parameter.name+"' for path "+x.requested())
		}
	}
	first, wrong := fromBlock.read(from[0], nil)
	last, wrong := toBlock.read(to[0], wrong)
	abi, wrong := readABI(body.ABI, wrong)
	if len(wrong) > 0 {
		return x.invalid(wrong...)
	}
	logs, err := x.server.config.EVM.Logs(x.ctx, x.param("contract_address"), first, last, abi)
	if err != nil {
		return err
	}
	return x.writeFresh(logs.AppendJSON)
}

// longestABI is how many entries an ABI may have. The largest contracts have a few hundred; an entry takes much more
// memory than the two bytes that it can be written with.
const longestABI = 10_000

// readABI reads a list of objects and adds what is wrong with it to wrong.
func readABI(raw json.RawMessage, wrong []problem.Field) ([]pylon.ABIEntry, []problem.Field) {
	field := func(key, message string) []problem.Field {
		return append(wrong, problem.Field{Key: key, Message: message})
	}
	switch {
	case raw == nil:
		return nil, field("abi", "Field required")
	case raw[0] != '[':
		return nil, field("abi", "Input should be a valid list")
	}
	var abi []pylon.ABIEntry
	decoder := json.NewDecoder(bytes.NewReader(raw))
	_, _ = decoder.Token() // the bracket; all of it has parsed before
	for i := 0; decoder.More(); i++ {
		if i == longestABI {
			return nil, field("abi", "List should have at most "+strconv.Itoa(longestABI)+" items")
		}
		var item json.RawMessage
		if err := decoder.Decode(&item); err != nil {
			return nil, field("abi", "Input should be a valid list")
		}
		var entry pylon.ABIEntry
		if item[0] != '{' || json.Unmarshal(item, &entry) != nil {
			wrong = field("abi."+strconv.Itoa(i), "Input should be a valid dictionary")
			continue
		}
		abi = append(abi, entry)
	}
	return abi, wrong
}
