package wallet_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"

	"github.com/bittensor-pylon/pylon/wallet"
)

func Example() {
	root, err := os.MkdirTemp("", "wallets")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)

	key, err := wallet.FromURI("//Alice")
	if err != nil {
		log.Fatal(err)
	}
	w := wallet.Wallet{Root: root, Name: "dev"}
	if err := w.WriteHotkey("alice", key, wallet.WriteOptions{}); err != nil {
		log.Fatal(err)
	}

	key, err = w.Hotkey("alice")
	if err != nil {
		log.Fatal(err)
	}
	message := []byte("hello")
	fmt.Println(key.Address())
	fmt.Println(wallet.Verify(key.PublicKey(), message, key.Sign(message)))

	_, err = w.Hotkey("bob")
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY
	// true
	// true
}
