package server

import (
	"cmp"
	"slices"

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
	// unstableUnguarded is for what clients of version 2.3 ask for without a token, which they send everywhere else.
	unstableUnguarded = mount{"unstable-open", "/api/_unstable/openaccess", public}
)

var (
	// everyVersion is where the two versions keep what anybody may ask.
	everyVersion = []mount{v1, unstable}
	// everySubnet is where anything about a subnet can be asked.
	everySubnet = []mount{v1Subnet, v1Identity, unstableSubnet, unstableSubnetOld, unstableIdentity}
	// everyIdentity is where the holder of an identity can ask for what is its own.
	everyIdentity = []mount{v1Identity, unstableIdentity}
	// unstableChain and unstableSubnets are for what version 1 does not have. Clients before 2.3 ask about the chain
	// without a token.
	unstableChain   = []mount{unstable, unstableOpen}
	unstableSubnets = []mount{unstableSubnet, unstableSubnetOld, unstableIdentity}
)

// resource is one thing to ask for, at every mount where it can be asked.
type resource struct {
	method string
	path   string
	at     []mount
	answer func(*exchange) error
	// offered tells whether a configuration serves it. Nil is for what is always served.
	offered func(*Config) bool
	// untimed is for what goes on until its client has had enough.
	untimed bool
	// places is how many requests may wait for its answer at once, where that is not Config.MaxWaiting.
	places int

	// The rest is documentation.
	name    string
	summary string
	status  int            // of the answer when all went well, 0 for 200
	later   string         // when the answer is 202
	keyed   bool           // it takes an idempotency key
	body    any            // a value of the type of the answer's body, nil when it is no JSON
	instead any            // another body that it can have
	media   string         // what it is then
	request any            // the same of the request's body, nil when there is none
	query   []parameter    // the query parameters
	fails   []problem.Kind // how it fails, besides what the mount and every route add
}

// served returns the resources that a configuration serves.
func served(config Config) []resource {
	return slices.DeleteFunc(slices.Clone(resources), func(r resource) bool {
		return r.offered != nil && !r.offered(&config)
	})
}

// buildRoutes lays the resources out as a tree.
func (s *Server) buildRoutes() {
	for _, resource := range s.served {
		gate := newGate(cmp.Or(resource.places, s.config.MaxWaiting))
		for _, mount := range resource.at {
			answer := resource.answer
			if mount.guard == identityKey {
				answer = forIdentity(answer)
			}
			r := &route{method: resource.method, guard: mount.guard, answer: answer, gate: gate, untimed: resource.untimed}
			if mount.prefix == "" || resource.untimed {
				r.gate = nil // it is no part of the API and waits for nothing, or is bounded otherwise
			}
			s.routes.addRoute(r, mount.prefix+resource.path)
		}
	}
	s.routes.finish()
	s.routes.each(func(e *endpoint) {
		for _, route := range e.routes {
			route.meter = s.instruments.meter(route.method, e.template)
		}
	})
}
