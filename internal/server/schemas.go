package server

import (
	"encoding/json"

	pylon "github.com/bittensor-pylon/pylon"
)

// The bodies whose Go form is not their JSON form, as the document describes them.
type (
	neuronsBody struct {
		Block   pylon.Block                   `json:"block"`
		Neurons map[pylon.Hotkey]pylon.Neuron `json:"neurons" doc:"By hotkey, in uid order."`
	}
	identitiesBody struct {
		Identities map[string]pylon.Netuid `json:"identities" doc:"Netuids by name, in the order of the configuration."`
	}
	loginAnswer struct {
		Netuid       pylon.Netuid `json:"netuid"`
		IdentityName string       `json:"identity_name"`
	}
	loginBody struct {
		Token string `json:"token"`
	}
	statusBody struct {
		Status string `json:"status"`
	}
	certificatesBody  map[pylon.Hotkey]pylon.Certificate
	commitmentsV1Body struct {
		Block       pylon.Block             `json:"block"`
		Commitments map[pylon.Hotkey]string `json:"commitments" doc:"The data, 0x and lower-case hexadecimal digits, by hotkey."`
	}
	commitmentsBody struct {
		Block       pylon.Block                       `json:"block"`
		Commitments map[pylon.Hotkey]pylon.Commitment `json:"commitments" doc:"By hotkey."`
	}
	commitmentV1Body struct {
		BlockNumber uint64       `json:"commitment_block_number" doc:"Number of the block of the commitment."`
		Hotkey      pylon.Hotkey `json:"hotkey" doc:"SS58 address."`
		Commitment  string       `json:"commitment" doc:"The data, 0x and lower-case hexadecimal digits."`
		Block       pylon.Block  `json:"block"`
	}
	revealedBody struct {
		Block       pylon.Block                                 `json:"block"`
		Commitments map[pylon.Hotkey][]pylon.RevealedCommitment `json:"commitments" doc:"By hotkey, oldest first."`
	}
	roundBody struct {
		LastStoredRound uint64 `json:"last_stored_round"`
	}
	amountBody struct {
		Value pylon.Rao `json:"value" doc:"In rao: 10⁹ of them are one TAO."`
	}
	pricesBody struct {
		Block  pylon.Block           `json:"block"`
		Prices map[string]amountBody `json:"prices" doc:"What one alpha costs, by netuid in decimal."`
	}
	priceBody struct {
		Block  pylon.Block  `json:"block"`
		Netuid pylon.Netuid `json:"netuid"`
		Price  amountBody   `json:"price"`
	}
	associationsBody struct {
		Block        pylon.Block                           `json:"block"`
		Associations map[pylon.Hotkey]pylon.EVMAssociation `json:"evm_associations" doc:"By hotkey, in uid order."`
	}
	extrinsicBody struct {
		BlockNumber uint64   `json:"block_number"`
		Index       uint32   `json:"extrinsic_index"`
		Hash        string   `json:"extrinsic_hash" doc:"0x and 64 lower-case hexadecimal digits."`
		Length      int      `json:"extrinsic_length" doc:"In bytes."`
		Address     *string  `json:"address" doc:"SS58 address of who signed it, null when nobody did."`
		Call        callBody `json:"call"`
	}
	callBody struct {
		Module   string        `json:"call_module"`
		Function string        `json:"call_function"`
		Args     []callArgBody `json:"call_args"`
	}
	callArgBody struct {
		Name  string          `json:"name"`
		Type  string          `json:"type"`
		Value json.RawMessage `json:"value" doc:"Whatever the type holds."`
	}
	weightsRequestBody struct {
		Weights map[pylon.Hotkey]float64 `json:"weights" doc:"Proportions by hotkey, on any scale; the largest becomes the chain's maximum. At least one. Hotkeys that are not registered on the subnet are dropped."`
	}
	commitmentRequestBody struct {
		Commitment string `json:"commitment" doc:"1 to 128 bytes as hexadecimal digits, with 0x or without."`
	}
	revealedRequestBody struct {
		Commitment        string `json:"commitment" doc:"Up to 778 bytes of text."`
		BlocksUntilReveal uint64 `json:"blocks_until_reveal" doc:"How many blocks from now the chain opens it." maximum:"2628000"`
	}
	certificateRequestBody struct {
		Algorithm pylon.CertificateAlgorithm `json:"algorithm,omitempty" doc:"1, Ed25519, which is the default and the only one." default:"1"`
	}
	axonRequestBody struct {
		IP       string             `json:"ip" doc:"IPv4 or IPv6 address that others can reach."`
		Port     uint16             `json:"port" minimum:"1"`
		Protocol pylon.AxonProtocol `json:"protocol,omitempty" doc:"0 TCP, 1 UDP, 4 HTTP." default:"4"`
	}
	writtenBody struct {
		Detail string        `json:"detail" doc:"A fixed text."`
		Intent *pylon.Intent `json:"intent,omitempty" doc:"What was done. Version 1 names it in a header only."`
	}
	revealRoundBody struct {
		RevealRound uint64        `json:"reveal_round" doc:"The drand round from which on it can be read."`
		Intent      *pylon.Intent `json:"intent,omitempty" doc:"What was done. Version 1 names it in a header only."`
	}
	keyPairBody struct {
		pylon.CertificateKeyPair

		Intent *pylon.Intent `json:"intent,omitempty" doc:"What was done. Version 1 names it in a header only."`
	}
	intentsBody struct {
		Intents []pylon.Intent `json:"intents" doc:"Newest first."`
	}
	evmLogsRequest struct {
		ABI []map[string]any `json:"abi" doc:"The ABI of the contract. Its events are looked for." maxItems:"10000"`
	}
	evmLogsBody struct {
		Logs      []evmLogBody `json:"logs"`
		FromBlock uint64       `json:"from_block"`
		ToBlock   uint64       `json:"to_block"`
	}
	evmLogBody struct {
		Event            string         `json:"event" doc:"Name of the event."`
		Args             map[string]any `json:"args" doc:"The arguments by name. Integers are of any size; bytes are 0x text."`
		Address          string         `json:"address" doc:"The contract's, with its checksum (EIP-55)."`
		BlockNumber      uint64         `json:"block_number"`
		TransactionHash  string         `json:"transaction_hash"`
		TransactionIndex uint64         `json:"transaction_index"`
		LogIndex         uint64         `json:"log_index"`
	}
	problemBody struct {
		StatusCode int          `json:"status_code" doc:"The HTTP status."`
		Detail     string       `json:"detail"`
		Extra      []extraEntry `json:"extra,omitempty" doc:"What is wrong with the request, field by field."`
	}
	extraEntry struct {
		Message string `json:"message"`
		Key     string `json:"key,omitempty"`
		Source  string `json:"source,omitempty" enum:"body,query"`
	}
)

// propertyTexts describe the members of bodies, by schema and member.
var propertyTexts = map[string]string{
	"Block.hash":                    "0x and 64 lower-case hexadecimal digits.",
	"BlockInfo.hash":                "0x and 64 lower-case hexadecimal digits.",
	"BlockInfo.timestamp":           "When the block was made, in whole seconds since the Unix epoch.",
	"AxonInfo.ip":                   "IPv4 or IPv6 address; 0.0.0.0 when the neuron serves nothing.",
	"AxonInfo.protocol":             "0 TCP, 1 UDP, 4 HTTP; others as the neuron gave them.",
	"Stakes.alpha":                  "Stake in the subnet's token, own and inherited.",
	"Stakes.tao":                    "Stake on the root subnet in TAO, unweighted.",
	"Stakes.total":                  "Alpha and weighted TAO: what permits and thresholds look at.",
	"Neuron.uid":                    "Number of the neuron on its subnet.",
	"Neuron.coldkey":                "SS58 address of the owner.",
	"Neuron.hotkey":                 "SS58 address.",
	"Neuron.stake":                  "Stake of the hotkey on this subnet in alpha, without inheritance.",
	"Neuron.emission":               "What the last epoch gave, in alpha.",
	"Neuron.rank":                   "Between 0 and 1.",
	"Neuron.incentive":              "Between 0 and 1.",
	"Neuron.consensus":              "Between 0 and 1.",
	"Neuron.trust":                  "Between 0 and 1.",
	"Neuron.validator_trust":        "Between 0 and 1.",
	"Neuron.dividends":              "Between 0 and 1.",
	"Neuron.last_update":            "Number of the block at which the neuron last set weights.",
	"Neuron.validator_permit":       "Whether the neuron may validate.",
	"Neuron.pruning_score":          "The raw 16-bit score.",
	"Certificate.algorithm":         "1 is Ed25519; others as the neuron gave them.",
	"Certificate.public_key":        "The raw key in lower-case hexadecimal digits, without 0x.",
	"Commitment.kind":               "hex_data is plain; timelock_encrypted can be read from its round on.",
	"Commitment.commitment":         "The data, encrypted when it is timelocked: 0x and lower-case hexadecimal digits.",
	"Commitment.reveal_round":       "The drand round of a timelocked commitment; others have none.",
	"RevealedCommitment.commitment": "What was committed, as plain text.",
	"EVMAssociation.evm_address":    "0x and 40 lower-case hexadecimal digits.",
	"Validators.validators":         "By total stake, highest first; equal stakes in uid order.",
}
