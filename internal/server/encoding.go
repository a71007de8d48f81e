package server

import (
	"strings"
)

// encoding is a content coding that the server can answer with.
type encoding uint8

const (
	identityCoding encoding = iota
	gzipCoding
	zstdCoding
)

// pickEncoding chooses by the Accept-Encoding headers of a request: the highest weight wins, and of equal ones zstd
// before gzip before none. A client that refuses everything gets the plain body, as it does without a header.
func pickEncoding(headers []string) encoding {
	const unset = -1
	gzip, zstd, plain, star := unset, unset, unset, unset
	for _, header := range headers {
		for header != "" {
			var item string
			item, header, _ = strings.Cut(header, ",")
			name, parameters, _ := strings.Cut(item, ";")
			weight := weightOf(parameters)
			switch name = strings.Trim(name, whitespace); {
			case name == "":
			case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
				gzip = max(gzip, weight)
			case strings.EqualFold(name, "zstd"):
				zstd = max(zstd, weight)
			case strings.EqualFold(name, "identity"):
				plain = max(plain, weight)
			case name == "*":
				star = max(star, weight)
			}
		}
	}
	// The star stands for every coding that is not named; it does not ask for one, so that it picks the most common.
	if gzip == unset {
		gzip = max(star, 0)
	}
	zstd, plain = max(zstd, 0), max(plain, 0)
	switch {
	case zstd > 0 && zstd >= gzip && zstd >= plain:
		return zstdCoding
	case gzip > 0 && gzip >= plain:
		return gzipCoding
	default:
		return identityCoding
	}
}

// weightOf returns the weight of the parameters after a coding, in thousandths: 1000 without one, 0 for what is no
// weight.
func weightOf(parameters string) int {
	for parameters != "" {
		var parameter string
		parameter, parameters, _ = strings.Cut(parameters, ";")
		name, value, _ := strings.Cut(parameter, "=")
		if !strings.EqualFold(strings.Trim(name, whitespace), "q") {
			continue
		}
		return parseWeight(strings.Trim(value, whitespace))
	}
	return 1000
}

// parseWeight reads a number from 0 to 1 with at most three decimals.
func parseWeight(text string) int {
	whole, decimals, _ := strings.Cut(text, ".")
	if (whole != "0" && whole != "1") || len(decimals) > 3 {
		return 0
	}
	weight := 0
	for i := range 3 {
		weight *= 10
		if i < len(decimals) {
			if !isDigit(decimals[i]) {
				return 0
			}
			weight += int(decimals[i] - '0')
		}
	}
	if whole == "1" {
		if weight != 0 {
			return 0
		}
		return 1000
	}
	return weight
}
