package native

import (
	"bytes"
	"math"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// guardedServing is the spec version since which the transaction extension checks
// where neurons say that they can be reached.
const guardedServing = 283

// servingCalls are those by which neurons say where they can be reached.
func (r *Runtime) servingCalls() map[string]dispatcher {
	return map[string]dispatcher{
		"SubtensorModule.serve_axon":       {run: r.serveAxon, guard: r.guardServing(r.axonRefusal)},
		"SubtensorModule.serve_axon_tls":   {run: r.serveAxon, guard: r.guardServing(r.axonRefusal)},
		"SubtensorModule.serve_prometheus": {run: r.servePrometheus, guard: r.guardServing(r.prometheusRefusal)},
	}
}

// guardServing is a guard that makes the checks of the call itself.
func (r *Runtime) guardServing(refusal func(runtime.State, *dispatch) string) func(runtime.State, *dispatch) error {
	return func(st runtime.State, c *dispatch) error {
		if r.config.Spec < guardedServing {
			return nil
		}
		if name := refusal(st, c); name != "" {
			return c.fail("SubtensorModule", name)
		}
		return nil
	}
}

// uint128 is a number of up to 128 bits.
func (c *dispatch) uint128(name string) scale.Uint128 {
	switch n := c.arg(name).(type) {
	case uint64:
		return scale.Uint128{Lo: n}
	case interface{ FillBytes([]byte) []byte }:
		b := n.FillBytes(make([]byte, 16))
		in := scale.NewReader(reversed(b))
		lo, hi := in.Uint128()
		return scale.Uint128{Lo: lo, Hi: hi}
	}
	return scale.Uint128{}
}

func reversed(b []byte) []byte {
	out := bytes.Clone(b)
	for i := range out {
		out[i] = b[len(b)-1-i]
	}
	return out
}

// axonRefusal is the name of the error of an axon that cannot be served, and empty
// for one that can.
func (r *Runtime) axonRefusal(st runtime.State, c *dispatch) string {
	last := r.items.SubtensorModule.Axons.get(st, u16(c.uint16("netuid")), c.signer[:])
	return r.servingRefusal(st, c, last.Block, true)
}

func (r *Runtime) prometheusRefusal(st runtime.State, c *dispatch) string {
	last := r.items.SubtensorModule.Prometheus.get(st, u16(c.uint16("netuid")), c.signer[:])
	return r.servingRefusal(st, c, last.Block, false)
}

// servingRefusal makes the checks in the order of the chain. Last is the block at
// which the neuron served before, 0 for never.
func (r *Runtime) servingRefusal(st runtime.State, c *dispatch, last uint64, zeroAllowed bool) string {
	netuid := c.uint16("netuid")
	limit := r.items.SubtensorModule.ServingRateLimit.get(st, u16(netuid))
	kind, ip := c.uint8("ip_type"), c.uint128("ip")
	switch {
	case !r.registered(st, netuid, c.signer):
		return "HotKeyNotRegisteredInNetwork"
	case kind != 4 && kind != 6:
		return "InvalidIpType"
	case !reachable(kind, ip) || !zeroAllowed && ip == (scale.Uint128{}):
		return "InvalidIpAddress"
	case limit > 0 && last > 0 && r.blockNumber(st)-last < limit:
		return "ServingRateLimitExceeded"
	case c.uint16("port") == 0:
		return "InvalidPort"
	}
	return ""
}

// reachable tells whether the chain takes an address: not this machine's own, and
// not the highest.
func reachable(kind uint8, ip scale.Uint128) bool {
	if kind == 4 {
		const localhost = 127<<24 | 1
		return ip.Hi == 0 && ip.Lo < math.MaxUint32 && ip.Lo != localhost
	}
	return ip != (scale.Uint128{Lo: 1}) && ip != (scale.Uint128{Lo: math.MaxUint64, Hi: math.MaxUint64})
}

// serveAxon runs serve_axon and serve_axon_tls.
func (r *Runtime) serveAxon(st runtime.State, c *dispatch) error {
	if name := r.axonRefusal(st, c); name != "" {
		return c.fail("SubtensorModule", name)
	}
	s, netuid := &r.items.SubtensorModule, c.uint16("netuid")
	s.Axons.set(st, axonInfo{
		Block: r.blockNumber(st), Version: c.uint32("version"), IP: c.uint128("ip"), Port: c.uint16("port"),
		IPType: c.uint8("ip_type"), Protocol: c.uint8("protocol"),
		Placeholder1: c.uint8("placeholder1"), Placeholder2: c.uint8("placeholder2"),
	}, u16(netuid), c.signer[:])
	// The algorithm comes before the public key. What is too long is not stored, and
	// no error.
	if cert := c.bytes("certificate"); len(cert) >= 1 && len(cert) <= 65 {
		s.NeuronCertificates.set(st, certificate{PublicKey: cert[1:], Algorithm: cert[0]}, u16(netuid), c.signer[:])
	}
	c.deposit("SubtensorModule", "AxonServed", netuid, c.signer)
	return nil
}

func (r *Runtime) servePrometheus(st runtime.State, c *dispatch) error {
	if name := r.prometheusRefusal(st, c); name != "" {
		return c.fail("SubtensorModule", name)
	}
	netuid := c.uint16("netuid")
	r.items.SubtensorModule.Prometheus.set(st, prometheusInfo{
		Block: r.blockNumber(st), Version: c.uint32("version"), IP: c.uint128("ip"), Port: c.uint16("port"), IPType: c.uint8("ip_type"),
	}, u16(netuid), c.signer[:])
	c.deposit("SubtensorModule", "PrometheusServed", netuid, c.signer)
	return nil
}
