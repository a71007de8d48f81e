package onchain

import (
	"context"
	"errors"
	"fmt"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/synapse"
)

// Identity is what a Publisher needs of a pylon.UnstableIdentity.
type Identity interface {
	LatestNeurons(ctx context.Context) (*pylon.Neurons, error)
	ServeAxon(ctx context.Context, request pylon.AxonRequest) (*pylon.Written, error)
}

// Publisher announces axons of the identity's hotkey. It is an axon.Publisher.
type Publisher struct {
	// Identity is an identity of the service. Required.
	Identity Identity
	// Netuid is the subnet that the service has for it. Required.
	Netuid pylon.Netuid
}

// ErrCertificate reports an announcement with a certificate. The service makes
// and publishes those itself: GenerateCertificate of the identity.
var ErrCertificate = errors.New("onchain: certificates are published with GenerateCertificate")

// Announced implements axon.Publisher. The service does not tell the version and
// the placeholders of an axon; the version is said to be ours.
func (p Publisher) Announced(ctx context.Context, netuid uint16, hotkey string) (info synapse.AxonInfo, known bool, err error) {
	if err := p.check(netuid); err != nil {
		return info, false, err
	}
	neurons, err := p.Identity.LatestNeurons(ctx)
	if err != nil {
		return info, false, err
	}
	for i := range neurons.Neurons {
		if n := &neurons.Neurons[i]; string(n.Hotkey) == hotkey {
			return Axon(n), n.AxonInfo.IsServing(), nil
		}
	}
	return info, false, fmt.Errorf("onchain: %s is not registered on subnet %d", hotkey, netuid)
}

// Announce implements axon.Publisher. It returns when the announcement is final.
func (p Publisher) Announce(ctx context.Context, call axon.Announcement) error {
	if err := p.check(call.Netuid); err != nil {
		return err
	}
	if len(call.Certificate) > 0 {
		return ErrCertificate
	}
	written, err := p.Identity.ServeAxon(ctx, pylon.AxonRequest{IP: call.IP, Port: call.Port, Protocol: pylon.AxonProtocol(call.Protocol)})
	if err != nil {
		return err
	}
	if i := written.Intent; i != nil && (uint16(i.Netuid) != call.Netuid || call.Hotkey != "" && string(i.Hotkey) != call.Hotkey) {
		return fmt.Errorf("onchain: the service announced %s on subnet %d: the identity is not that of the axon", i.Hotkey, i.Netuid)
	}
	return nil
}

func (p Publisher) check(netuid uint16) error {
	if p.Identity == nil {
		return errors.New("onchain: Identity is required")
	}
	if uint16(p.Netuid) != netuid {
		return fmt.Errorf("onchain: the identity is for subnet %d, not %d", p.Netuid, netuid)
	}
	return nil
}

// Axons returns the axons of the neurons that serve one, in the order of their
// uids.
func Axons(neurons *pylon.Neurons) []synapse.AxonInfo {
	var axons []synapse.AxonInfo
	for i := range neurons.Neurons {
		if n := &neurons.Neurons[i]; n.AxonInfo.IsServing() {
			axons = append(axons, Axon(n))
		}
	}
	return axons
}

// Axon returns what a neuron announces. One that serves no axon has the address
// 0.0.0.0.
func Axon(n *pylon.Neuron) synapse.AxonInfo {
	ip := n.AxonInfo.IP.Unmap()
	ipType := 4
	if ip.Is6() {
		ipType = 6
	}
	return synapse.AxonInfo{
		Version: synapse.ProtocolVersion, IP: ip.String(), Port: int(n.AxonInfo.Port), IPType: ipType,
		Hotkey: string(n.Hotkey), Coldkey: string(n.Coldkey), Protocol: int(n.AxonInfo.Protocol),
	}
}
