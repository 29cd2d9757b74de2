package sim

import (
	"math/big"
	"regexp"
	"strings"
)

// coin is an amount of Amulet in units of the tenth digit after the point: exact, as Daml's Numeric 10 is (reference/apis.md 1). A nil coin is 0.
type coin = *big.Int

var (
	numeric = regexp.MustCompile(`^[+-]?[0-9]{1,28}(\.[0-9]{1,10})?$`)
	unit    = big.NewInt(10_000_000_000)
)

// parseCoin reads a decimal text of at most ten digits after the point.
func parseCoin(text string) (coin, bool) {
	if !numeric.MatchString(text) {
		return nil, false
	}
	whole, fraction, _ := strings.Cut(text, ".")
	return new(big.Int).SetString(whole+(fraction + "0000000000")[:10], 10)
}

// coinText writes an amount with ten digits after the point.
func coinText(c coin) string {
	if c == nil {
		return "0.0000000000"
	}
	return new(big.Rat).SetFrac(c, unit).FloatString(10)
}

// fixedCoin is an amount of the options; empty is nothing.
func fixedCoin(text string) (coin, bool) {
	if text == "" {
		return new(big.Int), true
	}
	c, ok := parseCoin(text)
	return c, ok && c.Sign() >= 0
}

func plus(a, b coin) coin  { return new(big.Int).Add(a, b) }
func minus(a, b coin) coin { return new(big.Int).Sub(a, b) }
