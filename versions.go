package pylon

// V1 is version 1 of the API, which does not change.
type V1 struct{ chainV1 }

// Unstable is the version of the API that has everything, and in which things may still change.
type Unstable struct{ chainUnstable }

// V1 returns version 1 of the API.
func (c *Client) V1() V1 { return V1{chainV1{c}} }

// Unstable returns the version of the API that has everything.
func (c *Client) Unstable() Unstable { return Unstable{chainUnstable{c}} }

// Subnet returns a subnet, to be read with open access.
func (v V1) Subnet(netuid Netuid) V1Subnet {
	p := place{client: v.client, version: v1, netuid: netuid}
	return V1Subnet{subnet{p}, subnetV1{p}}
}

// Subnet returns a subnet, to be read with open access.
func (v Unstable) Subnet(netuid Netuid) UnstableSubnet {
	p := place{client: v.client, version: unstable, netuid: netuid}
	return UnstableSubnet{subnet{p}, subnetUnstable{p}}
}

// Identity returns the subnet of the configured identity, to be read and written with it.
func (v V1) Identity() V1Identity {
	p := place{client: v.client, version: v1, own: true}
	return V1Identity{subnet{p}, subnetV1{p}, identity{p}, identityV1{p}}
}

// Identity returns the subnet of the configured identity, to be read and written with it.
func (v Unstable) Identity() UnstableIdentity {
	p := place{client: v.client, version: unstable, own: true}
	return UnstableIdentity{subnet{p}, subnetUnstable{p}, identity{p}, identityUnstable{p}}
}

// V1Subnet reads a subnet with open access.
type V1Subnet struct {
	subnet
	subnetV1
}

// UnstableSubnet reads a subnet with open access.
type UnstableSubnet struct {
	subnet
	subnetUnstable
}

// V1Identity reads and writes with an identity. The subnet is the one that the service has for it.
type V1Identity struct {
	subnet
	subnetV1
	identity
	identityV1
}

// UnstableIdentity reads and writes with an identity. The subnet is the one that the service has for it.
type UnstableIdentity struct {
	subnet
	subnetUnstable
	identity
	identityUnstable
}
