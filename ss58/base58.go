package ss58

// Addresses are made for every neuron of every answer, so base58 is done on
// 32-bit limbs in fixed buffers and five digits at a time instead of with
// math/big: 58⁵ is the largest power of 58 that fits in a limb.

const (
	alphabet  = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	chunk     = 5
	chunkBase = 58 * 58 * 58 * 58 * 58

	limbs = (maxSize + 3) / 4
)

// digits is the inverse of alphabet; 255 marks a byte that is no digit.
var digits = func() (table [256]byte) {
	for i := range table {
		table[i] = 255
	}
	for i := range len(alphabet) {
		table[alphabet[i]] = byte(i)
	}
	return table
}()

// encodeBase58 takes at most maxSize bytes.
func encodeBase58(raw []byte) string {
	// The number, most significant limb first, right-aligned.
	var number [limbs]uint32
	for i, b := range raw {
		fromEnd := len(raw) - 1 - i
		number[limbs-1-fromEnd/4] |= uint32(b) << (8 * (fromEnd % 4))
	}

	var out [limbs*chunk*2 + maxSize]byte
	at := len(out)
	first := 0
	for {
		for first < limbs && number[first] == 0 {
			first++
		}
		if first == limbs {
			break
		}
		var remainder uint64
		for i := first; i < limbs; i++ {
			value := remainder<<32 | uint64(number[i])
			number[i] = uint32(value / chunkBase)
			remainder = value % chunkBase
		}
		for range chunk {
			at--
			out[at] = alphabet[remainder%58]
			remainder /= 58
		}
	}
	// Whole chunks may have written zero digits in front.
	for at < len(out) && out[at] == alphabet[0] {
		at++
	}
	// Base58 writes each leading zero byte as one zero digit.
	for i := 0; i < len(raw) && raw[i] == 0; i++ {
		at--
		out[at] = alphabet[0]
	}
	return string(out[at:])
}

// decodeBase58 writes the bytes of text into the end of dst and returns them.
func decodeBase58(dst []byte, text string) ([]byte, error) {
	var number [limbs]uint32 // most significant first
	for i := range len(text) {
		digit := digits[text[i]]
		if digit == 255 {
			return nil, ErrAlphabet
		}
		carry := uint64(digit)
		for j := limbs - 1; j >= 0; j-- {
			value := uint64(number[j])*58 + carry
			number[j] = uint32(value)
			carry = value >> 32
		}
		if carry != 0 {
			return nil, ErrLength
		}
	}

	at := len(dst)
	for at > 0 {
		fromEnd := len(dst) - at
		at--
		dst[at] = byte(number[limbs-1-fromEnd/4] >> (8 * (fromEnd % 4)))
	}
	for at < len(dst) && dst[at] == 0 {
		at++
	}
	for i := 0; i < len(text) && text[i] == alphabet[0]; i++ {
		if at == 0 {
			return nil, ErrLength
		}
		at--
		dst[at] = 0
	}
	return dst[at:], nil
}
