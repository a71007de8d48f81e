package server

import (
	"net/http"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// Kinds of failure that resources share.
var (
	nodeFails = []problem.Kind{problem.Unavailable, problem.NotReady}
	// readFails are those of reads of a subnet or a block, which may not exist or be too old.
	readFails   = append([]problem.Kind{problem.NotFound, problem.Unsupported}, nodeFails...)
	recentFails = []problem.Kind{problem.NotFound, problem.NotReady}
	// writeFails are those of writes that wait for the chain, recordFails those of writes that do not.
	writeFails  = append([]problem.Kind{problem.Conflict}, recordFails...)
	recordFails = append([]problem.Kind{problem.TooLarge, problem.Unprocessable}, nodeFails...)
	intentFails = []problem.Kind{problem.NotFound, problem.NotReady}
	evmFails    = append([]problem.Kind{problem.TooLarge, problem.Unprocessable}, nodeFails...)
)

// writes tells whether a configuration can write.
func writes(c *Config) bool { return c.Writes != nil }

// weightsOptions are the query parameters of weights.
var weightsOptions = []parameter{waitParameter, dryRunParameter}

// notYet describes the answer 202.
const notYet = "With `wait`: the time of the request is over, and the intent has not come that far yet. It goes on."

// resources is the one table of what the server serves. Routing, guards, the answers to OPTIONS and to wrong methods,
// metric labels and the OpenAPI document all come from it.
var resources = []resource{
	{
		method: http.MethodGet, path: "/identities", at: everyVersion,
		answer: (*exchange).answerIdentities,
		name:   "identities", summary: "The identities that this service keeps and the subnet of each",
		body: identitiesBody{},
	},
	{
		method: http.MethodPost, path: "/login/identity/{identity_name}", at: everyVersion,
		answer: (*exchange).answerLogin, offered: func(c *Config) bool { return c.LegacyLogin },
		name: "login", summary: "The subnet of an identity, for clients before 2.0",
		request: loginBody{}, body: loginAnswer{}, fails: []problem.Kind{problem.NotFound, problem.TooLarge, problem.NotReady},
	},

	// The chain.
	{
		method: http.MethodGet, path: "/block/latest", at: []mount{v1, unstable, unstableOpen},
		answer: (*exchange).answerLatestBlock,
		name:   "latest-block", summary: "The newest block",
		body: pylon.BlockInfo{}, fails: nodeFails,
	},
	{
		method: http.MethodGet, path: "/block/{block_number}/extrinsic/{extrinsic_index}", at: []mount{v1, unstable, unstableOpen},
		answer: (*exchange).answerExtrinsic,
		name:   "extrinsic", summary: "A decoded extrinsic of a block",
		body: extrinsicBody{}, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/latest/drand/last_stored_round", at: []mount{unstable, unstableUnguarded},
		answer: (*exchange).answerLastStoredRound,
		name:   "drand-last-stored-round", summary: "The newest round of the drand beacon that the chain knows",
		body: roundBody{}, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/latest/prices", at: unstableChain,
		answer: (*exchange).answerPrices,
		name:   "latest-prices", summary: "What alpha costs on each subnet at the newest block",
		body: pricesBody{}, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/{block_number}/prices", at: unstableChain,
		answer: (*exchange).answerPrices,
		name:   "prices", summary: "What alpha costs on each subnet at a block",
		body: pricesBody{}, fails: readFails,
	},
	{
		method: http.MethodPost, path: "/evm/contracts/{contract_address}/logs", at: []mount{unstableOpen},
		answer: (*exchange).answerEVMLogs, offered: func(c *Config) bool { return c.EVM != nil },
		places: 16, // a node's answer can have tens of megabytes
		name:   "evm-logs", summary: "The events that an EVM contract emitted between two blocks",
		request: evmLogsRequest{}, query: []parameter{fromBlock, toBlock},
		body: evmLogsBody{}, fails: evmFails,
	},

	// Subnets: neurons and validators.
	{
		method: http.MethodGet, path: "/block/latest/neurons", at: everySubnet,
		answer: (*exchange).answerNeurons,
		name:   "latest-neurons", summary: "The neurons of a subnet at the newest block",
		body: neuronsBody{}, query: paging, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/recent/neurons", at: everySubnet,
		answer: (*exchange).answerRecentNeurons,
		name:   "recent-neurons", summary: "The neurons of a subnet at a recent block, without a read of the chain",
		body: neuronsBody{}, query: paging, fails: recentFails,
	},
	{
		method: http.MethodGet, path: "/block/{block_number}/neurons", at: everySubnet,
		answer: (*exchange).answerNeurons,
		name:   "neurons", summary: "The neurons of a subnet at a block",
		body: neuronsBody{}, query: paging, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/latest/validators", at: everySubnet,
		answer: (*exchange).answerValidators,
		name:   "latest-validators", summary: "The validators of a subnet at the newest block, by total stake",
		body: pylon.Validators{}, query: paging, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/{block_number}/validators", at: everySubnet,
		answer: (*exchange).answerValidators,
		name:   "validators", summary: "The validators of a subnet at a block, by total stake",
		body: pylon.Validators{}, query: paging, fails: readFails,
	},

	// Subnets: what hotkeys have published.
	{
		method: http.MethodGet, path: "/block/latest/certificates", at: everySubnet,
		answer: (*exchange).answerCertificates,
		name:   "latest-certificates", summary: "The TLS keys of a subnet's hotkeys at the newest block",
		body: certificatesBody{}, query: paging, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/{block_number}/certificates", at: everySubnet,
		answer: (*exchange).answerCertificates,
		name:   "certificates", summary: "The TLS keys of a subnet's hotkeys at a block",
		body: certificatesBody{}, query: paging, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/latest/certificates/{hotkey}", at: everySubnet,
		answer: (*exchange).answerCertificate,
		name:   "latest-certificate", summary: "The TLS key of a hotkey at the newest block",
		body: pylon.Certificate{}, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/latest/certificates/self", at: everyIdentity,
		answer: (*exchange).answerCertificate,
		name:   "own-certificate", summary: "The TLS key of the identity's hotkey at the newest block",
		body: pylon.Certificate{}, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/latest/commitments", at: []mount{v1Subnet, v1Identity},
		answer: (*exchange).answerCommitmentsV1,
		name:   "latest-commitments", summary: "The commitments of a subnet's hotkeys at the newest block that are not timelocked",
		body: commitmentsV1Body{}, query: paging, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/latest/commitments", at: unstableSubnets,
		answer: (*exchange).answerCommitments,
		name:   "latest-commitments", summary: "The commitments of a subnet's hotkeys at the newest block",
		body: commitmentsBody{}, query: paging, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/{block_number}/commitments", at: []mount{v1Subnet, v1Identity},
		answer: (*exchange).answerCommitmentsV1,
		name:   "commitments", summary: "The commitments of a subnet's hotkeys at a block that are not timelocked",
		body: commitmentsV1Body{}, query: paging, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/{block_number}/commitments", at: unstableSubnets,
		answer: (*exchange).answerCommitments,
		name:   "commitments", summary: "The commitments of a subnet's hotkeys at a block",
		body: commitmentsBody{}, query: paging, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/latest/commitments/{hotkey}", at: []mount{v1Subnet, v1Identity},
		answer: (*exchange).answerCommitmentV1,
		name:   "latest-commitment", summary: "The commitment of a hotkey at the newest block, unless it is timelocked",
		body: commitmentV1Body{}, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/latest/commitments/{hotkey}", at: unstableSubnets,
		answer: (*exchange).answerCommitment,
		name:   "latest-commitment", summary: "The commitment of a hotkey at the newest block",
		body: pylon.CommitmentAt{}, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/latest/commitments/self", at: []mount{v1Identity},
		answer: (*exchange).answerCommitmentV1,
		name:   "own-commitment", summary: "The commitment of the identity's hotkey at the newest block, unless it is timelocked",
		body: commitmentV1Body{}, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/latest/commitments/self", at: []mount{unstableIdentity},
		answer: (*exchange).answerCommitment,
		name:   "own-commitment", summary: "The commitment of the identity's hotkey at the newest block",
		body: pylon.CommitmentAt{}, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/latest/commitments/revealed", at: everySubnet,
		answer: (*exchange).answerRevealedCommitments,
		name:   "latest-revealed-commitments", summary: "The revealed commitments of a subnet at the newest block",
		body: revealedBody{}, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/latest/commitments/revealed/{hotkey}", at: everySubnet,
		answer: (*exchange).answerRevealedCommitmentsOf,
		name:   "latest-revealed-commitments-of", summary: "The revealed commitments of a hotkey at the newest block",
		body: pylon.RevealedCommitmentsAt{}, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/latest/commitments/revealed/self", at: everyIdentity,
		answer: (*exchange).answerRevealedCommitmentsOf,
		name:   "own-revealed-commitments", summary: "The revealed commitments of the identity's hotkey at the newest block",
		body: pylon.RevealedCommitmentsAt{}, fails: readFails,
	},

	// Subnets: prices and EVM addresses.
	{
		method: http.MethodGet, path: "/block/latest/price", at: unstableSubnets,
		answer: (*exchange).answerPrice,
		name:   "latest-price", summary: "What alpha costs on a subnet at the newest block",
		body: priceBody{}, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/{block_number}/price", at: unstableSubnets,
		answer: (*exchange).answerPrice,
		name:   "price", summary: "What alpha costs on a subnet at a block",
		body: priceBody{}, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/latest/evm_associations", at: everySubnet,
		answer: (*exchange).answerEVMAssociations,
		name:   "latest-evm-associations", summary: "The EVM addresses of a subnet's hotkeys at the newest block",
		body: associationsBody{}, query: paging, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/{block_number}/evm_associations", at: everySubnet,
		answer: (*exchange).answerEVMAssociations,
		name:   "evm-associations", summary: "The EVM addresses of a subnet's hotkeys at a block",
		body: associationsBody{}, query: paging, fails: readFails,
	},

	// Writes of an identity.
	{
		method: http.MethodPut, path: "/weights", at: []mount{v1Identity},
		answer: (*exchange).answerPutWeightsV1, offered: writes,
		name: "put-weights", summary: "Hand over weights, which are then brought onto the chain before the epoch ends",
		request: weightsRequestBody{}, keyed: true, query: weightsOptions,
		body: pylon.WeightsScheduled{}, instead: pylon.WeightsPlan{}, later: notYet, fails: writeFails,
	},
	{
		method: http.MethodPut, path: "/weights", at: []mount{unstableIdentity},
		answer: (*exchange).answerPutWeights, offered: func(c *Config) bool { return writes(c) && c.LegacyLogin },
		name: "put-weights-old", summary: "Hand over weights, as clients of versions 1.8 and 1.9 do",
		request: weightsRequestBody{}, keyed: true, query: weightsOptions,
		body: pylon.WeightsScheduled{}, instead: pylon.WeightsPlan{}, later: notYet, fails: writeFails,
	},
	{
		method: http.MethodPut, path: "/mechanism/{mechanism_id}/weights", at: []mount{unstableIdentity},
		answer: (*exchange).answerPutWeights, offered: writes,
		name: "put-mechanism-weights", summary: "Hand over weights of one mechanism, which are then brought onto the chain before the epoch ends",
		request: weightsRequestBody{}, keyed: true, query: weightsOptions,
		body: pylon.WeightsScheduled{}, instead: pylon.WeightsPlan{}, later: notYet, fails: writeFails,
	},
	{
		method: http.MethodGet, path: "/mechanism/{mechanism_id}/block/{block_number}/weights/status", at: []mount{unstableIdentity},
		answer: (*exchange).answerWeightsStatus, offered: writes,
		name: "weights-status", summary: "Whether weights were handed over in the epoch of a block",
		body: pylon.WeightsStatus{}, fails: readFails,
	},
	{
		method: http.MethodPost, path: "/commitments", at: []mount{v1Identity},
		answer: (*exchange).answerSetCommitmentV1, offered: writes, status: http.StatusCreated,
		name: "set-commitment", summary: "Publish data, and wait until that is final",
		request: commitmentRequestBody{}, keyed: true, body: writtenBody{}, fails: writeFails,
	},
	{
		method: http.MethodPost, path: "/commitments", at: []mount{unstableIdentity},
		answer: (*exchange).answerSetCommitment, offered: writes, status: http.StatusCreated,
		name: "set-commitment", summary: "Publish data, and wait until that is final",
		request: commitmentRequestBody{}, keyed: true, body: writtenBody{}, fails: writeFails,
	},
	{
		method: http.MethodPost, path: "/commitments/revealed", at: []mount{v1Identity},
		answer: (*exchange).answerSetRevealedCommitmentV1, offered: writes, status: http.StatusCreated,
		name: "set-revealed-commitment", summary: "Publish text that can be read later, and wait until that is final",
		request: revealedRequestBody{}, keyed: true, body: revealRoundBody{}, fails: writeFails,
	},
	{
		method: http.MethodPost, path: "/commitments/revealed", at: []mount{unstableIdentity},
		answer: (*exchange).answerSetRevealedCommitment, offered: writes, status: http.StatusCreated,
		name: "set-revealed-commitment", summary: "Publish text that can be read later, and wait until that is final",
		request: revealedRequestBody{}, keyed: true, body: revealRoundBody{}, fails: writeFails,
	},
	{
		method: http.MethodPost, path: "/certificates/self", at: []mount{v1Identity},
		answer: (*exchange).answerGenerateCertificateV1, offered: writes, status: http.StatusCreated,
		name: "generate-certificate", summary: "Make a TLS key pair, publish its public key, and wait until that is final",
		request: certificateRequestBody{}, keyed: true, body: keyPairBody{}, fails: writeFails,
	},
	{
		method: http.MethodPost, path: "/certificates/self", at: []mount{unstableIdentity},
		answer: (*exchange).answerGenerateCertificate, offered: writes, status: http.StatusCreated,
		name: "generate-certificate", summary: "Make a TLS key pair, publish its public key, and wait until that is final",
		request: certificateRequestBody{}, keyed: true, body: keyPairBody{}, fails: writeFails,
	},
	{
		method: http.MethodPost, path: "/axon", at: []mount{unstableIdentity},
		answer: (*exchange).answerServeAxon, offered: writes, status: http.StatusCreated,
		name: "serve-axon", summary: "Publish where the identity's neuron can be reached, and wait until that is final",
		request: axonRequestBody{}, keyed: true, body: writtenBody{}, fails: writeFails,
	},
	{
		method: http.MethodGet, path: "/intents", at: []mount{unstableIdentity},
		answer: (*exchange).answerIntents, offered: writes,
		name: "intents", summary: "What the identity has asked to be written, newest first",
		body: intentsBody{}, query: intentFilters, fails: []problem.Kind{problem.NotReady},
	},
	{
		method: http.MethodGet, path: "/intents/{intent_id}", at: []mount{unstableIdentity},
		answer: (*exchange).answerIntent, offered: writes,
		name: "intent", summary: "What has become of something that was to be written",
		body: pylon.Intent{}, fails: intentFails,
	},
	{
		method: http.MethodDelete, path: "/intents/{intent_id}", at: []mount{unstableIdentity},
		answer: (*exchange).answerCancelIntent, offered: writes,
		name: "cancel-intent", summary: "Give up what is to be written, as long as nothing is signed for it",
		body: pylon.Intent{}, fails: append([]problem.Kind{problem.Conflict}, intentFails...),
	},

	// The service itself.
	{
		method: http.MethodGet, path: "/", at: []mount{service},
		answer: (*exchange).answerStatusPage, offered: func(c *Config) bool { return c.Status != nil },
		name: "status-page", summary: "The state of the service as a page to look at",
		media: "text/html",
	},
	{
		method: http.MethodGet, path: "/events", at: []mount{unstableOpen, unstableIdentity},
		answer: (*exchange).answerEvents, untimed: true,
		name: "events", summary: "What happens on the chain, as server-sent events: head, finalized, epoch, and gap where some were missed; for an identity also intent, when one of its own has changed",
		media: "text/event-stream", fails: []problem.Kind{problem.NotReady},
	},
	{
		method: http.MethodGet, path: "/status", at: []mount{unstableOpen},
		answer: (*exchange).answerStatus, offered: func(c *Config) bool { return c.Status != nil },
		name: "status", summary: "The state of the service",
		body: report{},
	},
	{
		method: http.MethodGet, path: "/health", at: []mount{service},
		answer: (*exchange).answerHealth,
		name:   "health", summary: "Whether the process serves",
		body: statusBody{},
	},
	{
		method: http.MethodGet, path: "/ready", at: []mount{service},
		answer: (*exchange).answerReady,
		name:   "ready", summary: "Whether reads of the chain can be answered",
		body: statusBody{}, fails: []problem.Kind{problem.NotReady},
	},
	{
		method: http.MethodGet, path: "/metrics", at: []mount{serviceMetrics},
		answer: (*exchange).answerMetrics,
		name:   "metrics", summary: "Metrics in the text format of Prometheus",
		media: "text/plain",
	},
	{
		method: http.MethodGet, path: "/schema", at: []mount{service},
		answer: (*exchange).answerSchemaIndex,
		name:   "schema", summary: "Where the documentation of the API is",
		media: "text/html",
	},
	{
		method: http.MethodGet, path: "/schema/openapi.json", at: []mount{service},
		answer: (*exchange).answerOpenAPI,
		name:   "openapi", summary: "This document",
		body: map[string]any{},
	},
	{
		method: http.MethodGet, path: "/schema/swagger", at: []mount{service},
		answer: (*exchange).answerSwagger,
		name:   "swagger", summary: "This document as a page to read and to try",
		media: "text/html",
	},
	{
		method: http.MethodGet, path: "/schema/swagger/{asset}", at: []mount{service},
		answer: (*exchange).answerSwaggerAsset,
		name:   "swagger-asset", summary: "A file of that page",
		fails: []problem.Kind{problem.NotFound},
	},
}
