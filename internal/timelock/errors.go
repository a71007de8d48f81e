package timelock

import "errors"

var (
	// ErrMalformed says that bytes are not what they should be: a point that is
	// not on the curve or not in its prime-order group, a length that does not
	// fit, a field that is missing.
	ErrMalformed = errors.New("timelock: malformed")
	// ErrSignature says that a signature does not open a ciphertext: it belongs to
	// another round or beacon, or the ciphertext's head was altered.
	ErrSignature = errors.New("timelock: the signature does not open this ciphertext")
	// ErrAltered says that the signature is the right one and the encrypted
	// message was altered.
	ErrAltered = errors.New("timelock: the encrypted message was altered")
)
