package wallet

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestStretchedPasswords(t *testing.T) {
	t.Parallel()
	var passwords StretchedPasswords
	var calls atomic.Int32
	stretch := func(password string) (key [32]byte, err error) {
		calls.Add(1)
		if password == "bad" {
			return key, errors.New("bad")
		}
		copy(key[:], password+"-stretched")
		return key, nil
	}
	ask := func(format Format, password string, want int32) {
		t.Helper()
		key, err := passwords.key(format, password, stretch)
		if err != nil || !strings.HasPrefix(string(key[:]), password+"-stretched\x00") {
			t.Errorf("%v %s: %q, %v", format, password, key, err)
		}
		if got := calls.Load(); got != want {
			t.Errorf("%v %s: %d derivations, want %d", format, password, got, want)
		}
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { _, _ = passwords.key(NaCl, "canary", stretch) })
	}
	group.Wait()
	ask(NaCl, "canary", 1)
	ask(NaCl, "canary2", 2)
	ask(Fernet, "canary", 3)
	for range 2 {
		if _, err := passwords.key(NaCl, "bad", stretch); err == nil {
			t.Error("an error was lost")
		}
	}
	ask(NaCl, "canary", 5)
	for _, verb := range []string{"%v", "%+v", "%#v", "%d", "%x", "%s"} {
		if text := fmt.Sprintf(verb, &passwords) + fmt.Sprintf(verb, Wallet{Stretched: &passwords}); strings.Contains(text, "canary") {
			t.Errorf("%s prints %s", verb, text)
		}
	}

	kept := passwords.byWord[stretchedWord{NaCl, "canary"}]
	passwords.Forget()
	if *kept != [32]byte{} {
		t.Errorf("after Forget the key is %q", *kept)
	}
	ask(NaCl, "canary", 6)
	ask(NaCl, "canary", 7)
	if len(passwords.byWord) > 0 {
		t.Errorf("after Forget there are %d keys", len(passwords.byWord))
	}

	var none *StretchedPasswords
	if key, err := none.key(NaCl, "canary", stretch); err != nil || key == [32]byte{} {
		t.Errorf("nobody: %v, %v", key, err)
	}
}
