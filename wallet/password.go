package wallet

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// PasswordFunc is asked for the password of an encrypted key file, by the path
// that the file is read from. No secret, or ErrNoPassword, means that there is
// none. It is only called for a file whose structure is right.
type PasswordFunc func(path string) (Secret, error)

// EnvPassword takes passwords from the environment as bittensor-wallet does: from
// the variable EnvName of the path, in the coding of EncodeEnvPassword. The
// argument is os.LookupEnv, or stands for it.
func EnvPassword(lookup func(name string) (value string, ok bool)) PasswordFunc {
	return func(path string) (Secret, error) {
		name := EnvName(path)
		value, _ := lookup(name)
		if value == "" {
			return Secret{}, fmt.Errorf("%w: the variable %s is not set", ErrNoPassword, name)
		}
		password, err := decodeEnvPassword(name, value)
		if err != nil {
			return Secret{}, fmt.Errorf("the variable %s: %w", name, err)
		}
		return password, nil
	}
}

// EnvName is the environment variable with the password of a key file: BT_PW_ and
// the path in upper case, each slash and dot in it an underscore. The path is
// taken as it is written, after the expansion of a tilde: a relative one has
// another name than its absolute form.
func EnvName(path string) string {
	return "BT_PW_" + strings.ToUpper(strings.NewReplacer("/", "_", ".", "_").Replace(path))
}

// EncodeEnvPassword is the value that the variable EnvName(path) must have for a
// password. The coding keeps a password from being read over a shoulder; it
// hides nothing from who can read the environment.
func EncodeEnvPassword(path string, password Secret) string {
	return base64.StdEncoding.EncodeToString(xor([]byte(password.Reveal()), EnvName(path)))
}

func decodeEnvPassword(name, value string) (Secret, error) {
	coded, err := base64.StdEncoding.Strict().DecodeString(value)
	if err != nil {
		return Secret{}, errors.New("its value is not base64; bittensor-wallet's save_password_to_env makes it")
	}
	password := xor(coded, name)
	if !utf8.Valid(password) {
		return Secret{}, errors.New("its value is not a password in the coding of bittensor-wallet, or one for another path")
	}
	return NewSecret(string(password)), nil
}

// xor changes text with a key that is repeated; doing it twice changes nothing.
func xor(text []byte, key string) []byte {
	for i := range text {
		text[i] ^= key[i%len(key)]
	}
	return text
}
