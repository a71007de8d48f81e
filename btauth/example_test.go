package btauth_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/bittensor-pylon/pylon/btauth"
	"github.com/bittensor-pylon/pylon/wallet"
)

func Example() {
	alice, _ := wallet.FromURI("//Alice")
	bob, _ := wallet.FromURI("//Bob")

	// The server is Bob.
	auth, _ := btauth.New(btauth.Config{Receiver: bob.Address(), Verifier: wallet.Sr25519})
	server := httptest.NewServer(auth.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := btauth.CallerFrom(r.Context())
		prompt, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s said %s", caller.Hotkey, prompt)
	})))
	defer server.Close()

	// The client is Alice.
	base := new(http.Transport)
	defer base.CloseIdleConnections()
	transport, _ := btauth.NewTransport(btauth.TransportConfig{
		Sender: btauth.SenderConfig{Signer: alice, Receiver: bob.Address()},
		Base:   base,
	})
	client := &http.Client{Transport: transport}
	response, err := client.Post(server.URL+"/generate", "text/plain", strings.NewReader("hello"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(response.Body)
	fmt.Printf("%s", answer)
	// Output: 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY said hello
}
