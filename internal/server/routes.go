package server

import (
	"net/http"
	"slices"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// mount is a place in the URL space where resources appear, and who may ask there.
type mount struct {
	name   string // for operation ids
	prefix string
	guard  guard
}

var (
	// service is what is no part of the API's versions.
	service        = mount{"service", "", public}
	serviceMetrics = mount{"service", "", metricsKey}

	v1         = mount{"v1", "/api/v1", public}
	v1Subnet   = mount{"v1-subnet", "/api/v1/subnet/{netuid}", openAccess}
	v1Identity = mount{"v1-identity", "/api/v1/identity/{identity_name}/subnet/{netuid}", identityKey}

	unstable         = mount{"unstable", "/api/_unstable", public}
	unstableOpen     = mount{"unstable-open", "/api/_unstable/openaccess", openAccess}
	unstableSubnet   = mount{"unstable-subnet", "/api/_unstable/openaccess/subnet/{netuid}", openAccess}
	unstableIdentity = mount{"unstable-identity", "/api/_unstable/identity/{identity_name}/subnet/{netuid}", identityKey}
	// unstableSubnetOld is how clients before 2.3 spell it.
	unstableSubnetOld = mount{"unstable-subnet-old", "/api/_unstable/subnet/{netuid}", openAccess}
)

var (
	// everyVersion is where the two versions keep what anybody may ask.
	everyVersion = []mount{v1, unstable}
	// everySubnet is where anything about a subnet can be asked.
	everySubnet = []mount{v1Subnet, v1Identity, unstableSubnet, unstableSubnetOld, unstableIdentity}
)

// resource is one thing to ask for, at every mount where it can be asked.
type resource struct {
	method string
	path   string
	at     []mount
	answer func(*exchange) error
	legacy bool // exists only for old clients, see Config.LegacyLogin

	// The rest is documentation.
	name    string
	summary string
	body    any            // a value of the type of the answer's body, nil when it is no JSON
	fails   []problem.Kind // how it fails, besides what the mount and every route add
}

// Kinds of failure that resources share.
var (
	readFails   = []problem.Kind{problem.NotFound, problem.Unsupported, problem.Unavailable}
	recentFails = []problem.Kind{problem.NotFound, problem.NotReady}
)

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
		method: http.MethodPost, path: "/login/identity/{identity_name}", at: everyVersion, legacy: true,
		answer: (*exchange).answerLogin,
		name:   "login", summary: "The subnet of an identity, for clients before 2.0",
		body: loginAnswer{}, fails: []problem.Kind{problem.NotFound, problem.TooLarge},
	},
	{
		method: http.MethodGet, path: "/block/latest", at: []mount{v1, unstable, unstableOpen},
		answer: (*exchange).answerLatestBlock,
		name:   "latest-block", summary: "The newest block",
		body: pylon.BlockInfo{}, fails: []problem.Kind{problem.Unavailable},
	},
	{
		method: http.MethodGet, path: "/block/latest/neurons", at: everySubnet,
		answer: (*exchange).answerLatestNeurons,
		name:   "latest-neurons", summary: "The neurons of a subnet at the newest block",
		body: neuronsBody{}, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/recent/neurons", at: everySubnet,
		answer: (*exchange).answerRecentNeurons,
		name:   "recent-neurons", summary: "The neurons of a subnet at a recent block, without a read of the chain",
		body: neuronsBody{}, fails: recentFails,
	},
	{
		method: http.MethodGet, path: "/block/{block_number}/neurons", at: everySubnet,
		answer: (*exchange).answerNeurons,
		name:   "neurons", summary: "The neurons of a subnet at a block",
		body: neuronsBody{}, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/latest/validators", at: everySubnet,
		answer: (*exchange).answerLatestValidators,
		name:   "latest-validators", summary: "The validators of a subnet at the newest block, by total stake",
		body: pylon.Validators{}, fails: readFails,
	},
	{
		method: http.MethodGet, path: "/block/{block_number}/validators", at: everySubnet,
		answer: (*exchange).answerValidators,
		name:   "validators", summary: "The validators of a subnet at a block, by total stake",
		body: pylon.Validators{}, fails: readFails,
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
	},
	{
		method: http.MethodGet, path: "/schema", at: []mount{service},
		answer: (*exchange).answerSchemaIndex,
		name:   "schema", summary: "Where the documentation of the API is",
	},
	{
		method: http.MethodGet, path: "/schema/openapi.json", at: []mount{service},
		answer: (*exchange).answerOpenAPI,
		name:   "openapi", summary: "This document",
	},
	{
		method: http.MethodGet, path: "/schema/swagger", at: []mount{service},
		answer: (*exchange).answerSwagger,
		name:   "swagger", summary: "This document as a page to read and to try",
	},
	{
		method: http.MethodGet, path: "/schema/swagger/{asset}", at: []mount{service},
		answer: (*exchange).answerSwaggerAsset,
		name:   "swagger-asset", summary: "A file of that page",
		fails: []problem.Kind{problem.NotFound},
	},
}

// served returns the resources that a configuration serves.
func served(config Config) []resource {
	return slices.DeleteFunc(slices.Clone(resources), func(r resource) bool { return r.legacy && !config.LegacyLogin })
}

// buildRoutes lays the resources out as a tree.
func (s *Server) buildRoutes(instruments *instruments) {
	for _, resource := range s.served {
		for _, mount := range resource.at {
			answer := resource.answer
			if mount.guard == identityKey {
				answer = forIdentity(answer)
			}
			s.routes.addRoute(&route{method: resource.method, guard: mount.guard, answer: answer}, mount.prefix+resource.path)
		}
	}
	s.routes.finish()
	s.routes.each(func(e *endpoint) {
		for _, route := range e.routes {
			route.meter = instruments.meter(route.method, e.template)
		}
	})
}
