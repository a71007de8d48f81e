package pylontest_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/pylontest"
)

const (
	alice = pylon.Hotkey("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")
	bob   = pylon.Hotkey("5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty")
)

// Every method of the client, in both versions, against the real service.
func TestEveryMethodAgainstTheService(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	client := pylontest.Start(t, pylontest.ServiceConfig{}).Client(t)
	head, err := client.V1().LatestBlock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	own, old := client.Unstable().Identity(), client.V1().Identity()
	open, oldOpen := client.Unstable().Subnet(1), client.V1().Subnet(1)

	neurons, err := own.LatestNeurons(ctx)
	if err != nil || len(neurons.Neurons) != 256 {
		t.Fatalf("neurons: %v", err)
	}
	if _, err := own.SetCommitment(ctx, pylon.CommitmentRequest{Data: []byte("client")}); err != nil {
		t.Fatal(err)
	}
	var holder pylon.Hotkey
	certificates, err := open.LatestCertificates(ctx)
	if err != nil || len(certificates.Certificates) == 0 {
		t.Fatalf("certificates: %v", err)
	}
	holder = certificates.Certificates[0].Hotkey

	for name, call := range map[string]func() error{
		"identities":    func() error { return second(client.Unstable().Identities(ctx)) },
		"identities v1": func() error { return second(client.V1().Identities(ctx)) },
		"latest block":  func() error { return second(client.Unstable().LatestBlock(ctx)) },
		"extrinsic":     func() error { return second(client.Unstable().Extrinsic(ctx, head.Number, 0)) },
		"extrinsic v1":  func() error { return second(client.V1().Extrinsic(ctx, head.Number, 0)) },
		"round":         func() error { return second(client.Unstable().LastStoredRound(ctx)) },
		"latest prices": func() error { return second(client.Unstable().LatestPrices(ctx)) },
		"prices":        func() error { return second(client.Unstable().Prices(ctx, head.Number)) },
		"logs": func() error {
			return second(client.Unstable().EVMLogs(ctx, "0x0000000000000000000000000000000000000801", 0, 1, nil))
		},
		"neurons at":        func() error { return second(open.Neurons(ctx, head.Number)) },
		"neurons v1":        func() error { return second(oldOpen.LatestNeurons(ctx)) },
		"recent neurons":    func() error { return second(old.RecentNeurons(ctx)) },
		"validators":        func() error { return second(old.LatestValidators(ctx)) },
		"validators at":     func() error { return second(open.Validators(ctx, head.Number)) },
		"certificates at":   func() error { return second(open.Certificates(ctx, head.Number)) },
		"certificate":       func() error { return second(old.LatestCertificate(ctx, holder)) },
		"commitments":       func() error { return second(open.LatestCommitments(ctx)) },
		"commitments at":    func() error { return second(own.Commitments(ctx, head.Number)) },
		"commitments v1":    func() error { return second(old.LatestCommitments(ctx)) },
		"commitments v1 at": func() error { return second(oldOpen.Commitments(ctx, head.Number)) },
		"commitment":        func() error { return second(open.LatestCommitment(ctx, alice)) },
		"commitment v1":     func() error { return second(old.LatestCommitment(ctx, alice)) },
		"own commitment":    func() error { return second(own.LatestOwnCommitment(ctx)) },
		"own commitment v1": func() error { return second(old.LatestOwnCommitment(ctx)) },
		"revealed":          func() error { return second(open.LatestRevealedCommitments(ctx)) },
		"revealed of":       func() error { return second(oldOpen.LatestRevealedCommitmentsOf(ctx, alice)) },
		"own revealed":      func() error { return second(own.LatestOwnRevealedCommitments(ctx)) },
		"latest price":      func() error { return second(own.LatestPrice(ctx)) },
		"price":             func() error { return second(open.Price(ctx, head.Number)) },
		"associations":      func() error { return second(open.LatestEVMAssociations(ctx)) },
		"associations at":   func() error { return second(old.EVMAssociations(ctx, head.Number)) },
		"weights status":    func() error { return second(own.WeightsStatus(ctx, head.Number, 0)) },
		"intents":           func() error { return second(own.Intents(ctx, pylon.IntentFilter{})) },
	} {
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A certificate is published with an axon.
	axon := pylon.AxonRequest{IP: netip.MustParseAddr("192.0.2.7"), Port: 8091, Protocol: pylon.ProtocolHTTP}
	if _, err := own.ServeAxon(ctx, axon); err != nil {
		t.Errorf("serve axon: %v", err)
	}
	if pair, err := own.GenerateCertificate(ctx, pylon.CertificateRequest{}); err != nil {
		t.Errorf("generate certificate: %v", err)
	} else if _, err := pair.TLS(); err != nil {
		t.Errorf("key pair: %v", err)
	}
	// It takes the place of the plain one, which version 1 then does not tell.
	if _, err := old.SetRevealedCommitment(ctx, pylon.RevealedCommitmentRequest{Text: "client"}); err != nil {
		t.Errorf("set revealed commitment: %v", err)
	}
	if _, err := open.Neurons(ctx, 4_000_000_000); !errors.Is(err, pylon.ErrNotFound) {
		t.Errorf("a block that is not there: %v", err)
	}
	if certificate, err := own.LatestOwnCertificate(ctx); err != nil || len(certificate.PublicKey) != 64 {
		t.Errorf("own certificate: %v, %v", certificate, err)
	}

	weights := pylon.WeightsRequest{Weights: map[pylon.Hotkey]float64{bob: 1}}
	if plan, err := own.DryRunWeights(ctx, weights); err != nil || plan.Method != pylon.MethodDirect {
		t.Errorf("dry run: %+v, %v", plan, err)
	}
	if scheduled, err := old.PutWeights(ctx, weights); err != nil || scheduled.Count != 1 {
		t.Errorf("v1: %+v, %v", scheduled, err)
	}
	scheduled, err := own.PutWeights(ctx, weights)
	if err != nil {
		t.Fatal(err)
	}
	if intent, err := own.WaitForWeights(ctx, scheduled.Intent.ID, pylon.WaitRevealed); err != nil || intent.State != pylon.StateFinalized {
		t.Errorf("%+v, %v", intent, err)
	}
	for event, err := range own.Events(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Kind == pylon.EventHead {
			break
		}
	}
}

func second[T any](_ T, err error) error { return err }
