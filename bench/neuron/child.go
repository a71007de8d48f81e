//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/pprof"
	"strconv"
	"syscall"
	"time"

	"github.com/oasisprotocol/curve25519-voi/primitives/sr25519"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/btauth"
	"github.com/bittensor-pylon/pylon/dendrite"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

// Echo is the message with a tensor.
type Echo struct {
	synapse.Synapse
	T synapse.Optional[synapse.Tensor]
}

// be is one of the processes that are measured.
func be(ctx context.Context, what, target string, round time.Duration) error {
	if profile := os.Getenv("BENCH_PROFILE"); profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	switch what {
	case "axon":
		return beAxon(ctx)
	case "bare":
		return beBare(ctx)
	case "verify":
		return beVerify(round)
	case "btauth":
		return beBTAuth(round)
	case "dendrite":
		return beDendrite(ctx, target, round)
	}
	return fmt.Errorf("no child %q", what)
}

func keys() (alice, bob *wallet.Keypair, err error) {
	if alice, err = wallet.FromURI("//Alice"); err != nil {
		return nil, nil, err
	}
	bob, err = wallet.FromURI("//Bob")
	return alice, bob, err
}

func beAxon(ctx context.Context) error {
	_, bob, err := keys()
	if err != nil {
		return err
	}
	a, err := axon.New(axon.Config{Settings: axon.Settings{MaxWorkers: 256}, Signer: bob, Verifier: wallet.NewVerifier(0)})
	if err != nil {
		return err
	}
	if err := axon.Attach(a, func(_ context.Context, m *Bench) error {
		m.Answer = synapse.Some("42")
		return nil
	}); err != nil {
		return err
	}
	if err := axon.Attach(a, func(context.Context, *Echo) error { return nil }, axon.Options[*Echo]{
		Verify: func(context.Context, *Echo) error { return nil }, // only the bytes are measured with this one
	}); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := a.StartOn(listener); err != nil {
		return err
	}
	fmt.Println("ready", listener.Addr())
	<-ctx.Done()
	return a.Stop(context.Background())
}

// beBare echoes bodies with nothing but net/http.
func beBare(ctx context.Context) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	})}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	fmt.Println("ready", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// beVerify prints how many signatures are checked in a second, one at a time:
// by a Verifier, by the library that it uses with the key decoded before, and by
// wallet.Verify, which decodes everything.
func beVerify(round time.Duration) error {
	alice, _, err := keys()
	if err != nil {
		return err
	}
	pub := alice.PublicKey()
	message := make([]byte, 230)
	signature := alice.Sign(message)
	v := wallet.NewVerifier(0)
	key, err := sr25519.NewPublicKeyFromBytes(pub[:])
	if err != nil {
		return err
	}
	substrate := sr25519.NewSigningContext([]byte("substrate"))
	ways := [...]func() bool{
		func() bool { return v.Verify(pub, message, signature) },
		func() bool {
			parsed, err := sr25519.NewSignatureFromBytes(signature[:])
			return err == nil && key.Verify(substrate.NewTranscriptBytes(message), parsed)
		},
		func() bool { return wallet.Verify(pub, message, signature) },
	}
	var took [len(ways)]time.Duration
	const each = 100
	n := 0
	for ; took[0] < round/6; n += each {
		for i, check := range ways {
			start := cpuTime()
			for range each {
				if !check() {
					return errors.New("a good signature is bad")
				}
			}
			took[i] += cpuTime() - start
		}
	}
	fmt.Print("ready")
	for _, t := range took {
		fmt.Print(" ", float64(n)/t.Seconds())
	}
	fmt.Println()
	return nil
}

// cpuTime is the processor time that this process has used.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// always takes every nonce.
type always struct{}

func (always) Use(context.Context, string, int64, time.Time, time.Time) (bool, error) {
	return true, nil
}

func beBTAuth(round time.Duration) error {
	alice, bob, err := keys()
	if err != nil {
		return err
	}
	auth, err := btauth.New(btauth.Config{Receiver: bob.Address(), Verifier: wallet.NewVerifier(0), Nonces: always{}, MaxAge: time.Hour})
	if err != nil {
		return err
	}
	sender, err := btauth.NewSender(btauth.SenderConfig{Signer: alice, Receiver: bob.Address()})
	if err != nil {
		return err
	}
	request := btauth.Request{Method: http.MethodPost, Target: "/generate?stream=false", Body: []byte(`{"prompt": "hello"}`)}
	header, err := sender.Sign(request)
	if err != nil {
		return err
	}
	n, start := 0, time.Now()
	for time.Since(start) < round {
		for range 50 {
			if _, err := auth.Verify(context.Background(), header, request); err != nil {
				return err
			}
		}
		n += 50
	}
	fmt.Println("ready", float64(n)/time.Since(start).Seconds())
	return nil
}

// beDendrite prints how many calls a second come back with success, 64 at once.
func beDendrite(ctx context.Context, target string, round time.Duration) error {
	alice, bob, err := keys()
	if err != nil {
		return err
	}
	addr, err := net.ResolveTCPAddr("tcp", target)
	if err != nil {
		return err
	}
	d, err := dendrite.New(dendrite.Config{Signer: alice})
	if err != nil {
		return err
	}
	defer d.Close()
	targets := make([]synapse.AxonInfo, 64)
	for i := range targets {
		targets[i] = synapse.AxonInfo{IP: addr.IP.String(), Port: addr.Port, IPType: 4, Hotkey: bob.Address()}
	}
	m := &Bench{Prompt: "What is the answer to everything, and why does it's text have quotes?", Count: 42}
	n, start := 0, time.Now()
	for time.Since(start) < round {
		for _, r := range dendrite.Forward(ctx, d, targets, m) {
			if r.Err != nil {
				return r.Err
			}
		}
		n += len(targets)
	}
	fmt.Println("ready", float64(n)/time.Since(start).Seconds())
	return nil
}
