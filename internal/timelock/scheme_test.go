package timelock

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	signature1000 = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"
	signature2000 = "b6cb8f482a0b15d45936a4c4ea08e98a087e71787caee3f4d07a8a9843b1bc5423c6b3c22f446488b3137eaca799c77e"
	deterministic = "825cc00730f364442c7aa6d00c870b5118523d680c18fd763828b1ed2771ab1c09b52f97125b4ed33bbf87f378620728134d51db70d7b796975124738b7132c0a20e80b13c4668ffa7e0a2d9bfc0c42e1c9bb38af68bb6285586d0d01b7b7c442000000000000000cf61ab6a22c3fcaf5b8a336a410c95e48fed97143ff7a8d4b28cfcac6f99fe0e2000000000000000610fcf2b64c631649310564ab9b0594df610a69e712fb0caa9c3ba5a19d512df3a000000000000001e00000000000000e7889bbdd3d28e706b9a8d6c906deeb1e7857a8435189e7c0858cfdd064f0c00000000000000a0a1a2a3a4a5a6a7a8a9aaab08000000000000004145535f47434d5f"
)

func signature(t testing.TB, text string) Signature {
	t.Helper()
	sig, err := ParseSignature(unhex(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// The bytes were made by another implementation of the scheme and opened by the Rust one.
func TestEncryptIsByteExact(t *testing.T) {
	t.Parallel()
	key, _ := Quicknet()
	random := unhex(t, strings.Repeat("02", 32)+"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"+"a0a1a2a3a4a5a6a7a8a9aaab")
	got, err := Encrypt(bytes.NewReader(random), key, 1000, []byte("this is a test"))
	if err != nil {
		t.Fatal(err)
	}
	if hex.EncodeToString(got) != deterministic {
		t.Errorf("got  %x\nwant %s", got, deterministic)
	}
	message, err := Decrypt(got, signature(t, signature1000))
	if err != nil || string(message) != "this is a test" {
		t.Errorf("Decrypt = %q, %v", message, err)
	}
}
